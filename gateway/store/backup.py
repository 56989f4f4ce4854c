"""A backup of a SQLite store: a whole copy, taken while others write, marked, verified, and only then given its name.

Owns the copy from its first page to its last sync. Must never hold up whoever writes, and never leave a file under the
name that was asked for which is not a verified backup.

SQLite's own backup interface copies pages in small steps. It begins anew whenever somebody else has written in between,
so one read transaction is held from the first step to the last: that is the moment of which the copy is. Writers do not
wait for readers; meanwhile the write-ahead log cannot be used again from its beginning, and grows. Between the steps it
waits, so that no more than so much is read a second, and every few megabytes it syncs, so that the disk is never given
one large write to finish, behind which a commit would wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.store.engines import Engine, Handle
from gateway.store.errors import StoreError
from gateway.store.evidence import chain_end
from gateway.store.restored import BACKUP_CHAINS, BACKUP_MARK
from gateway.store.tx import Reader

PAGES: Final = 128
"""Pages of one step: half a megabyte where a page has 4 KB."""
SYNC_OCTETS: Final = 8 * 1024 * 1024

Advance = Callable[[int], None]
Pause = Callable[[float], object]
"""Waits so many seconds."""
Chain = tuple[str, int, int, str]
"""How an evidence chain ends: node, incarnation, seq, hash (hexadecimal)."""


class BackupError(StoreError):
    """The backup was not taken; nothing is under the name that was asked for but what was there before."""

    exit_code = 73  # EX_CANTCREAT


@dataclass(frozen=True, slots=True)
class Contents:
    """What a store has, to compare: rows by table, and how the evidence chains end."""

    rows: Mapping[str, int]
    chains: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was taken: where, of when (unix seconds), how large, and what is in it."""

    path: Path
    taken_at: float
    octets: int
    contents: Contents


class Copying:
    """One backup under way: ``total`` octets are to be copied. Made by ``reading``."""

    def __init__(self, source: Handle, engine: Engine, taken_at: float) -> None:
        self._source = source
        self._engine = engine
        self.taken_at = taken_at
        self._page = _pragma(source.connection, "page_size")
        self.total = self._page * _pragma(source.connection, "page_count")
        self.contents = _contents(source)

    def write(self, target: Path, *, force: bool, rate: float, pause: Pause, advance: Advance) -> Backup:
        """Copy to ``target``, at most ``rate`` octets a second (0: as fast as it goes), and verify the copy.

        Raises BackupError: the target is there and ``force`` is not given, it cannot be written, or the copy is not
        what it must be.
        """
        if target.exists() and not force:
            raise BackupError(f"{target} is there already; name another file, or give --force")
        part = target.with_name(target.name + ".partial")
        try:
            with _private(part) as fd:
                self._copy(part, fd, rate, pause, advance)
                self._mark(part)
                os.fsync(fd)
                self._verify(part)
                if target.exists() and not force:
                    raise BackupError(f"{target} has come to be meanwhile; it is left as it is")
                part.replace(target)
                _sync_folder(target.absolute().parent)
        except OSError as error:
            raise BackupError(f"{target} cannot be written: {error.strerror or error}") from error
        except sqlite3.Error as error:
            raise BackupError(f"{target} cannot be written: {error}") from error
        return Backup(target, self.taken_at, target.stat().st_size, self.contents)

    def _copy(self, part: Path, fd: int, rate: float, pause: Pause, advance: Advance) -> None:
        source: Any = self._source.connection
        done = synced = 0

        def stepped(_status: int, remaining: int, total: int) -> None:
            nonlocal done, synced
            now = (total - remaining) * self._page
            advance(now - done)
            if now - synced >= SYNC_OCTETS:
                os.fdatasync(fd)
                synced = now
            if rate and now > done:
                pause((now - done) / rate)
            done = now

        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            copy.execute("pragma locking_mode = exclusive")  # nobody else looks at it: no shared index is made
            copy.execute("pragma synchronous = off")  # it is synced here, in pieces and at the end
            copy.execute("pragma journal_mode = off")
            source.backup(copy, pages=PAGES, progress=stepped)
            copy.execute("pragma journal_mode = delete")  # one file: what was in the log is in the pages

    def _mark(self, part: Path) -> None:
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            copy.execute("pragma journal_mode = off")
            for key, value in ((BACKUP_MARK, repr(self.taken_at)), (BACKUP_CHAINS, json.dumps(self.contents.chains))):
                copy.execute("insert or replace into meta (key, value) values (?, ?)", (key, value))

    def _verify(self, part: Path) -> None:
        """Read the copy back, whole."""
        found = Contents({}, ())
        with closing(sqlite3.connect(f"file:{_quoted(part)}?mode=ro&immutable=1", uri=True)) as copy:
            try:
                faults = [row[0] for row in copy.execute("pragma integrity_check(5)") if row[0] != "ok"]
                if not faults:
                    found = _contents(Handle(copy, self._source.database, self._source.dialect, writes=False))
            except sqlite3.DatabaseError as error:
                faults = [str(error)]
        meta = {"meta": self.contents.rows["meta"] + _added(self._source)}
        if faults or found != Contents({**self.contents.rows, **meta}, self.contents.chains):
            what = faults[0] if faults else "it does not have the rows of the store"
            raise BackupError(f"the copy is not good: {what}; is a disk failing?")


