"""Batches: what a step accepted stays accepted, the rest is said, and a key does exactly the rest."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.refusal import Refusal
from gateway.model.requests import Accepted, Actor, Idempotency, KeyReused, Replayed, SendRequest
from gateway.store.desk import keep_answer
from gateway.store.engines import Handle
from gateway.store.errors import StoreUnavailable
from gateway.store.jobs import Job
from gateway.store.queries import earlier_answer
from gateway.store.tx import Tx
from gateway.traffic import kept, sending
from gateway.traffic.accept import Acceptance, accept
from gateway.traffic.backlog import Headroom
from gateway.traffic.rulebook import RuleBook
from tests.kit.faults import Moment, sqlite_error
from tests.traffic.bench import LINE, book
from tests.traffic.test_hub import Breakable
from tests.traffic.world import ADMIN, World, world

KEY = Idempotency("crm", "k", b"f")
BATCH = [SendRequest(LINE, f"+1212556{n:04}", "hi") for n in range(10)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SEND_STEP", 3)


def words(answers: object) -> list[str]:
    """Each answer in a word: ``ok``, or why not."""
    assert isinstance(answers, list)
    return ["ok" if isinstance(answer, Accepted) else str(answer.reason) for answer in answers]


async def queued(here: World) -> list[tuple[Any, ...]]:
    return await here.rows("select count(*), count(distinct subscriber) from message where direction = 1")


def before_step(here: World, number: int, act: Any) -> None:
    """Do ``act`` when step ``number`` (from 1) is given to the writer."""
    put, seen = here.store.writer.put, list[str]()

    def noticing(job: Job[Any]) -> None:
        seen.append(job.name)
        if job.name == "send" and seen.count("send") == number:
            act()
        put(job)

    here.store.writer.put = noticing  # type: ignore[method-assign]  # the writer of this test


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("code, why", [(sqlite3.SQLITE_IOERR, "unavailable"), (sqlite3.SQLITE_FULL, "storage-full")])
async def test_a_batch_that_fails_halfway_says_what_was_accepted(
    autojump_clock: MockClock, tmp_path: Path, code: int, why: str, key: Idempotency | None
) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, dispatching=False) as here:
        before_step(here, 3, lambda: store.breaks(code))
        answers = await here.desk.send(BATCH, ADMIN, key)
        assert words(answers) == ["ok"] * 6 + [why] * 4
        assert isinstance(answers, list)
        assert {answer.detail for answer in answers if isinstance(answer, Refusal)} == {
            "The gateway could not store this message; send it again."
        }
        store.mended()
        assert await queued(here) == [(6, 6)]
        assert f'gateway_refusals_total{{reason="{why}"}} 4.0' in here.metrics.exposition().decode()
        if key is not None:
            again = await here.desk.send(BATCH, ADMIN, key)
            assert words(again) == ["ok"] * 10
            assert isinstance(again, list)
            assert again[:6] == answers[:6], "what was done keeps its answer"
            assert await queued(here) == [(10, 10)]
            assert await here.desk.send(BATCH, ADMIN, key) == Replayed(tuple(again))


@pytest.mark.parametrize("moment", Moment)
async def test_where_nobody_knows_it_is_said_and_the_key_knows(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: Moment
) -> None:
    """The commit of the second step fails, before it happened or after."""
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, dispatching=False) as here:
        commit = store.engine.commit

        def failing(handle: Handle) -> None:
            monkeypatch.setattr(store.engine, "commit", commit)
            if moment is Moment.AFTER:
                commit(handle)
            raise sqlite_error(sqlite3.SQLITE_IOERR)

        before_step(here, 2, lambda: monkeypatch.setattr(store.engine, "commit", failing))
        answers = await here.desk.send(BATCH, ADMIN, KEY)
        assert words(answers) == ["ok"] * 3 + ["unavailable"] * 7
        assert isinstance(answers, list)
        details = [answer.detail for answer in answers if isinstance(answer, Refusal)]
        assert ["may be queued" in detail for detail in details] == [True] * 3 + [False] * 4
        assert await queued(here) == [(6, 6) if moment is Moment.AFTER else (3, 3)]
        assert words(await here.desk.send(BATCH, ADMIN, KEY)) == ["ok"] * 10
        assert await queued(here) == [(10, 10)]


@pytest.mark.parametrize("requests", [BATCH, [SendRequest(LINE, "x", "hi")] * 3 + BATCH], ids=["first", "refused"])
@pytest.mark.parametrize("key", [None, KEY])
async def test_where_nothing_was_accepted_the_whole_batch_fails(
    autojump_clock: MockClock, tmp_path: Path, requests: list[SendRequest], key: Idempotency | None
) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, dispatching=False) as here:
        before_step(here, 1 if requests is BATCH else 2, store.breaks)
        with pytest.raises(StoreUnavailable, match="nothing of it is stored"):
            await here.desk.send(requests, ADMIN, key)
        store.mended()
        assert await queued(here) == [(0, 0)]
        assert (
            words(await here.desk.send(requests, ADMIN, key)) == ["not-a-number"] * (len(requests) - 10) + ["ok"] * 10
        )


async def test_a_bug_halfway_is_counted_and_sends_nothing_twice(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, dispatching=False) as here:

        def broken(tx: Tx, requests: Sequence[SendRequest], actor: Actor, book: RuleBook, room: Headroom) -> Acceptance:
            if BATCH[4] in requests:
                raise ValueError("our bug")
            return accept(tx, requests, actor, book, room)

        monkeypatch.setattr(sending, "accept", broken)
        assert words(await here.desk.send(BATCH, ADMIN)) == ["ok"] * 3 + ["unavailable"] * 7
        assert 'gateway_internal_errors_total{where="send"} 1.0' in here.metrics.exposition().decode()
        with pytest.raises(ValueError, match="our bug"):
            await here.desk.send(BATCH[4:], ADMIN)


async def test_a_full_queue_halfway_is_asked_again_and_each_answer_is_written_once(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path, rules=book(max_backlog=5), dispatching=False) as here:
        first = await here.desk.send(BATCH, ADMIN, KEY)
        assert words(first) == ["ok"] * 5 + ["backlog-full"] * 5
        here.book = book(max_backlog=8)
        assert words(await here.desk.send(BATCH, ADMIN, KEY)) == ["ok"] * 8 + ["backlog-full"] * 2
        here.book = book(max_backlog=100)
        last = await here.desk.send(BATCH, ADMIN, KEY)
        assert words(last) == ["ok"] * 10
        assert await here.desk.send(BATCH, ADMIN, KEY) == Replayed(tuple(last))  # type: ignore[arg-type]  # a list
        assert await queued(here) == [(10, 10)]
        bodies = [json.loads(body)["answers"] for (body,) in await here.rows("select body from idempotency")]
        assert sorted(int(place) for body in bodies for place in body) == list(range(10))
        assert await here.desk.send(BATCH, ADMIN, Idempotency("crm", "k", b"other")) == KeyReused()


async def test_a_keyed_batch_costs_what_it_is_long(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Octets read and written under the key, for a batch and one of four times its length."""
    moved = 0

    def keep(tx: Tx, request: Idempotency, status: int, body: str) -> None:
        nonlocal moved
        moved += len(body)
        keep_answer(tx, request, status, body)

    def earlier(tx: Tx, token: str, key: str) -> tuple[bytes, int, str] | None:
        nonlocal moved
        found = earlier_answer(tx, token, key)
        moved += len(found[2]) if found else 0
        return found

    monkeypatch.setattr(kept, "keep_answer", keep)
    monkeypatch.setattr(kept, "earlier_answer", earlier)
    async with world(tmp_path, dispatching=False) as here:
        costs = []
        for steps in (10, 40):
            moved = 0
            await here.desk.send([*BATCH[:3]] * steps, ADMIN, Idempotency("crm", f"k{steps}", b"f"))
            costs.append(moved)
    assert costs[1] < 5 * costs[0]


