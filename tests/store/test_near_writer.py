"""Quick jobs run in the Trio thread where statements are near: the same rules, and nobody is waited for there."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gateway.store.errors import StoreUnavailable
from gateway.store.jobs import Job
from gateway.store.tx import Tx
from gateway.store.writer import Hooks, ThreadWriter
from tests.kit.clock import FakeClock
from tests.kit.stores import committer, engine_at, migrated, note, noted
from tests.store.test_writer import serving

HERE = threading.get_ident


def near(directory: Path, **options: Any) -> ThreadWriter:
    clock = FakeClock()
    return ThreadWriter(committer(migrated(directory), clock), clock, max_batch=100, near=True, **options)


class Told:
    """What became of quick jobs."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.failed: list[Exception] = []

    def quick(self, fn: Any) -> Job[Any]:
        return Job(fn, self.done.append, self.failed.append, "quick", is_quick=True)


def which(_tx: Tx) -> bool:
    return HERE() == threading.main_thread().ident


async def test_quick_jobs_run_here_and_the_others_elsewhere_in_the_order_of_put(tmp_path: Path) -> None:
    told = Told()
    async with serving(near(tmp_path)) as writer:
        await writer.run(lambda _tx: None, "open")
        writer.put(told.quick(which))
        writer.put(Job(which, told.done.append, told.failed.append, "slow"))
        writer.put(told.quick(which))
        await writer.run(lambda _tx: None, "last")
    assert told.done == [True, False, True]
    assert not told.failed


async def test_who_has_the_lock_is_waited_for_in_the_thread(tmp_path: Path) -> None:
    told, kinds = Told(), list[str]()
    async with serving(near(tmp_path, hooks=Hooks(failed=kinds.append))) as writer:
        await writer.run(lambda _tx: None, "open")
        other = engine_at(tmp_path)
        handle = other.open_writer()
        other.begin(handle)
        writer.put(told.quick(which))
        await trio.testing.wait_all_tasks_blocked()
        assert not told.done
        other.rollback(handle)
        other.close(handle)
        await writer.run(lambda _tx: None, "last")
    assert told.done == [False]
    assert not kinds, "to wait is no failure"


async def test_a_quick_jobs_error_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    told = Told()

    def bug(tx: Tx) -> None:
        note("bug")(tx)
        raise ValueError("a bug")

    async with serving(near(tmp_path)) as writer:
        await writer.run(lambda _tx: None, "open")
        for fn in (note("a"), bug, note("b")):
            writer.put(told.quick(fn))
        await writer.run(lambda _tx: None, "last")
    assert set(noted(tmp_path)) == {"a", "b"}
    assert [str(error) for error in told.failed] == ["a bug"]


@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_what_is_prepared_as_it_ends_is_committed(tmp_path: Path, how: str) -> None:
    told = Told()
    writer = near(tmp_path)

    def end() -> None:
        writer.stop() if how == "stop" else nursery.cancel_scope.cancel()

    def ends(tx: Tx) -> None:
        note("a")(tx)
        end()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.serve)
        await writer.run(lambda _tx: None, "open")
        writer.put(told.quick(ends))
        writer.put(told.quick(note("b")))
        await trio.sleep_forever() if how == "cancel" else None
    assert set(noted(tmp_path)) == {"a", "b"}
    assert len(told.done) == 2
    writer.put(told.quick(note("c")))
    assert isinstance(told.failed[0], StoreUnavailable)


async def test_a_callback_that_raises_leaves_no_transaction_open(tmp_path: Path) -> None:
    writer = near(tmp_path)

    def broken(_result: Any) -> None:
        raise RuntimeError("told wrong")

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="told wrong"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.serve)
            await writer.run(lambda _tx: None, "open")
            writer.put(Job(note("a"), broken, lambda error: None, "quick", is_quick=True))
            await trio.testing.wait_all_tasks_blocked()
            writer.put(Job(note("b"), lambda result: None, lambda error: None, "quick", is_quick=True))
            await trio.sleep_forever()
    other = engine_at(tmp_path)
    handle = other.open_writer()
    other.begin(handle)  # the lock is free
    other.rollback(handle)
    other.close(handle)


async def test_who_gathers_is_asked_again_once_what_was_put_is_done(tmp_path: Path) -> None:
    """As the hub does it: one job at a time, and nothing more is put while that one waits behind another."""
    gathered, flying, done = [1, 2], list[int](), list[int]()

    failures: list[Exception] = []

    def landed(number: int) -> None:
        flying.remove(number)
        done.append(number)

    async with serving(near(tmp_path)) as writer:
        await writer.run(lambda _tx: None, "open")

        def fill() -> None:
            if gathered and not flying:
                flying.append(number := gathered.pop(0))
                writer.put(Job(lambda _tx: number, landed, failures.append, "gathered", is_quick=True))

        writer.call_before(fill)
        writer.put(Job(lambda _tx: None, lambda _none: None, failures.append, "slow"))
        with trio.fail_after(30):
            while len(done) < 2:
                await trio.lowlevel.checkpoint()
    assert done == [1, 2]
    assert not failures


async def test_who_follows_a_batch_is_called_once_when_all_of_it_were_told(tmp_path: Path) -> None:
    told: list[str] = []
    async with serving(near(tmp_path)) as writer:
        await writer.run(lambda _tx: None, "open")
        writer.call_after(lambda: told.append("after"))

        writer.put(Job(lambda _tx: None, lambda _none: told.append("one"), lambda _error: None, "one", is_quick=True))
        writer.put(Job(lambda _tx: None, lambda _none: told.append("two"), lambda _error: None, "two", is_quick=True))
        with trio.fail_after(30):
            while len(told) < 3:
                await trio.lowlevel.checkpoint()
    assert told == ["one", "two", "after"]
