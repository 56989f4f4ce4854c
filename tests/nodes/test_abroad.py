"""An opt-out asks other nodes, and goes on when they have answered, or when their permits can have outlived their life.

Here without a database: what it would say is the test's to choose.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.carriers.interface import BindPort, Revocation
from gateway.model.address import Msisdn
from gateway.model.permit import Fate, Outcome
from gateway.store.errors import StoreUnavailable
from gateway.store.hot_consent import Key
from gateway.store.jobs import Identity, Job
from gateway.store.side import Side
from gateway.store.writer import Writer
from gateway.traffic.abroad import MARGIN_S, Abroad
from gateway.traffic.fence import Fence
from gateway.traffic.gate import SHORT_LIFE_S
from gateway.traffic.voices import FENCE, Voices
from tests.kit.permits import ANNE, BOB, permit
from tests.kit.smsc import TrioClock

ME, OTHER = Identity("gw1", 1, 1), Identity("gw2", 1, 4)


class FakeSide:
    """A database of which one question is asked: ``holders``. What is said on its channel goes to ``wires``."""

    def __init__(self) -> None:
        self.holders: list[tuple[str, int]] = []
        self.gone = False
        self.asked: list[tuple[object, ...]] = []
        self.heard: list[Callable[[str], None]] = []
        self.quiet = False

    def execute(self, sql: str, params: Sequence[object] = ()) -> int:
        raise AssertionError(sql)

    def rows(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        if sql.startswith("select pg_notify"):
            if not self.quiet:
                for hear in self.heard:
                    hear(str(params[1]))
            return []
        self.asked.append(tuple(params))
        return list(self.holders)

    async def run(self, fn: Callable[[Any], Any]) -> Any:
        await trio.lowlevel.checkpoint()
        if self.gone:
            raise StoreUnavailable("gone")
        return fn(self)

    async def listen(self, hear: Callable[[str], None], deaf: Callable[[], None]) -> None:
        self.heard.append(hear)
        deaf()
        await trio.sleep_forever()


class FakeWriter:
    """Commits at once, or fails."""

    def __init__(self) -> None:
        self.fails = False

    def put(self, job: Job[Any]) -> None:
        if self.fails:
            job.failed(StoreUnavailable("gone"))
        else:
            job.done(job.run(cast(Any, None)))


class FakeBind:
    """A bind that holds one permit of Anne's."""

    name = carrier = "acme"

    def __init__(self) -> None:
        self.half_way: trio.Event | None = None
        self.revoked: list[Key] = []

    def revoke(self, line_id: int, subscriber: Msisdn, spare: Any = ()) -> Revocation:
        self.revoked.append((line_id, subscriber))
        return Revocation((permit(1),), self.half_way)


class Node:
    """One node's part of it."""

    def __init__(self, side: FakeSide, me: Identity) -> None:
        self.bind = FakeBind()
        self.settled: list[Outcome] = []
        self.waited: list[float] = []
        self.writer = FakeWriter()
        self.voices = Voices(cast(Side, side), TrioClock(), me)
        self.fence = Fence(lambda: [cast(BindPort, self.bind)], lambda bind, outcomes: self.settled.extend(outcomes))
        self.abroad = Abroad(cast(Side, side), cast(Writer, self.writer), TrioClock(), me, self.voices, self.fence)
        self.abroad.waited = self.waited.append
        self.fence.others = self.abroad

    async def start(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self.voices.run)
        nursery.start_soon(self.abroad.run)
        await wait_all_tasks_blocked()

    async def opt_out(self, *keys: Key) -> float:
        """Narrow these pairs' consent; return how long its ack waits (seconds)."""
        began = trio.current_time()
        pending = self.fence.raise_for(keys)
        await self.fence.stand(pending)
        return trio.current_time() - began


