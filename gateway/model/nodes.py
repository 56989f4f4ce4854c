"""Several nodes on one store: who is there, and who owns which bind, as values.

A *lease* is the right to hold one bind of a carrier (both sessions of a transmitter+receiver pair), by its number. Its
owner is a node in one of its lives; ``fence`` is another with each owner. Ages are seconds by the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LeaseKey = tuple[str, int]
"""A carrier's name, and the number of one of its binds."""

JANITOR: Final[LeaseKey] = ("", 0)
"""The work that one node at a time does for all: no carrier's name is empty."""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A lease as stored. ``node`` "" is nobody; ``age_s`` is how long it has been so."""

    key: LeaseKey
    node: str
    life: int
    fence: int
    sessions: tuple[str, ...]
    age_s: float


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node as stored. ``alive`` while its heartbeat holds, for ``age_s`` by now; else it ran out ``over_s`` ago."""

    name: str
    life: int
    alive: bool
    age_s: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a heartbeat brought back: all nodes and all leases, as of its transaction."""

    nodes: Sequence[NodeRow]
    leases: Sequence[LeaseRow]

    @property
    def living(self) -> dict[str, NodeRow]:
        """The nodes that are alive, by name."""
        return {node.name: node for node in self.nodes if node.alive}

    def owner(self, lease: LeaseRow) -> str:
        """Return the living node that owns the lease; "" for nobody, or a node or a life that is over."""
        node = self.living.get(lease.node)
        return lease.node if node is not None and node.life == lease.life else ""


def lease_of(bind: str) -> LeaseKey:
    """Return the lease under which a bind is held, by the bind's name: ``acme/0``, or ``acme/0.tx`` of a pair."""
    carrier, _, number = bind.rpartition("/")
    return carrier, int(number.partition(".")[0])
