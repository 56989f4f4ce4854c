"""What is let go for its age: texts, then messages with their permits; never what is not finished, never evidence."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from pydantic import ValidationError
from trio.testing import MockClock

from gateway.model.messages import MessageState
from gateway.store import retention as stored
from gateway.store.options import StoreOptions
from gateway.store.retention import FINISHED, Mark, blank, delete, find
from gateway.store.tx import Tx
from gateway.traffic import retention
from gateway.traffic.retention import DAY, LOOK_S, Retention, kinds
from tests.traffic.bench import ANNE, BOB, Bench
from tests.traffic.test_claims import subscribers
from tests.traffic.test_hub import Breakable
from tests.traffic.test_reports import counted
from tests.traffic.world import World, settle, world

S = MessageState
INSERT = (
    "insert into message (id, line_id, subscriber, direction, state, text, raw, created_at, updated_at)"
    " values (?, 1, '+12125550101', 1, ?, 'hi', x'6869', 0, ?)"
)


def put(tx: Tx, *rows: tuple[int, MessageState, float]) -> None:
    tx.executemany(INSERT, [(id_, int(state), at) for id_, state, at in rows])
    tx.executemany(
        "insert into permit (id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds,"
        " opt_outs, minted_at, dies_at) values (?, ?, 1, 1, '', '', '', '', 0, 1, 0, 0, 0)",
        [(id_, id_) for id_, _, _ in rows],
    )


@pytest.mark.parametrize("state", list(S))
def test_what_is_finished(bench: Bench, state: MessageState) -> None:
    bench.tx(lambda tx: put(tx, (1, state, 10.0), (2, S.SENT, 10.0)))
    found = bench.tx(lambda tx: find(tx, Mark(), 10.0, 9))
    assert list(found.due) == ([1] if state in FINISHED else []), "and the newest is never deleted"
    assert found.mark == Mark(1, None if state in FINISHED else 1)
    assert (bench.tx(lambda tx: blank(tx, [1])), bench.tx(lambda tx: delete(tx, [1]))) == (
        (1, (1, 1)) if state in FINISHED else (0, (0, 0))
    )
    assert bench.rows("select text, raw from message where id = 2") == [("hi", b"hi")]


def test_a_walk_stops_before_what_is_too_young_but_takes_what_is_behind_it(bench: Bench) -> None:
    """Ids of several nodes are not quite in the order of time."""
    bench.tx(lambda tx: put(tx, *((n, S.SENT, 99.0 if n in (4, 6) else 1.0) for n in range(1, 10))))
    found = bench.tx(lambda tx: find(tx, Mark(), 50.0, 5))
    assert (list(found.due), found.mark.at, found.is_over) == ([1, 2, 3, 5], 3, True)
    first = bench.tx(lambda tx: find(tx, Mark(), 50.0, 3))
    assert (list(first.due), first.mark.at, first.is_over) == ([1, 2, 3], 3, False)
    assert bench.tx(lambda tx: find(tx, Mark(3), 100.0, 50)).is_over


def test_what_is_blanked_is_blanked_once_and_keeps_all_else(bench: Bench) -> None:
    bench.say("JOIN please")
    (mo,) = bench.rows("select * from message where direction = 0")
    assert bench.tx(lambda tx: blank(tx, [mo[0]])) == 1
    assert bench.tx(lambda tx: blank(tx, [mo[0]])) == 0
    (now,) = bench.rows("select * from message where direction = 0")
    assert [(was, is_) for was, is_ in zip(mo, now, strict=True) if was != is_] == [
        ("JOIN please", ""),
        (b"JOIN please", None),
    ]


def lasting(here: World, *, text_days: int, message_days: int = 0) -> Retention:
    options = StoreOptions(text_days=text_days, message_days=message_days)
    return Retention(here.store, here.clock, options, here.metrics)


EVIDENCE = "select kind, text, raw, mo_id from evidence order by id"


async def test_old_texts_are_blanked_old_messages_deleted_and_evidence_stays(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path) as here:
        here.say("JOIN")
        await settle()
        here.bind.settle(*here.bind.write())
        await settle()
        here.bind.settle(*here.bind.write())
        await settle()
        evidence = await here.rows(EVIDENCE)
        assert [row[1:3] for row in evidence] == [("JOIN", b"JOIN")] * 2
        await trio.sleep(10 * DAY)
        late = await here.send("hi", BOB)
        await settle()
        keeper = lasting(here, text_days=9, message_days=30)
        await keeper.round()
        texts = "select text from message order by id"
        assert await here.rows(texts) == [("",), ("",), ("",), ("hi",)]
        assert counted(here, 'gateway_let_go_total{kind="text"}') == 3
        await trio.sleep(25 * DAY)
        await here.send("newest", ANNE)
        await keeper.round()
        assert await here.rows("select id from message where id < ?", late) == []
        assert await here.one("select count(*) from permit where message_id < ?", late) == 0
        assert counted(here, 'gateway_let_go_total{kind="message"}') == 3
        assert counted(here, 'gateway_let_go_total{kind="permit"}') == 2
        assert await here.state(late) is S.SENDING, "it is not finished"
        assert await here.rows(EVIDENCE) == evidence


async def test_what_is_not_finished_in_its_time_is_returned_to(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, dispatching=False) as here:
        first, second, third = [await here.send("hi", who) for who in subscribers(3)]
        ended = f"update message set state = {int(S.EXPIRED)} where id in (?, ?)"  # noqa: S608 - a number
        await here.tx(lambda tx: tx.execute(ended, (second, third)))
        keeper = lasting(here, text_days=1)
        await trio.sleep(2 * DAY)
        await here.send("newest")
        await keeper.round()
        texts = "select text from message order by id"
        assert await here.rows(texts) == [("hi",), ("",), ("",), ("newest",)]
        assert (await here.store.read(lambda source: stored.mark_of(source, "texts"))).skipped == first
        await here.tx(lambda tx: tx.execute(ended, (first, first)))
        await keeper.round()
        assert (await here.rows(texts))[0] == ("hi",)
        await trio.sleep(7 * DAY)
        await keeper.round()
        assert (await here.rows(texts))[0] == ("",)
        assert (await here.store.read(lambda source: stored.mark_of(source, "texts"))).skipped is None


async def test_steps_are_as_long_as_they_may_be_and_others_come_between(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row costs a millisecond here: a step has ten at the least, and a pause nine times its length."""
    sizes: list[int] = []

    def slow(tx: Tx, ids: Sequence[int]) -> int:
        sizes.append(len(ids))
        autojump_clock.jump(0.0001 * len(ids))
        return len(ids)

    monkeypatch.setattr(stored, "blank", slow)
    async with world(tmp_path, dispatching=False) as here:
        at = here.clock.wall()
        await here.tx(lambda tx: put(tx, *((n, S.SENT, at) for n in range(1, 302))))
        await trio.sleep(2 * DAY)
        began = here.clock.monotonic()
        await lasting(here, text_days=1).round()
        took = here.clock.monotonic() - began
    assert sum(sizes) == 300
    assert sizes[:3] == [10, 20, 30], "it learns from each step, and at most doubles"
    assert max(sizes) == 30
    assert took >= 10 * 0.0001 * 300


