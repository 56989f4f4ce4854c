"""When turns begin: texts that come one by one share one, and nobody waits for company who has enough, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.traffic.pace import ENOUGH, MOST_S, PERIODS, Pace
from tests.traffic.test_claims import subscribers
from tests.traffic.world import World, settle, world

TIMES = st.floats(0, 1e6)
SPANS = st.floats(0, 10)


def test_a_turn_that_kept_the_loop_busy_is_followed_by_a_rest() -> None:
    pace = Pace()
    pace.begin(100.0)
    pace.run(100.001)
    pace.end(100.0015)
    assert pace.until == pytest.approx(100.0 + PERIODS * 0.001)
    assert pace.rests(100.002, ENOUGH - 1)
    assert not pace.rests(100.002, ENOUGH)
    assert not pace.rests(100.0 + (PERIODS + 0.1) * 0.001, 1)


def test_a_slow_disk_is_pause_enough() -> None:
    pace = Pace()
    pace.begin(100.0)
    pace.run(100.001)
    pace.end(100.02)
    assert not pace.rests(100.02, 1)


@given(at=TIMES, busy=SPANS, commit=SPANS, later=SPANS)
def test_no_rest_is_long(at: float, busy: float, commit: float, later: float) -> None:
    pace = Pace()
    pace.begin(at)
    pace.run(at + busy)
    pace.end(ended := at + busy + commit)
    assert pace.until <= ended + MOST_S
    assert not pace.rests(ended + MOST_S + later, 0)
    pace.begin(ended)
    assert not pace.rests(ended, 0), "it is over once a turn begins"


class Slow(Pace):
    """A turn of the test's clock takes no time; here the next one waits a second."""

    def end(self, now: float) -> None:
        self.until = now + 1.0


async def bring_one_meanwhile(here: World) -> None:
    """Have one more text come while the first one's turn ends; return when it waits."""
    await settle()
    first, second = subscribers(2)
    here.hub._pace = Slow()
    here.store.writer.near = True

    def meanwhile(sequence: int, status: int) -> None:
        if len(here.bind.answers) == 1:
            here.say("hello", subscriber=second)

    here.bind.on_answer = meanwhile
    here.say("hello", subscriber=first)
    await settle()


async def test_what_came_during_a_turn_waits_for_company(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        assert len(here.bind.answers) == 1
        await trio.sleep(0.99)
        assert len(here.bind.answers) == 1
        await trio.sleep(0.02)
        await settle()
        assert len(here.bind.answers) == 2


async def test_enough_waits_for_nobody(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        for who in subscribers(ENOUGH + 1)[2:]:
            here.say("hello", subscriber=who)
        await settle()
        assert len(here.bind.answers) == ENOUGH + 1


async def test_who_texts_when_nothing_is_under_way_does_not_wait(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await settle()
        here.hub._pace = Slow()
        here.store.writer.near = True
        for who in subscribers(3):
            here.say("hello", subscriber=who)
            await settle()
        assert len(here.bind.answers) == 3


async def test_the_end_waits_for_nobody(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        here.store.writer.stop()
        await settle()
        assert len(here.bind.answers) == 2
