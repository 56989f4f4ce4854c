"""SQLite's checkpoints, beside the thread that commits: the log is carried into the database while commits go on.

Left to SQLite, the commit that fills the log does it: every 4,000 pages one transaction waits for thousands of page
writes and an fsync of the database, 70 to 250 ms on the disk that this was measured on, and every ack with it. Here a
thread with a connection of its own carries pages over (a *passive* checkpoint makes no writer wait) and syncs the
database file, so that almost nothing is left. But a passive checkpoint never catches up with a writer that never
pauses, and a log that is never wholly carried over is never begun anew: it would grow for ever. So once the log is long
and nearly done, the committing thread does the rest itself, between two transactions, after their results were handed
on: some 10 ms. SQLite's own automatic checkpoint stays as a net far above that.

Must never close ``_files``: closing any descriptor of a file gives up all POSIX locks that this process has on it
(https://www.sqlite.org/howtocorrupt.html, 2.2), those of SQLite's connections included. There is one for each database
that this process ever wrote so much to: one, but in tests.

Errors of a checkpoint are not the committing transaction's: it is durable in the log. They are logged, and it is tried
again with the next one.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.base import Clock, SystemClock

_log: Final = structlog.get_logger(__name__)

ROWS: Final = 2000
"""So many rows were changed before pages are carried over again."""
GAP_S: Final = 0.25
"""So long the disk is left to the commits between two times."""
LONG: Final = 8000
"""Pages of a log that is to be begun anew."""
NICE: Final = 5
"""How far its thread stands back: it gets a quarter of a core that another thread wants too. It needs a tenth."""
NET: Final = 32_000
"""Pages of log (of 4 KB) at which SQLite's own checkpoint steps in, whatever became of ours."""

_PASSIVE: Final = "PRAGMA wal_checkpoint(PASSIVE)"
_files: dict[tuple[int, int], int] = {}


def _database_file(path: Path) -> int:
    """Return a descriptor of the database that stays open for the life of the process."""
    stat = path.stat()
    key = (stat.st_dev, stat.st_ino)
    if key not in _files:
        _files[key] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return _files[key]


class Checkpointer:
    """Carries the log of one database over. ``connect`` opens a connection that may checkpoint it.

    ``note`` is called after each transaction by whoever commits, ``finish`` between two of them, ``close`` once nothing
    is committed any more.
    """

    def __init__(self, path: Path, connect: Callable[[], Any], clock: Clock | None = None) -> None:
        self._path = path
        self._connect = connect
        self._clock = clock or SystemClock()
        self._seen = 0
        self._next_at = 0.0
        self._nearly_done = False
        self._over = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, connection: Any) -> bool:
        """Have pages carried over if many rows were changed on ``connection``; say whether to ``finish`` now."""
        changes: int = connection.total_changes
        if not self._nearly_done and changes - self._seen >= ROWS and self._clock.monotonic() >= self._next_at:
            self._seen = changes
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
                self._thread.start()
            self._wake.set()
        return self._nearly_done

    def finish(self, connection: Any) -> None:
        """Carry over what is left, so that the log begins anew with the next transaction."""
        self._seen, self._nearly_done = connection.total_changes, False
        _carry(connection)

    def close(self) -> None:
        """End the thread, if there is one, and wait for it."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        _yield_the_processor()
        connection: Any = None
        while not self._over:
            self._wake.wait()
            self._wake.clear()
            if self._over:
                break
            try:
                if connection is None:
                    connection = self._connect()
                self._carry_over(connection)
            except (sqlite3.Error, OSError) as error:
                _log.warning("checkpoint not done: it is tried again", error=repr(error))
            self._next_at = self._clock.monotonic() + GAP_S
        if connection is not None:
            connection.close()

    def _carry_over(self, connection: Any) -> None:
        """Carry over what there is; of a long log, also what came meanwhile, so that little is left to be finished."""
        pages = _carry(connection)
        os.fdatasync(_database_file(self._path))
        if pages >= LONG:
            _carry(connection)
            os.fdatasync(_database_file(self._path))
            self._nearly_done = True


def _yield_the_processor() -> None:
    """Have this thread of ours stand back behind those that answer: with one core, they would halve each other's pace.

    On Linux, a thread has a priority of its own (setpriority(2), "C library/kernel differences").
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, in any words: it is a courtesy
            here = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, here, os.getpriority(os.PRIO_PROCESS, here) + NICE)


def _carry(connection: Any) -> int:
    """Carry over what no reader needs in the log any more, making nobody wait; return how many pages it has."""
    try:
        ((_, pages, _),) = connection.execute(_PASSIVE).fetchall()
    except sqlite3.Error as error:
        _log.warning("checkpoint not done: it is tried again", error=repr(error))
        return 0
    return int(pages)
