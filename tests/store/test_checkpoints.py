"""The log is carried over beside the thread that commits, and begins anew however steadily it is written."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.store import checkpoints
from gateway.store.checkpoints import Checkpointer
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.options import StoreOptions
from tests.kit.clock import FakeClock
from tests.kit.stores import migrated

PATIENCE_S = 30
BULK = "insert into meta (key, value) values (?, ?)"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteEngine:
    """A store whose log is long soon."""
    for name, value in (("ROWS", 50), ("LONG", 200), ("GAP_S", 0.0)):
        monkeypatch.setattr(checkpoints, name, value)
    migrated(tmp_path)
    return SqliteEngine(StoreOptions(), tmp_path)


class Writing:
    """A writer that does what the real one does: transactions one after the other, chores between them."""

    def __init__(self, engine: SqliteEngine) -> None:
        self.engine = engine
        self.handle = engine.open_writer()
        self.chores = 0
        self._written = 0

    def transaction(self, rows: int = 60) -> None:
        self.engine.begin(self.handle)
        values = [(f"{self._written + n}", "x" * 500) for n in range(rows)]
        self.handle.connection.executemany(BULK, values)
        self._written += rows
        self.engine.commit(self.handle)
        if self.engine.has_chores(self.handle):
            self.engine.do_chores(self.handle)
            self.chores += 1

    def log_pages(self) -> int:
        """How many pages the log has."""
        busy, pages = 1, -1
        while busy:  # the thread is at it, and stands back behind whoever else wants the processor
            ((busy, pages, _),) = self.handle.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return int(pages)


@pytest.fixture
def writing(engine: SqliteEngine) -> Iterator[Writing]:
    made = Writing(engine)
    yield made
    engine.close(made.handle)


def test_a_writer_that_never_pauses_keeps_its_log_short(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fdatasync = os.fdatasync

    def noted(descriptor: int) -> None:
        synced.append(descriptor)
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", noted)
    pause = threading.Event()
    longest = transactions = 0
    while writing.chores < 4 and transactions < 50_000:
        before = writing.chores
        writing.transaction()
        transactions += 1
        pause.wait(0.0005)
        if writing.chores > before:
            longest = max(longest, writing.log_pages())
    assert writing.chores == 4, "it began anew again and again"
    assert synced, "the database was synced by the thread"
    assert longest < transactions * 9, "the log never held all that was written, some nine pages each time"


def test_it_begins_anew_once_nearly_done_and_not_before_results_are_told(writing: Writing) -> None:
    checkpointer = writing.engine._checkpointers[writing.handle.connection]
    connection = writing.handle.connection
    assert not checkpointer.note(connection), "nothing was written"
    assert checkpointer._thread is None
    checkpointer._nearly_done = True
    assert checkpointer.note(connection)
    checkpointer.finish(connection)
    assert not checkpointer.note(connection)


def test_its_thread_stands_back_and_no_other_does(writing: Writing) -> None:
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    while not writing.chores:
        writing.transaction()
    (thread,) = [each for each in threading.enumerate() if each.name == "checkpoints"]
    assert thread.native_id is not None
    assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == min(19, usual + checkpoints.NICE)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == usual


def test_the_disk_is_left_to_the_commits_between_two_times(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "GAP_S", 9.0)
    clock = FakeClock()
    checkpointer = Checkpointer(engine.path, engine._open_checkpoints, clock)

    class Changing:
        total_changes = 1000

    checkpointer._next_at = clock.monotonic() + 9
    checkpointer.note(Changing)
    assert checkpointer._thread is None
    clock.advance(9)
    checkpointer.note(Changing)
    assert checkpointer._thread is not None
    checkpointer.close()
    checkpointer.close()


def test_a_reader_that_stays_makes_nobody_wait_and_its_end_ends_the_growth(writing: Writing) -> None:
    reader = writing.engine.open_reader()
    writing.engine.begin(reader)
    assert reader.connection.execute("select count(*) from meta").fetchall() == [(0,)]
    for _ in range(40):
        writing.transaction()
    assert writing.log_pages() > 200
    assert reader.connection.execute("select count(*) from meta").fetchall() == [(0,)], "its state is as it was"
    writing.engine.rollback(reader)
    pages = writing.log_pages()
    for _ in range(3):
        writing.transaction()
    assert writing.log_pages() < pages, "it began anew"
    writing.engine.close(reader)


class Failing:
    total_changes = 1000

    def execute(self, sql: str) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    def close(self) -> None:
        """Nothing is open."""


def test_a_checkpoint_that_fails_is_no_transactions_business(engine: SqliteEngine) -> None:
    checkpointer = Checkpointer(engine.path, lambda: Failing(), FakeClock())
    with structlog.testing.capture_logs() as logs:
        checkpointer.finish(Failing())
    assert [line["event"] for line in logs] == ["checkpoint not done: it is tried again"]
    checkpointer._carry_over(Failing())


def test_a_thread_that_cannot_connect_tries_again(engine: SqliteEngine) -> None:
    tried = threading.Semaphore(0)
    failures = iter((sqlite3.OperationalError("unable to open database file"),))

    def connect() -> Any:
        tried.release()
        for failure in failures:
            raise failure
        return engine._open_checkpoints()

    checkpointer = Checkpointer(engine.path, connect, FakeClock())

    class Changing:
        total_changes = 1000

    checkpointer.note(Changing)
    assert tried.acquire(timeout=PATIENCE_S)
    for _ in range(1000):
        Changing.total_changes += 1000
        checkpointer.note(Changing)
        if tried.acquire(timeout=0.01):
            break
    else:
        raise AssertionError("it gave up")
    checkpointer.close()


def test_what_is_open_stays_open(tmp_path: Path) -> None:
    """Closing any descriptor of the file would give up the locks of SQLite's connections."""
    engine = SqliteEngine(StoreOptions(), tmp_path)
    engine.close(engine.open_writer())
    first = checkpoints._database_file(engine.path)
    assert checkpoints._database_file(engine.path) == first
    assert os.path.samestat(os.fstat(first), engine.path.stat())