async def test_where_nobody_holds_anything_one_question_is_all(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here = Node(side, ME)
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        assert await here.opt_out((1, ANNE)) == 0
        assert side.asked == [("{1}", f'{{"{ANNE}"}}', "gw1", 1)]
        assert here.abroad.questions == 0
        nursery.cancel_scope.cancel()


async def test_the_other_node_takes_back_what_it_holds_and_answers(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here, there = Node(side, ME), Node(side, OTHER)
    side.holders = [("gw2", 4)]
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        await there.start(nursery)
        assert await here.opt_out((1, ANNE), (2, BOB)) == 0
        assert there.bind.revoked == [(1, ANNE), (2, BOB)]
        assert [outcome.fate for outcome in there.settled] == [Fate.REVOKED] * 2
        assert here.bind.revoked == [(1, ANNE), (2, BOB)]
        nursery.cancel_scope.cancel()


async def test_what_is_half_way_there_is_waited_for(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here, there = Node(side, ME), Node(side, OTHER)
    side.holders = [("gw2", 4)]
    there.bind.half_way = trio.Event()
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        await there.start(nursery)
        pending = here.fence.raise_for([(1, ANNE)])
        await trio.sleep(0.5)
        assert not pending[0].done.is_set()
        there.bind.half_way.set()
        await here.fence.stand(pending)
        assert trio.current_time() < SHORT_LIFE_S
        nursery.cancel_scope.cancel()


async def _lasts_as_long_as_a_permit(here: Node) -> None:
    assert round(await here.opt_out((1, ANNE)), 3) == SHORT_LIFE_S + MARGIN_S
    assert round(here.waited[-1], 3) == SHORT_LIFE_S + MARGIN_S


async def test_who_does_not_answer_is_waited_for_as_long_as_a_permit_lives(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here, there = Node(side, ME), Node(side, OTHER)
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        await there.start(nursery)
        side.gone = True
        await _lasts_as_long_as_a_permit(here)  # nobody can be asked who holds what
        side.gone = False
        side.holders = [("gw3", 1)]
        await _lasts_as_long_as_a_permit(here)  # somebody who is dead
        side.holders = [("gw2", 3)]
        await _lasts_as_long_as_a_permit(here)  # an earlier life of somebody
        side.holders = [("gw2", 4)]
        there.writer.fails = True
        await _lasts_as_long_as_a_permit(here)  # it cannot tell what it has minted
        there.writer.fails = False
        side.quiet = True
        await _lasts_as_long_as_a_permit(here)  # what is said is not heard
        nursery.cancel_scope.cancel()


async def test_many_at_once_are_few_questions(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here, there = Node(side, ME), Node(side, OTHER)
    side.holders = [("gw2", 4)]
    keys = [(line, ANNE) for line in range(1, 251)]
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        await there.start(nursery)
        pending = [item for key in keys[:150] for item in here.fence.raise_for([key])]
        await here.fence.stand(pending)
        assert len(side.asked) == 2
        await here.opt_out(*keys)  # STOP ALL on as many lines: one ack, several messages of the channel
        assert len(side.asked) == 3
        assert sorted(there.bind.revoked) == sorted([*keys[:150], *keys])
        nursery.cancel_scope.cancel()


async def test_what_is_not_for_us_or_makes_no_sense_changes_nothing(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here = Node(side, ME)
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        [hear] = side.heard
        for odd in ("", "{}", "[]", '{"node": "gw2"}', '{"node": "gw2", "life": "x", "kind": "fence"}', "\0"):
            hear(odd)
        hear(json.dumps({"node": "gw2", "life": 4, "kind": "something new"}))
        hear(json.dumps({"node": "gw1", "life": 1, "kind": FENCE, "number": 1, "keys": [[1, ANNE]]}))
        hear(json.dumps({"node": "gw2", "life": 4, "kind": "fenced", "to": ["gw9", 1], "number": 1}))
        hear(json.dumps({"node": "gw2", "life": 4, "kind": "fenced", "to": ["gw1", 1], "number": 99}))
        await wait_all_tasks_blocked()
        assert here.bind.revoked == []
        nursery.cancel_scope.cancel()


async def test_a_place_is_rung_for_now_and_then(autojump_clock: MockClock) -> None:
    side = FakeSide()
    here, there = Node(side, ME), Node(side, OTHER)
    rung: list[Any] = []
    there.voices.on("ring", lambda node, life, message: rung.append(message["places"]))
    async with trio.open_nursery() as nursery:
        await here.start(nursery)
        await there.start(nursery)
        for _ in range(5):
            here.voices.ring([(1, 7, ""), (2, 7, "")])
        await wait_all_tasks_blocked()
        assert rung == [[[1, 7, ""], [2, 7, ""]]]
        await trio.sleep(0.2)
        here.voices.ring([(1, 7, "")])
        await wait_all_tasks_blocked()
        assert len(rung) == 2
        side.gone = True
        here.voices.say("look")  # nobody can be told: it is dropped
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
