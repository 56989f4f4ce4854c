"""What one step of a session brought, for whoever performs what follows: outcomes, arrivals, turns, octets.

Values only. ``link`` fills a harvest, ``conversation`` tells it on, ``bind`` follows the turns.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.messages import Arrival, Mo
from gateway.model.permit import Outcome
from gateway.smpp import events as ev


@dataclass(frozen=True, slots=True)
class Stalled:
    """The peer takes so little that permits died before they could be written; no more are taken in for now."""


@dataclass(frozen=True, slots=True)
class Flowing:
    """The peer has taken all that waited: permits are taken in again."""


Turn = (
    ev.Bound
    | ev.BindRefused
    | ev.PeerUnbind
    | ev.Unbound
    | ev.Closed
    | ev.Rejected
    | ev.Request
    | ev.UnexpectedResponse
    | Stalled
    | Flowing
)
"""What the bind itself must know of: the session's turns, and what a person may want to read in the log."""


@dataclass(slots=True, init=False)
class Harvest:
    """What one step brought. ``octets`` and ``blocked`` are of what was written.

    ``put_off`` are texts that the session told to come again, because none may come now.
    """

    outcomes: list[Outcome]
    arrivals: list[Arrival]
    put_off: list[Mo]
    turns: list[Turn]
    acks_written: list[int]
    octets: int
    blocked: bool

    def __init__(self) -> None:
        self.outcomes, self.arrivals, self.put_off, self.turns, self.acks_written = [], [], [], [], []
        self.octets = 0
        self.blocked = False
