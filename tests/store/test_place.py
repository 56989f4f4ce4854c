"""A database that is moved, removed or replaced while it is written; and whose locks must outlive a new opening."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.store.engines import Verdict
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.errors import OutcomeUnknown, StoreError, StoreUnavailable
from gateway.store.options import StoreOptions
from gateway.store.store import open_store
from gateway.store.tx import Tx
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults, Moment, sqlite_error
from tests.kit.stores import Told, committer, migrated, note, noted, sqlite_engine

FILES = ("gateway.db", "gateway.db-wal")


def _engine(directory: Path) -> SqliteEngine:
    engine = migrated(directory)
    assert isinstance(engine, SqliteEngine)
    return engine


@pytest.mark.parametrize("name", FILES)
def test_what_was_moved_must_come_back_first(name: str, tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    writing, told = committer(engine), Told()

    def run(key: str) -> str:
        batch = writing.run([told.job(key, note(key))])
        batch.completions[0].deliver()
        return told.events[-1][0]

    assert run("before") == "done"
    (tmp_path / name).rename(tmp_path / "away")
    assert [run(f"away {number}") for number in range(3)] == ["failed"] * 3
    assert isinstance(told.events[-1][2], StoreUnavailable)
    assert not (tmp_path / name).exists(), "nothing is made in its place"
    (tmp_path / "away").rename(tmp_path / name)
    assert run("after") == "done"
    writing.close()
    assert set(noted(tmp_path)) == {"before", "after"}


@pytest.mark.parametrize("name", FILES)
def test_what_goes_within_a_transaction_is_not_called_stored(name: str, tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    writing, told = committer(engine), Told()
    writing.run([told.job("first", note("first"))])

    def moves(tx: object) -> str:
        (tmp_path / name).rename(tmp_path / "away")
        return "moved"

    [completion] = writing.run([told.job("moves", moves)]).completions
    assert isinstance(completion.error, OutcomeUnknown)
    (tmp_path / "away").rename(tmp_path / name)
    [completion] = writing.run([told.job("after", note("after"))]).completions
    assert completion.error is None
    writing.close()


def test_another_file_in_its_place_is_not_ours(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    writing, told = committer(engine), Told()
    writing.run([told.job("ours", note("ours"))])
    engine.path.rename(tmp_path / "ours")
    engine.path.write_bytes((tmp_path / "ours").read_bytes())
    [completion] = writing.run([told.job("theirs", note("theirs"))]).completions
    assert isinstance(completion.error, StoreUnavailable)
    with pytest.raises(StoreUnavailable, match="moved, removed or replaced"):
        engine.open_reader()
    writing.close()


def test_a_log_that_was_removed_is_saved_by_a_stop_in_good_order(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    writing, told = committer(engine), Told()
    reader = engine.open_reader()
    reader.connection.execute("select count(*) from message").fetchall()
    writing.run([told.job("only in the log", note("only in the log"))])
    (tmp_path / "gateway.db-wal").unlink()
    [completion] = writing.run([told.job("refused", note("refused"))]).completions
    assert isinstance(completion.error, StoreUnavailable)
    assert "stop the gateway in good order" in str(completion.error)
    writing.close()
    engine.close(reader)
    assert set(noted(tmp_path)) == {"only in the log"}


def test_a_log_that_went_with_a_connection_that_closed_badly_is_not_missed(tmp_path: Path) -> None:
    _engine(tmp_path)
    faults = Faults()
    engine = sqlite_engine(tmp_path, faults)
    writing, told = committer(engine), Told()
    writing.run([told.job("before", note("before"))])
    faults.fail_at = len(faults.seen) + 1  # the ROLLBACK that follows BEGIN as the connection is let go

    def fails(tx: Tx) -> None:
        raise sqlite_error(sqlite3.SQLITE_IOERR)

    [completion] = writing.run([told.job("fails", fails)]).completions
    assert isinstance(completion.error, StoreUnavailable)
    assert not (tmp_path / "gateway.db-wal").exists()
    [completion] = writing.run([told.job("after", note("after"))]).completions
    assert completion.error is None
    writing.close()
    assert set(noted(tmp_path)) == {"before", "after"}


def test_a_log_that_the_last_reader_took_away_is_not_missed(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    writing, told = committer(engine), Told()
    writing.run([told.job("before", note("before"))])
    reader = engine.open_reader()
    reader.connection.execute("select count(*) from message").fetchall()
    writing.close()
    engine.close(reader)
    assert not (tmp_path / "gateway.db-wal").exists()
    [completion] = writing.run([told.job("after", note("after"))]).completions
    assert completion.error is None
    writing.close()


def test_a_link_to_a_file_that_is_not_there_yet_is_followed(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    engine.path.symlink_to(tmp_path / "elsewhere.db")
    engine.close(engine.open_writer())
    assert (tmp_path / "elsewhere.db").stat().st_mode & 0o077 == 0


OTHER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1])
other.execute("select count(*) from message").fetchall()
other.close()
"""


