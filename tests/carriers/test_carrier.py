"""A carrier: modes, several binds, rate feedback, and the whole way over real sockets."""

from __future__ import annotations

import socket

import pytest
import trio
from trio.testing import MockClock

from gateway.base import SystemClock
from gateway.carriers.carrier import Carrier
from gateway.carriers.interface import BindPort, BindState, CarrierPort
from gateway.carriers.observer import MetricsObserver
from gateway.carriers.options import CarrierOptions, Mode
from gateway.carriers.statuses import Verdict
from gateway.carriers.throttle import PAUSE_S
from gateway.carriers.wire import SocketWire
from gateway.model.permit import Fate
from gateway.smpp.constants import Status
from gateway.smpp.pdu import BindReceiver, BindTransmitter
from gateway.telemetry.metrics import Metrics
from tests.carriers.rig import Rig, settle
from tests.kit.permits import permit
from tests.kit.smsc import Ledger, Smsc


def ports(rig: Rig) -> CarrierPort:
    """The types agree: what traffic is handed is what the interface promises."""
    bind: BindPort = rig.bind
    assert bind.name.startswith(rig.carrier.name)
    return rig.carrier


@pytest.mark.checklist("B9")
async def test_a_pair_submits_on_one_and_receives_on_the_other(autojump_clock: MockClock) -> None:
    rig = Rig(mode="transmitter+receiver", binds=2)
    rig.ledger.answer = Ledger.ack_all
    async with rig.running():
        await settle()
        transmitter, receiver = rig.carrier.binds[:2]
        assert [bind.name for bind in rig.carrier.binds] == ["acme/0.tx", "acme/0.rx", "acme/1.tx", "acme/1.rx"]
        assert [row.mode for row in rig.carrier.rows()[:2]] == ["transmitter", "receiver"]
        assert (transmitter.can_submit, receiver.can_submit) == (True, False)
        assert receiver.bound
        assert receiver.free_slots() == receiver.free_urgent() == 0
        receiver.offer([permit(1)])
        assert rig.ledger.fates == {1: Fate.RETURNED}
        by_login = {type(smsc.events[0].frame.pdu): smsc for smsc in rig.smscs}  # type: ignore[union-attr]  # the bind
        await by_login[BindReceiver].text("JOIN")
        transmitter.offer([permit(2)])
        await settle()
        assert rig.ledger.texts == ["JOIN"]
        assert rig.ledger.fates[2] is Fate.ACCEPTED
        assert sum(len(smsc.submits) for smsc in rig.smscs) == 1
        assert BindTransmitter in by_login
        assert len({arrival.session for arrival in rig.ledger.arrivals} | {transmitter.session}) == 2


@pytest.mark.parametrize("mode", [Mode.RECEIVER, Mode.TRANSMITTER])
async def test_one_direction_alone(autojump_clock: MockClock, mode: Mode) -> None:
    async with Rig(mode=mode).bound() as rig:
        assert rig.bind.can_submit == (mode is Mode.TRANSMITTER)
        assert [bind.name for bind in ports(rig).binds] == ["acme/0"]


@pytest.mark.checklist("D4")
@pytest.mark.parametrize("complaint", [Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL])
async def test_complaints_slow_the_carrier_down_and_refusals_do_not(
    autojump_clock: MockClock, complaint: Status
) -> None:
    rig = Rig(max_per_second=100)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", complaint)
    async with rig.bound():
        rig.bind.offer([permit(1), permit(2)])
        await settle()
        assert rig.carrier.throttle.rate == 50
        assert rig.carrier.throttle.available(trio.current_time()) == 0
        assert rig.carrier.verdict(rig.ledger.outcomes[0].status) is Verdict.THROTTLE
        rig.smsc.submit_status = Status.ESME_RINVDSTADR
        await trio.sleep(1.5)
        rate = rig.carrier.throttle.rate
        rig.bind.offer([permit(3)])
        await settle()
        assert rig.carrier.throttle.rate == rate
        assert rig.ledger.fates == dict.fromkeys((1, 2, 3), Fate.REJECTED)
        assert "acme" in repr(rig.carrier)


