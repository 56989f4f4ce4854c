"""SQLite: one file, one writing process, write-ahead log, every commit synced.

Owns everything that is peculiar to SQLite: pragmas, file mode, the meaning of its error codes. Durability is not for
sale: ``synchronous`` is FULL, so a commit returns after the log's fdatasync, and a start is refused where the file
system cannot do write-ahead logging.

On errors. A full disk or an I/O error inside a transaction surely stores nothing. The same error *from COMMIT* is a
different matter: the frames of the transaction may be in the log, complete and checksummed, with only the sync having
failed; this process does not see them, yet recovery after a crash would. So it is UNKNOWN, and the handle is dropped.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import NoneType
from typing import Any, Final

import structlog
from peewee import PeeweeException, SqliteDatabase

from gateway.base import SystemClock
from gateway.store.checkpoints import NET, Checkpointer
from gateway.store.dialects.sqlite import SQLITE
from gateway.store.engines import Handle, Ownership, Verdict
from gateway.store.errors import StoreMisconfigured, StoreUnavailable
from gateway.store.lock import FileLock
from gateway.store.options import StoreOptions
from gateway.store.place import Place
from gateway.store.tx import Connection

_log: Final = structlog.get_logger(__name__)

_RETRY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_STORE: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERNAL,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)
_NO_ROOM: Final = 1 << 20
"""A file system with fewer octets left is full."""
_INSTRUCTIONS: Final = 100_000
"""So many steps of SQLite's machine, some milliseconds, pass between two looks at the clock."""
_SYNCHRONOUS_FULL: Final = 2
# Before the sqlite3 module binds octets or None, it asks what they shall be adapted to, as it does with all that it
# does not know: three look-ups that fail, a microsecond each time, and the rows of a text have some ten such values.
# An adapter is what it looks for first. These give the value itself.
sqlite3.register_adapter(bytes, bytes.__bytes__)
sqlite3.register_adapter(NoneType, {None: None}.get)

_STATEMENTS: Final = 512  # prepared statements kept per connection: hot ones come in a few sizes each