def test_who_looks_in_with_another_program_takes_no_log_away(tmp_path: Path) -> None:
    """A connection that was opened anew must not have given up the locks of those that stayed open."""
    engine = _engine(tmp_path)
    reader = engine.open_reader()
    reader.connection.execute("select count(*) from message").fetchall()
    for life in range(2):
        writing, told = committer(engine), Told()
        writing.run([told.job(f"note {life}", note(f"note {life}"))])
        log = (tmp_path / "gateway.db-wal").stat().st_ino
        subprocess.run([sys.executable, "-c", OTHER, str(engine.path)], check=True)
        assert (tmp_path / "gateway.db-wal").stat().st_ino == log
        writing.run([told.job(f"later {life}", note(f"later {life}"))])
        writing.close()
    engine.close(reader)
    assert len(noted(tmp_path)) == 4


def test_a_job_that_got_no_memory_is_not_at_fault(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    assert engine.classify(MemoryError(), committing=False) is Verdict.STORE
    assert engine.classify(MemoryError(), committing=True) is Verdict.UNKNOWN
    assert engine.classify(sqlite3.OperationalError(), committing=False) is Verdict.JOB


def test_the_log_of_a_life_that_was_killed_is_carried_over_at_once(tmp_path: Path) -> None:
    """Not synced again, but written anew: a sync that failed before the kill can not be made good otherwise."""
    alive, dead = tmp_path / "alive", tmp_path / "dead"
    alive.mkdir()
    writing, told = committer(_engine(alive)), Told()
    writing.run([told.job("before", note("before"))])
    dead.mkdir()
    for name in FILES:
        (dead / name).write_bytes((alive / name).read_bytes())
    writing.close()
    assert (dead / "gateway.db-wal").stat().st_size > 0

    reader = sqlite3.connect(dead / "gateway.db")
    reader.execute("begin")
    reader.execute("select count(*) from message").fetchall()
    engine = sqlite_engine(dead)
    engine.close(engine.open_writer())
    assert (dead / "gateway.db-wal").stat().st_size > 0, "somebody reads it: it must wait"
    reader.rollback()
    handle = engine.open_writer()
    assert (dead / "gateway.db-wal").stat().st_size == 0
    reader.close()
    engine.close(handle)
    assert set(noted(dead)) == {"before"}


def test_a_log_whose_commit_failed_is_carried_over_when_it_is_opened_again(tmp_path: Path) -> None:
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_IOERR_FSYNC, Moment.AFTER)
    engine = sqlite_engine(tmp_path, faults)
    writing, told = committer(engine), Told()
    reader = engine.open_reader()
    writing.run([told.job("opens", note("opens"))])
    began = len(faults.seen)
    writing.run([told.job("before", note("before"))])
    faults.fail_at = len(faults.seen) + faults.seen[began:].index("COMMIT")
    [completion] = writing.run([told.job("failed", note("failed"))]).completions
    assert isinstance(completion.error, OutcomeUnknown)
    assert (tmp_path / "gateway.db-wal").stat().st_size > 0
    engine.close(engine.open_writer())
    assert (tmp_path / "gateway.db-wal").stat().st_size == 0
    engine.close(reader)


async def test_a_start_says_that_the_store_is_unavailable_however_badly_it_can_be_let_go(tmp_path: Path) -> None:
    """Two operations in a row fail, wherever: what lets go of the connection meets trouble, too."""
    at = 0
    while True:
        faults = Faults(fail_at=at, times=2)
        engine = sqlite_engine(tmp_path / str(at), faults)
        engine.path.parent.mkdir()
        try:
            async with open_store(StoreOptions(), engine.path.parent, "gw1", FakeClock(), engine=engine, threads=False):
                pass
        except StoreError:
            at += 7
            continue
        except sqlite3.OperationalError:
            assert faults.reached()  # as it ended: nothing was promised by then
        break
    assert at > 100
