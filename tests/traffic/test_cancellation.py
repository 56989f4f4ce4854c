"""The process ends at any checkpoint: a text is stored wholly or not at all, and comes again without effect.

One conversation is cut at every step that Trio takes, the store is opened again, and what is not acked is redelivered.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from gateway.base import Clock, SystemClock
from gateway.model.messages import MessageState
from gateway.model.permit import Fate
from tests.kit.smsc import TrioClock
from tests.traffic.bench import ANNE, fresh
from tests.traffic.world import World, settle, world

TALK = ("JOIN", "STOP", "HELP", "START", "what?")
# How many replies and rows of evidence each text leads to, in this order.
REPLIES = {"JOIN": 2, "STOP": 1, "HELP": 1, "START": 1, "what?": 0}
EVIDENCE = {"JOIN": 2, "STOP": 1, "HELP": 0, "START": 1, "what?": 0}
STATUS = {None: 0, "JOIN": 1, "STOP": 2, "HELP": 2, "START": 1, "what?": 1}


class Cut(trio.abc.Instrument):
    """Cancels the scope at the step number ``at``."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.scope: trio.CancelScope | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.scope is not None:
            self.steps += 1
            if self.steps == self.at:
                self.scope.cancel()


def _note(answered: trio.Event, sequence: int, status: int) -> None:
    answered.set()


async def converse(directory: Path, cut: Cut, acked: list[str], *, threads: bool) -> None:
    """Bring the texts, one after the other is acked, with messages going out in between."""
    with trio.CancelScope() as scope:
        async with world(directory, threads=threads) as here:
            cut.scope = scope
            bind = here.bind
            for text in TALK:
                answered = trio.Event()
                bind.on_answer = partial(_note, answered)
                here.say(text)
                await answered.wait()
                assert bind.answers[-1][2] == 0
                acked.append(text)
                await here.desk.readiness()
                bind.write()
                bind.settle(*bind.unanswered)
            await here.hub.recorded()
            await settle()
            cut.scope = None
    cut.scope = None


async def check(here: World, acked: list[str]) -> list[str]:
    """Hold that the store is consistent; return the texts in the journal."""
    rows = await here.rows("select id, text from message where direction = 0 order by id")
    texts = [text for _, text in rows]
    assert texts == list(TALK[: len(texts)])
    assert len(acked) <= len(texts) <= len(acked) + 1, "what was acked is there"
    for id_, text in rows:
        assert await here.one("select count(*) from message where in_reply_to = ?", id_) == REPLIES[text]
        assert await here.one("select count(*) from evidence where mo_id = ?", id_) == EVIDENCE[text]
    status = await here.rows("select status from consent where subscriber = ?", ANNE)
    assert status == ([(STATUS[texts[-1]],)] if texts else [])
    return texts


async def redeliver(directory: Path, acked: list[str], clock: Clock) -> None:
    """Start again; bring what was not acked, and what the subscriber says next."""
    async with world(directory, clock=clock) as here:
        await settle()
        await check(here, acked)
        assert await here.one("select count(*) from permit where fate = ? and life < 2", Fate.LIVE) == 0
        for text in TALK[len(acked) :]:
            here.say(text)
            await settle()
        assert await check(here, list(TALK)) == list(TALK), "nothing twice"
        for _ in range(6):
            here.bind.write()
            here.bind.settle(*here.bind.unanswered)
            await settle()
        left = await here.rows("select distinct state from message where direction = 1")
        assert {state for (state,) in left} <= {MessageState.SENT, MessageState.REFUSED, MessageState.UNCERTAIN}
        doubled = "select count(*) from permit where fate = ? group by message_id having count(*) > 1"
        assert not await here.rows(doubled, Fate.ACCEPTED)


def cut_at(step: int, *, threads: bool = False) -> int:
    """Cut the conversation there and start again; return how many steps it took."""
    cut, acked = Cut(step), list[str]()
    with fresh() as directory:
        clock = None if threads else MockClock(autojump_threshold=0)

        async def first() -> None:
            await converse(directory, cut, acked, threads=threads)

        async def second() -> None:
            await redeliver(directory, acked, SystemClock() if threads else TrioClock())

        trio.run(first, instruments=[cut], clock=clock)
        trio.run(second, clock=MockClock(autojump_threshold=0))
    return cut.steps


def steps() -> Iterator[int]:
    """Yield every step number of the whole conversation."""
    yield from range(1, cut_at(0) + 1)


@pytest.mark.parametrize("part", range(4))
def test_cut_at_every_checkpoint(part: int) -> None:
    for step in list(steps())[part::4]:
        cut_at(step)


def test_cut_with_the_real_writer() -> None:
    """Threads and time are real here, so what is cut differs from run to run; what must hold does not."""
    whole = cut_at(0, threads=True)
    for step in range(1, whole, max(1, whole // 12)):
        cut_at(step, threads=True)
