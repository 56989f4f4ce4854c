"""What a disk that lost its power still has, made from the log of ``tests.torture.disk``.

A write is safe once a sync of its file has succeeded after it; until then any part of it may be there or not, in any
order. A file's name is safe once a log or journal that was created was synced (SQLite then syncs the folder, too), and
what was removed without a sync may come back. After a failed sync, what it covered is lost or not, and no later sync
makes it safe: the kernel has dropped it, and says so only once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.torture.disk import (
    CREATE,
    DELETE,
    DELETE_SYNCED,
    FAILED_SYNC,
    HEAD,
    LOG,
    NAMES,
    SYNC,
    TRUNCATE,
    WRITE,
)

SECTOR: Final = 512
NONE: Final = "none"
SOME: Final = "some"
ALL: Final = "all"
Keeps = Callable[[], bool]
"""Asked of each sector that was not synced: is it there?"""


@dataclass
class _File:
    """One file: its safe octets, and what was done since (offset and octets; octets None is a truncation)."""

    safe: bytearray = field(default_factory=bytearray)
    open: list[tuple[int, bytes | None]] = field(default_factory=list)
    named: bool = True
    """Whether its name is safe."""

    def sync(self) -> None:
        for change in self.open:
            _apply(self.safe, *change)
        self.open.clear()

    def after(self, keeps: Keeps) -> bytes:
        octets = bytearray(self.safe)
        for at, data in self.open:
            if data is None:
                if keeps():
                    _apply(octets, at, None)
                continue
            for begin in range(0, len(data), SECTOR):
                if keeps():
                    _apply(octets, at + begin, data[begin : begin + SECTOR])
        return bytes(octets)


@dataclass
class _Entry:
    """What a name stands for: the file in it now, and the one that comes back if its removal was not synced."""

    now: _File | None = None
    before: _File | None = None


def _apply(octets: bytearray, at: int, data: bytes | None) -> None:
    if data is None:
        del octets[at:]
        return
    if len(octets) < at:
        octets.extend(bytes(at - len(octets)))
    octets[at : at + len(data)] = data


def _records(log: bytes) -> Iterator[tuple[bytes, int, int, bytes]]:
    at = 0
    while at + HEAD.size <= len(log):
        what, place, offset, length = HEAD.unpack_from(log, at)
        at += HEAD.size
        if at + length > len(log):
            return  # killed as it wrote this, after the write itself: that was not synced, so it need not be there
        yield what, place, offset, log[at : at + length]
        at += length


def _replayed(log: bytes, base: list[bytes | None], keeps: Keeps) -> list[_Entry]:
    entries = [_Entry(None if octets is None else _File(bytearray(octets))) for octets in base]
    for what, place, at, data in _records(log):
        entry = entries[place]
        if what == CREATE or entry.now is None:
            entry.now = _File(named=False)
        if what == WRITE:
            entry.now.open.append((at, data))
        elif what == TRUNCATE:
            entry.now.open.append((at, None))
        elif what == SYNC:
            entry.now.sync()
            if not entry.now.named:
                _folder_synced(entries)
        elif what == FAILED_SYNC:
            if not keeps():
                entry.now.open.clear()
        elif what in (DELETE, DELETE_SYNCED):
            entry.before, entry.now = (entry.now if entry.now.named else entry.before), None
            if what == DELETE_SYNCED:
                _folder_synced(entries)
    return entries


def _folder_synced(entries: list[_Entry]) -> None:
    for entry in entries:
        entry.before = None
        if entry.now is not None:
            entry.now.named = True


class PoweredDisk:
    """The database ``file`` whose daemons log to ``folder``; its state when the log began is kept here."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._files = [file.with_name(file.name + suffix) for suffix in NAMES]
        self._shared = file.with_name(file.name + "-shm")
        self._log = folder / LOG
        self._base: list[bytes | None] = [None] * len(NAMES)
        self.lost = 0

    def cut(self, kept: str, seed: int) -> None:
        """Lose the power: of what was not synced, ``kept`` is there (``none``, ``some`` sectors at random, ``all``)."""
        dice = random.Random(seed)
        keeps: Keeps = {NONE: lambda: False, SOME: lambda: dice.random() < 0.5, ALL: lambda: True}[kept]
        entries = _replayed(self._log.read_bytes() if self._log.exists() else b"", self._base, keeps)
        self._base = []
        for file, entry in zip(self._files, entries, strict=True):
            found = entry.now
            if found is None or not (found.named or keeps()):
                found = entry.before if entry.before is not None and not keeps() else None
            octets = None if found is None else found.after(keeps)
            self.lost += octets != (file.read_bytes() if file.exists() else None)
            self._base.append(octets)
            if octets is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(octets)
        self._shared.unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)