@contextmanager
def reading(engine: Engine, now: float) -> Iterator[Copying]:
    """Hold one moment of the store, ``now`` (unix seconds), while the block runs."""
    handle = engine.open_reader()
    try:
        engine.begin(handle)
        yield Copying(handle, engine, now)
    finally:
        engine.close(handle)


def _contents(handle: Handle) -> Contents:
    reader = Reader(handle.connection, handle.database)
    names = [row[0] for row in reader.rows(_TABLES)]
    rows = {name: int(reader.rows(f'select count(*) from "{name}"')[0][0]) for name in names}  # noqa: S608 - our tables
    chains: list[Chain] = []
    at: tuple[str, int] = ("", -1)
    while found := reader.rows(_NEXT_CHAIN, at):
        at = (found[0][0], found[0][1])
        end = chain_end(reader, *at)
        chains.append((*at, end.seq, end.hash.hex()))
    return Contents(rows, tuple(chains))


_TABLES: Final = "select name from sqlite_master where type = 'table' and name not like 'sqlite%' order by name"
_NEXT_CHAIN: Final = (
    "select node, incarnation from evidence where (node, incarnation) > (?, ?) order by node, incarnation limit 1"
)


def _added(source: Handle) -> int:
    """Return how many rows marking adds: the source may be marked itself, where nothing has started on it yet."""
    marks = source.connection.execute(
        "select count(*) from meta where key in (?, ?)", (BACKUP_MARK, BACKUP_CHAINS)
    ).fetchall()
    return 2 - int(marks[0][0])


def _pragma(connection: Any, name: str) -> int:
    return int(connection.execute(f"pragma {name}").fetchall()[0][0])


def _quoted(path: Path) -> str:
    """Return a path as a part of SQLite's URI (https://www.sqlite.org/uri.html section 3.1)."""
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def _private(part: Path) -> Iterator[int]:
    """Make the temporary file, for this user and this process alone; it is gone at the end, unless it was renamed.

    The descriptor is open for as long as SQLite works on the file: to close any of a file's descriptors gives up the
    locks that the process has on it.
    """
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"{part} is being written by another backup; wait for it, or name another file") from None
        os.ftruncate(fd, 0)
        os.fchmod(fd, 0o600)
        try:
            yield fd
        finally:
            mine = os.fstat(fd)
            with suppress(FileNotFoundError):
                named = part.lstat()
                if (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino):
                    part.unlink()
    finally:
        os.close(fd)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
