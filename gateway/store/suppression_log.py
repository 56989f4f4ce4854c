"""The suppression log as a daemon writes it: a file that grows, each addition synced before its transaction commits.

Owns the open file: its mode, its lock, its end, and what happens after a failed write. Must never be asked to take
something back, and never lets a commit pass whose events it does not hold: what cannot be written fails the batch, and
the next batch tries anew, from a fresh look at the file. Blocks; belongs to the writer's thread.

Before each addition it looks whether its name still means the same file. Whoever rotates the log renames it; the next
addition then begins a new file, whose first line names the last of the old one, so that a reader sees whether a file
between them is missing.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gateway.store.chunks import chunks
from gateway.store.errors import StoreInUse, StoreMisconfigured, StoreUnavailable
from gateway.store.suppression import BEGIN, BadRecord, Notes, Place, Record, read, write
from gateway.store.tx import Tx

_log: Final = structlog.get_logger(__name__)

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_TAIL: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _End:
    """How a file ends: its last whole record, None where there is none, and whether something cut off follows."""

    record: Record | None
    torn: bool


class SuppressionLog:
    """The log of one node. Made open, so that a start fails where it cannot be kept at all."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises StoreMisconfigured, or StoreInUse where another process writes it."""
        self.path = path
        self._fd = -1
        self._who = Place("", 0, 0)
        self._prev = ""
        self._torn = False
        self._begun = False
        self._silent = True
        self._again = False
        self.last: Record | None = None
        try:
            self._open()
        except OSError as error:
            raise StoreMisconfigured(
                f"[store] suppression_log: {path}: {error.strerror}; its folder must exist and be writable by this user"
            ) from error

    def begin(self, node: str, incarnation: int, head: int, now: float, *, at_once: bool = True) -> None:
        """Say who writes from now on; or with the first event, which is also when the disk is full now."""
        self._who = Place(node, incarnation, head)
        if not at_once:
            return
        try:
            self._add([], head, now)
        except OSError as error:
            self._drop()
            _log.error("suppression log cannot be written", path=str(self.path), error=error.strerror)

    def reopen(self) -> None:
        """Open the file anew before the next addition. May be called from any thread."""
        self._again = True

    def keep(self, tx: Tx) -> None:
        """Add the events of a transaction that is about to commit; on return they are on disk.

        Raises StoreUnavailable where they are not on disk for sure, and the driver's error where lines cannot be read.
        """
        notes = tx.notes
        if notes is None or not notes.events:
            return
        who, addresses = self._who, _addresses(tx, notes)
        head = who.seq if notes.head is None else notes.head
        records = [
            Record(
                kind=event.kind,
                at=event.at,
                place=Place(who.node, who.incarnation, event.seq),
                head=head,
                line="" if event.line_id is None else addresses[event.line_id],
                subscriber=event.subscriber,
                list_name=event.list_name,
                method=event.method,
                hash="" if event.hash is None else event.hash.hex(),
            )
            for event in notes.events
        ]
        try:
            self._add(records, head, tx.now)
        except (OSError, StoreInUse, StoreMisconfigured) as error:
            self._drop()
            raise StoreUnavailable(f"the suppression log {self.path} cannot be written: {error}") from error

    def close(self) -> None:
        """Close the file; it may be closed already."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _drop(self) -> None:
        """Trust nothing that is known of the file: after a failed sync its pages may not be what is on the disk."""
        try:
            self.close()
        except OSError as error:
            self._fd = -1
            _log.warning("suppression log not closed cleanly", error=error.strerror)

    def _add(self, records: Sequence[Record], head: int, now: float) -> None:
        if self._again or self._fd < 0 or not self._is_there():
            self._again = False
            self.close()
            self._open()
        lines: list[str] = ["\n"] if self._torn else []
        prev = self._prev
        if not self._begun:
            who = Place(self._who.node, self._who.incarnation, 0)
            # Nothing was committed past us since we know who writes, so the first line speaks for all of that time.
            line, prev = write(Record(BEGIN, now, who, self._who.seq if self._silent else head), prev)
            lines.append(line)
        for record in records:
            line, prev = write(record, prev)
            lines.append(line)
        octets = "".join(lines).encode()
        self._torn = True  # until it is known to be whole
        while octets:
            octets = octets[os.write(self._fd, octets) :]
        os.fdatasync(self._fd)
        self._prev, self._torn, self._begun, self._silent = prev, False, True, False

    def _is_there(self) -> bool:
        """Say whether the name still means the open file."""
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return False
        own = os.fstat(self._fd)
        return (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)

    def _open(self) -> None:
        fd = os.open(self.path, _FLAGS, 0o600)
        try:
            before = self._prev
            end = self._ready(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        self.last, self._torn = end.record, end.torn
        if end.record is None:
            self._prev, self._begun = before, False
        else:
            self._prev = end.record.sum
            # The same file, opened again after a failure, goes on; another one says who writes.
            self._begun = self._begun and before == end.record.sum

    def _ready(self, fd: int) -> _End:
        """Make sure that the file is ours alone to write, and return how it ends."""
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise StoreMisconfigured(f"[store] suppression_log: {self.path} is no ordinary file; name another")
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(
                f"[store] suppression_log: another process writes {self.path}; each node needs a file of its own"
            ) from None
        if found.st_mode & 0o077:
            os.fchmod(fd, 0o600)
        if found.st_size == 0:
            _sync_folder(self.path.absolute().parent)
            return _End(None, torn=False)
        return _end_of(fd, found.st_size, self.path)


def _addresses(tx: Tx, notes: Notes) -> dict[int, str]:
    """Return the addresses of the lines that are noted, by id."""
    wanted = sorted({event.line_id for event in notes.events if event.line_id is not None})
    return {
        row[0]: row[1]
        for marks, chunk in chunks(wanted)
        for row in tx.rows(f"select id, address from line where id in ({marks})", chunk)  # noqa: S608 - question marks
    }


def _end_of(fd: int, size: int, path: Path) -> _End:
    """Find the last whole record, looking further back until there is one. Raises StoreMisconfigured: not our file."""
    length = _TAIL
    while True:
        start = max(0, size - length)
        *lines, rest = os.pread(fd, size - start, start).decode("utf-8", "replace").split("\n")
        # The first piece may be a line's end; the last lacks its line break, and may be whole all the same.
        for line in reversed([*(lines if start == 0 else lines[1:]), rest]):
            try:
                return _End(read(line), torn=bool(rest))
            except BadRecord:
                continue  # cut off by a crash, or damaged; the reader of the log judges that
        if start == 0:
            if not _may_be_ours(lines[0] if lines else rest):
                raise StoreMisconfigured(
                    f"[store] suppression_log: {path} is not a suppression log; name a file that is one, or none yet"
                )
            return _End(None, torn=bool(rest))
        length *= 4


def _may_be_ours(line: str) -> bool:
    """Say whether a file without a single whole record may be one whose very first line was cut off."""
    ours = write(Record(BEGIN, 0.0, Place("", 0, 0), 0), "")[0][:7]
    return line[: len(ours)] == ours[: len(line)]


def _sync_folder(folder: Path) -> None:
    """Make a new name in ``folder`` survive the loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