async def test_a_walk_goes_on_where_it_stopped(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAGE", 4)
    asked: list[int] = []

    def seen(source: Any, mark: Mark, before: float, limit: int) -> Any:
        asked.append(mark.at)
        return find(source, mark, before, limit)

    monkeypatch.setattr(stored, "find", seen)
    async with world(tmp_path, dispatching=False) as here:
        at = here.clock.wall()
        await here.tx(lambda tx: put(tx, *((n, S.SENT, at) for n in range(1, 12))))
        await trio.sleep(2 * DAY)
        await lasting(here, text_days=1).round()
        assert asked == [0, 4, 8]
        assert counted(here, 'gateway_let_go_total{kind="text"}') == 10
        await lasting(here, text_days=1).round()
        assert asked == [0, 4, 8, 10]


async def test_off_duty_nothing_is_let_go(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, dispatching=False) as here:
        at = here.clock.wall()
        await here.tx(lambda tx: put(tx, *((n, S.SENT, at) for n in range(1, 12))))
        await trio.sleep(2 * DAY)
        options = StoreOptions(text_days=1)
        await Retention(here.store, here.clock, options, here.metrics, lambda: False).round()
        assert await here.one("select count(*) from message where text = ''") == 0


async def test_failures_end_a_round_and_not_the_task(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, dispatching=False) as here:
        at = here.clock.wall()
        await here.tx(lambda tx: put(tx, *((n, S.SENT, at) for n in range(1, 3))))
        await trio.sleep(2 * DAY)
        keeper = lasting(here, text_days=1)
        blanked = "select count(*) from message where text = ''"
        assert here.nursery is not None
        store.breaks(sqlite3.SQLITE_FULL)
        here.nursery.start_soon(keeper.run)
        await trio.sleep(1)
        store.mended()
        monkeypatch.setattr(stored, "blank", lambda tx, ids: 1 // 0)
        await trio.sleep(LOOK_S)
        assert counted(here, 'gateway_internal_errors_total{where="retention"}') == 1
        monkeypatch.undo()
        await trio.sleep(LOOK_S)
        assert await here.one(blanked) == 1


async def test_where_all_is_kept_nothing_runs(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        with structlog.testing.capture_logs() as logs:
            await lasting(here, text_days=0).run()
        assert logs == []


def test_what_the_options_say() -> None:
    assert [(kind.name, kind.kept_s) for kind in kinds(StoreOptions())] == [("messages", 1830 * DAY)]
    assert [kind.name for kind in kinds(StoreOptions(text_days=1, message_days=30))] == ["texts", "messages"]
    with pytest.raises(ValidationError, match="must be 0 or at least 30"):
        StoreOptions(message_days=29)
