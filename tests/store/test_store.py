"""A store as a whole: opened, owned, asked, reopened, killed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import trio

from gateway.store import tables
from gateway.store.errors import StoreTooNew, StoreUnavailable
from gateway.store.jobs import Job
from gateway.store.nodes import boot_id
from gateway.store.restored import BACKUP_MARK
from gateway.store.store import open_store
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults
from tests.kit.stores import IntegrityErrors, engine_at, look, migrated, note, noted, options_at

pytestmark = pytest.mark.usefixtures("store_engine")

threads = pytest.mark.parametrize("threads", [True, False], ids=["threads", "inline"])


@threads
async def test_what_was_written_can_be_read(threads: bool, tmp_path: Path) -> None:
    async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), threads=threads) as store:
        assert store.migrated[0] == "0001_initial"
        await store.writer.run(note("a"), "note")
        for _ in range(3):
            assert await store.read(lambda r: r.rows("select count(*) from meta where key like 'a/%'")) == [(2,)]
        found = await store.read(lambda r: r.fetch(tables.Node.select(tables.Node.name, tables.Node.life)))
        assert found == [("gw1", 1)]
    assert noted(tmp_path) == {"a": 2}


@threads
async def test_each_start_is_a_new_life_of_the_same_incarnation(threads: bool, tmp_path: Path) -> None:
    lives = []
    for _ in range(3):
        async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), threads=threads) as store:
            lives.append((store.identity.life, store.identity.incarnation, store.migrated == []))
    assert lives == [(1, 1_800_000_000, False), (2, 1_800_000_000, True), (3, 1_800_000_000, True)]
    assert look(tmp_path, "select boot_id from node") == [(boot_id(),)]


async def test_work_beside_no_daemon_is_no_start(tmp_path: Path) -> None:
    """Unless nobody has started here yet, or the store was restored: then evidence needs a chain of its own."""
    found = []
    for mark in (False, False, True, False):
        if mark:
            look(tmp_path, "insert into meta (key, value) values (?, '')", (BACKUP_MARK,))
        async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), starts=False) as store:
            found.append((store.identity.life, store.identity.incarnation - 1_800_000_000))
    assert found == [(1, 0), (1, 0), (2, 1), (2, 1)]
    async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock()) as store:
        assert store.identity.life == 3


async def test_a_restored_backup_begins_a_new_incarnation_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_store(options_at(tmp_path), tmp_path, "gw1", clock) as store:
        first = store.identity.incarnation
    look(tmp_path, "insert into meta (key, value) values (?, '')", (BACKUP_MARK,))
    incarnations = []
    for _ in range(2):
        async with open_store(options_at(tmp_path), tmp_path, "gw1", clock) as store:
            incarnations.append(store.identity.incarnation)
    assert incarnations == [first + 1, first + 1]


def test_a_system_without_boot_ids_has_an_empty_one(tmp_path: Path) -> None:
    assert boot_id(tmp_path / "none") == ""


async def test_a_newer_store_is_refused_and_let_go(tmp_path: Path) -> None:
    migrated(tmp_path)
    look(tmp_path, "insert into schema_migration (name, applied) values ('9999_far_ahead', '2030-01-01')")
    for _ in range(2):
        with pytest.raises(StoreTooNew, match="newer version"):
            async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock()):
                pass


async def test_a_start_that_cannot_register_its_node_fails_and_lets_go(tmp_path: Path) -> None:
    migrated(tmp_path)
    look(tmp_path, "create unique index one on node (incarnation)")
    look(tmp_path, "insert into node (name, incarnation, life, started_at) values ('other', 1800000000, 1, 0)")
    with pytest.raises(IntegrityErrors, match=r"(?i)unique"):
        async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock()):
            pass
    look(tmp_path, "drop index one")
    async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock()) as store:
        assert store.identity.life == 1


@threads
async def test_an_error_inside_the_block_comes_out_as_it_is_and_after_the_last_commit(
    threads: bool, tmp_path: Path
) -> None:
    told: list[Any] = []

    async def mistaken() -> None:
        async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), threads=threads) as store:
            store.writer.put(Job(note("a"), told.append, told.append, "note"))
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await mistaken()
    assert told == ["a"]
    assert noted(tmp_path) == {"a": 2}


@threads
async def test_a_bug_in_a_callback_ends_the_block(threads: bool, tmp_path: Path) -> None:
    def buggy(_result: Any) -> None:
        raise ZeroDivisionError("a bug of ours")

    async def waiting() -> None:
        async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), threads=threads) as store:
            store.writer.put(Job(note("a"), buggy, buggy, "buggy"))
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as raised:
        await waiting()
    assert raised.group_contains(ZeroDivisionError)


@threads
async def test_a_reading_that_fails_is_its_own_or_the_stores(threads: bool, tmp_path: Path) -> None:
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_IOERR)
    engine = engine_at(tmp_path, faults)
    async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), engine=engine, threads=threads) as store:
        count = "select count(*) from account"
        with pytest.raises((sqlite3.OperationalError, psycopg.errors.UndefinedTable), match="missing"):
            await store.read(lambda r: r.rows("select * from missing"))
        for skipped in range(12):
            faults.fail_at = len(faults.seen) + skipped
            with suppress(StoreUnavailable):
                assert await store.read(lambda r: r.rows(count)) == [(1,)]
            faults.fail_at = None
            assert await store.read(lambda r: r.rows(count)) == [(1,)]


async def test_a_reader_that_was_lost_while_nobody_asked_is_not_missed(tmp_path: Path) -> None:
    """A server that was restarted, say. What is asked of a new one is asked once."""
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_IOERR)
    engine = engine_at(tmp_path, faults)
    asked: list[Any] = []

    def count(reader: Any) -> int:
        asked.append(reader.connection)
        return int(reader.rows("select count(*) from account")[0][0])

    async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), engine=engine, threads=False) as store:
        assert await store.read(count) == 1
        faults.fail_at = len(faults.seen)
        assert await store.read(count) == 1
        first, second = asked
        assert first is not second
        faults.code, faults.fail_at = sqlite3.SQLITE_CONSTRAINT, len(faults.seen)
        with pytest.raises((sqlite3.Error, psycopg.Error), match="made by the test"):
            await store.read(count)
        faults.code, faults.fail_at, faults.times = sqlite3.SQLITE_IOERR, len(faults.seen), 9
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            await store.read(count)
        assert len(asked) == 2
        faults.fail_at = None
        assert await store.read(count) == 1


async def test_a_reader_that_cannot_even_be_closed_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_IOERR)
    engine = engine_at(tmp_path, faults)
    handles: list[Any] = []

    def refuse(handle: Any) -> None:
        handles.append(handle)
        raise sqlite3.OperationalError("unable to close")

    async with open_store(options_at(tmp_path), tmp_path, "gw1", FakeClock(), engine=engine, threads=False) as store:
        count = "select count(*) from account"
        await store.read(lambda r: r.rows(count))
        faults.fail_at = len(faults.seen) + 1
        with monkeypatch.context() as patched:
            patched.setattr(engine, "close", refuse)
            with pytest.raises(StoreUnavailable, match="cannot be read"):
                await store.read(lambda r: r.rows(count))
        engine.close(handles[0])
        assert await store.read(lambda r: r.rows(count)) == [(1,)]


async def test_readers_read_side_by_side(tmp_path: Path) -> None:
    results: list[int] = []
    async with open_store(options_at(tmp_path, readers=2), tmp_path, "gw1", FakeClock()) as store:

        async def one() -> None:
            results.append(await store.read(lambda r: int(r.rows("select count(*) from account")[0][0])))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(one)
    assert results == [1] * 20
