"""Servers that hang, die, and are followed by another: nothing that was told as stored is lost, and work goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.store.engines import Verdict
from gateway.store.errors import OutcomeUnknown, StoreUnavailable
from gateway.store.options import StoreOptions
from gateway.store.postgresql.engine import PostgresqlEngine
from gateway.store.postgresql.link import Link
from gateway.store.postgresql.watch import Watch
from gateway.store.store import Store, open_store
from gateway.store.tx import Tx
from gateway.store.writer import Hooks
from tests.kit.clock import FakeClock
from tests.kit.postgres import ROLE, Server
from tests.kit.stores import note

DATABASE = "gateway"


@pytest.fixture
def primary() -> Iterator[Server]:
    server = Server.make()
    server.start()
    server.execute(f"create role {ROLE} login")
    server.execute(f"create database {DATABASE} owner {ROLE}")
    yield server
    server.remove()


def options(*servers: Server, **changes: Any) -> StoreOptions:
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return StoreOptions(url=f"postgresql://{ROLE}@{hosts}/{DATABASE}", server_timeout_s=1, busy_timeout_s=1, **changes)


async def until_it_works(store: Store, run: Callable[[Tx], Any]) -> Any:
    """Do it as often as it takes, as a carrier would send again what got the temporary error."""
    with trio.fail_after(60):
        while True:
            try:
                return await store.writer.run(run, "again")
            except StoreUnavailable:
                await trio.lowlevel.checkpoint()


def keys(server: Server) -> list[str]:
    return [row[0] for row in server.execute("select key from meta where key like '%/_' order by key", (), DATABASE)]


def test_a_server_lives_on_when_the_thread_that_asked_for_it_has_ended(primary: Server) -> None:
    """Of the tests' own server: worker threads end by themselves, in the middle of a test on a busy machine, too."""
    primary.stop()
    asking = threading.Thread(target=primary.start)
    asking.start()
    asking.join()
    while Path(f"/proc/self/task/{asking.native_id}").exists():
        os.sched_yield()  # Python is done with it before the kernel is
    assert primary.execute("select 1") == [(1,)]


async def test_a_server_that_hangs_is_given_up_and_found_again(primary: Server, tmp_path: Path) -> None:
    async with open_store(options(primary), tmp_path, "gw1", FakeClock()) as store:
        await store.writer.run(note("a"), "note")
        primary.freeze()
        try:
            with trio.fail_after(60), pytest.raises(StoreUnavailable):
                await store.writer.run(note("b"), "note")
        finally:
            primary.thaw()
        await until_it_works(store, note("c"))
    assert keys(primary) == ["a/a", "a/b", "c/a", "c/b"]


async def test_a_server_that_hangs_in_a_commit_leaves_the_outcome_unknown(primary: Server, tmp_path: Path) -> None:
    kinds: list[str] = []
    hooks = Hooks(failed=kinds.append)
    engine = PostgresqlEngine(options(primary), tmp_path)
    commit = engine.commit

    def freezing(handle: Any) -> None:
        engine.commit = commit  # type: ignore[method-assign]  # once
        primary.freeze()
        commit(handle)

    async with open_store(options(primary), tmp_path, "gw1", FakeClock(), hooks=hooks, engine=engine) as store:
        engine.commit = freezing  # type: ignore[method-assign]  # the next commit
        try:
            with trio.fail_after(60), pytest.raises(OutcomeUnknown):
                await store.writer.run(note("a"), "note")
        finally:
            primary.thaw()
        assert kinds == [Verdict.UNKNOWN.value]
        await until_it_works(store, note("b"))


async def test_when_the_primary_is_killed_its_promoted_standby_has_all_that_was_told(
    primary: Server, tmp_path: Path
) -> None:
    standby = primary.standby()
    told: list[str] = []
    try:
        async with open_store(options(primary, standby), tmp_path, "gw1", FakeClock()) as store:
            for number in range(20):
                told.append(await store.writer.run(note(f"{number:02}"), "note"))
            primary.kill()
            with pytest.raises((StoreUnavailable, OutcomeUnknown)):
                await store.writer.run(note("lost"), "note")
            standby.promote()
            told.append(await until_it_works(store, note("z")))
            count = "select count(*) from meta where key like '%/_'"
            assert await store.read(lambda reader: reader.rows(count)) == [(42,)]
        assert keys(standby) == [f"{key}/{part}" for key in told for part in "ab"]
    finally:
        standby.remove()


async def test_a_commit_that_its_standby_may_lack_is_not_told_as_stored(primary: Server, tmp_path: Path) -> None:
    """Whoever cancels the wait for the standby gets a warning from the server, and success."""
    standby = primary.standby()
    try:
        async with open_store(options(primary, standby), tmp_path, "gw1", FakeClock()) as store:
            standby.freeze()
            raised: list[BaseException] = []

            async def waiting() -> None:
                with pytest.raises(OutcomeUnknown, match="canceling wait for synchronous replication") as unknown:
                    await store.writer.run(note("a"), "note")
                raised.append(unknown.value)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(waiting)
                waits = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
                await trio.to_thread.run_sync(primary.wait_for, waits, 1)
                primary.execute("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'")
            assert len(raised) == 1
            standby.thaw()
            await until_it_works(store, note("b"))
    finally:
        standby.remove()


def test_the_watch_cuts_what_waits_too_long_and_nothing_else() -> None:
    class Fake(Link):
        def __init__(self, since: float) -> None:
            self.since, self.cuts = since, 0

        def cut(self) -> None:
            self.cuts += 1

    watch = Watch(FakeClock())
    idle, quick, slow = Fake(0.0), Fake(9.0), Fake(4.0)
    for link in (idle, quick, slow):
        watch.add(link, 5.0)
    assert watch.look(10.0)
    assert [link.cuts for link in (idle, quick, slow)] == [0, 0, 1]
    for link in (idle, quick, slow):
        watch.remove(link)
    assert not watch.look(10.0)
