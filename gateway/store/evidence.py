"""Evidence: consent events in a chain of hashes, one chain per node and incarnation.

Owns how an event becomes a row, how rows are linked, and how the links are checked. Must never change or remove a row;
the database's triggers hold that against everybody else too.

Two digests, because two duties meet here. The record must not be altered, and a person may lawfully ask that their data
be erased. So the personal fields go into a *digest* under a random salt, and the chain's *hash* runs over the other
fields and that digest. Erasing the personal fields together with the salt leaves a digest from which nobody can guess
them back, and a chain that still verifies. Each chain begins with a hash of its own name; what is cut off at the end of
a chain cannot be seen from the chain itself, only from a copy kept elsewhere.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from gateway.model.consent import Evidence
from gateway.store.bulk import Insert
from gateway.store.pairs import Heads, linked
from gateway.store.tx import ChainHead, Row, Source, Tx

PERSONAL: Final = ("subscriber", "text", "raw", "ip", "user_agent", "note")
"""The columns that an erasure blanks (with ``salt``). ``disclosure`` is our own wording and stays."""

CHAINED: Final = (
    "id",
    "account_id",
    "node",
    "incarnation",
    "seq",
    "kind",
    "line_id",
    "list_name",
    "status_before",
    "status_after",
    "method",
    "actor",
    "mo_id",
    "rule",
    "rule_version",
    "config_hash",
    "disclosure",
    "occurred_at",
    "recorded_at",
)
"""The columns that the hash runs over, in this order, beside the previous hash and the digest."""

COLUMNS: Final = (*CHAINED, *PERSONAL, "salt", "digest", "prev_hash", "hash", "erased_at")
"""What ``verify`` expects of a row, in this order."""

Value = str | bytes | int | float | None
_Values = tuple[Value, ...]

NO_NUL: Final = "\ufffd"
"""What stands for U+0000 in evidence: not every engine stores that, and what is hashed must be what is stored."""

_FORM: Final = b"evidence/1"  # says how the fields are encoded; another encoding gets another name
_ACCOUNT: Final = 1
_SHARED: Final = ("method", "actor", "config_hash", "ip", "user_agent")
"""The columns in which events that are recorded together hardly differ: who caused them, and how."""

_COMMON: Final = ("node", "incarnation", "recorded_at", *_SHARED)
_OWN: Final = tuple(name for name in COLUMNS[:-2] if name not in ("account_id", *_COMMON))
_INSERT: Final = Insert("evidence", (*_OWN, "previous", "hash"), (("account_id", f"{_ACCOUNT}"),), common=_COMMON)
_HEAD: Final = "select seq, hash from evidence where node = ? and incarnation = ? order by seq desc limit 1"
_SALT_OCTETS: Final = 16
_FLOAT: Final = struct.Struct(">cQd")
_length: Final = struct.Struct(">Q").pack

# What rows are hashed with, encoded once.
_INTEGERS: Final = tuple(b"i" + _length(digits) + b"%d" for digits in range(21))  # by the number of digits
_NONE: Final = b"n" + _length(0)
_DIGEST: Final = b"b" + _length(sha256().digest_size)
_LINK: Final = _FORM + _DIGEST
_SALTED: Final = _FORM + b"b" + _length(_SALT_OCTETS)

_pair: Final = attrgetter("line_id", "subscriber")
_shared: Final = attrgetter(*_SHARED)
_varying: Final = attrgetter("mo_id", "occurred_at", "subscriber", "text", "raw")
_coming_again: Final = attrgetter(
    *("kind", "line_id", "list_name", "before", "after", "method", "actor"),
    *("rule", "rule_version", "config_hash", "disclosure"),
    *("ip", "user_agent", "note"),
)
"""The fields of an event of which few combinations come again and again."""


def encode(values: Iterable[Value]) -> bytes:
    """Encode values so that no two lists share an encoding: a type letter, the length (8 octets), the octets, each."""
    return b"".join([_coded(value) for value in values])


def _coded(value: Value) -> bytes:
    if isinstance(value, float):
        return _FLOAT.pack(b"f", 8, value)
    if isinstance(value, int):
        kind, octets = b"i", b"%d" % value
    elif isinstance(value, bytes):
        kind, octets = b"b", value
    elif value is None:
        kind, octets = b"n", b""
    else:
        kind, octets = b"s", value.encode()
    return kind + len(octets).to_bytes(8) + octets


def personal_digest(salt: bytes, personal: Sequence[Value]) -> bytes:
    """Return the SHA-256 of the salt and the personal fields, in the order of ``PERSONAL``."""
    return _hash(encode((salt, *personal)))


def genesis(node: str, incarnation: int) -> bytes:
    """Return what stands as the previous hash of a chain's first row."""
    return _hash(encode(("genesis", node, incarnation)))


