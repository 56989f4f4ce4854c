"""The time that a session goes by: it stands still while we do not read, because then silence is our own doing.

A bind that has enough to do stops reading for a moment. The carrier's responses, its answer to our link check and the
rest of a half-read PDU may lie in the socket meanwhile; to call them late would end a healthy session, or make messages
uncertain that were accepted. After a pause the time goes on ``GRACE_S`` later, so what waits is read before anything is
judged. A pause is as long as traffic's answers take; one that lasts ``MOST_S`` is a fault of ours, and then the time
goes on, so that the link check ends what would otherwise hang for ever.

It reads the clock and decides nothing about when to pause.
"""

from __future__ import annotations

from typing import Final

from gateway.base import Clock

GRACE_S: Final = 0.5
"""For how long after a pause the time still stands: reading what waits takes a moment."""
MOST_S: Final = 30.0
"""For how long a pause stops the time. Traffic answers within 8 s, and 5 s more behind an opt-out's fence."""


class SessionTime:
    """Seconds that never go back, and stand still in a pause. Starts as the clock's monotonic time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._behind = 0.0
        self._stands_at = float("-inf")
        self._paused_at: float | None = None

    def now(self) -> float:
        """Return the session's time in seconds."""
        at = self._clock.monotonic()
        if self._paused_at is not None:
            at -= min(at - self._paused_at, MOST_S)
        return max(self._stands_at, at - self._behind)

    @property
    def runs(self) -> bool:
        """Whether the time goes on, so that it may be acted on."""
        at = self._clock.monotonic()
        if self._paused_at is not None:
            return at - self._paused_at > MOST_S
        return at - self._behind >= self._stands_at

    def pause(self) -> None:
        """Stand still from now on. Harmless in a pause."""
        if self._paused_at is None:
            self._stands_at = self.now()
            self._paused_at = self._clock.monotonic()

    def resume(self) -> None:
        """Go on, ``GRACE_S`` from now. Harmless when there is no pause."""
        if self._paused_at is not None:
            self._stands_at = self.now()
            self._paused_at = None
            self._behind = self._clock.monotonic() + GRACE_S - self._stands_at
