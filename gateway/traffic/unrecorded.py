"""What became of permits, until the store has it: facts that exist nowhere else, so they are tried until it takes them.

Most of them say that a carrier accepted a message, and nobody waits for that: a turn may leave them behind (``leave``),
so that more of them go together. What says anything else ``urges``: it goes with the next turn, and that one soon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import trio

from gateway.model.address import Msisdn
from gateway.model.permit import Fate, Outcome

AGAIN_S: Final = 0.5
"""How long what the store did not take waits."""
_ACCEPTED: Final = Fate.ACCEPTED  # a name costs a tenth of what asking the enumeration costs, and each answer asks


class Unrecorded:
    """The outcomes that are not recorded yet: ``waiting``, with the store, or to be tried again at ``again_at``."""

    def __init__(self) -> None:
        self.waiting: list[Outcome] = []
        self.urges = False
        self.again_at = math.inf
        self._left = 0
        self._again: list[Outcome] = []
        self._count = 0
        self._progress = trio.Event()

    @property
    def fresh(self) -> int:
        """How many of those that wait no turn has left behind."""
        return len(self.waiting) - self._left

    @property
    def subscribers(self) -> set[Msisdn]:
        """Whose messages those that wait tell of."""
        return {outcome.permit.subscriber for outcome in self.waiting}

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Take them in."""
        self._count += len(outcomes)
        self.waiting += outcomes
        self.urges = self.urges or any(outcome.fate is not _ACCEPTED for outcome in outcomes)

    def leave(self) -> None:
        """Note that a turn begins without those that wait."""
        self._left = len(self.waiting)

    def take(self) -> list[Outcome]:
        """Return those that wait; they go to the store now."""
        taken, self.waiting = self.waiting, []
        self._left, self.urges = 0, False
        return taken

    def recorded(self, count: int) -> None:
        """Note that the store has so many more."""
        self._count -= count
        self._progress.set()
        self._progress = trio.Event()

    def put_off(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Note that the store did not take these."""
        self._again += outcomes
        self.again_at = now + AGAIN_S

    def bring_back(self, now: float) -> bool:
        """Have those wait again whose time has come, before all others; say whether there are any."""
        if now < self.again_at:
            return False
        self.waiting[:0] = self._again
        self._again, self.again_at, self.urges = [], math.inf, True
        return True

    async def settled(self) -> None:
        """Wait until all are recorded."""
        while self._count:
            await self._progress.wait()
