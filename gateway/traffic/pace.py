"""When the next turn begins: at once, or a little later, so that texts that come one by one share a turn.

A turn costs a transaction, a sync and a few rounds of the loop, whatever is in it. Where texts go on coming while one
runs, the next one would hold one or two, and all of the processor's time would go into turns. So it waits until several
times as long has passed as the loop was busy with the last one. Nothing waits where nothing came meanwhile (who sends
may wait for our answer), where enough has gathered, or behind a slow disk, whose commits are pause enough.

All times are monotonic seconds.
"""

from __future__ import annotations

from typing import Final

PERIODS: Final = 3
"""From the beginning of a turn to that of the next, in times of what the loop was busy with it."""
MOST_S: Final = 0.005
"""No rest is longer."""
ENOUGH: Final = 16
"""Texts and carriers' answers that need not wait for company."""


class Pace:
    """The pace of one hub's turns."""

    def __init__(self) -> None:
        self.until = 0.0
        self._began = self._ran = 0.0

    def begin(self, now: float) -> None:
        """Note that a turn begins."""
        self.until = 0.0
        self._began = self._ran = now

    def run(self, now: float) -> None:
        """Note that its statements have run, and its commit begins."""
        self._ran = now

    def end(self, now: float) -> None:
        """Note that it has ended, and that texts came meanwhile; ``until`` is how long those that come now wait."""
        self.until = min(self._began + PERIODS * (self._ran - self._began), now + MOST_S)

    def rests(self, now: float, gathered: int) -> bool:
        """Say whether what has gathered waits for more."""
        return now < self.until and gathered < ENOUGH
