"""What a machine can do, in three figures: how many cores, how fast they are, and how long its disk takes to sync.

Owns the yardsticks by which figures of two machines can be compared. They use nothing of the gateway, so that they stay
the same while it changes.
"""

from __future__ import annotations

import os
import platform
import resource
import sqlite3
import statistics
import struct
import tempfile
from pathlib import Path
from typing import Any, Final

from gateway.base import Clock

_SYNCS: Final = 100
_PAGE: Final = bytes(4096)
_ROUNDS: Final = 20_000
_REPETITIONS: Final = 5
_HEADER: Final = struct.Struct(">IIII")


def machine(folder: Path, clock: Clock) -> dict[str, Any]:
    """Return what matters of this machine and of the disk under ``folder``. Takes about half a second."""
    return {
        "cores": os.cpu_count() or 1,
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "fdatasync_ms": round(statistics.median(_syncs(folder, clock)) * 1e3, 3),
        "cpu_us": round(min(_round_us() for _ in range(_REPETITIONS)), 3),
    }


def cores() -> tuple[set[int], set[int]] | None:
    """Return the core for the daemon, and those for everything else; None where there is but one."""
    mine = sorted(os.sched_getaffinity(0))
    return ({mine[-1]}, set(mine[:-1])) if len(mine) > 1 else None


def memory(pid: int) -> tuple[float, float]:
    """Return the resident set of a process in MB, now and at its largest; zeros if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0.0
    lines = dict(line.split(":", 1) for line in text.splitlines() if line.startswith("Vm"))
    return tuple(round(int(lines.get(key, "0 kB").split()[0]) / 1024, 1) for key in ("VmRSS", "VmHWM"))  # type: ignore[return-value]  # two keys


def _cpu() -> str:
    """Return what the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _syncs(folder: Path, clock: Clock) -> list[float]:
    """Append a page and sync it, as a write-ahead log does; return how long each took (seconds)."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            os.write(file.fileno(), _PAGE)
            began = clock.monotonic()
            os.fdatasync(file.fileno())
            took.append(clock.monotonic() - began)
    return took


def _round_us() -> float:
    """Return the processor's microseconds for one round of what interpreters do all day."""
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    seen: dict[bytes, tuple[int, ...]] = {}
    for number in range(_ROUNDS):
        octets = _HEADER.pack(16, 4, 0, number) + b"%d" % number
        length, command, _, sequence = _HEADER.unpack_from(octets, 0)
        key = octets[16:]
        seen[key] = (length, command, sequence)
        if seen.get(key) is None or key.decode() != str(sequence):
            raise AssertionError("the yardstick is broken")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_utime - began) / _ROUNDS * 1e6
