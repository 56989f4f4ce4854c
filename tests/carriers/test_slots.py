"""Permits that wait ahead of the window: as many as the carrier answers, never in its stead, never for long."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.carriers.interface import BindPort
from gateway.carriers.slots import PERIOD_S, Slots
from gateway.carriers.wire import WireError
from gateway.model.permit import Fate, Outcome
from tests.carriers.rig import Rig, settle
from tests.kit.permits import permit
from tests.kit.smsc import Smsc

LONG = 1_000_000


def silent(smsc: Smsc) -> None:
    smsc.submit_status = None


def test_nobody_waits_ahead_of_a_carrier_that_has_not_answered() -> None:
    slots = Slots(8, 2)
    assert (slots.free(0, 0, 5.0), slots.free_urgent(0, 5.0)) == (7, 8)
    assert (slots.free(7, 0, 5.0), slots.free_urgent(7, 5.0)) == (0, 1)


@pytest.mark.parametrize("after, ahead", [(0.0, 2), (PERIOD_S, 2), (2 * PERIOD_S - 0.01, 2), (2 * PERIOD_S, 0)])
def test_answers_are_remembered_for_two_periods(after: float, ahead: int) -> None:
    slots = Slots(100, 25)
    slots.answered(2, 10.0)
    assert slots.ahead(10.0 + after) == ahead


def test_the_period_before_counts_while_the_next_one_fills() -> None:
    slots = Slots(100, 25)
    slots.answered(20, 10.0)
    slots.answered(3, 10.0 + PERIOD_S)
    assert slots.ahead(10.0 + PERIOD_S) == 20
    slots.answered(1, 10.0 + 2 * PERIOD_S)
    assert slots.ahead(10.0 + 2 * PERIOD_S) == 3
    slots.answered(1, 10.0 + 9 * PERIOD_S)
    assert slots.ahead(10.0 + 9 * PERIOD_S) == 1


@given(
    window=st.integers(1, 300),
    steps=st.lists(st.tuples(st.integers(0, 400), st.floats(0, 3)), max_size=30),
    live=st.integers(0, 500),
    data=st.data(),
)
def test_no_more_fit_than_window_and_what_may_wait_ahead(
    window: int, steps: list[tuple[int, float]], live: int, data: st.DataObject
) -> None:
    slots, now, answers = Slots(window, window // 4), 0.0, [(0, -9.0)]
    for count, later in steps:
        now += later
        slots.answered(count, now)
        answers.append((count, now))
    urgent = data.draw(st.integers(0, live))
    ahead = slots.ahead(now)
    assert 0 <= ahead <= window // 4
    assert ahead <= sum(count for count, at in answers if at > now - 2 * PERIOD_S)
    ordinary, any_kind = slots.free(live, urgent, now), slots.free_urgent(live, now)
    assert 0 <= ordinary <= any_kind <= window + ahead
    assert live + any_kind <= max(live, window + ahead)
    assert ordinary + live - urgent <= max(live - urgent, window + ahead - (window > 1))


async def test_what_waits_ahead_goes_as_answers_come_and_the_window_is_kept(autojump_clock: MockClock) -> None:
    rig = Rig(window=8)
    async with rig.bound():
        rig.bind.offer([permit(number) for number in range(100, 102)])
        await settle()
        silent(rig.smsc)
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (9, 10)
        rig.bind.offer([permit(number) for number in range(9)])
        await settle()
        assert len(rig.smsc.open_submits) == 7, "one slot is kept"
        rig.bind.offer([permit(50, urgent=True)])
        await settle()
        assert [submit.short_message for submit in rig.smsc.submits].count(b"hello") == 10
        assert rig.bind.free_urgent() == 0
        for place, written in ((0, 11), (1, 12)):
            await rig.smsc.answer(rig.smsc.open_submits[place])
            await settle()
            assert len(rig.smsc.submits) == written


async def test_those_whose_life_ends_ahead_of_a_full_window_do_not_stall_the_bind(autojump_clock: MockClock) -> None:
    rig = Rig(window=4)
    async with rig.bound():
        rig.bind.offer([permit(100)])
        await settle()
        silent(rig.smsc)
        rig.bind.offer([permit(number, dies_at=LONG) for number in range(3)] + [permit(3, dies_at=5_003)])
        await settle()
        assert rig.bind.free_slots() == 0
        await trio.sleep(5)
        assert rig.ledger.fates[3] is Fate.RETURNED
        assert (rig.bind.free_slots(), rig.bind.free_urgent()) == (0, 1), "the kept one: it reads, but answers late"
        rig.bind.offer([permit(4, urgent=True, dies_at=LONG)])
        await settle()
        assert len(rig.smsc.submits) == 5


def told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Fate, int]]:
    """Return what traffic will be told of permits, and how many octets had been written by then."""
    found: list[tuple[int, Fate, int]] = []
    settled = rig.ledger.settled

    def listen(bind: BindPort, outcomes: Sequence[Outcome]) -> None:
        found.extend((outcome.permit.id, outcome.fate, len(rig.wire.taken)) for outcome in outcomes)
        settled(bind, outcomes)

    monkeypatch.setattr(rig.ledger, "settled", listen)
    return found


async def one_ahead(rig: Rig) -> int:
    """Fill a window of four, of which one slot is kept, with permits 0 to 2; let 3 wait; return what was written."""
    rig.bind.offer([permit(100)])
    await settle()
    silent(rig.smsc)
    rig.bind.offer([permit(number) for number in range(4)])
    await settle()
    assert len(rig.smsc.open_submits) == 3
    return len(rig.wire.taken)


async def test_what_waits_ahead_is_written_before_traffic_hears_of_the_answer(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(window=4)
    async with rig.bound():
        before = await one_ahead(rig)
        found = told(rig, monkeypatch)
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await settle()
        assert found == [(0, Fate.ACCEPTED, len(rig.wire.taken))]
        assert len(rig.wire.taken) > before
        assert len(rig.smsc.open_submits) == 4


async def test_an_answer_is_told_where_what_waits_ahead_cannot_be_written(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(window=4)
    async with rig.bound():
        before = await one_ahead(rig)
        found = told(rig, monkeypatch)

        def broken(data: bytes | memoryview) -> int:
            raise WireError("broken pipe")

        monkeypatch.setattr(rig.wire, "send_some", broken)
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await settle()
        # The one that was being written when the wire broke has not begun.
        assert found == [
            (0, Fate.ACCEPTED, before),
            (3, Fate.RETURNED, before),
            (1, Fate.UNCERTAIN, before),
            (2, Fate.UNCERTAIN, before),
        ]


async def test_the_writer_goes_on_where_the_kernel_took_a_part(autojump_clock: MockClock) -> None:
    rig = Rig(window=4)
    async with rig.bound():
        before = await one_ahead(rig)
        rig.wire.allow(5)
        await rig.smsc.answer(rig.smsc.open_submits[0])
        await settle()
        assert len(rig.wire.taken) == before + 5
        rig.wire.allow(None)
        await settle()
        assert len(rig.smsc.open_submits) == 4
