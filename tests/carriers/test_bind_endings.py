"""How sessions end, and how the next begins: refusals, silence, cuts, unbind by either side, drain, cancellation."""

from __future__ import annotations

from contextlib import suppress

import pytest
import structlog
import trio
from trio.testing import MockClock

from gateway.carriers.interface import BindState
from gateway.carriers.wire import WireError
from gateway.model.permit import Fate
from gateway.smpp.constants import Status
from gateway.smpp.pdu import AlertNotification, QuerySm
from tests.carriers.rig import Rig, settle
from tests.kit.permits import permit
from tests.kit.smsc import Ledger, Smsc, TrioClock


def gaps(rig: Rig) -> list[int]:
    return [round(later - earlier) for earlier, later in zip(rig.dialled, rig.dialled[1:], strict=False)]


@pytest.mark.checklist("B5")
async def test_an_unreachable_carrier_is_tried_for_ever_at_growing_distances(autojump_clock: MockClock) -> None:
    rig = Rig(reconnect_max_s=8)
    rig.unreachable = 6
    async with rig.running():
        await trio.sleep(100)
        assert gaps(rig) == [1, 2, 4, 8, 8, 8]
        assert rig.bind.bound


@pytest.mark.checklist("B2")
@pytest.mark.parametrize(
    "status", [Status.ESME_RINVPASWD, Status.ESME_RINVSYSID, Status.ESME_RALYBND, Status.ESME_RBINDFAIL, 0x444]
)
async def test_a_refused_bind_is_tried_slowly_and_never_given_up(autojump_clock: MockClock, status: int) -> None:
    rig = Rig(refused_gap_s=30, refused_max_s=100)
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", status if len(rig.dialled) < 5 else 0)
    with structlog.testing.capture_logs() as logs:
        async with rig.running():
            await trio.sleep(1)
            assert not rig.bind.bound
            assert rig.carrier.rows()[0].state == "down"
            assert "refused" in rig.carrier.rows()[0].detail
            await trio.sleep(600)
            assert gaps(rig) == [30, 60, 100, 100]
            assert rig.bind.bound
    assert [line["log_level"] for line in logs if line["event"] == "bind refused"] == ["error"] * 4


