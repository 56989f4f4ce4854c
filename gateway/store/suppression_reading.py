"""Reading suppression logs: what they hold, in order, and from where on they hold everything.

Owns the judgement of files that somebody brings: which belong together, whether a line was altered or a file is
missing, and which evidence chains they cover. Must never decide what a record does; that is for the store to say, which
knows more. Reads one line at a time.

Files of one node follow each other: each begins with a line that names the last one of the file before it. A *thread*
is a row of such files. Where a line does not continue the one before it, something is missing, and what the thread
covered so far is forgotten. A line that is not whole is nothing where the next one continues the one before it: it was
cut off by a crash. Elsewhere it is damage.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from gateway.model.restore import Covered
from gateway.store.errors import StoreMisconfigured
from gateway.store.suppression import BadRecord, Record, read

Heard = Callable[[int], None]
"""Is told of octets that were read, for a progress bar."""


@dataclass(slots=True)
class Thread:
    """Files of one node that follow each other. ``covers`` has the lowest end of each chain behind which nothing is
    missing, to the thread's own end."""

    files: list[Path]
    covers: dict[tuple[str, int], int] = field(default_factory=dict)
    last: Record | None = None
    at: float = 0.0

    def take(self, record: Record) -> bool:
        """Take the next record; say whether it continues the one before it."""
        continues = self.last is None or record.prev == self.last.sum
        if not continues:
            self.covers.clear()
        key = (record.place.node, record.place.incarnation)
        self.covers[key] = min(self.covers.get(key, record.head), record.head)
        self.last = record
        self.at = max(self.at, record.at)
        return continues


@dataclass(slots=True)
class Reading:
    """Several logs, read once. ``faults`` are sentences about what is damaged or missing; ``torn`` counts lines that a
    crash cut off."""

    threads: list[Thread]
    faults: list[str] = field(default_factory=list)
    torn: int = 0
    records: int = 0

    def lines(self, heard: Heard) -> Iterator[str]:
        """Yield every whole line, in the order in which they happened. To be called once."""
        merged = heapq.merge(*(self._thread(thread, heard) for thread in self.threads), key=lambda item: item[0])
        for _, line in merged:
            self.records += 1
            yield line

    @property
    def until(self) -> float:
        """When the last event happened that they hold (unix seconds)."""
        return max((thread.at for thread in self.threads), default=0.0)

    def covered(self) -> list[Covered]:
        """Return what the logs cover, once all was read: of threads that have a chain, the latest counts."""
        latest: dict[tuple[str, int], tuple[float, int]] = {}
        for thread in self.threads:
            for key, head in thread.covers.items():
                latest[key] = max(latest.get(key, (thread.at, head)), (thread.at, head))
        return [Covered(*key, head) for key, (_, head) in sorted(latest.items())]

    def _thread(self, thread: Thread, heard: Heard) -> Iterator[tuple[float, str]]:
        bad: list[str] = []
        for where, line in chain.from_iterable(_lines(path, heard) for path in thread.files):
            try:
                record = read(line)
            except BadRecord as error:
                bad.append(f"{where}: {error}")
                continue
            if thread.take(record):
                self.torn += len(bad)
            else:
                self.faults += bad or [f"{where}: it does not continue the line before it: something is missing"]
            bad.clear()
            yield thread.at, line
        self.torn += len(bad)  # at the very end: cut off, or still being written


def open_logs(paths: Sequence[Path]) -> Reading:
    """Put files in order by their first lines. Raises StoreMisconfigured for one that is no suppression log.

    A file without a single whole record is one that a crash cut off in its first line; it says nothing.
    """
    firsts = [(first, path) for path in paths if (first := _first(path)) is not None]
    ends = {path: _last(path) for _, path in firsts}
    threads: list[Thread] = []
    for first, path in sorted(firsts, key=lambda item: item[0].at):
        for thread in threads:
            end = ends[thread.files[-1]]
            if end is not None and first.prev == end.sum:
                thread.files.append(path)
                break
        else:
            threads.append(Thread([path]))
    return Reading(threads)


def size_of(paths: Sequence[Path]) -> int:
    """Return the octets of all files."""
    return sum(path.stat().st_size for path in paths)


def _lines(path: Path, heard: Heard) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            heard(len(raw))
            line = raw.decode("utf-8", "replace").removesuffix("\n")
            if line:
                yield f"{path}, line {number}", line


def _first(path: Path) -> Record | None:
    """Return a file's first whole record."""
    try:
        some = False
        for _, line in _lines(path, _nobody):
            some = True
            try:
                return read(line)
            except BadRecord:
                continue
    except OSError as error:
        raise StoreMisconfigured(f"{path}: {error.strerror}; name suppression logs that you may read") from error
    if some:
        raise StoreMisconfigured(f"{path} has no whole record of a suppression log; is it one?")
    return None


def _last(path: Path) -> Record | None:
    """Return a file's last whole record, looking from its end."""
    size, length = path.stat().st_size, 64 * 1024
    with path.open("rb") as file:
        while True:
            file.seek(max(0, size - length), os.SEEK_SET)
            for line in reversed(file.read().decode("utf-8", "replace").split("\n")):
                try:
                    return read(line)
                except BadRecord:
                    continue
            if length >= size:
                return None
            length *= 4


def _nobody(count: int) -> None:
    """Nobody counts."""
