"""STOP and START in one breath: wherever they fall among the commits, what was accepted before stays behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import combinations_with_replacement
from pathlib import Path

import pytest
from trio.testing import MockClock

from gateway.model.permit import Fate
from tests.kit.binds import FakeCarrier
from tests.traffic.world import World, settle, world

Step = Callable[[World], Awaitable[None]]


async def accept_two(here: World) -> None:
    await here.send("old 1")
    await here.send("old 2")


async def write(here: World) -> None:
    here.bind.write()


async def half(here: World) -> None:
    if here.bind.waiting:
        here.bind.begin()


async def answer(here: World) -> None:
    here.bind.settle(*here.bind.unanswered[:1])


async def throttle(here: World) -> None:
    here.bind.settle(*here.bind.unanswered[:1], fate=Fate.REJECTED, status=0x58)


async def drop(here: World) -> None:
    here.bind.drop()
    here.bind.come_up()


async def settle_all(here: World) -> None:
    await settle()
    for bind in here.carrier.binds:
        bind.write()
        bind.settle(*bind.unanswered)
    await settle()


SCRIPTS: dict[str, list[Step]] = {
    "plain": [accept_two, write, answer, write, answer],
    "half written": [accept_two, half, write, answer, half, write],
    "throttled": [accept_two, write, throttle, write, throttle, write],
    "dropped": [accept_two, drop, write, drop, write, answer],
}
PLACES = [
    (name, stop, start)
    for name, script in SCRIPTS.items()
    for stop, start in combinations_with_replacement(range(1, len(script) + 1), 2)
]


@pytest.mark.parametrize("settled", [True, False], ids=["step by step", "at once"])
@pytest.mark.parametrize("name, stop, start", PLACES)
async def test_the_old_ones_stay_behind(
    autojump_clock: MockClock, tmp_path: Path, name: str, stop: int, start: int, *, settled: bool
) -> None:
    """``settled``: whether every commit is over before the next step, or steps fall into the same batch."""
    async with world(tmp_path, [FakeCarrier(binds=2)]) as here:
        binds = here.carrier.binds
        stops: list[int] = []
        at_ack: list[list[int]] = []

        def answered(sequence: int, status: int) -> None:
            if stops == [sequence]:
                assert status == 0
                assert not any(b"old" in p.body for bind in binds for p in [*bind.waiting, bind.half] if p)
                at_ack.append([len(bind.written) for bind in binds])

        binds[1].on_answer = answered
        for number, step in enumerate([*SCRIPTS[name], settle_all]):
            if number == stop:
                stops += here.say("STOP", bind=binds[1])
            if number == start:
                here.say("START", bind=binds[1])
            if settled:
                await settle()
            await step(here)
        for _ in range(8):
            await settle_all(here)
        (counts,) = at_ack
        for bind, count in zip(binds, counts, strict=True):
            assert not any(b"old" in p.body for p in bind.written[count:])
        assert len({p.message_id for bind in binds for p in bind.written if b"unsubscribed" in p.body}) == 1
        fresh = await here.send("new")
        await settle()
        assert [p.message_id for bind in binds for p in bind.waiting] == [fresh], "what is accepted now goes"
