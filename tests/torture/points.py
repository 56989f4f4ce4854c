"""The points at which a daemon can be made to fail, counted over all lives of one run, and what happens there.

Shared by the launcher (which passes the points) and the harness (which chooses the fault and reads the counts). The
counts lie in a mapped file, so they outlive a process that kills itself: the k-th commit is the k-th of the whole
conversation, whatever died in between, and a run without fault tells how many of each there are to try.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

POINTS: Final = (
    "commit",  # COMMIT of the writer
    "begin",  # BEGIN of the writer
    "statement",  # any statement of any connection, BEGIN and COMMIT included
    "wire.read",  # octets from the carrier
    "wire.write",  # octets to the carrier
    "http.read",  # octets of a request that changes something
    "http.write",  # octets of its answer
    "disk.write",  # a write of SQLite to the database or its log
    "disk.sync",  # a sync of one of them
)
BEFORE: Final = "before"
HALF: Final = "half"
AFTER: Final = "after"

_ONE: Final = struct.Struct("<Q")
_FIRED: Final = len(POINTS)


@dataclass(frozen=True)
class Fault:
    """What goes wrong: ``deed`` at the ``first`` time (from 1) that ``point`` is passed, and ``times`` in all.

    ``moment``: before the operation, after half of its octets, or after it. Deeds: ``kill`` (SIGKILL by itself);
    ``full``, ``ioerr``, ``locked``, ``memory``, ``no_memory`` (the operation fails like that); ``jump`` (the wall clock
    moves by ``amount`` seconds); ``sleep`` (the machine was suspended for as long).
    """

    point: str
    first: int
    deed: str = "kill"
    moment: str = BEFORE
    times: int = 1
    amount: float = 0.0

    def __str__(self) -> str:
        times = f" x{self.times}" if self.times > 1 else ""
        return f"{self.deed}{self.amount or ''} {self.moment} {self.point} {self.first}{times}"


class Points:
    """The counts of one run, in ``file``. Made anew where there is none."""

    def __init__(self, file: Path, faults: Sequence[Fault] = ()) -> None:
        self._faults: dict[str, list[tuple[int, Fault]]] = {}
        for number, fault in enumerate(faults):
            self._faults.setdefault(fault.point, []).append((number, fault))
        size = _ONE.size * (_FIRED + max(8, len(faults)))
        with file.open("ab") as made:
            if made.tell() < size:
                made.write(bytes(size - made.tell()))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)
        self._places = {point: number for number, point in enumerate(POINTS)}

    def passing(self, point: str) -> Fault | None:
        """Count ``point``; return the fault that happens at this time, if one does."""
        count = self._add(self._places[point])
        for number, fault in self._faults.get(point, ()):
            if fault.first <= count < fault.first + fault.times:
                self._add(_FIRED + number)
                return fault
        return None

    def count(self, point: str) -> int:
        """Return how often ``point`` was passed."""
        return int(_ONE.unpack_from(self._map, _ONE.size * self._places[point])[0])

    def fired(self, number: int = 0) -> int:
        """Return how often the fault of that number happened."""
        return int(_ONE.unpack_from(self._map, _ONE.size * (_FIRED + number))[0])

    def _add(self, place: int) -> int:
        at = _ONE.size * place
        count = int(_ONE.unpack_from(self._map, at)[0]) + 1
        _ONE.pack_into(self._map, at, count)
        return count


@dataclass(frozen=True)
class Order:
    """What the launcher is told: which configuration to run, where to log, which faults, and on what disk.

    ``disk``: the database goes through the recording file layer. ``synchronous`` replaces the pragma behind the back
    of the gateway, which would refuse it. ``control`` is a file whose words are troubles of that disk which last for as
    long as they stand in it (``full``, ``ioerr`` and ``readonly`` of writes, ``sync``, ``open``). ``tracer`` is the
    command that runs the daemon.
    """

    config: str
    log: str
    counts: str
    faults: tuple[Fault, ...] = ()
    disk: str = ""
    synchronous: str = ""
    control: str = ""
    tracer: tuple[str, ...] = ()

    def dump(self) -> bytes:
        """Spell it on one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def load(cls, line: bytes) -> Order:
        """Read what ``dump`` spelt."""
        found = json.loads(line)
        return cls(**{**found, "faults": tuple(Fault(**fault) for fault in found["faults"])})


def die() -> None:
    """SIGKILL for this process, now."""
    os.kill(os.getpid(), 9)
    while True:
        os.sched_yield()
