"""What rests until a moment, and is left out of claims meanwhile: bounded, in memory alone.

A start knows nothing of it: what rested is tried once more then, which is what happens after a rest anyhow. Whoever
asks for a rest is told whether there was room for it, and decides what to do where there was none.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

MOST: Final = 10_000
"""So many may rest at once."""

K = TypeVar("K", bound=Hashable)


class Rests(Generic[K]):
    """Keys, each until a time (monotonic seconds)."""

    def __init__(self) -> None:
        self._until: dict[K, float] = {}

    def __bool__(self) -> bool:
        """Whether anything rests."""
        return bool(self._until)

    def keys(self) -> frozenset[K]:
        """Return what rests."""
        return frozenset(self._until)

    def keep(self, key: K, until: float) -> bool:
        """Let ``key`` rest, if there is room for it; say whether it does."""
        if len(self._until) < MOST:
            self._until[key] = until
        return key in self._until

    def end(self, key: K) -> None:
        """Let ``key`` rest no longer, if it did."""
        self._until.pop(key, None)

    def wake(self, now: float) -> None:
        """End the rests that have had their time."""
        for key in [key for key, until in self._until.items() if until <= now]:
            del self._until[key]

    def next_at(self) -> float:
        """Return when the first one ends; infinite where nothing rests."""
        return min(self._until.values(), default=math.inf)
