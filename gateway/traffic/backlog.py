"""The backlog: how much waits to be sent, how fast it goes, and whether there is room for more.

A limit that is judged in the accepting transaction must cost nothing there, so the number is kept in memory: counted by
a walk in small steps (``gateway.store.backlog``), and moved on by what this process accepts and hands to its binds.
Between two walks it may be off by what else happens: messages that expire, are refused or cancelled or come back from a
carrier, and on a shared store what the other nodes accept and send. So a limit holds to within what happens in
``LOOK_S`` seconds (longer where a walk itself takes over a tenth of a second: nobody counts for over 2 % of the time).

Replies (lanes 1 and 2) are neither counted for a limit nor refused by one: whoever texts gets their answer. Bulk leaves
a tenth of each limit to conversations, so that a broadcast that is sent faster than the carriers take holds up nobody
who types.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import trio

from gateway.base import Clock
from gateway.model.messages import Lane, Mt
from gateway.model.refusal import Reason, Refusal
from gateway.model.views import QueueRow
from gateway.store import backlog
from gateway.store.store import Store
from gateway.store.tx import Source
from gateway.traffic.rulebook import LaneOfLine, LineEntry, RuleBook

LOOK_S: Final = 5.0
_SHARE: Final = 50
"""Between two walks passes at least so many times what one takes."""
_REPLY: Final = Lane.REPLY  # a name costs a tenth of what asking the enumeration costs
_WINDOW_S: Final = 60.0
LONGEST_S: Final = 300
UNKNOWN_S: Final = 60
"""When to come back if nothing goes: something is paused, or every carrier is down."""


@dataclass(slots=True)
class Headroom:
    """What may still be accepted, as one step of a request uses it up. Limits are those of ``book``.

    ``queued`` and ``by_line`` count lanes 3 and 4 alone. ``per_second`` is how fast messages go.
    """

    book: RuleBook
    queued: int = 0
    by_line: dict[int, int] | None = None
    per_second: float = 0.0

    def refusal(self, lane: Lane, entry: LineEntry) -> Refusal | None:
        """Say why a message may not be queued, None if it may."""
        waiting = (self.by_line or {}).get(entry.line_id, 0)
        if entry.max_backlog and waiting >= _share(entry.max_backlog, lane):
            return self._full(f"The queue of line {entry.address}", waiting, entry.max_backlog, lane)
        if self.queued >= _share(self.book.max_backlog, lane):
            return self._full("The queue", self.queued, self.book.max_backlog, lane)
        return None

    def take(self, entry: LineEntry) -> None:
        """Note that one more is queued."""
        self.queued += 1
        if self.by_line is None:
            self.by_line = {}
        self.by_line[entry.line_id] = self.by_line.get(entry.line_id, 0) + 1

    def _full(self, what: str, waiting: int, most: int, lane: Lane) -> Refusal:
        limit = f"its limit is {most}" + (", of which bulk leaves a tenth" if lane is Lane.BULK else "")
        seconds = UNKNOWN_S
        if self.per_second > 0:
            # By then one in a hundred places is free: whoever is refused does not come back for a single one.
            seconds = min(LONGEST_S, max(1, math.ceil(most / 100 / self.per_second)))
        detail = f"{what} holds {waiting} messages; {limit}. Send this again in {seconds} s."
        return Refusal(Reason.BACKLOG_FULL, detail, retry_after_s=seconds)


def _share(most: int, lane: Lane) -> int:
    return most - most // 10 if lane is Lane.BULK else most


class Backlog:
    """How much waits. All methods are for the Trio thread, but for ``room``, which a job may call."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._depths: Counter[LaneOfLine] = Counter()
        self._fresh: Counter[LaneOfLine] = Counter()
        self._places: list[backlog.Place] = []
        self._one_look = trio.Lock()
        self._due = -math.inf
        self._gone = 0
        self._samples: deque[tuple[float, int]] = deque()

    async def look(self) -> None:
        """Count anew if it is time to. Raises StoreUnavailable if the store cannot be read."""
        async with self._one_look:
            began = self._clock.monotonic()
            if began < self._due:
                return
            self._fresh.clear()
            walk = await self._store.read(backlog.begin)
            while not walk.over:
                walk = await self._store.read(lambda source, at=walk: backlog.go_on(source, at))  # type: ignore[misc]
            self._depths = walk.counts + self._fresh
            self._places = walk.places
            took = self._clock.monotonic() - began
            self._due = began + took + max(LOOK_S, _SHARE * took)

    async def known(self) -> None:
        """Return once it was counted at least once."""
        if math.isinf(self._due):
            await self.look()

    def accepted(self, queued: Mapping[LaneOfLine, int]) -> None:
        """Note messages that were accepted."""
        self._depths.update(queued)
        self._fresh.update(queued)

    def left(self, messages: Iterable[Mt]) -> None:
        """Note messages that were handed to a bind. One that goes again was not noted as it came back."""
        gone = 0
        for mt in messages:
            if mt.lane > _REPLY and not mt.attempts:
                gone += 1
                place = (mt.lane, mt.line_id)
                if self._depths[place] > 0:
                    self._depths[place] -= 1
        if gone:
            now = self._clock.monotonic()
            if not self._samples or now - self._samples[-1][0] >= 1:
                self._samples.append((now, self._gone))
            self._gone += gone
            self._forget(now)

    def depth(self, lane: Lane) -> int:
        """Return how many wait in a lane."""
        return sum(count for (at, _), count in self._depths.items() if at is lane)

    @property
    def per_second(self) -> float:
        """How many messages a second have gone in the last minute; 0 if none did."""
        now = self._clock.monotonic()
        self._forget(now)
        if not self._samples:
            return 0.0
        since, gone = self._samples[0]
        return (self._gone - gone) / max(1.0, now - since)

    def room(self, book: RuleBook) -> Headroom:
        """Return what may be accepted now."""
        by_line: dict[int, int] = {}
        for (lane, line_id), count in dict(self._depths).items():  # a copy: the Trio thread goes on meanwhile
            if lane > Lane.REPLY:
                by_line[line_id] = by_line.get(line_id, 0) + count
        return Headroom(book, sum(by_line.values()), by_line, self.per_second)

    def rows(self, source: Source) -> tuple[QueueRow, ...]:
        """Return what waits in each lane, the most urgent first, and since when.

        Counted if that takes one step; what is more is known from the last walk and what came and went since.
        """
        walk = backlog.go_on(source, backlog.begin(source))
        known = dict(walk.counts) if walk.over else dict(self._depths)
        since = backlog.oldest(source, {*walk.places, *self._places})
        depths = {lane: sum(count for (at, _), count in known.items() if at is lane) for lane in Lane}
        return tuple(QueueRow(lane, depths[lane], since.get(lane)) for lane in Lane)

    def _forget(self, now: float) -> None:
        samples = self._samples
        while len(samples) > 1 and now - samples[1][0] > _WINDOW_S:
            samples.popleft()
        if samples and now - samples[-1][0] > _WINDOW_S:
            samples.clear()
