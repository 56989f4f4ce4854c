"""The three clocks, as one protocol that is passed in.

Nothing outside this module and the daemon's start asks the operating system for the time, so that tests own time.
*wall* dates evidence and expiries; it may jump. *monotonic* measures waits inside one process. *boot* is shared by
all processes of one machine and goes on during suspend; it bounds the life of permits (they must not outlive a freeze).
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from. All three return seconds."""

    def wall(self) -> float:
        """Return seconds since 1970-01-01 UTC; may jump in either direction."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back within a process."""
        ...

    def boot(self) -> float:
        """Return seconds since the machine booted, suspended time included (CLOCK_BOOTTIME)."""
        ...


class SystemClock:
    """The operating system's clocks. What the loop asks all the time is its own function, not one around it."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def boot(self) -> float:
        """Return CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
