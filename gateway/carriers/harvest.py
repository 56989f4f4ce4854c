"""What one step of a session brought, for whoever performs what follows: outcomes, arrivals, turns, octets.

Values only. ``link`` fills a harvest, ``conversation`` tells it on, ``bind`` follows the turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Harvest:
    """What one step brought. ``octets`` and ``blocked`` are of what was written.

    ``put_off`` are texts that the session told to come again, because none may come now.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    put_off: list[Mo] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    acks_written: list[int] = field(default_factory=list)
    octets: int = 0
    blocked: bool = False
