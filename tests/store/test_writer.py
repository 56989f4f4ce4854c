"""Both writers: order, batches, delivery, the end of it, and what the watchdog reads."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.store.errors import StoreUnavailable
from gateway.store.jobs import Job
from gateway.store.tx import Tx
from gateway.store.writer import Hooks, InlineWriter, ThreadWriter, Writer
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults
from tests.kit.stores import Told, committer, engine_at, migrated, note, noted

pytestmark = pytest.mark.usefixtures("store_engine")

KINDS = [InlineWriter, ThreadWriter]
both = pytest.mark.parametrize("kind", KINDS, ids=["inline", "thread"])


def make(kind: Any, directory: Path, clock: FakeClock | None = None, **options: Any) -> Writer:
    clock = clock or FakeClock()
    engine = migrated(directory)
    writer: Writer = kind(committer(engine, clock), clock, **{"max_batch": 100} | options)
    return writer


@asynccontextmanager
async def serving(writer: Writer) -> AsyncIterator[Writer]:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.serve)
            yield writer
            writer.stop()


@both
async def test_a_result_comes_after_its_commit(kind: Any, tmp_path: Path) -> None:
    async with serving(make(kind, tmp_path)) as writer:
        assert await writer.run(note("a"), "note") == "a"
        assert noted(tmp_path) == {"a": 2}


@both
async def test_a_jobs_error_comes_to_its_caller_as_it_is(kind: Any, tmp_path: Path) -> None:
    def spoiled(_tx: Any) -> None:
        raise ValueError("spoiled")

    async with serving(make(kind, tmp_path)) as writer:
        with pytest.raises(ValueError, match="spoiled"):
            await writer.run(spoiled, "spoiled")


@both
async def test_what_waits_together_is_committed_together_and_told_in_order(kind: Any, tmp_path: Path) -> None:
    commits: list[int] = []
    told = Told()
    writer = make(kind, tmp_path, hooks=Hooks(committed=lambda _seconds, jobs: commits.append(jobs)))
    for name in "abcdef":
        writer.put(told.job(name, note(name)))
    assert writer.waiting == 6
    assert told.events == []
    async with serving(writer):
        assert await writer.run(note("g"), "g") == "g"
        assert writer.waiting == 0
    assert [name for _, name, _ in told.events] == list("abcdef")
    assert sum(commits) == 7
    assert commits[0] >= 6


@both
async def test_a_batch_has_an_upper_bound(kind: Any, tmp_path: Path) -> None:
    commits: list[int] = []
    told = Told()
    writer = make(kind, tmp_path, max_batch=4, hooks=Hooks(committed=lambda _seconds, jobs: commits.append(jobs)))
    for number in range(10):
        writer.put(told.job(str(number), note(str(number))))
    writer.stop()
    await writer.serve()
    assert commits == [4, 4, 2]
    assert [name for _, name, _ in told.events] == [str(number) for number in range(10)]


@both
async def test_all_of_a_batch_is_told_before_any_task_sees_a_result(kind: Any, tmp_path: Path) -> None:
    told = Told()
    seen: list[int] = []
    first_done = trio.Event()

    async def onlooker() -> None:
        await first_done.wait()
        seen.append(len(told.events))

    def first(_result: Any) -> None:
        told.events.append(("done", "a", None))
        first_done.set()

    writer = make(kind, tmp_path)
    job = told.job("a", note("a"))
    writer.put(type(job)(job.run, first, job.failed, job.name))
    for name in "bcd":
        writer.put(told.job(name, note(name)))
    async with serving(writer), trio.open_nursery() as nursery:
        nursery.start_soon(onlooker)
    assert seen == [4]


@both
async def test_jobs_put_while_results_are_told_join_a_later_batch(kind: Any, tmp_path: Path) -> None:
    told = Told()
    writer = make(kind, tmp_path)
    job = told.job("a", note("a"))
    writer.put(type(job)(job.run, lambda _result: writer.put(told.job("b", note("b"))), job.failed, job.name))
    async with serving(writer):
        assert await writer.run(note("c"), "c") == "c"
        assert await writer.run(note("d"), "d") == "d"
    assert ("done", "b", "b") in told.events


@both
async def test_stopping_finishes_what_waits_and_refuses_the_rest(kind: Any, tmp_path: Path) -> None:
    told = Told()
    writer = make(kind, tmp_path)
    writer.put(told.job("a", note("a")))
    writer.stop()
    writer.stop()
    writer.put(told.job("late", note("late")))
    assert [event[:2] for event in told.events] == [("failed", "late")]
    assert isinstance(told.events[0][2], StoreUnavailable)
    await writer.serve()
    assert told.events[1] == ("done", "a", "a")
    with pytest.raises(StoreUnavailable, match="the gateway is stopping"):
        await writer.run(note("b"), "b")
    assert noted(tmp_path) == {"a": 2}


@both
async def test_cancelled_it_still_finishes_what_waits(kind: Any, tmp_path: Path) -> None:
    told = Told()
    writer = make(kind, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.serve)
        await writer.run(note("a"), "a")
        writer.put(told.job("b", note("b")))
        nursery.cancel_scope.cancel()
    assert told.events == [("done", "b", "b")]
    assert noted(tmp_path) == {"a": 2, "b": 2}


@both
async def test_a_cancelled_caller_does_not_undo_its_job(kind: Any, tmp_path: Path) -> None:
    async with serving(make(kind, tmp_path)) as writer:
        with trio.CancelScope() as scope:
            scope.cancel()
            await writer.run(note("a"), "a")
        await writer.run(note("b"), "b")
        assert set(noted(tmp_path)) == {"a", "b"}


@both
async def test_a_callback_that_raises_is_a_bug_that_costs_nobody_else_the_answer(kind: Any, tmp_path: Path) -> None:
    told = Told()

    def buggy(_result: Any) -> None:
        raise ZeroDivisionError("a bug of ours")

    writer = make(kind, tmp_path)
    job = told.job("a", note("a"))
    writer.put(type(job)(job.run, buggy, job.failed, job.name))
    writer.put(told.job("b", note("b")))
    with pytest.raises(ExceptionGroup, match="could not be told") as raised:
        await writer.serve()
    assert isinstance(raised.value.exceptions[0], ZeroDivisionError)
    assert told.events == [("done", "b", "b")]
    assert writer.waiting == 0


@both
async def test_failures_are_counted_by_kind(kind: Any, tmp_path: Path) -> None:
    kinds: list[str] = []
    migrated(tmp_path)
    faults = Faults()
    clock = FakeClock()
    engine = engine_at(tmp_path, faults)
    writer: Writer = kind(committer(engine, clock), clock, max_batch=10, hooks=Hooks(failed=kinds.append))

    def arm(_tx: Any) -> None:
        faults.fail_at = len(faults.seen)

    def spoiled(_tx: Any) -> None:
        raise ValueError("spoiled")

    async with serving(writer):
        with pytest.raises(ValueError, match="spoiled"):
            await writer.run(spoiled, "spoiled")
        with pytest.raises(Exception, match="whether it is stored is not known"):
            await writer.run(arm, "arm")
        await writer.run(note("a"), "a")
    assert kinds == ["job", "unknown"]


@both
async def test_without_hooks_nobody_is_told_and_nothing_breaks(kind: Any, tmp_path: Path) -> None:
    async with serving(make(kind, tmp_path)) as writer:
        with pytest.raises(ZeroDivisionError):
            await writer.run(lambda _tx: 1 / 0, "bug")


@both
async def test_the_last_turn_is_now_while_nothing_waits_and_stands_still_while_the_store_hangs(
    kind: Any, tmp_path: Path
) -> None:
    clock = FakeClock()
    writer = make(kind, tmp_path, clock)
    clock.advance(100)
    assert writer.last_turn == clock.monotonic()
    put_at = clock.monotonic()
    told = Told()
    writer.put(told.job("a", note("a")))
    clock.advance(7)
    writer.put(told.job("b", note("b")))
    assert writer.last_turn == put_at
    writer.stop()
    await writer.serve()
    clock.advance(3)
    assert writer.last_turn == clock.monotonic()


async def test_the_thread_commits_in_the_order_of_put_whatever_the_timing(tmp_path: Path) -> None:
    order: list[int] = []
    done: list[int] = []
    failed: list[Exception] = []

    def run(number: int, _tx: Tx) -> int:
        order.append(number)
        return number

    async with serving(make(ThreadWriter, tmp_path, max_batch=7)) as writer:
        for number in range(500):
            writer.put(Job(partial(run, number), done.append, failed.append, "n"))
            if number % 50 == 0:
                await trio.lowlevel.checkpoint()
        await writer.run(lambda _tx: None, "last")
    assert order == done == list(range(500))


async def test_jobs_run_in_one_thread_that_is_not_trios(tmp_path: Path) -> None:
    async with serving(make(ThreadWriter, tmp_path)) as writer:
        idents = {await writer.run(lambda _tx: threading.get_ident(), "who") for _ in range(5)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents


async def test_while_one_batch_is_committed_the_next_one_gathers(tmp_path: Path) -> None:
    commits: list[int] = []
    entered, go = threading.Event(), threading.Event()
    told = Told()

    def slow(_tx: Any) -> None:
        entered.set()
        assert go.wait(30)

    hooks = Hooks(committed=lambda _seconds, jobs: commits.append(jobs))
    async with serving(make(ThreadWriter, tmp_path, hooks=hooks)) as writer:
        writer.put(told.job("slow", slow))
        await trio.to_thread.run_sync(entered.wait)
        for name in "abc":
            writer.put(told.job(name, note(name)))
        go.set()
        await writer.run(note("d"), "d")
    assert commits[0] == 1
    assert sum(commits) == 5
    assert commits[1] >= 3


async def test_the_inline_writer_runs_under_a_clock_that_jumps(autojump_clock: MockClock, tmp_path: Path) -> None:
    writer = make(InlineWriter, tmp_path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.serve)
        await trio.sleep(3600)
        await writer.run(note("a"), "a")
        writer.stop()
    assert trio.current_time() >= autojump_clock.current_time()
    assert noted(tmp_path) == {"a": 2}


@pytest.mark.parametrize("near", [False, True])
async def test_a_stop_while_the_thread_has_a_batch_is_not_missed(near: bool, tmp_path: Path) -> None:
    goes, told = threading.Event(), Told()

    def waits(tx: Tx) -> str:
        assert goes.wait(30)
        return "done"

    async with serving(make(ThreadWriter, tmp_path, near=near)) as writer:
        writer.put(told.job("waits", waits))
        await trio.testing.wait_all_tasks_blocked()
        writer.stop()
        await trio.testing.wait_all_tasks_blocked()
        goes.set()
    assert [event[:2] for event in told.events] == [("done", "waits")]
