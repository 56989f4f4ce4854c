"""A rough carrier: now and then it cuts the connection, throttles, or is slow, as carriers are on their bad days.

Owns what happens when; what is done about it is the carrier's business. Everything is drawn from one seed, so that a
run can be repeated.
"""

from __future__ import annotations

import math
import random
from enum import Enum
from typing import Final

MEAN_S: Final = 15.0
"""Seconds between two of its moods, on average."""


class Mood(Enum):
    """What a rough carrier does."""

    CUT = "cut"  # the connection breaks; what is under way is lost
    END = "end"  # it closes after all that it said, and hears nothing more
    THROTTLE = "throttle"  # it answers some submit_sm with ESME_RTHROTTLED
    SLOW = "slow"  # its answers take longer for a while
    DEAF = "deaf"  # it reads nothing for a while


class Moods:
    """When which mood comes; never if it is not rough."""

    def __init__(self, seed: int, *, rough: bool) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nobody gains by guessing it
        self._rough = rough
        self.next_at = math.inf
        self.counts = dict.fromkeys(Mood, 0)

    def begin(self, now: float) -> None:
        """Begin at ``now`` (seconds)."""
        if self._rough:
            self.next_at = now + self._random.expovariate(1 / MEAN_S)

    def due(self, now: float) -> Mood | None:
        """Return the mood that comes now, if one does."""
        if now < self.next_at:
            return None
        self.begin(now)
        mood = self._random.choice(list(Mood))
        self.counts[mood] += 1
        return mood

    def some(self, least: float, most: float) -> float:
        """Return a number between two others."""
        return self._random.uniform(least, most)
