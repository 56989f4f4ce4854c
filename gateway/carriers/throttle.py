"""How fast a carrier may be sent to: a token bucket that listens to the carrier, pure, the time passed in.

The configured rate is a ceiling. When the carrier answers ESME_RTHROTTLED or ESME_RMSGQFUL, the rate is halved and
nothing goes for a moment; without further complaints it climbs back, quickly at first and then in steps, up to the
ceiling. A carrier without a configured limit gets one from what it took in the last second before it complained, and
loses it again once it has taken twice that. The bucket holds a tenth of a second's tokens (at least one): a second's
worth in one burst is what "at most N per second" was written against.
"""

from __future__ import annotations

import math
from typing import Final

BURST_S: Final = 0.1
PAUSE_S: Final = 1.0
"""Nothing is sent for this long after a complaint; further ones, about what was under way by then, change nothing."""
BACK_OFF: Final = 0.5
RECOVER_PER_S: Final = 1.1
LEAST: Final = 1.0
"""The rate, per second, below which complaints do not push: one a second still finds out when the carrier recovers."""

_ULP: Final = 1e-9
"""What may be missing from a token: sums of small times fall short of whole ones by a hair, and that is no wait."""


class Throttle:
    """The tokens of one carrier. ``max_per_second`` 0 means no limit. All times are monotonic seconds."""

    def __init__(self, max_per_second: float, now: float) -> None:
        self._ceiling = max_per_second or math.inf
        self._rate = self._ceiling
        self._tokens = self._burst()
        self._at = now
        self._paused_until = -math.inf
        self._lift_at = math.inf
        self._second_began = now
        self._taken_now = 0
        self._taken_before = 0

    @property
    def rate(self) -> float:
        """The present rate in submit_sm a second; infinite without a limit."""
        return self._rate

    def limit(self, max_per_second: float, now: float) -> None:
        """Change the ceiling (0: none). A rate that complaints have brought down keeps climbing from where it is."""
        ceiling = max_per_second or math.inf
        if ceiling == self._ceiling:
            return
        self._advance(now)
        at_ceiling = self._rate == self._ceiling
        self._ceiling = ceiling
        self._rate = ceiling if at_ceiling else min(self._rate, ceiling)
        self._tokens = min(self._tokens, self._burst())

    def available(self, now: float) -> int:
        """Return how many may go now."""
        self._advance(now)
        if now < self._paused_until:
            return 0
        return int(min(self._tokens + _ULP, 1_000_000))

    def take(self, count: int, now: float) -> None:
        """Use ``count`` tokens. Taking more than there are is owed: the next ones come later."""
        self._advance(now)
        self._tokens -= count
        self._taken_now += count

    def give_back(self, count: int, now: float) -> None:
        """Return tokens that were taken for what never left."""
        self._advance(now)
        self._tokens = min(self._burst(), self._tokens + count)
        self._taken_now = max(0, self._taken_now - count)

    def next_at(self, now: float) -> float | None:
        """Return when the next one may go, or None if one may go now."""
        if self.available(now) > 0:
            return None
        wait = max(0.0, 1 - self._tokens) / self._rate
        return max(now + wait, self._paused_until)

    def slow_down(self, now: float) -> None:
        """Take note of a complaint: halve the rate and pause. Complaints during the pause are about the same moment."""
        self._advance(now)
        if now < self._paused_until:
            return
        if math.isinf(self._rate):
            self._rate = float(max(self._taken_now, self._taken_before, LEAST))
            self._lift_at = self._rate * 2
        self._rate = max(min(LEAST, self._ceiling), self._rate * BACK_OFF)
        self._paused_until = now + PAUSE_S
        self._tokens = min(self._tokens, self._burst())

    def _burst(self) -> float:
        return max(1.0, self._rate * BURST_S)

    def _advance(self, now: float) -> None:
        """Bring rate and tokens to ``now``. Time that stands still or goes back changes nothing."""
        elapsed = now - self._at
        if elapsed <= 0:
            return
        self._at = now
        if now - self._second_began >= 1.0:
            self._taken_before = self._taken_now if now - self._second_began < 2.0 else 0
            self._taken_now = 0
            self._second_began = now
        if self._tokens == math.inf:  # so there is no limit, and nothing to climb back to
            return
        if self._rate < self._ceiling and now > self._paused_until:
            climbing = min(elapsed, now - self._paused_until)
            self._rate = min(self._ceiling, self._rate * RECOVER_PER_S ** min(climbing, 1_000.0))
            if self._rate >= self._lift_at:
                self._rate = self._ceiling
                self._lift_at = math.inf
        self._tokens = (
            self._burst() if math.isinf(self._rate) else min(self._burst(), self._tokens + self._rate * elapsed)
        )
