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

import hashlib
import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from gateway.model.consent import Evidence
from gateway.store.bulk import Insert
from gateway.store.pairs import Heads, link
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

NO_NUL: Final = "\ufffd"
"""What stands for U+0000 in evidence: not every engine stores that, and what is hashed must be what is stored."""

_FORM: Final = b"evidence/1"  # says how the fields are encoded; another encoding gets another name
_INSERT: Final = Insert("evidence", (*COLUMNS[:-2], "previous", "hash"))
_HEAD: Final = "select seq, hash from evidence where node = ? and incarnation = ? order by seq desc limit 1"
_SALT_OCTETS: Final = 16
_FLOAT: Final = struct.Struct(">cQd")


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


@lru_cache(maxsize=1024)
def _again(*values: str | int | None) -> bytes:
    """Encode values that come again in row after row. No floats: 1 and 1.0 are one key, and two values."""
    return encode(values)


def personal_digest(salt: bytes, personal: Sequence[Value]) -> bytes:
    """Return the SHA-256 of the salt and the personal fields, in the order of ``PERSONAL``."""
    return _hash(encode((salt, *personal)))


def genesis(node: str, incarnation: int) -> bytes:
    """Return what stands as the previous hash of a chain's first row."""
    return _hash(encode(("genesis", node, incarnation)))


def chain_hash(prev_hash: bytes, chained: Sequence[Value], digest: bytes) -> bytes:
    """Return a row's hash: SHA-256 over the previous one, the fields in the order of ``CHAINED``, and the digest."""
    return _hash(encode((prev_hash, *chained, digest)))


def _hash(*encoded: bytes) -> bytes:
    return hashlib.sha256(b"".join((_FORM, *encoded))).digest()


def add_evidence(tx: Tx, items: Sequence[Evidence], heads: Heads | None = None) -> list[int]:
    """Write consent events at the end of this node's chain, in order; return their ids.

    With ``heads``, they go into the lists of their pairs, as far as those have heads there.
    """
    if not items:
        return []
    listed = heads.evidence if heads is not None else {}
    head = tx.memory.chain or chain_end(tx, tx.node, tx.incarnation)
    first = tx.allocate("evidence", len(items))
    rows: list[tuple[Value, ...]] = []
    seq, prev, now = head.seq, head.hash, float(tx.now)
    salts = secrets.token_bytes(_SALT_OCTETS * len(items))
    whose, when = encode((1, tx.node, tx.incarnation)), _coded(now)
    for place, item in enumerate(items):
        event_id, seq, salt = first + place, seq + 1, salts[_SALT_OCTETS * place : _SALT_OCTETS * (place + 1)]
        kind, before, after, method = item.kind.value, int(item.before), int(item.after), item.method.value
        occurred_at, subscriber = float(item.occurred_at), str(item.subscriber)
        what = (kind, item.line_id, item.list_name, before, after, method, item.actor)
        why = (item.rule, item.rule_version, item.config_hash, item.disclosure)
        text = item.text.replace("\0", NO_NUL)
        beside = (item.ip, item.user_agent, item.note.replace("\0", NO_NUL))
        # What ``personal_digest`` and ``chain_hash`` hash, put together from what was encoded before.
        digest = _hash(_coded(salt), encode((subscriber, text, item.raw)), _again(*beside))
        own = _hash(
            _coded(prev),
            _coded(event_id),
            whose,
            _coded(seq),
            _again(*what),
            _coded(item.mo_id),
            _again(*why),
            _coded(occurred_at),
            when,
            _coded(digest),
        )
        chained = (event_id, 1, tx.node, tx.incarnation, seq, *what, item.mo_id, *why, occurred_at, now)
        previous = link(listed, (item.line_id, item.subscriber), event_id)
        rows.append((*chained, subscriber, text, item.raw, *beside, salt, digest, prev, previous, own))
        prev = own
    tx.put(_INSERT, rows)
    tx.memory.chain = ChainHead(seq, prev)
    if tx.notes is not None:
        tx.notes.evidence(head.seq, items, rows, tx.now)
    return list(range(first, first + len(items)))


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