def chain_hash(prev_hash: bytes, chained: Sequence[Value], digest: bytes) -> bytes:
    """Return a row's hash: SHA-256 over the previous one, the fields in the order of ``CHAINED``, and the digest."""
    return _hash(encode((prev_hash, *chained, digest)))


def _hash(encoded: bytes) -> bytes:
    return sha256(_FORM + encoded).digest()


def add_evidence(tx: Tx, items: Sequence[Evidence], heads: Heads | None = None) -> list[int]:
    """Write consent events at the end of this node's chain, in order; return their ids.

    With ``heads``, they go into the lists of their pairs, as far as those have heads there.
    """
    if not items:
        return []
    head = tx.memory.chain or chain_end(tx, tx.node, tx.incarnation)
    first = tx.allocate("evidence", len(items))
    ids = range(first, first + len(items))
    pairs = zip(ids, map(_pair, items), strict=True)
    previous = linked(heads.evidence, pairs) if heads is not None else {}
    rows = chained(items, ids, head, (tx.node, tx.incarnation), tx.now, previous)
    done = 0
    for (method, *shared), run in groupby(items, _shared):
        count = len(list(run))
        tx.put(_INSERT, rows[done : done + count], (tx.node, tx.incarnation, tx.now, method.value, *shared))
        done += count
    tx.memory.chain = ChainHead(head.seq + len(items), rows[-1][-1])
    if tx.notes is not None:
        tx.notes.evidence(head.seq, items, rows, tx.now)
    return list(ids)


def chained(
    items: Sequence[Evidence],
    ids: range,
    head: ChainHead,
    whose: tuple[str, int],
    now: float,
    previous: Mapping[int, int],
) -> list[tuple[Any, ...]]:
    """Return the rows that continue a chain (``whose``: node, incarnation) behind ``head``; each ends with its hash.

    They are without ``_COMMON``. ``previous`` is what comes before each id in its pair's list, if it is in one. The
    hashes are those of ``personal_digest`` and ``chain_hash``; here what is encoded is put together from what was
    encoded before.
    """
    seqs = range(head.seq + 1, head.seq + 1 + len(items))
    salts = struct.iter_unpack(f"{_SALT_OCTETS}s", secrets.token_bytes(_SALT_OCTETS * len(items)))
    account, now = encode((_ACCOUNT, *whose)), float(now)
    when = _coded(now)
    rows: list[tuple[Any, ...]] = []
    prev = head.hash
    for (mo_id, at, who, text, raw), again, id_, seq, (salt,), id_octets, seq_octets in zip(
        map(_varying, items),
        map(_again, map(_coming_again, items)),
        ids,
        seqs,
        salts,
        _integers(ids),
        _integers(seqs),
        strict=True,
    ):
        what, why, note, what_octets, why_octets, beside_octets = again
        at, said = float(at), text.replace("\0", NO_NUL)
        number, words = who.encode(), said.encode()
        mo_octets = _NONE if mo_id is None else _INTEGERS[len(str(mo_id))] % mo_id
        personal = _length(len(number)), number, b"s", _length(len(words)), words, b"b", _length(len(raw)), raw
        digest = sha256(b"".join((_SALTED, salt, b"s", *personal, beside_octets))).digest()
        link = id_octets, account, seq_octets, what_octets, mo_octets, why_octets, _FLOAT.pack(b"f", 8, at), when
        own = sha256(b"".join((_LINK, prev, *link, _DIGEST, digest))).digest()
        rows.append(
            (
                id_,
                seq,
                *what,
                mo_id,
                *why,
                at,
                who,
                said,
                raw,
                note,
                salt,
                digest,
                prev,
                previous.get(id_),
                own,
            )
        )
        prev = own
    return rows


