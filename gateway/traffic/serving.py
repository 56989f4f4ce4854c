"""Who serves whom: which carrier takes what is queued for which, and how fast each line may send.

A carrier serves its own queues, and those without a route. It stands in for another carrier of the line that has been
down for longer than that one's ``failover_after_s``, or is paused, or is gone; when that one is back, each serves its
own again. Owns the memory of who is down since when, and the lines' rates. Must never decide by how much waits:
whoever is slow keeps its subscribers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from gateway.carriers.throttle import Throttle
from gateway.model.permit import Fate, Outcome, Permit
from gateway.traffic.claims import Queue
from gateway.traffic.rulebook import RuleBook, Way


class Serving:
    """All times are ``Clock.monotonic`` seconds.

    ``part`` says which part (above 0, up to 1) of a line's rate is this node's, by the line's ways.
    """

    def __init__(self) -> None:
        self._down_since: dict[str, float] = {}
        self._rates: dict[int, Throttle] = {}
        self._limits: Mapping[int, float] = {}
        self._limits_of: RuleBook | None = None
        self._served: Mapping[str, tuple[Queue, ...]] = {}
        self._served_of: RuleBook | None = None  # under which book, and with whom
        self._served_by: tuple[str, ...] = ()
        self.part: Callable[[Sequence[Way]], float] = lambda ways: 1.0

    def queues(
        self,
        book: RuleBook,
        able: Collection[str],
        waited_for: Collection[str],
        now: float,
        elsewhere: Collection[str] = (),
    ) -> Mapping[str, tuple[Queue, ...]]:
        """Return the queues that each carrier in ``able`` serves now.

        ``waited_for`` are the others that may come up by themselves: neither paused nor gone. Those that are up
        ``elsewhere``, on another node, are not down.
        """
        if book is self._served_of and (*able,) == self._served_by:
            return self._served
        names = {way.carrier for entry in book.by_id.values() for way in entry.ways}
        up = {*able, *elsewhere}
        self._down_since = {name: self._down_since.get(name, now) for name in names if name not in up}
        served: dict[str, list[Queue]] = {}
        for line_id, entry in book.by_id.items():
            out = [way.carrier for way in entry.ways if self._is_out(way, waited_for, now)]
            for way in entry.ways:
                if way.carrier in able:
                    own = ("", way.carrier, *out)
                    served.setdefault(way.carrier, []).extend((line_id, name) for name in own)
        self._served = {name: tuple(queues) for name, queues in served.items()}
        # Where nobody is down, time and the others have no part in it, until another carrier can be used, or one less.
        self._served_of, self._served_by = (book if names.issubset(able) else None), tuple(able)
        return self._served

    def next_at(self, book: RuleBook, now: float) -> float:
        """Return when somebody has to be stood in for next, or a line may send again; infinite for never."""
        ways = (way for entry in book.by_id.values() for way in entry.ways if way.carrier in self._down_since)
        ends = (self._down_since[way.carrier] + way.failover_after_s for way in ways)
        tokens = (at for rate in self._rates.values() if (at := rate.next_at(now)) is not None)
        return min((*(at for at in ends if at > now), *tokens), default=math.inf)

    def tokens(self, book: RuleBook, now: float) -> Mapping[int, int]:
        """Return how many segments each line that has a limit may send now."""
        if book is not self._limits_of:
            self._limits = {line_id: each.max_per_second for line_id, each in book.by_id.items() if each.max_per_second}
            self._limits_of = book
        limits = self._limits
        if not limits and not self._rates:
            return {}
        for line_id in self._rates.keys() - limits.keys():
            del self._rates[line_id]
        for line_id, limit in limits.items():
            own = limit * self.part(book.by_id[line_id].ways)
            self._rates.setdefault(line_id, Throttle(own, now)).limit(own, now)
        return {line_id: rate.available(now) for line_id, rate in self._rates.items()}

    def took(self, permits: Iterable[Permit], now: float) -> None:
        """Use the lines' tokens for permits that were handed over."""
        for permit in permits if self._rates else ():
            if (rate := self._rates.get(permit.line_id)) is not None:
                rate.take(1, now)

    def give_back(self, outcomes: Iterable[Outcome], now: float) -> None:
        """Return the lines' tokens of permits that never left."""
        for outcome in outcomes:
            rate = self._rates.get(outcome.permit.line_id)
            if rate is not None and outcome.fate in (Fate.RETURNED, Fate.REVOKED):
                rate.give_back(1, now)

    def _is_out(self, way: Way, waited_for: Collection[str], now: float) -> bool:
        since = self._down_since.get(way.carrier)
        return since is not None and (way.carrier not in waited_for or now - since >= way.failover_after_s)
