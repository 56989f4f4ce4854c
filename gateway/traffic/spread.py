"""Which node holds which bind: a pure function that every node computes on the same rows.

What is free goes to whoever has least, so two nodes that look at the same moment do not want the same lease; should
they all the same, the database decides. A node that has two more than another gives one back, one at a time, and only
to one that has been there for a while: a node that dies and starts over and over gets nothing taken from others. One
more is no reason to move anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from gateway.model.nodes import JANITOR, LeaseKey, LeaseRow, Pulse

STEADY_S: Final = 5.0
"""How long a node has been alive before others make room for it."""
IGNORED_S: Final = 10.0
"""What has been free for so long is taken by whoever knows its carrier: the one whose turn it is may not."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a node should do: take these (as it saw them; None where there is no row yet), and give this one back."""

    take: tuple[tuple[LeaseKey, LeaseRow | None], ...] = ()
    give: LeaseKey | None = None


def spread(me: str, pulse: Pulse, binds: Collection[LeaseKey]) -> Wish:
    """Return what node ``me`` should do about ``binds``, which are those that its configuration has."""
    living = pulse.living
    if me not in living:
        return Wish()
    rows = {lease.key: lease for lease in pulse.leases}
    owners = {key: pulse.owner(row) for key, row in rows.items()}
    load = Counter(owner for key, owner in owners.items() if owner and key != JANITOR)
    same = Counter((owner, key[0]) for key, owner in owners.items() if owner)
    take: list[tuple[LeaseKey, LeaseRow | None]] = []
    for key in sorted(binds):
        if owners.get(key):
            continue
        node = min(living, key=lambda name: (load[name], same[name, key[0]], name))
        row = rows.get(key)
        if node == me or (row is not None and _free_for(row, pulse) > IGNORED_S):
            take.append((key, row))
        load[node] += 1
        same[node, key[0]] += 1
    if not owners.get(JANITOR):
        take.append((JANITOR, rows.get(JANITOR)))
    mine = [key for key in binds if owners.get(key) == me]
    if any(not owners.get(key) for key in binds):
        return Wish(tuple(take))
    return Wish(tuple(take), _surplus(me, pulse, mine, load, same))


def _surplus(
    me: str, pulse: Pulse, mine: Collection[LeaseKey], load: Counter[str], same: Counter[tuple[str, str]]
) -> LeaseKey | None:
    """Return the lease that ``me`` gives back for a node that has at least two fewer, if it is for ``me`` to do so."""
    steady = [name for name, node in pulse.living.items() if node.age_s >= STEADY_S]
    fullest = min(pulse.living, key=lambda name: (-load[name], name))
    if not steady or fullest != me or not mine:
        return None
    emptiest = min(steady, key=lambda name: (load[name], name))
    if load[me] - load[emptiest] < 2:
        return None
    return max(mine, key=lambda key: (same[me, key[0]] - same[emptiest, key[0]], key))


def _free_for(row: LeaseRow, pulse: Pulse) -> float:
    """Return for how long nobody has owned it (seconds): since it was released, or since its owner was over."""
    if not row.node:
        return row.age_s
    return max((node.over_s for node in pulse.nodes if node.name == row.node and node.life == row.life), default=0.0)
