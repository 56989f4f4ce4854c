"""One owner: the lock that keeps a second daemon away from a SQLite file.

A kernel lock (flock) on a file beside the database, held open for as long as the owner lives: the kernel releases it
when the process dies, however it dies, so there is no stale lock and nothing to clean up. The file's text names the
owner for whoever is refused; it is never read to decide anything. The file stays: to remove it would let two processes
each lock a file of that name. The database's own locks cannot do this work, since they are held per transaction.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from gateway.store.errors import StoreInUse


class FileLock:
    """The lock, held from construction to ``release``."""

    def __init__(self, database: Path) -> None:
        """Lock ``database`` for this process. Raises StoreInUse naming the owner, or OSError.

        The lock lies beside the file itself, not beside a symbolic link to it: both ways lead to one lock.
        """
        real = database.resolve()
        self.path = real.with_name(real.name + ".lock")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._fd, 200, 0).decode("utf-8", "replace").strip()
            os.close(self._fd)
            raise StoreInUse(
                f"{database} is in use by {owner or 'another process'}; stop it first, or give the command while it "
                "runs through its socket"
            ) from error
        except BaseException:
            os.close(self._fd)
            raise
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next owner in. Releasing twice does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
