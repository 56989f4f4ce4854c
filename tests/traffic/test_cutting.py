"""Long texts by the carrier's style: how they are cut, counted and refused, and that a begun cut stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome, Permit, SegmentStyle, Writing
from gateway.model.refusal import Reason, Refusal
from gateway.sms import decode_text
from gateway.traffic.cutting import Writings, count, cut, fitting, too_long
from gateway.traffic.gate import Claim, Minted, pass_gate
from gateway.traffic.settle import settle
from tests.traffic.bench import ANNE, BOB, Bench, book, line_options, verdicts
from tests.traffic.world import settle as rest
from tests.traffic.world import world

UDH8, UDH16, SAR, PAYLOAD = SegmentStyle.UDH8, SegmentStyle.UDH16, SegmentStyle.SAR, SegmentStyle.PAYLOAD
STYLES = {"acme": UDH8, "wide": UDH16, "sar": SAR, "whole": PAYLOAD}
WRITINGS: Writings = {name: Writing(style) for name, style in STYLES.items()}
TEXTS = st.one_of(st.text("abc €{}@\n", max_size=600), st.text("aж😀👍", max_size=300))


def passes(bench: Bench, message_id: int, carrier: str = "acme", writings: Writings = WRITINGS) -> Minted:
    claim = Claim(bench.mt(message_id), carrier, f"{carrier}/0.tx")
    return bench.tx(lambda tx: pass_gate(tx, [claim], bench.book, writings))


def minted(bench: Bench, message_id: int, carrier: str = "acme", writings: Writings = WRITINGS) -> list[Permit]:
    (permits,) = passes(bench, message_id, carrier, writings).permits.values()
    return permits


def tell(bench: Bench, permit: Permit, fate: Fate, status: int = 0, *, late: bool = False) -> None:
    bench.tx(lambda tx: settle(tx, [Outcome(permit, fate, status, late=late)], bench.book, verdicts))


def shape(permits: list[Permit]) -> list[tuple[int, int, SegmentStyle, int]]:
    return [(p.segment, p.segments, p.style, len(p.body)) for p in permits]


@pytest.mark.checklist("F4")
@pytest.mark.parametrize(
    "text, narrow, wide",
    [
        ("", [0], [0]),
        ("a" * 160, [160], [160]),
        ("a" * 161, [153, 8], [152, 9]),
        ("a" * 306, [153, 153], [152, 152, 2]),
        ("a" * 151 + "€" + "a" * 10, [153, 10], [151, 12]),
        ("ж" * 70, [140], [140]),
        ("ж" * 71, [134, 8], [132, 10]),
        ("ж" * 65 + "😀" + "жжжж", [134, 8], [130, 12]),
    ],
)
def test_where_each_style_cuts(text: str, narrow: list[int], wide: list[int]) -> None:
    for style, sizes in ((UDH8, narrow), (SAR, narrow), (UDH16, wide), (PAYLOAD, [sum(narrow)])):
        assert [len(body) for body in cut(text, Writing(style)).bodies] == sizes
    assert [count(text, Writing(style)) for style in SegmentStyle] == [len(narrow), len(wide), len(narrow), len(narrow)]


@pytest.mark.checklist("F4", "G3")
@given(TEXTS, st.sampled_from(SegmentStyle))
def test_every_body_reads_alone_and_all_make_the_text(text: str, style: SegmentStyle) -> None:
    made = cut(text, Writing(style))
    assert "".join(decode_text(body, made.data_coding) for body in made.bodies) == text
    limit = (152 if style is UDH16 else 153) if made.data_coding == 0 else (132 if style is UDH16 else 134)
    if len(made.bodies) > 1:
        assert max(map(len, made.bodies)) <= limit


@pytest.mark.parametrize(
    "text, style, most, takes",
    [
        ("a" * 306, UDH8, 2, None),
        ("a" * 307, UDH8, 2, 3),
        ("a" * 306, SAR, 2, None),
        ("a" * 306, UDH16, 2, 3),
        ("a" * 306, PAYLOAD, 2, None),
        ("a" * 307, PAYLOAD, 2, 3),
        ("a", PAYLOAD, 1, None),
        ("a" * 36, PAYLOAD, 1, None),
        ("a" * (153 * 255 + 1), UDH8, 300, 256),
    ],
)
def test_what_is_too_long(text: str, style: SegmentStyle, most: int, takes: int | None) -> None:
    found = too_long(text, cut(text, Writing(style)), "gsm", most)
    if takes is None:
        assert found is None
    else:
        limit = min(most, 255)
        detail = f"The text takes {takes} segments on this carrier; the limit is {limit}."
        assert found == Refusal(Reason.TOO_LONG, detail)


@pytest.mark.parametrize("style", SegmentStyle)
@pytest.mark.parametrize("length", [5, 320, 321, 700])
def test_a_text_that_fits_is_as_it_is_cut_the_second_time_too(length: int, style: SegmentStyle) -> None:
    text, writing = "é" * length, Writing(style, "latin-1")
    made = cut(text, writing)
    for _ in range(2):
        for most in (1, 4, 10):
            assert fitting(text, writing, most) == (too_long(text, made, "latin-1", most) or made)


@pytest.mark.checklist("G5")
@pytest.mark.parametrize(
    "carrier, expected",
    [
        ("acme", [(1, 3, UDH8, 153), (2, 3, UDH8, 153), (3, 3, UDH8, 94)]),
        ("sar", [(1, 3, SAR, 153), (2, 3, SAR, 153), (3, 3, SAR, 94)]),
        ("wide", [(1, 3, UDH16, 152), (2, 3, UDH16, 152), (3, 3, UDH16, 96)]),
        ("whole", [(1, 1, PAYLOAD, 400)]),
        ("unknown", [(1, 3, UDH8, 153), (2, 3, UDH8, 153), (3, 3, UDH8, 94)]),
    ],
)
def test_a_message_is_cut_for_the_carrier_that_claims_it(
    bench: Bench, carrier: str, expected: list[tuple[int, int, SegmentStyle, int]]
) -> None:
    id_ = bench.queue("x" * 400)
    permits = minted(bench, id_, carrier)
    assert shape(permits) == expected
    assert {permit.bind for permit in permits} == {f"{carrier}/0.tx"}
    assert bench.mt(id_).segments == len(expected), "what is stored is what was minted"
    for permit in permits:
        tell(bench, permit, Fate.ACCEPTED)
    assert bench.state(id_) is MessageState.SENT


@pytest.mark.checklist("G5")
def test_each_message_has_a_reference_of_its_own(bench: Bench) -> None:
    ids = [bench.queue("x" * 400), bench.queue("x" * 400, BOB), bench.queue("x" * 400)]
    assert [{p.reference for p in minted(bench, id_)} for id_ in ids] == [{id_ & 0xFFFF} for id_ in ids]
    assert len({id_ & 0xFF for id_ in ids}) == 3


@pytest.mark.parametrize("fate", [Fate.RETURNED, Fate.REVOKED, Fate.REJECTED])
@pytest.mark.parametrize("first, then", [("acme", "whole"), ("whole", "acme"), ("acme", "wide"), ("sar", "wide")])
def test_what_never_went_out_is_cut_anew(bench: Bench, fate: Fate, first: str, then: str) -> None:
    id_ = bench.queue("x" * 306)
    for permit in minted(bench, id_, first):
        tell(bench, permit, fate, 0x58 if fate is Fate.REJECTED else 0)
    assert bench.state(id_) is MessageState.QUEUED
    again = minted(bench, id_, then)
    assert {permit.style for permit in again} == {STYLES[then]}
    for permit in again:
        tell(bench, permit, Fate.ACCEPTED)
    assert bench.state(id_) is MessageState.SENT


@pytest.mark.checklist("D5")
@pytest.mark.parametrize("first", ["acme", "wide", "sar"])
@pytest.mark.parametrize("then", STYLES)
def test_what_was_begun_is_finished_as_it_was_begun(bench: Bench, first: str, then: str) -> None:
    id_ = bench.queue("x" * 306 + "€")
    begun = minted(bench, id_, first)
    tell(bench, begun[0], Fate.ACCEPTED)
    tell(bench, begun[1], Fate.REJECTED, 0x58)
    tell(bench, begun[2], Fate.RETURNED)
    rest_of_it = minted(bench, id_, then)
    assert [(p.segment, p.style, p.body, p.reference) for p in rest_of_it] == [
        (p.segment, p.style, p.body, p.reference) for p in begun[1:]
    ]
    for permit in rest_of_it:
        tell(bench, permit, Fate.ACCEPTED)
    assert bench.state(id_) is MessageState.SENT


@pytest.mark.checklist("D5")
@pytest.mark.parametrize("carrier", ["acme", "wide", "sar"])
@pytest.mark.parametrize("refused", [1, 2, 3])
def test_a_segment_that_is_refused_for_good_leaves_a_partial_message(bench: Bench, carrier: str, refused: int) -> None:
    id_ = bench.queue("x" * 400)
    for permit in minted(bench, id_, carrier):
        ends = (Fate.REJECTED, 0x0B) if permit.segment == refused else (Fate.ACCEPTED, 0)
        tell(bench, permit, *ends)
    assert bench.state(id_) is MessageState.PARTIAL
    assert bench.one("select count(*) from permit where message_id = ?", id_) == 3, "none goes again"


@pytest.mark.checklist("D6", "C3")
@pytest.mark.parametrize("first", STYLES)
@pytest.mark.parametrize("then", STYLES)
def test_what_may_have_gone_out_keeps_its_cut_and_a_late_answer_counts_right(
    bench: Bench, first: str, then: str
) -> None:
    bench.book = book(line_options(on_uncertain="resend"))
    id_ = bench.queue("x" * 306)
    begun = minted(bench, id_, first)
    for permit in begun:
        tell(bench, permit, Fate.UNCERTAIN)
    assert bench.state(id_) is MessageState.QUEUED
    again = minted(bench, id_, then)
    assert shape(again) == shape(begun)
    for permit in again:
        tell(bench, permit, Fate.RETURNED)
    for permit in begun:
        assert bench.state(id_) is not MessageState.SENT
        tell(bench, permit, Fate.ACCEPTED, late=True)
    assert bench.state(id_) is MessageState.SENT


@pytest.mark.parametrize(
    "first, gone, then, style",
    [
        ("wide", {}, "acme", UDH16),
        ("acme", {}, "wide", UDH8),
        ("acme", {}, "sar", UDH8),
        ("acme", {"acme": UDH16}, "sar", UDH8),  # it was changed meanwhile
        ("wide", {"wide": PAYLOAD}, "whole", UDH16),
    ],
)
def test_a_carrier_that_is_gone_or_changed_leaves_its_cut(
    bench: Bench, first: str, gone: dict[str, SegmentStyle], then: str, style: SegmentStyle
) -> None:
    id_ = bench.queue("x" * 306)
    begun = minted(bench, id_, first)
    tell(bench, begun[0], Fate.ACCEPTED)
    for permit in begun[1:]:
        tell(bench, permit, Fate.RETURNED)
    later = {name: kept for name, kept in STYLES.items() if name != first} | gone
    again = minted(bench, id_, then, {name: Writing(kept) for name, kept in later.items()})
    assert {permit.style for permit in again} == {style}
    assert [permit.body for permit in again] == [permit.body for permit in begun[1:]]


def test_a_cut_is_kept_over_any_number_of_carriers(bench: Bench) -> None:
    id_ = bench.queue("x" * 450)
    styles = set()
    for carrier in ("sar", "wide", "wide"):
        permits = minted(bench, id_, carrier)
        styles |= {permit.style for permit in permits}
        tell(bench, permits[0], Fate.ACCEPTED)
        for permit in permits[1:]:
            tell(bench, permit, Fate.RETURNED)
    assert styles == {SAR}
    assert bench.state(id_) is MessageState.SENT


@pytest.mark.parametrize("text, carrier, goes", [("x" * 306, "acme", True), ("x" * 306, "wide", False)])
def test_a_text_that_is_too_long_for_its_carrier_is_refused_and_never_cut_short(
    bench: Bench, text: str, carrier: str, *, goes: bool
) -> None:
    bench.book = book(max_segments=2)
    id_ = bench.queue(text)
    found = passes(bench, id_, carrier)
    if goes:
        assert not found.refused
    else:
        assert [refusal.reason for _, refusal in found.refused] == [Reason.TOO_LONG]
        assert bench.state(id_) is MessageState.REFUSED
        assert bench.one("select reason from message where id = ?", id_) == "too-long"


def test_what_was_begun_is_finished_though_the_limit_was_lowered(bench: Bench) -> None:
    id_ = bench.queue("x" * 400)
    begun = minted(bench, id_)
    tell(bench, begun[0], Fate.ACCEPTED)
    for permit in begun[1:]:
        tell(bench, permit, Fate.RETURNED)
    bench.book = book(max_segments=1)
    assert [permit.segment for permit in minted(bench, id_)] == [2, 3]


@pytest.mark.checklist("G5", "I2")
@pytest.mark.parametrize("style", SegmentStyle)
@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_a_stop_between_segments_stops_the_rest(
    autojump_clock: MockClock, tmp_path: Path, style: SegmentStyle, taken: int
) -> None:
    """All segments go to one bind; of those that it has not begun, none leaves after the STOP's ack."""
    async with world(tmp_path) as here:
        here.carrier.writing = Writing(style)
        id_ = await here.send("x" * 400)
        await rest()
        offered = list(here.bind.offered)
        total = 1 if style is PAYLOAD else 3
        assert [(p.segment, p.segments, p.style) for p in offered] == [(n, total, style) for n in range(1, total + 1)]
        gone = here.bind.waiting[:taken]
        here.bind.written += gone
        del here.bind.waiting[:taken]
        (stop,) = here.say("STOP")
        await rest()
        assert (here.bind.session, stop, 0) in here.bind.answers
        here.bind.settle(*gone)
        left = here.bind.write()
        await rest()
        assert [permit.message_id for permit in left if permit.message_id == id_] == []
        expected = MessageState.REFUSED if not gone else MessageState.PARTIAL
        if len(gone) == total:
            expected = MessageState.SENT
        assert await here.state(id_) is expected
        assert ANNE in {permit.subscriber for permit in left}, "the confirmation goes"
