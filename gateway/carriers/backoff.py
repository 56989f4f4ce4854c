"""How long to wait before the next attempt at a bind: pure, from how the last one ended.

Two ladders. *Quick*, for a carrier that cannot be reached or lost us: from ``reconnect_gap_s``, doubling, up to
``reconnect_max_s``. *Slow*, for a carrier that refused the bind: from ``refused_gap_s`` up to ``refused_max_s``,
because a wrong password repeated quickly gets an account locked. A session that was up for a while puts both ladders
back to their first rung; one that came up and fell at once does not, or a carrier that accepts and closes would be
hammered. Jitter only ever makes a wait longer than the least gap: many gateways that lost one carrier must not come
back in step, and a carrier's least gap is a promise. It never says "give up".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

STEADY_S: Final = 30.0
"""A session that was bound for this long has proved that binding works."""

JITTER: Final = 0.25
"""The largest part by which a wait is made longer, or, on upper rungs, shorter."""


class Ending(Enum):
    """How an attempt, or the session that it led to, ended."""

    FAILED = "failed"  # not reachable, silent, or busy
    REFUSED = "refused"  # the carrier said no
    LOST = "lost"  # it was bound


@dataclass(frozen=True, slots=True)
class Ladder:
    """One ladder's first and last rung, in seconds."""

    first_s: float
    last_s: float

    def rung(self, step: int) -> float:
        """Return the wait of ``step`` (from 0), without jitter."""
        return min(self.last_s, self.first_s * 2.0 ** min(step, 32))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Where a bind stands on its ladders. ``gap_s`` is the least time between two connections."""

    quick: Ladder
    slow: Ladder
    gap_s: float
    quick_steps: int = 0
    slow_steps: int = 0

    def after(self, ending: Ending, bound_s: float, since_start_s: float, dice: float) -> tuple[Backoff, float]:
        """Return the next position and the seconds to wait now.

        ``bound_s`` is how long the session was bound (0 if never), ``since_start_s`` how long ago the attempt began,
        ``dice`` a random number in [0, 1). The wait is never negative, and attempts never begin closer than ``gap_s``.
        """
        quick, slow = (0, 0) if bound_s >= STEADY_S else (self.quick_steps, self.slow_steps)
        if ending is Ending.REFUSED:
            wait = self.slow.rung(slow)
            slow += 1
        else:
            wait = self.quick.rung(quick)
            quick += 1
        wait = max(wait * (1.0 - JITTER + 2.0 * JITTER * dice), self.gap_s * (1.0 + JITTER * dice) - since_start_s, 0.0)
        return Backoff(self.quick, self.slow, self.gap_s, quick, slow), wait
