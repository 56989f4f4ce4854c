"""Which queued messages go next: lanes, order per subscriber, window slots and tokens, inside the minting transaction.

Lane 1 goes first and may use every slot, the one that is kept for it included. Lanes 2 to 4 share what is left by
turns. In these lanes a subscriber of a line has at most one message under way: that keeps their order through
throttling, retries and several binds. No more is claimed than the slots and tokens that exist now, so memory does not
follow the backlog. A long text needs a slot for each of its segments, all on one bind; one that is longer than the
window goes when its bind is idle. A long text whose turn it is keeps the slots that come free until it fits: otherwise
short ones would take each of them. Lines share a lane evenly, and take turns in being first: where slots come free one
at a time, being first is everything.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.messages import Lane, Mt
from gateway.policy.grounds import WHILE_HELD
from gateway.store.hot_consent import Key
from gateway.store.hot_messages import claimable
from gateway.store.tx import Tx
from gateway.traffic.gate import Claim
from gateway.traffic.shares import WEIGHTS, turns

Place = tuple[Lane, int]
"""A lane of a line (by id): where messages wait."""

_PAGE: Final = 200


@dataclass(slots=True)
class Room:
    """What one bind takes now: slots for any lane but 1, slots for lane 1, and whether nothing is outstanding on it."""

    bind: str
    free: int
    urgent: int
    idle: bool


@dataclass(slots=True)
class Turns:
    """What a carrier's lanes carry from claim to claim.

    ``credit`` is that of ``shares.turns``, ``served`` the line that each lane served last, ``saving`` the place whose
    long text waits for slots.
    """

    credit: dict[Lane, int] = field(default_factory=dict)
    served: dict[Lane, int] = field(default_factory=dict)
    saving: Place | None = None


@dataclass(slots=True)
class Supply:
    """What one carrier takes now: its binds' room, its tokens, the lines routed to it, and its lanes' turns."""

    carrier: str
    rooms: list[Room]
    tokens: int
    lines: tuple[int, ...]
    turns: Turns

    @property
    def budget(self) -> int:
        """How many segments of lanes 2 to 4 may go."""
        return min(self.tokens, sum(max(0, room.free) for room in self.rooms))


@dataclass(frozen=True, slots=True)
class Demand:
    """What waits, and what may not go: places with a backlog, paused places, and subscribers.

    ``busy`` have a message of lanes 2 to 4 under way, ``resting`` (by key, and whether in lane 1) one that was refused
    for the moment, ``held`` are known to be on hold: of theirs only goes what may go to them.
    """

    backlog: frozenset[Place]
    paused: frozenset[Place]
    busy: Collection[Key]
    resting: Collection[tuple[Key, bool]]
    held: Collection[Key] = ()

    def blocked(self, place: Place) -> set[Msisdn]:
        """Return the subscribers of whom nothing may go in this place, whatever waits for them."""
        lane, line_id = place
        urgent = lane is Lane.URGENT
        keys = {key for key, of_lane_1 in self.resting if of_lane_1 is urgent}
        if not urgent:
            keys.update(self.busy)
        if lane > Lane.REPLY:
            keys.update(self.held)
        return {subscriber for line, subscriber in keys if line == line_id}


@dataclass(slots=True)
class Claimed:
    """The claims, in the order in which their permits shall be offered, and the places found empty."""

    claims: list[Claim] = field(default_factory=list)
    emptied: set[Place] = field(default_factory=set)


def claim(tx: Tx, supplies: Collection[Supply], demand: Demand) -> Claimed:
    """Claim what may go now on every carrier."""
    taking = _Taking(tx, demand)
    for supply in supplies:
        taking.lane(supply, Lane.URGENT, supply.tokens)
        if taking.stuck is not None:
            continue  # what comes free is for it: the other lanes would take each slot as it comes
        places = demand.backlog - demand.paused
        _share(taking, supply, {lane for lane in WEIGHTS if any((lane, line) in places for line in supply.lines)})
    return taking.claimed


def _share(taking: _Taking, supply: Supply, waiting: set[Lane]) -> None:
    """Let lanes 2 to 4 take turns until slots, tokens or messages run out, or a long text must wait for slots."""
    state = supply.turns
    if state.saving is not None and supply.budget > 0 and taking.open_to(supply, state.saving):
        taking.place(supply, state.saving, 1)
        if taking.stuck is not None:
            return
    state.saving = None
    while waiting and supply.budget > 0:
        for lane, share in turns(supply.budget, waiting, state.credit).items():
            used = taking.lane(supply, lane, share)
            if taking.stuck is not None:
                state.saving = taking.stuck
                return
            if used < share:
                waiting.discard(lane)


class _Taking:
    """One claim on its way: what it has taken. ``stuck`` is the place whose next text is too long for now, if any."""

    def __init__(self, tx: Tx, demand: Demand) -> None:
        self.tx = tx
        self.demand = demand
        self.claimed = Claimed()
        self.taken: set[Key] = set()
        self.urgent: set[int] = set()
        self.stuck: Place | None = None

    def open_to(self, supply: Supply, place: Place) -> bool:
        """Say whether a place may have messages that may go on this carrier."""
        waits = place in self.demand.backlog and place not in self.claimed.emptied
        return waits and place not in self.demand.paused and place[1] in supply.lines

    def lane(self, supply: Supply, lane: Lane, budget: int) -> int:
        """Claim up to ``budget`` segments of one lane over the carrier's lines; return how many.

        Lines share a lane evenly: each may use its part of what is left; what one leaves, those that have more use.
        """
        self.stuck = None
        lines = _after(supply.lines, supply.turns.served.get(lane))
        places = [(lane, line) for line in lines if self.open_to(supply, (lane, line))]
        used = 0
        while places and used < budget and self.stuck is None:
            more: list[Place] = []
            for nth, place in enumerate(places):
                share = -(-(budget - used) // (len(places) - nth))
                if share <= 0 or self.stuck is not None:
                    break
                if taken := self.place(supply, place, share):
                    used += taken
                    supply.turns.served[lane] = place[1]
                if taken >= share:
                    more.append(place)
            places = more
        return used

    def place(self, supply: Supply, place: Place, budget: int) -> int:
        """Claim messages of one place until ``budget`` segments are used; return how many were."""
        lane, line_id = place
        urgent = lane is Lane.URGENT
        self.stuck = None
        used, after = 0, 0
        size = min(_PAGE, budget + 16)
        blocked: set[Msisdn] = set()
        while True:
            page = claimable(self.tx, lane, line_id, after, size, blocked)
            if not page and not after:
                self.claimed.emptied.add(place)
            for mt in page:
                if self._must_wait(mt, urgent):
                    continue
                room = _room_for(mt, supply, urgent)
                if room is None:
                    self.stuck = place if supply.tokens > 0 and (urgent or supply.budget > 0) else None
                    return used
                used += mt.segments
                _use(room, supply, mt)
                self.claimed.claims.append(Claim(mt, supply.carrier, room.bind))
                if urgent:
                    self.urgent.add(mt.id)
                else:
                    self.taken.add((mt.line_id, mt.subscriber))
                if used >= budget:
                    return used
            if len(page) < size:
                return used
            # The head of the queue may be one subscriber's alone: from here on, only what may go is read.
            after, size = page[-1].id, _PAGE
            blocked = self.demand.blocked(place) | {who for line, who in self.taken if line == line_id and not urgent}

    def _must_wait(self, mt: Mt, urgent: bool) -> bool:
        """Say whether the message is claimed already, rests, is held, or has another before it."""
        key = (mt.line_id, mt.subscriber)
        if (key, urgent) in self.demand.resting or (key in self.demand.held and mt.claim not in WHILE_HELD):
            return True
        return mt.id in self.urgent if urgent else key in self.demand.busy or key in self.taken


def _after(lines: tuple[int, ...], last: int | None) -> tuple[int, ...]:
    """Return the lines beginning with the one behind ``last``."""
    at = lines.index(last) + 1 if last in lines else 0
    return lines[at:] + lines[:at]


def _room_for(mt: Mt, supply: Supply, urgent: bool) -> Room | None:
    """Return the bind with the most room, if the message fits there; None if it must wait."""
    if supply.tokens <= 0 or not supply.rooms:
        return None
    room = max(supply.rooms, key=lambda room: room.urgent if urgent else room.free)
    slots = room.urgent if urgent else room.free
    return room if slots >= mt.segments or (room.idle and slots > 0) else None


def _use(room: Room, supply: Supply, mt: Mt) -> None:
    room.free -= mt.segments
    room.urgent -= mt.segments
    room.idle = False
    supply.tokens -= mt.segments


def routed(lines: Mapping[int, tuple[str, ...]], able: Container[str]) -> dict[str, tuple[int, ...]]:
    """Route each line to the first of its carriers that is able to send now; return the lines of each carrier."""
    routes: dict[str, list[int]] = {}
    for line_id, carriers in lines.items():
        if carrier := next((name for name in carriers if name in able), None):
            routes.setdefault(carrier, []).append(line_id)
    return {carrier: tuple(ids) for carrier, ids in routes.items()}
