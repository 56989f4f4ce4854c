"""When the next turn begins: at once, or a little later, so that texts that come one by one share a turn.

A turn costs a transaction, a sync and a few rounds of the loop, whatever is in it. Where texts go on coming while one
runs, the next one would hold one or two, and all of the processor's time would go into turns. So it waits until several
times as long has passed as the loop was busy with the last one. Nothing waits where nothing came meanwhile (who sends
may wait for our answer), where enough has gathered, or behind a slow disk, whose commits are pause enough.

What carriers answer to submits waits longer, for more of it and for a text: nobody waits for it, unless messages wait
for slots. To record ten answers costs little more than to record one.

All times are monotonic seconds.
"""

from __future__ import annotations

from typing import Final

PERIODS: Final = 8
"""From the beginning of a turn to that of the next, in times of what the loop was busy with it."""
MOST_S: Final = 0.002
"""No text rests longer."""
ANSWERS_S: Final = 0.01
"""How long carriers' answers wait for more, and for a text. A crash meanwhile leaves their messages uncertain."""
MOST_ANSWERS: Final = 64
"""So many of them are left behind by no turn."""
MEMORY: Final = 4
"""So many turns in which nothing came show that senders wait for answers. One alone may be chance."""
ENOUGH: Final = 16
"""Texts and carriers' answers that need not wait for company."""
ENOUGH_OCTETS: Final = 64 * ENOUGH
"""So much of them on one connection: less is not even read while texts rest."""


class Pace:
    """The pace of one hub's turns: until when all rests (``until``), and answers alone (``answers_until``); 0: not.

    Until ``leaves_until``, a turn with texts leaves answers behind.
    """

    def __init__(self) -> None:
        self.until = self.answers_until = self.leaves_until = 0.0
        self._began = self._ran = 0.0
        self._company = 0
        self._is_slow = False  # the disk

    def begin(self, now: float, *, answers: bool = True) -> None:
        """Note that a turn begins; ``answers``: with those that wait, if any do."""
        self.until = 0.0
        if answers:
            self.answers_until = self.leaves_until = 0.0
        self._began = self._ran = now

    def run(self, now: float) -> None:
        """Note that its statements have run, and its commit begins."""
        self._ran = now

    def end(self, now: float, *, came: bool) -> None:
        """Note that it has ended, and whether texts came meanwhile."""
        self._company = MEMORY if came else self._company - 1
        self._is_slow = now - self._ran > MOST_S
        if self._company > 0:
            self.until = min(self._began + PERIODS * (self._ran - self._began), now + MOST_S)

    def answered(self, now: float) -> None:
        """Note that answers came where none waited."""
        self.answers_until = now + ANSWERS_S
        self.leaves_until = now + ANSWERS_S / 2

    def leaves(self, now: float, answers: int) -> bool:
        """Say whether so many answers stay where they are while a turn goes with texts alone.

        In the second half of their time they go with the first text that comes: else they would go alone, and have it
        wait for that. Behind a slow disk they would wait for a whole commit more.
        """
        return answers < MOST_ANSWERS and now < self.leaves_until and not self._is_slow

    def rest(self, now: float, texts: int, answers: int, *, is_wanted: bool) -> float:
        """Return until when what has gathered waits for more; 0 if its turn begins.

        ``answers`` are those that no turn has left behind. ``is_wanted``: messages wait for what the turn brings them.
        """
        if texts + answers >= ENOUGH:
            return 0.0
        until = self.until if texts or is_wanted else max(self.until, self.answers_until)
        return until if now < until else 0.0
