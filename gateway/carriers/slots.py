"""How many permits a session takes: as many as its window has slots, and a few ahead of it while the carrier answers.

A slot that came free is filled again by way of the store: record the answer, claim, mint, commit. Were permits minted
for free slots alone, each slot would stand empty that long in every round trip. So a few wait in the outbox, *ahead* of
the window, and leave as answers come. There an opt-out finds them, as it finds all of which no octet was written. They
are no more than what the carrier answered in the last half second, so that none waits for its slot as long as it lives.
"""

from __future__ import annotations

from typing import Final

PERIOD_S: Final = 0.5


class Slots:
    """The account of one session. ``window`` submits may be without an answer; ``most`` permits may wait ahead of it.

    One slot of the window is kept for urgent permits, where it has several.
    """

    def __init__(self, window: int, most: int) -> None:
        self.window = window
        self._most = most
        self._kept = 1 if window > 1 else 0
        self._since = 0.0
        self._answered = self._before = 0

    def answered(self, count: int, now: float) -> None:
        """Note that ``count`` submits were answered at ``now`` (monotonic seconds)."""
        if now >= self._since + PERIOD_S:
            self._before = self._answered if now < self._since + 2 * PERIOD_S else 0
            self._since, self._answered = now, 0
        self._answered += count

    def ahead(self, now: float) -> int:
        """Return how many permits may wait ahead of the window."""
        if now >= self._since + 2 * PERIOD_S:
            return 0
        return min(self._most, max(self._answered, self._before))

    def free(self, live: int, urgent: int, now: float) -> int:
        """Return how many more ordinary permits fit beside ``live`` ones, ``urgent`` ones of them."""
        room = self.window + self.ahead(now)
        return max(0, min(room - self._kept - (live - urgent), room - live))

    def free_urgent(self, live: int, now: float) -> int:
        """Return how many more permits of any kind fit beside ``live`` ones."""
        return max(0, self.window + self.ahead(now) - live)

    def least(self, urgent: int) -> int:
        """Return how many slots must be free for an ordinary permit to be written, ``urgent`` ones being unsettled."""
        return 1 if urgent else 1 + self._kept