async def test_a_key_that_was_forgotten_begins_anew(autojump_clock: MockClock, tmp_path: Path) -> None:
    """Its first part was forgotten, a later one is still there: it belongs to an earlier life of the key."""
    async with world(tmp_path, dispatching=False) as here:
        first = await here.desk.send(BATCH, ADMIN, KEY)
        await trio.sleep(1)
        await here.tx(lambda tx: tx.execute("delete from idempotency where key = ?", (KEY.key,)))
        again = await here.desk.send(BATCH, ADMIN, KEY)
        assert words(again) == ["ok"] * 10
        assert isinstance(first, list)
        assert isinstance(again, list)
        assert not set(first) & set(again)
        assert await here.desk.send(BATCH, ADMIN, KEY) == Replayed(tuple(again))


async def test_keys_that_begin_alike_are_different_keys(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, dispatching=False) as here:
        for number, key in enumerate(("k", "k1", "k-1"), start=1):
            assert words(await here.desk.send(BATCH, ADMIN, Idempotency("crm", key, b"f"))) == ["ok"] * 10
            assert await queued(here) == [(10 * number, 10)]


async def test_batches_take_turns_at_the_writer(autojump_clock: MockClock, tmp_path: Path) -> None:
    """However many send at once: a text that comes waits for one step at most, and no client for another's batch."""
    async with world(tmp_path, dispatching=False) as here:
        put, steps = here.store.writer.put, list[str]()
        waiting = 0

        def noticing(job: Job[Any]) -> None:
            nonlocal waiting
            waiting += 1
            assert waiting == 1

            def run(tx: Tx) -> Any:
                step = job.run(tx)
                steps.append(tx.rows("select ref from message order by id desc limit 1")[0][0])
                return step

            def done(step: Any) -> None:
                nonlocal waiting
                waiting -= 1
                job.done(step)

            put(replace(job, run=run, done=done))

        here.store.writer.put = noticing  # type: ignore[method-assign]  # the writer of this test
        async with trio.open_nursery() as nursery:
            for client in "abc":
                nursery.start_soon(here.desk.send, [replace(request, ref=client) for request in BATCH], ADMIN)
        assert [sorted(steps[at : at + 3]) for at in range(0, 12, 3)] == [["a", "b", "c"]] * 4


async def test_a_step_that_fails_ends_its_turn(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, dispatching=False) as here:
        before_step(here, 1, store.breaks)
        before_step(here, 2, store.mended)
        answers: list[str] = []

        async def client() -> None:
            try:
                answers.extend(words(await here.desk.send(BATCH[:1], ADMIN)))
            except StoreUnavailable:
                answers.append("not stored")

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(client)
        assert answers == ["not stored", "ok", "ok"]
