"""Leave to hold a bind: nothing begins without it, and nothing more is written once it is over."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.interface import BindState
from gateway.carriers.tenure import LOST
from gateway.model.permit import Fate
from tests.carriers.rig import Rig, settle
from tests.kit.permits import permit
from tests.kit.smsc import Ledger, TrioClock
from tests.kit.tenure import FakeTenure


class Office:
    """Hands out a tenure to each number, and remembers it."""

    def __init__(self) -> None:
        self.of: dict[int, FakeTenure] = {}

    def __call__(self, carrier: str, number: int) -> FakeTenure:
        assert carrier == "acme"
        self.of[number] = FakeTenure()
        return self.of[number]


async def test_a_bind_begins_when_it_may_and_is_closed_when_it_may_no_longer(autojump_clock: MockClock) -> None:
    office = Office()
    rig = Rig(tenures=office)
    async with rig.running():
        await settle()
        assert rig.dialled == []
        office.of[0].grant()
        await settle()
        assert rig.bind.bound
        first = rig.bind.session
        office.of[0].lose()
        await settle()
        assert (rig.bind.bound, rig.bind.row().detail) == (False, LOST)
        assert office.of[0].returns == 1
        await trio.sleep(600)
        assert len(rig.dialled) == 1
        office.of[0].grant()
        await settle()
        assert rig.bind.bound
        assert rig.bind.session != first


async def test_a_pair_has_one_leave_and_each_number_its_own(autojump_clock: MockClock) -> None:
    office = Office()
    rig = Rig(tenures=office, mode="transmitter+receiver", binds=2)
    async with rig.running():
        office.of[1].grant()
        await settle()
        assert [bind.bound for bind in rig.carrier.binds] == [False, False, True, True]


async def test_what_waits_is_returned_and_what_was_written_is_uncertain(autojump_clock: MockClock) -> None:
    office = Office()
    rig = Rig(tenures=office, window=10)
    async with rig.running():
        office.of[0].grant()
        await settle()
        rig.smsc.submit_status = None
        rig.bind.offer([permit(1)])
        await settle()
        rig.wire.allow(0)
        rig.bind.offer([permit(2)])
        await settle()
        office.of[0].lose()
        await settle()
        assert rig.ledger.fates == {1: Fate.UNCERTAIN, 2: Fate.RETURNED}


async def test_wanted_back_it_is_drained_and_returned(autojump_clock: MockClock) -> None:
    office = Office()
    rig = Rig(tenures=office)
    async with rig.running():
        office.of[0].grant()
        await settle()
        rig.smsc.submit_status = None
        rig.bind.offer([permit(1)])
        await settle()
        office.of[0].ask_back()
        await settle()
        assert rig.bind.state is BindState.DRAINING
        assert office.of[0].returns == 0
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await settle()
        assert rig.ledger.fates == {1: Fate.ACCEPTED}
        assert (rig.bind.state, office.of[0].returns) == (BindState.DOWN, 1)
        office.of[0].grant()
        await settle()
        assert rig.bind.bound


async def test_lost_while_it_drains_it_is_closed(autojump_clock: MockClock) -> None:
    office = Office()
    rig = Rig(tenures=office)
    async with rig.running():
        office.of[0].grant()
        await settle()
        rig.smsc.submit_status = None
        rig.bind.offer([permit(1)])
        await settle()
        office.of[0].ask_back()
        await settle()
        office.of[0].lose()
        await settle()
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}
        assert rig.bind.state is BindState.DOWN


@pytest.mark.parametrize("held", [False, True])
async def test_a_stop_ends_those_that_hold_and_those_that_wait(autojump_clock: MockClock, held: bool) -> None:
    office = Office()
    rig = Rig(tenures=office)
    async with trio.open_nursery() as nursery:
        rig._nursery = nursery
        if held:
            office.of[0].grant()
        ended = trio.Event()

        async def run() -> None:
            await rig.carrier.run()
            ended.set()

        nursery.start_soon(run)
        await settle()
        await rig.carrier.stop()
        await settle()
        assert ended.is_set()
        assert office.of[0].returns == held
        nursery.cancel_scope.cancel()


async def test_nothing_is_written_once_the_time_is_over_not_even_an_ack(autojump_clock: MockClock) -> None:
    """A process that was frozen wakes up with an answer and a permit in its hands."""
    office = Office()
    rig = Rig(tenures=office)
    async with rig.running():
        office.of[0].grant()
        await settle()
        await rig.smsc.text("STOP")
        await settle()
        [text] = rig.ledger.arrivals
        written = len(rig.wire.taken)
        office.of[0].limit = TrioClock().boot()
        rig.bind.acknowledge(text.session, [(text.sequence, 0)])
        rig.bind.offer([permit(1)])
        await settle()
        assert len(rig.wires[0].taken) == written
        assert rig.bind.row().detail == LOST
        assert rig.ledger.fates == {1: Fate.RETURNED}


async def test_a_submit_that_is_half_way_when_its_permit_dies_ends_the_session(autojump_clock: MockClock) -> None:
    office = Office()
    rig = Rig(tenures=office)
    rig.ledger.answer = Ledger.ack_all
    async with rig.running():
        office.of[0].grant()
        await settle()
        rig.wire.allow(10)
        rig.bind.offer([permit(1, dies_at=TrioClock().boot() + 2)])
        await settle()
        written = len(rig.wire.taken)
        await trio.sleep(1)
        rig.wire.allow(1)
        await settle()
        assert len(rig.wire.taken) == written + 1  # while it lives it goes on
        await trio.sleep(1.5)
        rig.wires[0].allow(None)
        await settle()
        assert len(rig.wires[0].taken) == written + 1
        assert rig.ledger.fates == {1: Fate.UNCERTAIN}


async def test_its_part_of_the_rate_follows_what_others_hold(autojump_clock: MockClock) -> None:
    rig = Rig(tenures=Office(), max_per_second=100, binds=2)
    rig.carrier.share(0.5)
    assert rig.carrier.throttle.rate == 50
    rig.carrier.adopt(rig.carrier.options.model_copy(update={"max_per_second": 40}))
    assert rig.carrier.throttle.rate == 20
    rig.carrier.share(1.0)
    assert rig.carrier.throttle.rate == 40
    rig.carrier.adopt(rig.carrier.options.model_copy(update={"max_per_second": 0}))
    rig.carrier.share(0.25)
    assert rig.carrier.throttle.rate == math.inf
