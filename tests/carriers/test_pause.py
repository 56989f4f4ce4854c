"""A bind that has enough to do stops reading: nothing is refused, nothing is called late, and the session lives."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.pause import GRACE_S, MOST_S, SessionTime
from gateway.model.permit import Fate
from gateway.smpp.codec import encode, encode_header
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.pdu import DeliverSm, EnquireLink
from tests.carriers.rig import Rig, settle
from tests.kit.clock import FakeClock
from tests.kit.permits import permit
from tests.kit.smsc import Ledger

PAUSE_S = 8.0
"""As long as traffic's answer may take."""
HALF = encode(DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"half a text"), 900)
EMPTY_64_KB = encode(EnquireLink(), 5) * 4_096
"""As much as one read brings, without a text in it."""


def answer_all(rig: Rig) -> None:
    """Let traffic answer all that waits."""
    done = len(rig.ledger.acks)
    Ledger.ack_all(rig.bind, rig.ledger.arrivals[done:])


@pytest.mark.checklist("C5")
async def test_beyond_max_unacked_nothing_is_read_and_nothing_refused(autojump_clock: MockClock) -> None:
    rig = Rig(max_unacked=3)
    async with rig.bound():
        for number in range(5):
            await rig.smsc.text(f"text {number}")
            await settle()
        assert rig.ledger.texts == ["text 0", "text 1", "text 2"]
        assert rig.smsc.responses == []
        rig.bind.acknowledge(rig.bind.session, [(rig.ledger.arrivals[0].sequence, 0)])
        await settle()
        assert rig.ledger.texts == [f"text {number}" for number in range(5)], "what one read brings is taken"
        answer_all(rig)
        await rig.smsc.text("again")
        await settle()
        assert rig.ledger.texts[-1] == "again"
        answer_all(rig)
        await settle()
        assert [status for _, status in rig.smsc.responses] == [Status.ESME_ROK] * 6


@pytest.mark.checklist("C5", "C7")
@pytest.mark.parametrize("times", [1, 5])
async def test_what_waits_in_the_socket_is_not_late(autojump_clock: MockClock, times: int) -> None:
    """In one pause or several: a response, the answer to our link check, and half of a PDU."""
    rig = Rig(max_unacked=1, response_timeout_s=2, enquire_link_s=2, read_timeout_s=2)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        await trio.sleep(1.9)
        await rig.smsc.text("0")
        await settle()
        for number in range(1, times):
            await rig.smsc.send(EMPTY_64_KB)
            await rig.smsc.text(str(number))
        await rig.smsc.send(EMPTY_64_KB)
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await rig.smsc.send(encode(EnquireLink(), 77) + HALF[:30])
        for number in range(times):
            await trio.sleep(PAUSE_S)
            assert rig.ledger.fates == {}
            assert len(rig.ledger.arrivals) == number + 1
            answer_all(rig)
            await settle()
        assert rig.ledger.fates == {1: Fate.ACCEPTED}
        await trio.sleep(1)
        await rig.smsc.send(HALF[30:])
        await settle()
        assert rig.ledger.texts[-1] == "half a text"
        assert len(rig.dialled) == 1


async def test_after_a_pause_silence_counts_again(autojump_clock: MockClock) -> None:
    rig = Rig(max_unacked=1, response_timeout_s=2, enquire_link_s=1_000)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        await trio.sleep(1)
        await rig.smsc.text("hello")
        await trio.sleep(PAUSE_S)
        answer_all(rig)
        await trio.sleep(GRACE_S + 0.9)
        assert rig.ledger.fates == {}
        await trio.sleep(0.2 + 0.5)  # the time-keeper may be asleep
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}


async def test_a_pause_that_never_ends_is_ended_by_the_link_check(autojump_clock: MockClock) -> None:
    """That would be a fault of ours; the carrier brings its texts to the next session."""
    rig = Rig(max_unacked=1, response_timeout_s=2, enquire_link_s=5)
    async with rig.bound():
        await rig.smsc.text("hello")
        await trio.sleep(MOST_S - 1)
        assert len(rig.dialled) == 1
        await trio.sleep(1 + 5 + 2 + 1.5)
        assert len(rig.dialled) == 2


async def test_permits_die_in_a_pause_as_ever(autojump_clock: MockClock) -> None:
    rig = Rig(max_unacked=1)
    async with rig.bound():
        await rig.smsc.text("hello")
        await settle()
        rig.wire.allow(0)
        rig.bind.offer([permit(1, dies_at=rig.bind._clock.boot() + 1)])
        await trio.sleep(2)
        assert rig.ledger.fates == {1: Fate.RETURNED}


def test_the_time_stands_still_in_a_pause_and_a_moment_longer() -> None:
    clock = FakeClock(monotonic_=100.0)
    time = SessionTime(clock)
    time.resume()
    assert (time.now(), time.runs) == (100.0, True)
    clock.advance(5)
    time.pause()
    clock.advance(3)
    time.pause()
    assert (time.now(), time.runs) == (105.0, False)
    time.resume()
    clock.advance(GRACE_S / 2)
    time.resume()
    assert (time.now(), time.runs) == (105.0, False)
    clock.advance(GRACE_S / 2)
    assert (time.now(), time.runs) == (105.0, True)
    clock.advance(2)
    assert time.now() == 107.0


def test_pauses_in_a_row_do_not_add_up() -> None:
    clock = FakeClock(monotonic_=100.0)
    time = SessionTime(clock)
    for _ in range(100):
        time.pause()
        clock.advance(0.125)
        time.resume()
        clock.advance(0.125)
    assert time.now() == 100.0
    clock.advance(GRACE_S - 0.125 + 1)
    assert time.now() == 101.0


def test_a_pause_stops_the_time_for_so_long_at_the_most() -> None:
    clock = FakeClock(monotonic_=100.0)
    time = SessionTime(clock)
    time.pause()
    clock.advance(MOST_S + 7)
    assert (time.now(), time.runs) == (107.0, True)
    time.resume()
    assert (time.now(), time.runs) == (107.0, False)
    clock.advance(GRACE_S + 1)
    assert time.now() == 108.0


async def test_traffic_learns_of_texts_that_come_while_none_may(autojump_clock: MockClock) -> None:
    """They are refused for the moment by the session itself; what is no text is nobody's business."""
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", None)
    async with rig.running():
        await settle()
        early = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"START")
        nobody = DeliverSm(source_addr="12125550101", short_message=b"hello")
        for number, pdu in enumerate((early, nobody)):
            await rig.smsc.send(encode(pdu, 50 + number))
        await rig.smsc.send(encode_header(CommandId.SUBMIT_SM, 60, 0))
        await settle()
        assert [text.text for text in rig.ledger.later] == ["START"]
        assert rig.ledger.arrivals == []
