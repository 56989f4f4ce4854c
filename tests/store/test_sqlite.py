"""What is peculiar to SQLite: addresses, file mode, pragmas, durability, and the meaning of its errors."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.store import store as store_module
from gateway.store.engines import Verdict, engines, find_engine
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.errors import StoreInUse, StoreMisconfigured, StoreUnavailable
from gateway.store.options import StoreOptions
from gateway.store.store import open_store
from gateway.store.tx import Tx
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults, sqlite_error
from tests.kit.stores import Told, committer, migrated, note, sqlite_engine


def test_the_url_names_a_file_relative_to_the_state_directory(tmp_path: Path) -> None:
    engine = find_engine(StoreOptions(), tmp_path)
    assert isinstance(engine, SqliteEngine)
    assert engine.path == tmp_path / "gateway.db"
    absolute = find_engine(StoreOptions(url=f"sqlite:{tmp_path}/other.db"), Path("/elsewhere"))
    assert isinstance(absolute, SqliteEngine)
    assert absolute.path == tmp_path / "other.db"


@pytest.mark.parametrize("url", ["sqlite://gateway.db", "sqlite::memory:", "sqlite:gateway.db?mode=ro"])
def test_other_forms_of_the_url_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreMisconfigured, match='write "sqlite:" and a file name'):
        find_engine(StoreOptions(url=url), tmp_path)


def test_an_unknown_scheme_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(StoreMisconfigured, match='no engine for "oracle:"; there is "postgresql:", "sqlite:"'):
        find_engine(StoreOptions(url="oracle:scott"), tmp_path)
    assert "sqlite" in engines()


def test_a_missing_file_is_named_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    assert sqlite_engine(tmp_path).missing() == str(path)
    assert not path.exists()
    beneath_a_file = SqliteEngine(StoreOptions(), tmp_path / "file" / "state")
    (tmp_path / "file").touch()
    assert beneath_a_file.missing() == str(beneath_a_file.path)
    path.symlink_to(path)
    assert sqlite_engine(tmp_path).missing() == "", "whether it is there cannot be told: opening it says why"
    path.unlink()
    path.touch()
    assert sqlite_engine(tmp_path).missing() == ""


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    handle.connection.execute("create table t (x)")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    engine.close(handle)
    engine.path.chmod(0o644)
    engine.close(engine.open_writer())
    assert stat.S_IMODE(engine.path.stat().st_mode) == 0o600


def test_the_writer_syncs_every_commit(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    engine.check_durability(handle)
    assert handle.connection.execute("pragma synchronous").fetchall() == [(2,)]
    assert handle.connection.execute("pragma recursive_triggers").fetchall() == [(1,)]
    engine.close(handle)


@pytest.mark.parametrize("level", [0, 1])
def test_a_store_that_would_not_survive_the_loss_of_power_is_refused(level: int, tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    handle.connection.execute(f"pragma synchronous = {level}")
    with pytest.raises(StoreMisconfigured, match=f"synchronous is {level}.* must be FULL"):
        engine.check_durability(handle)
    engine.close(handle)


def test_a_file_system_without_write_ahead_logging_is_refused(tmp_path: Path) -> None:
    class Elsewhere(sqlite3.Connection):
        def __init__(self, database: str, **keys: Any) -> None:
            super().__init__(f"file:{database}?vfs=unix-none", uri=True, **keys)  # it has no shared memory

    engine = sqlite_engine(tmp_path)
    engine.connection_class = Elsewhere
    handle = engine.open_writer()
    with pytest.raises(StoreMisconfigured, match=r"cannot keep a write-ahead log.*journal_mode is delete"):
        engine.check_durability(handle)
    engine.close(handle)


def test_a_reader_cannot_write_and_sees_one_state(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    writer = engine.open_writer()
    writer.connection.execute("create table t (x)")
    reader = engine.open_reader()
    engine.begin(reader)
    count = "select count(*) from t"
    assert reader.connection.execute(count).fetchall() == [(0,)]
    engine.begin(writer)
    writer.connection.execute("insert into t values (1)")
    engine.commit(writer)
    assert reader.connection.execute(count).fetchall() == [(0,)]
    engine.rollback(reader)
    assert reader.connection.execute(count).fetchall() == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.connection.execute("insert into t values (2)")
    engine.close(reader)
    engine.close(writer)


CODES = [
    (sqlite3.SQLITE_BUSY, Verdict.RETRY, Verdict.RETRY),
    (sqlite3.SQLITE_BUSY_SNAPSHOT, Verdict.RETRY, Verdict.RETRY),
    (sqlite3.SQLITE_LOCKED, Verdict.RETRY, Verdict.RETRY),
    (sqlite3.SQLITE_FULL, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_IOERR, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_IOERR_FSYNC, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_CORRUPT, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_NOTADB, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_CANTOPEN, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_READONLY, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_READONLY_DBMOVED, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_NOMEM, Verdict.STORE, Verdict.UNKNOWN),
    (sqlite3.SQLITE_CONSTRAINT, Verdict.JOB, Verdict.UNKNOWN),
    (sqlite3.SQLITE_CONSTRAINT_UNIQUE, Verdict.JOB, Verdict.UNKNOWN),
    (sqlite3.SQLITE_ERROR, Verdict.JOB, Verdict.UNKNOWN),
    (sqlite3.SQLITE_MISMATCH, Verdict.JOB, Verdict.UNKNOWN),
    (sqlite3.SQLITE_TOOBIG, Verdict.JOB, Verdict.UNKNOWN),
]


@pytest.mark.parametrize("code, running, committing", CODES)
def test_what_an_error_means(code: int, running: Verdict, committing: Verdict, tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    assert engine.classify(sqlite_error(code), committing=False) is running
    assert engine.classify(sqlite_error(code), committing=True) is committing


def test_an_error_that_is_not_sqlites_is_the_jobs(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    assert engine.classify(ValueError("x"), committing=False) is Verdict.JOB
    assert engine.classify(sqlite3.ProgrammingError("no code"), committing=False) is Verdict.JOB


def test_opening_raises_the_drivers_own_error(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path, Faults(sqlite3.SQLITE_BUSY, fail_at=0))
    with pytest.raises(sqlite3.OperationalError, match="made by the test") as raised:
        engine.open_writer()
    assert engine.classify(raised.value, committing=False) is Verdict.RETRY


def test_the_lock_of_another_program_is_waited_for_and_then_named(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    other = sqlite3.connect(engine.path)
    other.execute("begin immediate")
    with pytest.raises(sqlite3.OperationalError, match="locked") as raised:
        engine.begin(handle)
    assert engine.classify(raised.value, committing=False) is Verdict.RETRY
    other.close()
    engine.begin(handle)
    engine.close(handle)


def test_a_closed_connection_holds_no_lock_whoever_still_holds_a_cursor(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    handle.connection.execute("create table t (x)")
    engine.begin(handle)
    handle.connection.execute("insert into t values (1), (2)")
    held = handle.connection.execute("select x from t")
    engine.close(handle)
    again = engine.open_writer()
    engine.begin(again)
    assert again.connection.execute("select count(*) from t").fetchall() == [(0,)]
    engine.close(again)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        held.fetchall()


def test_a_full_disk_is_survived_without_a_restart(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    connection = made.handle().connection
    pages = connection.execute("pragma page_count").fetchall()[0][0]
    connection.execute(f"pragma max_page_count = {pages}")

    def large(tx: Tx) -> None:
        tx.execute("insert into meta (key, value) values ('large/a', ?)", ("x" * 100_000,))

    events = told.deliver(made.run([told.job("large", large)]))
    assert [type(error) for _, _, error in events] == [StoreUnavailable]
    assert [event[0] for event in told.deliver(made.run([told.job("large", large)]))] == ["done"]
    made.close()


def test_ids_go_on_above_the_highest_stored_one(tmp_path: Path) -> None:
    engine = migrated(tmp_path)
    told = Told()
    insert = "insert into audit (id, at, actor, role, verb, object) values (?, 0, '', '', '', '')"
    first = committer(engine)
    told.deliver(first.run([told.job("write", lambda tx: tx.execute(insert, (41,)))]))
    first.close()
    second = committer(engine)
    assert told.deliver(second.run([told.job("ids", lambda tx: tx.allocate("audit"))])) == [("done", "ids", 42)]
    second.close()


@pytest.mark.parametrize("threads", [True, False], ids=["threads", "inline"])
async def test_a_second_daemon_on_the_same_file_is_refused_and_the_first_goes_on(threads: bool, tmp_path: Path) -> None:
    async with open_store(StoreOptions(), tmp_path, "gw1", FakeClock(), threads=threads) as store:
        with pytest.raises(StoreInUse, match="in use by process"):
            async with open_store(StoreOptions(), tmp_path, "gw2", FakeClock(), threads=threads):
                pass
        await store.writer.run(note("a"), "note")
    async with open_store(StoreOptions(), tmp_path, "gw2", FakeClock(), threads=threads) as store:
        assert store.identity.life == 1


async def test_a_file_that_is_no_database_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_text("Dear diary, " * 1000)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"sqlite:gateway\.db in .* cannot be opened: file is not"):
            async with open_store(StoreOptions(), tmp_path, "gw1", FakeClock()):
                pass


ENDLESS = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"


def test_a_question_that_asks_for_too_much_is_given_up(tmp_path: Path) -> None:
    engine = migrated(tmp_path)
    handle = engine.open_reader(0.05)
    for _ in range(2):
        engine.begin(handle)
        with pytest.raises(sqlite3.OperationalError, match="interrupted") as raised:
            handle.connection.execute(ENDLESS).fetchall()
        assert engine.classify(raised.value, committing=False) is Verdict.STORE
        engine.rollback(handle)
    engine.begin(handle)
    assert handle.connection.execute("select 1").fetchall() == [(1,)], "each has its own time"
    engine.close(handle)


async def test_whoever_asks_for_too_much_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "QUESTION_S", 0.05)
    async with open_store(StoreOptions(), tmp_path, "gw1", FakeClock()) as store:
        with pytest.raises(StoreUnavailable, match="cannot be read: interrupted"):
            await store.read(lambda reader: reader.rows(ENDLESS))


@pytest.mark.parametrize(
    "code, left, full",
    [
        (sqlite3.SQLITE_FULL, 1 << 30, True),
        (sqlite3.SQLITE_IOERR_WRITE, 0, True),
        (sqlite3.SQLITE_IOERR_SHMSIZE, 4096, True),
        (sqlite3.SQLITE_IOERR_WRITE, 1 << 30, False),
        (sqlite3.SQLITE_CORRUPT, 0, False),
        (None, 0, False),
    ],
)
def test_what_is_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None, left: int, full: bool
) -> None:
    engine = sqlite_engine(tmp_path)
    room = SimpleNamespace(f_bavail=left // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: room)
    assert engine.is_full(ValueError() if code is None else sqlite_error(code)) is full


def test_a_disk_that_is_gone_is_not_full(tmp_path: Path) -> None:
    engine = SqliteEngine(StoreOptions(), tmp_path / "gone")
    assert not engine.is_full(sqlite_error(sqlite3.SQLITE_IOERR_WRITE))