@pytest.mark.checklist("D4")
async def test_a_complaint_is_remembered_by_the_carrier_and_outlives_the_session(autojump_clock: MockClock) -> None:
    rig = Rig(max_per_second=100, binds=2, reconnect_gap_s=0.1)
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", Status.ESME_RTHROTTLED)
    async with rig.bound():
        complained = trio.current_time()
        rig.bind.offer([permit(1)])
        await settle()
        for wire in list(rig.wires):
            wire.close()
        await trio.sleep(0.5)
        assert len(rig.smscs) == 4
        assert all(bind.can_submit for bind in rig.carrier.binds)
        assert rig.carrier.throttle.rate == 50
        assert rig.carrier.throttle.available(trio.current_time()) == 0
        assert rig.carrier.throttle.next_at(trio.current_time()) == complained + PAUSE_S


async def test_metrics_follow_a_binds_life(autojump_clock: MockClock) -> None:
    metrics = Metrics()
    rig = Rig(observer=MetricsObserver(metrics))
    rig.prepare = lambda smsc: setattr(smsc, "submit_status", None)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await trio.sleep(1)
        shown = metrics.exposition().decode()
        assert 'gateway_bind_up{bind="acme/0",carrier="acme"} 1.0' in shown
        assert 'gateway_window_used{bind="acme/0"} 1.0' in shown
        assert 'gateway_window_size{bind="acme/0"} 100.0' in shown
        rig.bind.close_now("test")
        shown = metrics.exposition().decode()
        assert 'gateway_bind_up{bind="acme/0",carrier="acme"} 0.0' in shown
        assert 'gateway_window_used{bind="acme/0"} 0.0' in shown


async def test_the_whole_way_over_real_sockets() -> None:
    """Bind, text, ack, submit, response, cut, bind again, drain: no clock jumps, no wire in memory."""
    ledger = Ledger(answer=Ledger.ack_all)
    smscs: list[Smsc] = []
    up = trio.lowlevel.ParkingLot()

    async def serve(stream: trio.SocketStream) -> None:
        smsc = Smsc(SocketWire(socket.socket(fileno=stream.socket.detach())))
        smscs.append(smsc)
        up.unpark_all()
        try:
            await smsc.run()
        finally:
            smsc.wire.close()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        options = CarrierOptions(name="acme", port=listener.socket.getsockname()[1], reconnect_gap_s=0.1)
        carrier = Carrier(options, inward=ledger, clock=SystemClock(), life="gw1-1", region_of=lambda line: "US")
        nursery.start_soon(carrier.run)
        bind = carrier.binds[0]

        async def until_up(count: int) -> Smsc:
            while len(smscs) < count:
                await up.park()
            await smscs[-1].until(lambda: smscs[-1].session.bound)
            await ledger.until(lambda: bind.can_submit)
            return smscs[-1]

        smsc = await until_up(1)
        await smsc.text("JOIN")
        bind.offer([permit(number) for number in range(60)])
        await smsc.until(lambda: len(smsc.submits) == 60 and bool(smsc.responses))
        smsc.wire.close()
        smsc = await until_up(2)
        await smsc.text("STOP")
        await smsc.until(lambda: bool(smsc.responses))
        await carrier.stop()
        nursery.cancel_scope.cancel()
    assert ledger.texts == ["JOIN", "STOP"]
    assert set(ledger.fates) == set(range(60))
    assert set(ledger.fates.values()) <= {Fate.ACCEPTED, Fate.UNCERTAIN}
    assert [session.rsplit("-", 1)[1] for session, _ in ledger.acks] == ["1", "2"]
    assert ledger.states[-1] is BindState.DOWN
    assert smsc.kinds["PeerUnbind"] == 1
