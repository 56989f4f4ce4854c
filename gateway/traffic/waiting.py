"""What one read brought, while it is on its way through the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.carriers.interface import BindPort
from gateway.model.messages import Arrival, Mo, Receipt, Unreadable


@dataclass(slots=True)
class Waiting:
    """What one read brought. ``answered`` once it was told to come again.

    ``disturbed``, ``first_came`` and ``alive`` are what ``taken.Batch`` must know of the moment at which it came.
    """

    bind: BindPort
    arrivals: Sequence[Arrival]
    due: float  # when they are told so (monotonic seconds)
    disturbed: Sequence[bool] = ()
    first_came: Sequence[float | None] = ()
    alive: frozenset[str] = frozenset()
    octets: int = 0
    only_texts: bool = True
    answered: bool = False


def octets_of(arrivals: Sequence[Arrival]) -> int:
    """Return what arrivals hold of their carrier's octets: a text its PDU, and the user data that was cut from it."""
    return sum([len(a.pdu) + len(a.raw) if isinstance(a, Mo) else _octets(a) for a in arrivals])


def _octets(arrival: Receipt | Unreadable) -> int:
    return len(arrival.pdu if isinstance(arrival, Receipt) else arrival.raw)