class _Patience:
    """How long a reading transaction may take: whoever holds one state for long keeps the log from beginning anew."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._clock = SystemClock()
        self._until = 0.0

    def begin(self) -> None:
        """Begin to wait."""
        self._until = self._clock.monotonic() + self._limit_s

    def is_over(self) -> bool:
        """Say whether to interrupt."""
        return self._clock.monotonic() > self._until


class SqliteEngine:
    """The engine for ``sqlite:`` URLs. ``path`` is the database file."""

    def __init__(self, options: StoreOptions, state_dir: Path) -> None:
        name = options.url.partition(":")[2]
        if name.startswith(("//", ":")) or "?" in name:
            raise StoreMisconfigured(
                f'[store] url = "{options.url}": write "sqlite:" and a file name, such as "sqlite:gateway.db"'
            )
        self.path = state_dir / name
        self.keeps_witness = True
        self.is_near = True
        self.connection_class: type[sqlite3.Connection] = sqlite3.Connection
        self._place = Place(self.path)
        self._begun_anew = False
        self._checkpointers: dict[Connection, Checkpointer] = {}
        self._patience: dict[Connection, _Patience] = {}
        self._hurried: set[Connection] = set()  # those that wait for no lock now
        self._busy_timeout_s = options.busy_timeout_s
        self._cache_kb = options.cache_mb * 1024

    @property
    def witness(self) -> Path:
        """Beside the file itself, as its lock is, and not beside a symbolic link to it."""
        real = self.path.resolve()
        return real.with_name(real.name + ".witness")

    def identity(self, handle: Handle) -> str:
        """A file is where it is: copies tell themselves by their mark and their witness."""
        return ""

    def check_backup(self) -> None:
        """A file can be copied, also while others write."""

    def missing(self) -> str:
        """Return the file's path if it is not there. Where that cannot be told, opening it will say why."""
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return str(self.path)
        except OSError:
            return ""
        return ""

    def own(self, node: str) -> Ownership:
        """Take the lock beside the file. Raises StoreInUse, or StoreMisconfigured where the directory is missing."""
        try:
            return FileLock(self.path)
        except OSError as error:
            raise StoreMisconfigured(
                f"{self.path}: {error.strerror}; the directory must exist and be writable by this user"
            ) from error

    def open_writer(self) -> Handle:
        """Open the file for writing, made with mode 0600 if it is new; a wider mode is narrowed."""
        self._place.prepare()
        handle = self._open(
            {
                "journal_mode": "WAL",
                "synchronous": "FULL",
                "wal_autocheckpoint": NET,
                "journal_size_limit": 64 * 1024 * 1024,
                "cache_size": -self._cache_kb,
                "recursive_triggers": "ON",  # a REPLACE deletes: the triggers that forbid it must see that
                "secure_delete": "FAST",
            },
            writes=True,
        )
        if not self._begun_anew:
            self._begin_anew(handle)
        self._checkpointers[handle.connection] = Checkpointer(self.path, self._open_checkpoints)
        return handle

    def _begin_anew(self, handle: Handle) -> None:
        """Carry over the whole log that is there, and begin it anew: after a start, and after a commit that failed.

        Where a sync of it failed, the kernel shows us what was written and does not write it any more, whoever asks
        again (https://wiki.postgresql.org/wiki/Fsync_Errors). What we then commit stands behind a gap in the file, and
        is lost with it when the power goes. Carried over, it is written anew.
        """
        try:
            ((busy, _, _),) = handle.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except BaseException:
            self.close(handle)
            raise
        if busy:
            _log.warning("the write-ahead log was not begun anew: another program reads the database")
        self._begun_anew = not busy

    def _open_checkpoints(self) -> Connection:
        """Open the connection that carries the log over: as synchronous as the writer's, and with next to no cache."""
        self._place.check_file()
        pragmas: dict[str, object] = {"synchronous": "FULL", "wal_autocheckpoint": 0, "cache_size": -64}
        return self._open(pragmas, writes=True).connection

    def open_reader(self, limit_s: float = 0) -> Handle:
        """Open the file for reading only; with ``limit_s``, a transaction that takes longer is interrupted."""
        self._place.check_file()
        handle = self._open({"query_only": "ON", "cache_size": -2048}, writes=False)
        if limit_s:
            patience = _Patience(limit_s)
            self._patience[handle.connection] = patience
            connection: Any = handle.connection
            connection.set_progress_handler(patience.is_over, _INSTRUCTIONS)
        return handle

    def _open(self, pragmas: dict[str, object], *, writes: bool) -> Handle:
        database: Any = SqliteDatabase(
            str(self.path),
            pragmas={"temp_store": "MEMORY", "trusted_schema": "OFF", **pragmas},
            timeout=self._busy_timeout_s,
            thread_safe=False,  # a handle is used by one thread at a time, not always by the same one
            check_same_thread=False,
            cached_statements=_STATEMENTS,
            factory=self.connection_class,
        )
        try:
            return Handle(database.connection(), database, SQLITE, writes)
        except PeeweeException as wrapped:
            # The driver's own error has the result code by which ``classify`` judges.
            raise (wrapped.__context__ or wrapped) from None

    def check_durability(self, handle: Handle) -> None:
        """Raise StoreMisconfigured unless the file is in WAL mode with synchronous at FULL or above."""
        mode = self._pragma(handle, "journal_mode = WAL")  # again: a failed write, too, leaves a new file as it was
        if mode != "wal":
            raise StoreMisconfigured(
                f"{self.path}: its file system cannot keep a write-ahead log (journal_mode is {mode}); "
                "use a local file system"
            )
        synchronous = int(self._pragma(handle, "synchronous"))
        if synchronous < _SYNCHRONOUS_FULL:
            raise StoreMisconfigured(
                f"{self.path}: synchronous is {synchronous}, so a commit would not survive the loss of power; "
                f"it must be FULL ({_SYNCHRONOUS_FULL}) or above"
            )

    def _pragma(self, handle: Handle, name: str) -> str:
        return str(handle.connection.execute(f"PRAGMA {name}").fetchall()[0][0])

    def begin(self, handle: Handle, *, waits: bool = True) -> None:
        """Begin; a writer takes the write lock now, so that no statement of a job meets it."""
        if handle.writes:
            self._place.check()
        execute = handle.connection.execute
        if (patience := self._patience.get(handle.connection)) is not None:
            patience.begin()
        if waits is (handle.connection in self._hurried):
            execute(f"PRAGMA busy_timeout = {self._busy_timeout_s * 1000 if waits else 0:.0f}")
            self._hurried ^= {handle.connection}
        execute("BEGIN IMMEDIATE" if handle.writes else "BEGIN")
        if handle.writes:
            self._place.opened()

    def commit(self, handle: Handle) -> None:
        """Commit; on return the log is synced, and is the one that a next start would find."""
        try:
            handle.connection.execute("COMMIT")
        except BaseException:
            self._begun_anew = False
            raise
        if handle.writes:
            self._place.check()

    def rollback(self, handle: Handle) -> None:
        """Roll back; SQLite does that itself upon some errors, and then there is nothing to do."""
        connection: Any = handle.connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def close(self, handle: Handle) -> None:
        """Close the connection, its transaction first: a cursor that somebody still holds would keep the lock alive."""
        if (checkpointer := self._checkpointers.pop(handle.connection, None)) is not None:
            checkpointer.close()
        self._patience.pop(handle.connection, None)
        self._hurried.discard(handle.connection)
        try:
            self.rollback(handle)
        finally:
            handle.database.close()

    def has_chores(self, handle: Handle) -> bool:
        """Have the log kept short; say whether it is to be finished (``gateway.store.checkpoints``)."""
        return self._checkpointers[handle.connection].note(handle.connection)

    def do_chores(self, handle: Handle) -> None:
        """Carry the rest of the log over, so that it begins anew."""
        self._checkpointers[handle.connection].finish(handle.connection)

    def is_full(self, error: Exception) -> bool:
        """Judge by the result code, and where writing failed for any reason, by what room the file system has left."""
        code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
        if code is not None and code & 0xFF == sqlite3.SQLITE_IOERR:
            # A quota, and the log's index in shared memory, say no more than that.
            try:
                left = os.statvfs(self.path.parent)
            except OSError:
                return False
            return left.f_bavail * left.f_frsize < _NO_ROOM
        return code is not None and code & 0xFF == sqlite3.SQLITE_FULL

    def classify(self, error: Exception, *, committing: bool) -> Verdict:
        """Judge by SQLite's primary result code (https://www.sqlite.org/rescode.html).

        A job that got no memory is not at fault: what it was about is to be tried again, and not put aside.
        """
        code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
        primary = None if code is None else code & 0xFF
        if primary in _RETRY:
            return Verdict.RETRY
        if committing:
            return Verdict.UNKNOWN
        shortage = isinstance(error, MemoryError | StoreUnavailable)
        return Verdict.STORE if shortage or primary in _STORE else Verdict.JOB


ENGINE: Final = SqliteEngine
