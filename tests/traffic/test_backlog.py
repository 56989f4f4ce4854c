"""The limit on what waits: what counts, who is refused, when to come back, and how the number is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.address import Msisdn
from gateway.model.messages import Lane
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import SendRequest
from gateway.store import backlog as stored
from gateway.traffic.backlog import LONGEST_S, LOOK_S, UNKNOWN_S, Headroom
from gateway.traffic.rulebook import LineEntry, RuleBook
from tests.traffic.bench import ANNE, LINE, LINE_ID, OTHER, OTHER_ID, book, line_options
from tests.traffic.test_claims import subscribers
from tests.traffic.world import ADMIN, World, settle, world

BULK, NORMAL = Lane.BULK, Lane.NORMAL


def limited(most: int = 100, of_line: int = 0) -> tuple[RuleBook, LineEntry]:
    rules = book(line_options(max_backlog=of_line), max_backlog=most)
    return rules, rules.by_id[LINE_ID]


@pytest.mark.parametrize(
    "waiting, of_line, lane, full",
    [
        (99, 0, NORMAL, False),
        (100, 0, NORMAL, True),
        (89, 0, BULK, False),
        (90, 0, BULK, True),  # a tenth is for those who type
        (9, 10, NORMAL, False),
        (10, 10, NORMAL, True),
        (8, 10, BULK, False),
        (9, 10, BULK, True),
        (1, 1, BULK, True),
    ],
)
def test_who_is_refused(waiting: int, of_line: int, lane: Lane, full: bool) -> None:
    rules, entry = limited(of_line=of_line)
    refusal = Headroom(rules, waiting, {LINE_ID: waiting}).refusal(lane, entry)
    assert (refusal is not None) is full
    if refusal:
        assert refusal.reason is Reason.BACKLOG_FULL
        assert (f"line {LINE}" in refusal.detail) is bool(of_line)


def test_a_step_uses_up_what_there_is() -> None:
    rules, entry = limited(12, 2)
    room = Headroom(rules, 10)
    for _ in range(2):
        assert room.refusal(NORMAL, entry) is None
        room.take(entry)
    refusal = room.refusal(NORMAL, entry)
    assert refusal is not None
    assert "The queue of line 85700 holds 2 messages; its limit is 2." in refusal.detail


@pytest.mark.parametrize(
    "per_second, seconds", [(0.0, UNKNOWN_S), (0.001, LONGEST_S), (1.0, 100), (33.0, 4), (1000.0, 1)]
)
def test_when_to_come_back_is_told_by_how_fast_messages_go(per_second: float, seconds: int) -> None:
    rules, entry = limited(10_000)
    refusal = Headroom(rules, 10_000, per_second=per_second).refusal(NORMAL, entry)
    assert refusal is not None
    assert refusal.retry_after_s == seconds
    assert refusal.detail.endswith(f"in {seconds} s.")


def kinds(results: Any) -> list[str]:
    return [str(item.reason) if isinstance(item, Refusal) else "ok" for item in results]


async def ask(here: World, *to: Msisdn, line: str = LINE, lane: Lane = NORMAL) -> list[str]:
    return kinds(await here.desk.send([SendRequest(line, who, "hi", lane) for who in to], ADMIN))


async def test_a_line_has_a_limit_of_its_own(autojump_clock: MockClock, tmp_path: Path) -> None:
    rules = book(line_options(max_backlog=3), line_options(OTHER), max_backlog=5)
    async with world(tmp_path, rules=rules, up=False) as here:
        assert await ask(here, *subscribers(4)) == ["ok"] * 3 + ["backlog-full"]
        assert await ask(here, *subscribers(3), line=OTHER) == ["ok"] * 2 + ["backlog-full"]


async def test_replies_take_no_room_and_are_never_refused(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, rules=book(max_backlog=2), up=False) as here:
        assert await ask(here, *subscribers(2)) == ["ok"] * 2
        here.say("JOIN", "HELP", "STOP")
        await settle()
        waiting = await here.rows("select lane, count(*) from message where state = 0 group by lane")
        assert dict(waiting)[Lane.URGENT] == 2, "HELP and the confirmation"
        await trio.sleep(LOOK_S + 1)
        await here.janitor.round()
        assert here.backlog.room(here.book).queued == 2


async def test_what_goes_makes_room_at_once(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, rules=book(max_backlog=2)) as here:
        assert await ask(here, *subscribers(2)) == ["ok"] * 2
        await settle()
        assert sum(map(here.backlog.depth, Lane)) == 0
        assert await ask(here, *subscribers(2)) == ["ok"] * 2


async def test_what_others_do_is_known_at_the_next_look(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, rules=book(max_backlog=2), up=False) as here:
        assert await ask(here, *subscribers(3)) == ["ok", "ok", "backlog-full"]
        await here.tx(lambda tx: tx.execute("update message set state = 9"))
        await here.backlog.look()
        assert await ask(here, ANNE) == ["backlog-full"], "it is too soon to count again"
        await trio.sleep(LOOK_S)
        await here.backlog.look()
        assert await ask(here, ANNE) == ["ok"]
        assert here.backlog.depth(NORMAL) == 1


async def test_what_is_accepted_while_it_is_counted_counts_once(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "go_on", lambda source, walk, on=stored.go_on: on(source, walk, 25))
    async with world(tmp_path, up=False) as here:
        await ask(here, *subscribers(40))
        assert here.backlog.depth(NORMAL) == 40
        await trio.sleep(LOOK_S)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.backlog.look)
            for _ in range(3):  # it has begun
                await trio.lowlevel.checkpoint()
            await ask(here, *subscribers(7), lane=BULK)
        assert (here.backlog.depth(NORMAL), here.backlog.depth(BULK)) == (40, 7)


async def test_nobody_is_accepted_before_it_was_counted(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A start does not wait for the count; the first request does."""
    async with world(tmp_path, up=False) as here:
        await ask(here, *subscribers(5))
    async with world(tmp_path, rules=book(max_backlog=6), up=False) as here:
        assert here.backlog.depth(NORMAL) == 0
        assert await ask(here, *subscribers(2)) == ["ok", "backlog-full"]


async def test_how_fast_it_goes(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert here.backlog.per_second == 0
        for who in subscribers(120):
            await ask(here, who)
            await settle()
            here.bind.settle(*here.bind.write())
            await trio.sleep(0.5)
        assert here.backlog.per_second == pytest.approx(2, abs=0.1)
        await trio.sleep(30)
        assert here.backlog.per_second == pytest.approx(1, abs=0.1)
        await trio.sleep(31)
        assert here.backlog.per_second == 0


async def test_a_status_of_a_big_queue_is_what_was_counted(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, up=False) as here:
        await ask(here, *subscribers(40))
        await ask(here, ANNE, line=OTHER, lane=BULK)
        at = here.clock.wall()
        exact = (await here.desk.readiness()).queue
        assert [(row.queued, row.oldest_at) for row in exact] == [(0, None), (0, None), (40, at), (1, at)]
        await here.tx(lambda tx: tx.execute("update message set state = 9 where line_id = ?", (OTHER_ID,)))
        monkeypatch.setattr(stored, "go_on", lambda source, walk, on=stored.go_on: on(source, walk, 30))
        known = (await here.desk.readiness()).queue
        assert [(row.queued, row.oldest_at) for row in known] == [(0, None), (0, None), (40, at), (1, None)]
