"""The reply limit: how many automatic replies one subscriber gets in a while, so that two robots do not talk for ever.

Owns the reading of "10/min" and the arithmetic on the times of past replies. What is held back is never dropped in
silence: ``decide`` turns it into a ``HeldBack``. Confirmations of opt-outs do not come here at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST: Final = 100
"""The highest count that a limit may name; it bounds what is kept of a subscriber."""

LONGEST_S: Final = 3600.0
"""The longest window in seconds; times of replies older than this are forgotten."""

_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": LONGEST_S}
_LIMIT: Final = re.compile(r"\s*(\d{1,4})\s*/\s*(s|min|h)\s*")


@dataclass(frozen=True, slots=True)
class ReplyLimit:
    """At most ``count`` automatic replies in any ``window_s`` seconds."""

    count: int
    window_s: float

    def left(self, replies: tuple[float, ...], now: float) -> int:
        """Say how many more replies may be queued ``now`` (unix seconds), given the times of the past ones.

        Times after ``now`` do not count: the clock was put back, and they would hold replies up until it has caught up.
        """
        if not replies:
            return self.count
        since = now - self.window_s
        return self.count - len([at for at in replies if since < at <= now])


def parse_limit(text: str) -> ReplyLimit | None:
    """Read "10/min", "1/s" or "100/h"; None where it is none of these or its count is not between 1 and ``MOST``."""
    match = _LIMIT.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= MOST:
        return None
    return ReplyLimit(int(match[1]), _SECONDS[match[2]])


def remembered(replies: tuple[float, ...], queued: int, now: float) -> tuple[float, ...]:
    """Return the times of past replies with ``queued`` new ones at ``now``, without those that no limit can ask for.

    Those are the ones from long ago, and the ones from the future.
    """
    if not replies:
        return (now,) * queued
    kept = tuple(at for at in replies if now - LONGEST_S < at <= now)
    return (*kept, *((now,) * queued))[-MOST:]
