"""A backup: whole, of one moment, marked, private, verified; or none at all."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.store import backup
from gateway.store.backup import PAGES, Backup, BackupError, reading
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.evidence import add_evidence
from gateway.store.jobs import Committer
from gateway.store.lines import ensure_line
from gateway.store.restored import BACKUP_CHAINS, BACKUP_MARK
from gateway.store.tx import Tx
from tests.kit.stores import Told, committer, look, migrated, opt_out, sqlite_engine

NOW = 1_800_000_000.25


def stop(tx: Tx) -> None:
    add_evidence(tx, [opt_out(ensure_line(tx, "85700"), note="x" * 500)])


def write(made: Committer, times: int = 1) -> None:
    told = Told()
    events = told.deliver(made.run([told.job("stop", stop) for _ in range(times)]))
    assert {event[0] for event in events} == {"done"}


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    """A store of some hundred pages."""
    migrated(tmp_path)
    made = sqlite_engine(tmp_path)
    writer = committer(made)
    write(writer, 1000)
    writer.close()
    return made


def _nothing(*_: object) -> None:
    """Nobody waits, nobody counts."""


def take(
    engine: SqliteEngine,
    target: Path,
    *,
    force: bool = False,
    rate: float = 0,
    pause: Callable[[float], object] = _nothing,
    advance: Callable[[int], None] = _nothing,
) -> Backup:
    with reading(engine, NOW) as copying:
        return copying.write(target, force=force, rate=rate, pause=pause, advance=advance)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_a_backup_has_all_and_its_mark(engine: SqliteEngine, tmp_path: Path) -> None:
    target, done = tmp_path / "copy.db", [0]
    taken = take(engine, target, advance=lambda octets: done.append(octets))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert taken.contents.rows["evidence"] == 1000
    assert [chain[:3] for chain in taken.contents.chains] == [("gw1", 1, 1000)]
    assert rows(target, "select hash from evidence where seq = 1000")[0][0].hex() == taken.contents.chains[0][3]
    marks = dict(rows(target, "select key, value from meta"))
    assert float(marks[BACKUP_MARK]) == NOW
    assert [tuple(chain) for chain in json.loads(marks[BACKUP_CHAINS])] == list(taken.contents.chains)
    assert BACKUP_MARK not in dict(look(tmp_path, "select key, value from meta")), "the store itself is not marked"
    assert sum(done) == taken.octets - taken.octets % 4096
    assert rows(target, "pragma journal_mode") == [("delete",)]
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]


def test_a_copy_taken_while_others_write_is_of_one_moment(engine: SqliteEngine, tmp_path: Path) -> None:
    """It does not begin anew, however much is written between its steps, and it has none of that."""
    writer, steps = committer(engine), []

    def advance(octets: int) -> None:
        steps.append(octets)
        write(writer, 3)

    taken = take(engine, tmp_path / "copy.db", advance=advance)
    writer.close()
    assert len(steps) < taken.octets / (PAGES * 4096) + 2
    assert rows(tmp_path / "copy.db", "select count(*), max(seq) from evidence") == [(1000, 1000)]
    assert look(tmp_path, "select count(*) from evidence") == [(1000 + 3 * len(steps),)]


def test_it_waits_between_its_steps_and_syncs_as_it_goes(
    engine: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(backup, "PAGES", 16)
    monkeypatch.setattr(backup, "SYNC_OCTETS", 2 * 16 * 4096)
    monkeypatch.setattr(os, "fdatasync", syncs.append)
    pauses: list[float] = []
    taken = take(engine, tmp_path / "copy.db", rate=1_000_000, pause=pauses.append)
    assert sum(pauses) == pytest.approx(taken.octets / 1_000_000)
    assert len(syncs) >= len(pauses) // 2 - 1 > 0


def test_what_is_there_stays_unless_it_is_forced(engine: SqliteEngine, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(BackupError, match="name another file, or give --force"):
        take(engine, target)
    assert target.read_text() == "mine"
    take(engine, target, force=True)
    assert rows(target, "select count(*) from evidence") == [(1000,)]


def test_what_comes_to_be_meanwhile_stays(engine: SqliteEngine, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with pytest.raises(BackupError, match="has come to be meanwhile"):
        take(engine, target, advance=lambda octets: target.touch())
    assert target.read_bytes() == b""
    assert not (tmp_path / "copy.db.partial").exists()


def test_a_backup_of_a_marked_store_is_one_of_its_own_time(engine: SqliteEngine, tmp_path: Path) -> None:
    look(tmp_path, "insert into meta (key, value) values (?, '5')", (BACKUP_MARK,))
    take(engine, tmp_path / "copy.db")
    marks = dict(rows(tmp_path / "copy.db", "select key, value from meta"))
    assert float(marks[BACKUP_MARK]) == NOW


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), sqlite3.OperationalError("full")])
def test_a_copy_that_fails_leaves_nothing(
    error: Exception, engine: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match="cannot be written"):
        take(engine, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_an_interrupt_leaves_nothing(engine: SqliteEngine, tmp_path: Path) -> None:
    def interrupt(octets: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(engine, tmp_path / "copy.db", advance=interrupt)
    assert not list(tmp_path.glob("copy*"))


def test_a_copy_that_is_damaged_is_told_of(
    engine: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def damage(fd: int) -> None:
        real(fd)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            for page in range(20, os.fstat(fd).st_size // 4096):
                os.pwrite(fd, b"\xff" * 64, page * 4096)

    monkeypatch.setattr(os, "fsync", damage)
    with pytest.raises(BackupError, match="is a disk failing"):
        take(engine, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))


def test_a_copy_that_lacks_rows_is_told_of(
    engine: SqliteEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def lose(fd: int) -> None:
        real(fd)
        part = tmp_path / "copy.db.partial"
        if part.exists() and stat.S_ISREG(os.fstat(fd).st_mode):
            connection = sqlite3.connect(part)
            connection.execute("delete from line")
            connection.commit()
            connection.close()

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(BackupError, match="it does not have the rows of the store"):
        take(engine, tmp_path / "copy.db")


def test_two_backups_to_one_name_do_not_mix(engine: SqliteEngine, tmp_path: Path) -> None:
    part = tmp_path / "copy.db.partial"
    with part.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BackupError, match="is being written by another backup"):
            take(engine, tmp_path / "copy.db")
    take(engine, tmp_path / "copy.db")
    assert not part.exists(), "what a killed one left is used again"


def test_a_folder_that_is_not_there_is_told_of(engine: SqliteEngine, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="No such file or directory"):
        take(engine, tmp_path / "nowhere" / "copy.db")


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "what?.db", "#1.db"])
def test_any_name_will_do(name: str, engine: SqliteEngine, tmp_path: Path) -> None:
    taken = take(engine, tmp_path / name)
    assert taken.path.name == name
    assert taken.path.stat().st_size == taken.octets


def test_writers_in_other_threads_do_not_wait(engine: SqliteEngine, tmp_path: Path) -> None:
    """While a backup stands still between two steps, commits go through."""
    writer = committer(engine)
    wrote: list[bool] = []

    def other() -> None:
        write(writer, 1)
        wrote.append(True)

    def advance(octets: int) -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)

    take(engine, tmp_path / "copy.db", advance=advance)
    writer.close()
    assert wrote
