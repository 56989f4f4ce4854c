"""The ring of a bind's latest PDUs: cut at every place, bounded, numbered, and telling what was missed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.carriers.trace import ENTRY_OCTETS, RAW_OCTETS, Cut, Ring
from gateway.carriers.trace_reading import Traced, read
from gateway.model.refusal import Reason, Refusal
from gateway.model.trace import TracePage, TraceQuery
from gateway.smpp.codec import encode
from gateway.smpp.pdu import DeliverSm, EnquireLink, EnquireLinkResp, SubmitSm
from tests.carriers.rig import Rig, settle
from tests.kit.clock import FakeClock
from tests.kit.permits import permit
from tests.kit.smsc import Ledger

MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"please JOIN!")
PDUS = [encode(MO, 1), encode(EnquireLink(), 2), encode(MO, 3)]
STREAM = b"".join(PDUS)


def ring(limit: int = 100_000, clock: FakeClock | None = None) -> Ring:
    made = Ring(limit, 70_000, clock or FakeClock(), b"secret")
    made.begin("s1")
    return made


def octets(of: Ring) -> list[bytes]:
    return [entry.octets for entry in of.after(None, 1_000).entries]


@pytest.mark.parametrize("split", range(len(STREAM) + 1))
def test_pdus_are_whole_wherever_the_reads_end(split: int) -> None:
    kept = ring()
    kept.take("in", STREAM[:split])
    kept.take("in", STREAM[split:])
    assert octets(kept) == PDUS
    assert {(entry.cut, entry.incoming, entry.session) for entry in kept.after(None, 9).entries} == {
        (Cut.WHOLE, True, "s1")
    }


def test_octet_by_octet_and_both_directions_mixed() -> None:
    kept = ring()
    answer = encode(EnquireLinkResp(), 2)
    for at, octet in enumerate(STREAM):
        kept.take("in", bytes((octet,)))
        if at < len(answer):
            kept.take("out", answer[at : at + 1])
    assert [octets for octets in octets(kept) if octets != answer] == PDUS
    assert [entry.octets for entry in kept.after(None, 9).entries if not entry.incoming] == [answer]


@pytest.mark.parametrize("bad", [0, 15, 70_001, 0xFFFFFFFF])
def test_what_is_no_pdu_is_kept_as_it_came(bad: int) -> None:
    kept = ring()
    rubbish = bad.to_bytes(4, "big") + b"\xff" * RAW_OCTETS
    kept.take("in", PDUS[0] + rubbish)
    kept.take("in", b"more")
    found = kept.after(None, 9).entries
    assert [entry.cut for entry in found] == [Cut.WHOLE, Cut.LOST, Cut.LOST, Cut.LOST]
    assert b"".join(entry.octets for entry in found) == PDUS[0] + rubbish + b"more"
    assert max(len(entry.octets) for entry in found) == RAW_OCTETS
    kept.begin("s2")
    kept.take("in", PDUS[1])
    last = kept.after(None, 9).entries[-1]
    assert (last.cut, last.session) == (Cut.WHOLE, "s2")


@pytest.mark.parametrize("length", [1, 3, 4, 16, 40])
def test_a_pdu_that_the_end_of_the_session_cut_is_kept(length: int) -> None:
    kept = ring()
    kept.take("out", PDUS[0][:length])
    assert octets(kept) == []
    assert kept.octets == length
    kept.begin("s2")
    (entry,) = kept.after(None, 9).entries
    assert (entry.octets, entry.cut, entry.session, entry.incoming) == (PDUS[0][:length], Cut.PART, "s1", False)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 300), max_size=60), st.integers(0, 5_000))
def test_memory_is_bounded_and_numbers_have_no_gaps(sizes: list[int], limit: int) -> None:
    kept = ring(limit)
    start = kept.end
    for number, size in enumerate(sizes):
        kept.take("in", encode(DeliverSm(short_message=bytes(min(size, 254))), number + 1))
        assert kept.octets <= limit
    extract = kept.after(start, 1_000)
    assert extract.missed + len(extract.entries) == len(sizes)
    assert extract.first == start + extract.missed
    assert kept.end == start + len(sizes)
    numbers = [int.from_bytes(entry.octets[12:16], "big") for entry in extract.entries]
    assert numbers == list(range(extract.missed + 1, len(sizes) + 1))


READS = st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=6), max_size=12)


@settings(max_examples=100)
@given(READS, st.integers(0, 2_000), st.integers(0, 30), st.integers(0, 9))
def test_what_came_together_goes_one_by_one(reads: list[list[int]], limit: int, number: int, count: int) -> None:
    kept, expected, dropped = ring(limit), list[bytes](), 0
    start = kept.end
    for read_ in reads:
        pdus = [encode(DeliverSm(short_message=bytes(size)), 1) for size in read_]
        kept.take("in", b"".join(pdus))
        expected += pdus
        while sum(len(pdu) + ENTRY_OCTETS for pdu in expected) > limit:
            del expected[0]
            dropped += 1
        assert kept.octets == sum(len(pdu) + ENTRY_OCTETS for pdu in expected)
        assert kept.end == start + dropped + len(expected)
    asked = start + min(number, dropped + len(expected))
    first = max(asked, start + dropped)
    extract = kept.after(asked, count)
    assert (extract.first, extract.missed) == (first, first - asked)
    assert [entry.octets for entry in extract.entries] == expected[first - start - dropped :][:count]


def test_a_number_of_an_earlier_ring_sees_all_of_this_one() -> None:
    clock = FakeClock()
    earlier = ring(clock=clock)
    earlier.take("in", STREAM)
    clock.advance(1.0)
    later = ring(3 * ENTRY_OCTETS, clock)
    for _ in range(2):
        later.take("in", STREAM)
    extract = later.after(earlier.end, 9)
    assert (extract.missed, [entry.octets for entry in extract.entries]) == (4, PDUS[1:])
    clock.wall_ -= 3_600  # the clock was set back, and numbers with it
    assert ring(clock=clock).after(later.end, 9) == ring(clock=clock).after(None, 9)


# Reading


def traced(*rings: Ring | None) -> list[Traced]:
    return [Traced(f"acme/{number}", "acme", "gsm", kept) for number, kept in enumerate(rings)]


def page(binds: list[Traced], **query: Any) -> TracePage:
    decode = read(binds, TraceQuery(**query))
    assert not isinstance(decode, Refusal)
    return decode()


def sequences(of: TracePage) -> list[tuple[str, int | None]]:
    return [(row.bind, row.sequence) for row in of.rows]


def test_several_binds_are_one_stream_by_time_and_pages_lose_nothing() -> None:
    clock = FakeClock()
    one, two = ring(clock=clock), ring(clock=clock)
    for number in range(1, 6):
        clock.advance(1.0)
        (one if number % 2 else two).take("in", encode(MO, number))
    binds = traced(one, two, None)
    expected = [("acme/0", 1), ("acme/1", 2), ("acme/0", 3), ("acme/1", 4), ("acme/0", 5)]
    whole = page(binds)
    assert (sequences(whole), whole.more, whole.off) == (expected, False, ["acme/2"])
    for limit in (1, 2, 3, 5):
        seen, found = [], page(binds, limit=limit)
        seen += sequences(found)
        while found.more:
            found = page(binds, limit=limit, cursor=found.next)
            seen += sequences(found)
        assert seen == expected
    for last in range(1, 7):
        tail = page(binds, last=last)
        assert (sequences(tail), tail.more) == (expected[-last:], False)
        one.take("in", encode(MO, 9))
        assert sequences(page(binds, cursor=tail.next)) == [("acme/0", 9)]
        expected.append(("acme/0", 9))


def test_each_ring_keeps_its_order_when_the_clock_goes_back() -> None:
    clock = FakeClock()
    kept = ring(clock=clock)
    kept.take("in", PDUS[0])
    clock.wall_ -= 60
    kept.take("in", PDUS[2])
    assert sequences(page(traced(kept))) == [("acme/0", 1), ("acme/0", 3)]


def test_a_slow_reader_is_told_how_many_it_missed() -> None:
    kept = ring(3 * (ENTRY_OCTETS + len(PDUS[0])))
    kept.take("in", PDUS[0])
    cursor = page(traced(kept)).next
    for number in range(10):
        kept.take("in", encode(MO, 10 + number))
    late = page(traced(kept), cursor=cursor)
    assert (late.missed, sequences(late)) == ({"acme/0": 7}, [("acme/0", 17), ("acme/0", 18), ("acme/0", 19)])
    assert page(traced(kept), cursor=late.next).rows == []


def test_a_bind_that_is_new_since_the_cursor_is_shown_from_its_beginning() -> None:
    one, two = ring(), ring()
    cursor = page(traced(one)).next
    two.take("in", PDUS[0])
    assert sequences(page(traced(one, two), cursor=cursor)) == [("acme/1", 1)]
    assert page([], cursor="").next == ""


@pytest.mark.parametrize("name,binds", [(None, 2), ("acme", 2), ("acme/1", 1)])
def test_a_carrier_or_a_bind_can_be_chosen(name: str | None, binds: int) -> None:
    one, two = ring(), ring()
    one.take("in", PDUS[0])
    two.take("in", PDUS[0])
    assert len(page(traced(one, two), carrier=name).rows) == binds


def test_an_unknown_carrier_is_refused_with_those_there_are() -> None:
    refusal = read(traced(ring()), TraceQuery("bcme"))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, "binds: acme/0" in refusal.detail) == (Reason.UNKNOWN_CARRIER, True)
    assert isinstance(read([], TraceQuery("acme")), Refusal)


# At a bind


async def test_a_bind_keeps_what_it_reads_and_writes_over_its_sessions(autojump_clock: MockClock) -> None:
    rig = Rig(password="secret", trace_octets=50_000)
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        await rig.smsc.ask(MO)
        await settle()
        rig.bind.offer([permit(1)])
        await settle()
        rig.bind.close_now("a test said so")
        await settle()
    (bind,) = rig.carrier.traced()
    assert (bind.name, bind.carrier, bind.alphabet) == ("acme/0", "acme", "gsm")
    assert bind.ring is not None
    assert bind.ring.secret == b"secret"
    seen = [(row.incoming, row.command) for row in page([bind]).rows]
    assert seen == [
        (False, "bind_transceiver"),
        (True, "bind_transceiver_resp"),
        (True, "deliver_sm"),
        (False, "deliver_sm_resp"),
        (False, "submit_sm"),
        (True, "submit_sm_resp"),
    ]
    out = b"".join(entry.octets for entry in bind.ring.after(None, 99).entries if not entry.incoming)
    assert out == bytes(rig.wires[0].taken)


async def test_a_bind_that_keeps_nothing_costs_nothing(autojump_clock: MockClock) -> None:
    rig = Rig(trace_octets=0)
    async with rig.bound():
        assert rig.bind.tap is None
        assert [bind.ring for bind in rig.carrier.traced()] == [None]


def test_what_we_submit_is_shown_too() -> None:
    kept = ring()
    kept.take("out", encode(SubmitSm(source_addr="85700", short_message=b"x"), 4))
    (row,) = page(traced(kept)).rows
    assert (row.incoming, row.command, row.fields["source_addr"]) == (False, "submit_sm", "85700")


def test_data_coding_0_is_read_as_it_was_written() -> None:
    kept = ring()
    kept.take("in", encode(DeliverSm(short_message="Grüße".encode("latin-1")), 4))
    kept.take("out", encode(SubmitSm(short_message=b"\x00"), 4))
    assert [row.text for row in page([Traced("acme/0", "acme", "latin-1", kept)], unmask=True).rows] == ["Grüße", "@"]
