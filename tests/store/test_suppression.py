"""The suppression log's form: what is kept, that a line comes back as it was, and that nothing else passes for one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, EvidenceKind, Method
from gateway.store.suppression import ACCOUNT, BEGIN, KINDS, BadRecord, Notes, Place, Record, is_kept, read, write
from tests.kit.stores import opt_out
from tests.kit.suppression import ANNE, record

_NO, _IN, _OUT = ConsentStatus.NOT_DEFINED, ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT


@pytest.mark.parametrize("before", ConsentStatus)
@pytest.mark.parametrize("kind", EvidenceKind)
def test_what_narrows_is_kept_and_what_lifts_it(kind: EvidenceKind, before: ConsentStatus) -> None:
    always = {EvidenceKind.OPT_OUT, EvidenceKind.LIST_LEAVE, EvidenceKind.RELEASE}
    expected = {
        EvidenceKind.OPT_IN: before is _OUT,
        EvidenceKind.LIST_JOIN: before is _OUT,
        EvidenceKind.HOLD: before is not _OUT,
    }.get(kind, kind in always)
    assert is_kept(opt_out(kind=kind, before=before)) is expected


def test_notes_have_places_and_forget_what_was_taken_back() -> None:
    notes = Notes()
    first, join, later = opt_out(), opt_out(kind=EvidenceKind.LIST_JOIN, before=_NO), opt_out(list_name="x")
    notes.evidence(4, [first, join], [("a", b"1"), ("b", b"2")], 10.0)
    mark = len(notes.events)
    notes.account(ANNE, "text", 11.0)
    notes.evidence(6, [later], [(b"3",)], 12.0)
    assert notes.head == 4
    assert [(event.kind, event.seq, event.hash, event.at) for event in notes.events] == [
        ("opt_out", 5, b"1", 10.0),
        (ACCOUNT, 0, None, 11.0),
        ("opt_out", 7, b"3", 12.0),
    ]
    notes.forget(mark)
    assert [event.seq for event in notes.events] == [5]


def test_what_was_merged_counts_from_when_it_happened() -> None:
    notes = Notes()
    notes.evidence(0, [opt_out(method=Method.SUPPRESSION_LOG, occurred_at=3.5)], [(b"1",)], 99.0)
    assert notes.events[0].at == 3.5


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
records = st.builds(
    Record,
    kind=st.sampled_from(sorted(KINDS)),
    at=st.floats(0, 4e9),
    place=st.builds(Place, texts, st.integers(0, 2**40), st.integers(0, 2**60)),
    head=st.integers(0, 2**60),
    line=texts,
    subscriber=texts.map(Msisdn),
    list_name=st.none() | texts,
    method=texts,
    hash=st.binary(max_size=32).map(bytes.hex),
)


@given(records, st.from_regex(r"[0-9a-f]{32}|", fullmatch=True))
def test_a_record_comes_back_as_it_was(one: Record, prev: str) -> None:
    line, own = write(one, prev)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert read(line[:-1]) == replace(one, prev=prev, sum=own)


def test_a_record_is_one_that_others_can_read() -> None:
    line, own = write(record(), "abc")
    fields = json.loads(line)
    assert (fields["kind"], fields["subscriber"], fields["prev"], fields["sum"]) == ("opt_out", ANNE, "abc", own)


def test_no_cut_and_no_changed_character_passes() -> None:
    line = write(record(), "")[0][:-1]
    for end in range(len(line)):
        with pytest.raises(BadRecord):
            read(line[:end])
    for at, character in enumerate(line):
        with pytest.raises(BadRecord):
            read(line[:at] + ("x" if character != "x" else "y") + line[at + 1 :])


@pytest.mark.parametrize("changes", [{"v": 2}, {"kind": "poke"}, {"seq": "many"}, {"incarnation": None}])
def test_a_form_that_is_not_known_is_told(changes: dict[str, object]) -> None:
    fields = json.loads(write(record(), "")[0])
    del fields["sum"]
    body = json.dumps(fields | changes, separators=(",", ":"))[:-1]
    own = hashlib.sha256(body.encode()).hexdigest()[:32]
    with pytest.raises(BadRecord, match=r"does not know|its version is"):
        read(f'{body},"sum":"{own}"}}')


def test_a_place_is_named_in_one_word() -> None:
    assert str(Place("gw1", 5, 7)) == "gw1/5/7"
    assert record(BEGIN, 3).head == 3