async def test_a_busy_carrier_is_tried_again_soon(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", Status.ESME_RSYSERR if len(rig.dialled) == 1 else 0)
    async with rig.running():
        await trio.sleep(5)
        assert gaps(rig) == [1]
        assert rig.bind.bound


@pytest.mark.checklist("B5")
async def test_a_least_gap_is_kept_even_after_a_long_session(autojump_clock: MockClock) -> None:
    rig = Rig(reconnect_gap_s=30)
    async with rig.bound():
        rig.smsc.wire.close()
        await trio.sleep(29)
        assert len(rig.dialled) == 1
        await trio.sleep(6)
        rig.smsc.wire.close()
        await trio.sleep(100)
        assert all(gap >= 30 for gap in gaps(rig))


@pytest.mark.checklist("B5")
async def test_a_carrier_that_accepts_and_closes_is_not_hammered(autojump_clock: MockClock) -> None:
    rig = Rig(reconnect_max_s=16)

    async def slam(smsc: Smsc) -> None:
        await smsc.wire.receive()
        smsc.wire.close()

    rig.serve = slam
    async with rig.running():
        await trio.sleep(60)
        assert gaps(rig)[:5] == [1, 2, 4, 8, 16]


@pytest.mark.checklist("B5")
async def test_a_silent_carrier_is_left_after_the_bind_timeout(autojump_clock: MockClock) -> None:
    rig = Rig(bind_timeout_s=10)
    rig.prepare = lambda smsc: setattr(smsc, "bind_status", None)
    async with rig.running():
        await trio.sleep(9)
        assert rig.bind.state is BindState.BINDING
        assert rig.carrier.rows()[0].next_try_at is None
        await trio.sleep(1.5)
        assert rig.carrier.rows()[0].detail == "bind timed out"
        soon = rig.carrier.rows()[0].next_try_at
        assert soon is not None
        assert 0 < soon - TrioClock().wall() <= 1
        assert rig.wire.closed
        await trio.sleep(1)
        assert rig.carrier.rows()[0].next_try_at is None, "it is being tried"


@pytest.mark.checklist("C1", "C6")
async def test_an_unanswered_link_check_closes(autojump_clock: MockClock) -> None:
    rig = Rig(enquire_link_s=30, response_timeout_s=10)
    rig.prepare = lambda smsc: setattr(smsc, "answers_links", False)
    async with rig.bound():
        await trio.sleep(29)
        assert rig.bind.bound
        await trio.sleep(11.1)
        assert rig.carrier.rows()[0].detail == "link check unanswered"


async def test_an_idle_bind_lives_for_a_day(autojump_clock: MockClock) -> None:
    async with Rig(enquire_link_s=60).bound() as rig:
        await trio.sleep(3_600)
        assert rig.bind.bound
        assert len(rig.dialled) == 1


@pytest.mark.checklist("B5", "D6")
async def test_a_reset_connection_ends_the_session_and_not_the_bind(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        rig.wire.break_down("the connection failed: reset by peer")
        await trio.sleep(3)
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}
        assert rig.bind.bound
        assert len(rig.wires) == 2


@pytest.mark.checklist("A2", "A5")
async def test_lost_framing_is_nacked_and_closes(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        await rig.smsc.send(b"\r\nHTTP/1.1 400 Bad Request\r\n")
        await settle()
        assert "framing lost" in rig.carrier.rows()[0].detail
        assert bytes(rig.wires[0].taken)[-12:-8] == bytes.fromhex("80000000")
        await trio.sleep(3)
        assert rig.bind.bound


@pytest.mark.checklist("A6")
async def test_odd_requests_are_answered_and_the_session_lives(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        unknown = bytes.fromhex("00000010 00000777 00000000 00000009")
        alert = AlertNotification(source_addr="1", esme_addr="2")
        await rig.smsc.send(unknown)
        await rig.smsc.ask(alert)
        await rig.smsc.send(bytes.fromhex("00000011 80000004 00000000 00000063 00"))  # nobody asked
        with pytest.raises(Exception, match="may not be sent"):
            await rig.smsc.ask(QuerySm(message_id="1"))
        await rig.smsc.text("HELP")
        await settle()
        assert rig.ledger.texts == ["HELP"]
        assert rig.smsc.kinds["UnexpectedResponse"] == 1  # the nack of what the session never sent
        assert len(rig.dialled) == 1


@pytest.mark.checklist("C2")
async def test_the_carriers_unbind_is_answered_and_followed_by_a_new_bind(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        await rig.smsc.text("STOP")
        rig.bind.offer([permit(1)])
        await settle()
        rig.wire.allow(0)
        rig.bind.offer([permit(2)])
        await settle()
        await rig.smsc.send(rig.smsc.session.unbind(trio.current_time()))
        await settle()
        assert rig.ledger.fates == {2: Fate.RETURNED}
        assert rig.bind.state is BindState.DRAINING
        assert not rig.bind.can_submit
        rig.wire.allow(None)
        Ledger.ack_all(rig.bind, rig.ledger.arrivals)
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await trio.sleep(3)
        assert rig.ledger.fates == {1: Fate.ACCEPTED, 2: Fate.RETURNED}
        assert "Unbound" in rig.smscs[0].kinds
        assert len(rig.dialled) == 2
        assert rig.bind.bound


@pytest.mark.checklist("C2")
async def test_what_a_leaving_carrier_never_answers_is_uncertain(autojump_clock: MockClock) -> None:
    rig = Rig(response_timeout_s=10)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        await rig.smsc.send(rig.smsc.session.unbind(trio.current_time()))
        await trio.sleep(15)
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}
        assert len(rig.dialled) == 2


@pytest.mark.checklist("C2")
async def test_drain_finishes_the_window_acks_texts_unbinds_and_stays_down(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        rig.wire.allow(0)
        rig.bind.offer([permit(2)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.carrier.stop)
            await settle()
            assert rig.ledger.fates == {2: Fate.RETURNED}
            rig.wire.allow(None)
            await rig.smsc.text("STOP")
            await settle()
            assert rig.ledger.texts == ["STOP"]
            Ledger.ack_all(rig.bind, rig.ledger.arrivals)
            await settle()
            assert len(rig.smsc.responses) == 1
            rig.bind.offer([permit(3)])
            assert rig.ledger.fates[3] is Fate.RETURNED
            await rig.smsc.answer(rig.smsc.open_submits[0])
        assert rig.ledger.fates[1] is Fate.ACCEPTED
        assert rig.smsc.kinds["PeerUnbind"] == 1
        assert rig.wire.closed
        assert rig.carrier.rows()[0].detail == "unbound"
        await trio.sleep(100)
        assert len(rig.dialled) == 1


async def test_drain_waits_a_little_for_the_last_acks(autojump_clock: MockClock) -> None:
    async with Rig().bound() as rig:
        await rig.smsc.text("STOP")
        await settle()
        began = trio.current_time()
        await rig.carrier.stop(20)
        assert trio.current_time() - began == 2
        assert rig.smsc.kinds["PeerUnbind"] == 1


@pytest.mark.parametrize("seconds", [0, 4])
async def test_drain_ends_in_time_whatever_the_carrier_does(autojump_clock: MockClock, seconds: float) -> None:
    rig = Rig(drain_s=seconds)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        rig.serve = Smsc.run
        rig.smsc.session.receive = lambda data, now: []  # type: ignore[method-assign]  # a carrier gone deaf
        began = trio.current_time()
        await rig.carrier.stop()
        assert trio.current_time() - began == seconds
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}
        assert rig.carrier.rows()[0].detail == "the drain ran out of time"


async def test_a_drain_that_finds_the_session_ending_is_content(autojump_clock: MockClock) -> None:
    rig = Rig()
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.carrier.stop)
            await settle()
            await rig.smsc.send(rig.smsc.session.unbind(trio.current_time()))
            await settle()
            rig.smsc.wire.close()
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}


async def test_drain_while_connecting_binding_or_waiting_stops_at_once(autojump_clock: MockClock) -> None:
    for prepare in ("connecting", "binding", "waiting"):
        rig = Rig()
        rig.prepare = lambda smsc: setattr(smsc, "bind_status", None)
        rig.unreachable = 1_000 if prepare == "waiting" else 0
        async with rig.running():
            if prepare != "connecting":
                await settle()
            began = trio.current_time()
            await rig.carrier.stop()
            await settle()
            assert trio.current_time() == began
            assert rig.bind.state is BindState.DOWN
            attempts = len(rig.dialled)
            await trio.sleep(100)
            assert len(rig.dialled) == attempts


async def _busy_life(rig: Rig) -> None:
    """A bind's life with a bit of everything under way."""
    while not rig.bind.can_submit:
        await trio.lowlevel.checkpoint()
    with suppress(WireError):  # the carrier may find the bind gone
        rig.wire.allow(300)
        rig.bind.offer([permit(number, body=b"text %d." % number, urgent=number % 3 == 0) for number in range(10)])
        await rig.smsc.text("JOIN")
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        rig.wire.allow(None)
        await rig.smsc.text("STOP")
    await rig.carrier.stop(1)


@pytest.mark.parametrize("steps", range(60))
def test_cancelled_at_any_step_every_permit_is_settled_once_and_the_wire_is_closed(steps: int) -> None:
    async def main() -> None:
        rig = Rig()
        rig.ledger.answer = Ledger.ack_all
        async with trio.open_nursery() as nursery:
            async with rig.running():
                nursery.start_soon(_busy_life, rig)
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
            # The carrier is cancelled now, wherever it was.
            nursery.cancel_scope.cancel()
        assert all(wire.closed for wire in rig.wires)
        assert rig.bind.state is BindState.DOWN
        assert len(rig.ledger.fates) in (0, 10)
        taken = bytes(rig.wires[0].taken) if rig.wires else b""
        half = 0
        for number, fate in rig.ledger.fates.items():
            written = b"text %d." % number in taken
            assert not (fate is Fate.RETURNED and written)
            half += fate is not Fate.RETURNED and not written
        assert half <= 1

    trio.run(main, clock=MockClock(autojump_threshold=0))
