"""The rows of evidence are what the form "evidence/1" says, octet by octet: another way of writing it, without cunning.

Chains that are stored are checked for as long as anybody keeps them, so what is hashed must never change.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Method
from gateway.store.evidence import chained, genesis
from gateway.store.tx import ChainHead

NODE, INCARNATION, NOW = "gw%b1", 3, 1800000000
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
IDS = st.integers(1, 2**63 - 1000)
TIMES = st.floats(0, 1e11) | st.integers(0, 2**33)
EVENTS = st.builds(
    Evidence,
    kind=st.sampled_from(EvidenceKind),
    line_id=IDS,
    subscriber=WORDS.map(Msisdn),
    before=st.sampled_from(ConsentStatus),
    after=st.sampled_from(ConsentStatus),
    method=st.sampled_from(Method),
    occurred_at=TIMES,
    mo_id=st.none() | IDS,
    list_name=st.none() | WORDS,
    raw=st.binary(max_size=300),
    **dict.fromkeys(("text", "rule", "rule_version", "config_hash", "disclosure"), WORDS),
    **dict.fromkeys(("actor", "ip", "user_agent", "note"), WORDS),
)


def digest(values: list[Any]) -> bytes:
    """SHA-256 over the form's name, and for each value its type, its length in 8 octets, and its octets."""
    octets = b"evidence/1"
    for value in values:
        match value:
            case None:
                kind, own = b"n", b""
            case float():
                kind, own = b"f", struct.pack(">d", value)
            case int():
                kind, own = b"i", str(value).encode("ascii")
            case str():
                kind, own = b"s", value.encode("utf-8")
            case bytes():
                kind, own = b"b", value
        octets += kind + len(own).to_bytes(8, "big") + own
    return hashlib.sha256(octets).digest()


@settings(max_examples=200)
@given(st.lists(EVENTS, min_size=1, max_size=5), IDS | st.just(9_998), IDS | st.just(97), st.booleans())
def test_rows_are_of_the_form(items: list[Evidence], first: int, seq: int, known: bool) -> None:
    before = genesis(NODE, INCARNATION)
    assert before == digest(["genesis", NODE, INCARNATION])
    ids = range(first, first + len(items))
    previous = {first: first - 1} if known else {}
    rows = chained(items, ids, ChainHead(seq, before), (NODE, INCARNATION), NOW, previous)
    salts = set()
    for number, (item, row) in enumerate(zip(items, rows, strict=True)):
        salt = row[-5]
        salts.add(salt)
        text, note = item.text.replace("\0", "\ufffd"), item.note.replace("\0", "\ufffd")
        id_, place, at = first + number, seq + 1 + number, float(item.occurred_at)
        what = [item.kind.value, item.line_id, item.list_name, int(item.before), int(item.after)]
        personal = digest([salt, item.subscriber, text, item.raw, item.ip, item.user_agent, note])
        own = digest(
            [
                *(before, id_, 1, NODE, INCARNATION, place, *what, item.method.value, item.actor, item.mo_id),
                *(item.rule, item.rule_version, item.config_hash, item.disclosure, at, float(NOW), personal),
            ]
        )
        assert list(row) == [
            *(id_, place, *what, item.mo_id, item.rule, item.rule_version, item.disclosure, at),
            *(item.subscriber, text, item.raw, note, salt, personal, before, previous.get(id_), own),
        ]
        stored_as = {str, bytes, int, float, type(None)}
        assert {type(value) for value in row} <= stored_as  # whatever else it is, the driver would have to adapt
        before = own
    assert {len(salt) for salt in salts} == {16}
    assert len(salts) == len(items)
