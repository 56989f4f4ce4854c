"""Where a SQLite database is, and that it still is there: the file and its log, told by their inodes.

A process that has a file open goes on writing to it when somebody moves or removes it, and every commit succeeds: into
a file that nobody will find. SQLite does not look (its own check is for another journal mode), so each transaction
looks here, before it begins and once it has committed; that costs some microseconds. What is missing must come back, or
the gateway be started anew: nothing is ever made, or taken for ours, in the place of what we had.

Must never open a database file: closing any descriptor of it would give up the POSIX locks that this process has on
it (https://www.sqlite.org/howtocorrupt.html, 2.2), and whoever else then closes the file believes to be the last, and
takes the log away under us.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gateway.store.errors import StoreUnavailable

MODE: Final = 0o600
_Identity = tuple[int, int]


class Place:
    """The place of one database. For one thread at a time, but for ``check_file``.

    A log that is missed is waited for, also when the connection that wrote it is gone: others of this process may still
    have it open, and its index with it, and would read from a new one what is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file_name = os.fspath(path)  # each transaction looks: a path's own ``stat`` takes twice as long
        self._log_name = self._file_name
        self._file: _Identity | None = None
        self._log: _Identity | None = None
        self._missed: _Identity | None = None

    def prepare(self) -> None:
        """Let a writing connection be opened. Where this process has seen no file yet, make it, for its user alone.

        A wider mode is narrowed. Raises StoreUnavailable where what it had is not there any more, and OSError.
        """
        if self._file is None:
            self._make()
            real = self._path.resolve()
            self._log_name = os.fspath(real.with_name(real.name + "-wal"))
            self._file = _identity(self._file_name)
        self._log = None
        self.check()
        if self._path.stat().st_mode & 0o077:
            self._path.chmod(MODE)

    def _make(self) -> None:
        try:
            os.close(os.open(self._path.resolve(), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE))
        except FileExistsError:
            return  # and it is not opened, see above

    def check_file(self) -> None:
        """Raise StoreUnavailable unless the file that was prepared is where it was."""
        if self._file is not None and _identity(self._file_name) != self._file:
            raise StoreUnavailable(
                f"{self._path} is not the file that it was: it was moved, removed or replaced. Put it back, with its "
                "-wal file; a gateway that is stopped now loses what is in neither of them"
            )

    def check(self) -> None:
        """Raise StoreUnavailable unless file and log are where they were."""
        self.check_file()
        wanted = self._missed or self._log
        if wanted is None:
            return
        if _identity(self._log_name) == wanted:
            self._missed = None
            return
        self._missed = wanted
        raise StoreUnavailable(
            f"{self._log_name} is not the file that it was: it was moved or removed. Put it back, or stop the gateway "
            "in good order, which carries the log over into the database"
        )

    def opened(self) -> None:
        """Learn which log the writing connection, which has begun a transaction, writes."""
        if self._log is None:
            self._log = _identity(self._log_name)


def _identity(name: str) -> _Identity | None:
    """Return device and inode; None where nothing is, or nothing can be seen."""
    try:
        found = os.stat(name)  # noqa: PTH116 - see above
    except OSError:
        return None
    return found.st_dev, found.st_ino