@lru_cache(maxsize=1024)
def _again(fields: tuple[Any, ...]) -> tuple[_Values, _Values, str, bytes, bytes, bytes]:
    """Return what of ``_coming_again`` each row has for itself, before and behind the MO, and the note; then the
    encoding of all of it, before and behind the MO, and of what is personal.
    """
    kind, line_id, list_name, before, after, method, actor, *rest, ip, user_agent, note = fields
    what = (kind.value, line_id, list_name, int(before), int(after))
    rule, rule_version, _, disclosure = rest
    note = note.replace("\0", NO_NUL)
    who = (method.value, actor)
    return (
        what,
        (rule, rule_version, disclosure),
        note,
        encode((*what, *who)),
        encode(rest),
        encode((ip, user_agent, note)),
    )


def _integers(values: range) -> Iterable[bytes]:
    """Encode numbers that follow one another: nearly always, all have as many digits."""
    first, last = len(str(values[0])), len(str(values[-1]))
    return map(_INTEGERS[first].__mod__, values) if first == last else map(_coded, values)


def chain_end(source: Source, node: str, incarnation: int) -> ChainHead:
    """Return where a chain ends in the store; one that has not begun ends in its genesis, at 0."""
    found = source.rows(_HEAD, (node, incarnation))
    return ChainHead(found[0][0], bytes(found[0][1])) if found else ChainHead(0, genesis(node, incarnation))


@dataclass(frozen=True, slots=True)
class Breach:
    """A place where a chain does not hold; ``what`` is a sentence for the auditor."""

    node: str
    incarnation: int
    seq: int
    what: str


def verify(rows: Iterable[Row]) -> Iterator[Breach]:
    """Check rows of ``COLUMNS``, ordered by node, incarnation and seq; yield every breach, in that order.

    A whole chain must begin at seq 1. Reads one row at a time and keeps nothing of it but its hash.
    """
    chain: tuple[str, int] | None = None
    expected_seq, expected_prev = 1, b""
    for row in rows:
        named = dict(zip(COLUMNS, row, strict=True))
        node, incarnation, seq = named["node"], named["incarnation"], named["seq"]
        if (node, incarnation) != chain:
            chain = (node, incarnation)
            expected_seq, expected_prev = 1, genesis(node, incarnation)
        for what in _faults(named, expected_seq, expected_prev):
            yield Breach(node, incarnation, seq, what)
        expected_seq, expected_prev = seq + 1, named["hash"]


def _faults(row: dict[str, Any], expected_seq: int, expected_prev: bytes) -> Iterator[str]:
    if row["seq"] != expected_seq:
        yield f"rows are missing before it: {expected_seq} was due"
    elif row["prev_hash"] != expected_prev:
        yield "it does not continue the row before it"
    if row["hash"] != chain_hash(row["prev_hash"], [row[name] for name in CHAINED], row["digest"]):
        yield "its hash is not that of its fields: it was altered"
    personal = [row[name] for name in PERSONAL]
    if row["erased_at"] is None:
        if row["digest"] != personal_digest(row["salt"], personal):
            yield "its personal fields are not those that were recorded: they were altered"
    elif any(personal) or row["salt"]:
        yield "it is marked as erased, but personal fields or the salt are still there"
