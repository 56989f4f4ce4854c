"""How much is queued, found without ever reading all of it at once.

Owns the questions of the one walk that counts: from place to place (a lane of a line's route), by keys of the index of
what is queued, some entries at a time. Each step is a read of its own, so that no snapshot is held for long (SQLite's
log could not start again meanwhile), and costs a few milliseconds however much waits. Only reads; what the count is
for is ``gateway.traffic.backlog``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from gateway.model.messages import Lane
from gateway.store.tx import Source

ENTRIES: Final = 20_000
"""Entries of the index that one step of the walk counts."""
_LOOK_UP: Final = 20
"""What the way to the next place costs, in entries."""

_NEXT: Final = """
select lane, line_id, route from message where state = 0 and (lane, line_id, route) > (?, ?, ?)
order by lane, line_id, route limit 1
"""
_SOME: Final = """
select count(*), max(id) from (select id from message
where state = 0 and lane = ? and line_id = ? and route = ? and id > ? and id <= ? order by id limit ?) as few
"""
_OLDEST: Final = """
select created_at from message where id = (select min(id) from message
where state = 0 and lane = ? and line_id = ? and route = ?)
"""

Place = tuple[int, int, str]


@dataclass(slots=True)
class Walk:
    """How far the count has come: what was counted, by lane and line id; ``over`` once it is complete.

    Ids above ``ceiling`` were given after the walk began: whoever gave them counts them.
    """

    ceiling: int
    counts: Counter[tuple[Lane, int]] = field(default_factory=Counter)
    places: list[Place] = field(default_factory=list)
    after: int = 0
    in_place: bool = False
    over: bool = False


def begin(source: Source) -> Walk:
    """Begin a walk over all that is queued now."""
    return Walk(int(source.rows("select coalesce(max(id), 0) from message")[0][0]))


def go_on(source: Source, walk: Walk, entries: int = ENTRIES) -> Walk:
    """Count on by so many entries, or to the end; ``walk`` is changed and returned."""
    left = entries
    while left > 0 and not walk.over:
        if not walk.in_place:
            found = source.rows(_NEXT, walk.places[-1] if walk.places else (-1, -1, ""))
            left -= _LOOK_UP
            if not found:
                walk.over = True
                return walk
            walk.places.append((int(found[0][0]), int(found[0][1]), str(found[0][2])))
            walk.after, walk.in_place = 0, True
        asked = max(left, 1)
        count, last = source.rows(_SOME, (*walk.places[-1], walk.after, walk.ceiling, asked))[0]
        lane, line_id, _ = walk.places[-1]
        walk.counts[Lane(lane), line_id] += count
        left -= count
        walk.in_place = count == asked
        walk.after = last or 0
    return walk


def oldest(source: Source, places: Collection[Place]) -> dict[Lane, float]:
    """Return since when (unix seconds) the message with the lowest id waits, by lane; lanes with none are absent."""
    since: dict[Lane, float] = {}
    for place in places:
        for (created_at,) in source.rows(_OLDEST, place):
            lane = Lane(place[0])
            since[lane] = min(created_at, since.get(lane, created_at))
    return since
