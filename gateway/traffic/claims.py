"""Which queued messages go next: lanes, order per subscriber, window slots and tokens, inside the minting transaction.

Lane 1 goes first and may use every slot, the one that is kept for it included. Lanes 2 to 4 share what is left by
turns. In these lanes a subscriber of a line has at most one message under way: that keeps their order through
throttling, retries and several binds. No more is claimed than binds and tokens have room for now, so memory does not
follow the backlog. A long text needs a slot for each of its segments, all on one bind; one that is longer than the
window goes when its bind is idle. A long text whose turn it is keeps the slots that come free until it fits: otherwise
short ones would take each of them. Lines (and their routes) share a lane evenly, and take turns in being first: where
slots come free one at a time, being first is everything.

What one claim reads does not grow with the backlog. By age it looks at ``_PAGE`` + ``_DEEP`` ids of a place at most. If
slots are left then, a crowd that may not go stands at the head (a subscriber for whom a million wait), and it goes on
from subscriber to subscriber, one look-up each. Those of whom nothing may go are passed at that price, and their number
is bounded (the windows, and the dispatcher's rests), so it can look at all of them: what can go is found, and nothing
but the usual ring is needed to look again. The next claim goes on where this one ended, so that all have their turn.

Order holds in both: by age none is left out, so the first message met of a subscriber is their oldest in the place;
from subscriber to subscriber it is the oldest by the question itself, asked anew in each claim. No memory of earlier
claims is part of that: ``Turns.reached`` only says with whom to begin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.messages import Lane, Mt
from gateway.policy.grounds import WHILE_HELD
from gateway.store.hot_consent import Key
from gateway.store.hot_messages import first_of, firsts, mts, waiting
from gateway.store.tx import Tx
from gateway.traffic.gate import Claim
from gateway.traffic.shares import WEIGHTS, turns

Queue = tuple[int, str]
"""A line (by id) and one of its routes: a carrier's name, or empty for what any of the line's carriers may take."""

Place = tuple[Lane, int, str]
"""A lane of such a queue: where messages wait."""

_PAGE: Final = 200
_DEEP: Final = 1000
_READ: Final = 64
"""How many messages are read whole at a time; of the others, an index gives id and subscriber."""


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

    ``credit`` is that of ``shares.turns``, ``served`` the queue that each lane served last, ``saving`` the place whose
    long text waits for slots, ``reached`` the subscriber behind whom a place is searched on, ``lines`` the credit of
    the lanes of each line that has a limit of its own.
    """

    credit: dict[Lane, int] = field(default_factory=dict)
    served: dict[Lane, Queue] = field(default_factory=dict)
    saving: Place | None = None
    reached: dict[Place, Msisdn] = field(default_factory=dict)
    lines: dict[int, dict[Lane, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Supply:
    """What one carrier takes now: its binds' room, its tokens, the queues that it serves, and its lanes' turns."""

    carrier: str
    rooms: list[Room]
    tokens: int
    queues: tuple[Queue, ...]
    turns: Turns

    @property
    def budget(self) -> int:
        """How many segments of lanes 2 to 4 may go."""
        return min(self.tokens, sum(max(0, room.free) for room in self.rooms))

    def keep(self, *, urgent: bool) -> None:
        """Leave nothing of the slots to whoever comes after the claim; if not ``urgent``, but to lane 1."""
        for room in self.rooms:
            room.free = 0
            if urgent:
                room.urgent = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What waits, and what may not go: places with a backlog that are not paused, and subscribers.

    ``busy`` have a message of lanes 2 to 4 under way, ``resting`` (by key, and whether in lane 1) one that was refused
    for the moment, ``held`` are known to be on hold: of theirs only goes what may go to them. ``tokens`` are what the
    lines that have a limit of their own may send, by id.
    """

    backlog: frozenset[Place]
    busy: Collection[Key]
    resting: Collection[tuple[Key, bool]]
    held: Collection[Key] = ()
    tokens: Mapping[int, int] = field(default_factory=dict)

    def blocked(self, place: Place) -> set[Msisdn]:
        """Return the subscribers of whom nothing may go in this place, whatever waits for them."""
        lane, line_id, _ = place
        urgent = lane is Lane.URGENT
        keys = {key for key, of_lane_1 in self.resting if of_lane_1 is urgent}
        if not urgent:
            keys.update(self.busy)
        if lane > Lane.REPLY:
            keys.update(self.held)
        return {subscriber for line, subscriber in keys if line == line_id}


@dataclass(slots=True)
class Claimed:
    """The claims, in the order in which their permits shall be offered, and the places found empty.

    ``tokens`` are what is left to the lines that have a limit of their own.
    """

    claims: list[Claim] = field(default_factory=list)
    emptied: set[Place] = field(default_factory=set)
    tokens: Mapping[int, int] = field(default_factory=dict)


def claim(tx: Tx, supplies: Collection[Supply], demand: Demand) -> Claimed:
    """Claim what may go now on every carrier. ``supplies`` are left with what others may use then."""
    taking = _Taking(tx, demand)
    for supply in supplies:
        taking.lane(supply, Lane.URGENT, supply.tokens)
        if taking.stuck is not None:
            supply.keep(urgent=True)  # what comes free is for it: the others would take each slot as it comes
            continue
        waits = taking.waiting(supply.queues)
        if taking.allot(supply):
            _share(taking, supply, set(waits))
            taking.allotted = None
        _share(taking, supply, waits)
        if supply.turns.saving is not None:
            supply.keep(urgent=False)
    taking.claimed.tokens = taking.tokens
    return taking.claimed


def _share(taking: _Taking, supply: Supply, waiting: set[Lane]) -> None:
    """Let lanes 2 to 4 take turns until slots, tokens or messages run out, or a long text must wait for slots."""
    state = supply.turns
    if (
        state.saving is not None
        and supply.budget > 0
        and state.saving[1:] in supply.queues
        and taking.is_open(state.saving)
    ):
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
        self.blocked: dict[Place, set[Msisdn]] = {}
        self.tokens = dict(demand.tokens)
        self.allotted: Counter[tuple[int, Lane]] | None = None
        self.stuck: Place | None = None

    def waiting(self, queues: Iterable[Queue]) -> set[Lane]:
        """Return those of lanes 2 to 4 in which something may wait in these queues."""
        return {lane for queue in queues for lane in WEIGHTS if (lane, *queue) in self.demand.backlog}

    def is_open(self, place: Place) -> bool:
        """Say whether a place may have messages that may go."""
        return place in self.demand.backlog and place not in self.claimed.emptied and self.line_has_tokens(place)

    def allot(self, supply: Supply) -> bool:
        """Share the tokens of lines with a limit among their own lanes; say whether there are any.

        Otherwise the lane that is asked first would take each token as it comes. What one leaves, others may use after.
        """
        lines = {line for line, _ in supply.queues if self.tokens.get(line, 0) > 0} if self.tokens else set()
        if not lines:
            return False
        self.allotted = Counter()
        for line in lines:
            waiting = self.waiting(queue for queue in supply.queues if queue[0] == line)
            credit = supply.turns.lines.setdefault(line, {})
            for lane, count in turns(self.tokens[line], waiting, credit).items():
                self.allotted[line, lane] = count
        return True

    def line_has_tokens(self, place: Place) -> bool:
        """Say whether the line's own limit lets another one go, in this lane."""
        lane, line, _ = place
        if line not in self.tokens:
            return True
        mine = self.allotted is None or lane is Lane.URGENT or self.allotted[line, lane] > 0
        return mine and self.tokens[line] > 0

    def lane(self, supply: Supply, lane: Lane, budget: int) -> int:
        """Claim up to ``budget`` segments of one lane over the carrier's queues; return how many.

        They share a lane evenly: each may use its part of what is left; what one leaves, those that have more use.
        """
        self.stuck = None
        queues = _after(supply.queues, supply.turns.served.get(lane))
        places = [place for queue in queues if self.is_open(place := (lane, *queue))]
        used = 0
        while places and used < budget and self.stuck is None:
            more: list[Place] = []
            for nth, place in enumerate(places):
                share = -(-(budget - used) // (len(places) - nth))
                if share <= 0 or self.stuck is not None:
                    break
                if taken := self.place(supply, place, share):
                    used += taken
                    supply.turns.served[lane] = place[1:]
                if taken >= share:
                    more.append(place)
            places = more
        return used

    def place(self, supply: Supply, place: Place, budget: int) -> int:
        """Claim messages of one place until ``budget`` segments are used; return how many were."""
        urgent = place[0] is Lane.URGENT
        self.stuck = None
        used = 0
        for mt, by_turn in self._candidates(supply.turns, place, budget):
            if self._must_wait(mt, urgent):
                continue
            room = take_room(mt.segments, supply, urgent=urgent)
            if room is None:
                self.stuck = place if supply.tokens > 0 and (urgent or supply.budget > 0) else None
                return used
            if by_turn:
                supply.turns.reached[place] = mt.subscriber
            used += mt.segments
            if place[1] in self.tokens:
                self.tokens[place[1]] -= mt.segments
                if self.allotted is not None:
                    self.allotted[place[1], place[0]] -= mt.segments
            self.claimed.claims.append(Claim(mt, supply.carrier, room.bind))
            if urgent:
                self.urgent.add(mt.id)
            else:
                self.taken.add((mt.line_id, mt.subscriber))
            if used >= budget or not self.line_has_tokens(place):
                return used
        return used

    def _candidates(self, state: Turns, place: Place, budget: int) -> Iterator[tuple[Mt, bool]]:
        """Yield what may be next in a place: by age (False), then from subscriber to subscriber (True), once around."""
        size = min(_PAGE, budget + 16)
        after = 0
        for most in (size, _DEEP):
            page = waiting(self.tx, *place, after, most)
            if not page and not after:
                self.claimed.emptied.add(place)
            yield from ((mt, False) for mt in self._read(place, page))
            if len(page) < most:
                return
            after = page[-1][0]
        began: str = state.reached.get(place, "")
        at, around = began, False
        while not around or at < began:
            heads = firsts(self.tx, *place, at, size)
            for mt in self._read(place, heads):
                if (going := self._past_hold(place, mt)) is not None:
                    yield going, True
            if len(heads) == size:
                at, size = heads[-1][1], _PAGE
            elif around or not began:
                return
            else:
                at, around = "", True

    def _read(self, place: Place, page: Sequence[tuple[int, Msisdn]]) -> Iterator[Mt]:
        """Yield the messages of a page, but for those of subscribers of whom nothing may go."""
        if place not in self.blocked:
            self.blocked[place] = self.demand.blocked(place)
        (lane, line_id, _), blocked = place, self.blocked[place]
        taken = self.taken if lane is not Lane.URGENT else ()  # asked as late as can be: it grows meanwhile
        ids = (id_ for id_, who in page if who not in blocked and (line_id, who) not in taken)
        while some := list(islice(ids, _READ)):
            found = mts(self.tx, some, claiming=True)
            yield from (found[id_] for id_ in some if id_ in found)  # another node may be faster

    def _past_hold(self, place: Place, first: Mt) -> Mt | None:
        """Return a subscriber's first message in the place or, while they are on hold, the first that may go."""
        if (first.line_id, first.subscriber) not in self.demand.held or first.claim in WHILE_HELD:
            return first
        id_ = first_of(self.tx, *place, first.subscriber, WHILE_HELD)
        return None if id_ is None else mts(self.tx, [id_], claiming=True).get(id_)

    def _must_wait(self, mt: Mt, urgent: bool) -> bool:
        """Say whether the message is claimed already, rests, is held, or has another before it."""
        key = (mt.line_id, mt.subscriber)
        if (key, urgent) in self.demand.resting or (key in self.demand.held and mt.claim not in WHILE_HELD):
            return True
        return mt.id in self.urgent if urgent else key in self.demand.busy or key in self.taken


def _after(queues: tuple[Queue, ...], last: Queue | None) -> tuple[Queue, ...]:
    """Return the queues beginning with the one behind ``last``."""
    at = queues.index(last) + 1 if last in queues else 0
    return queues[at:] + queues[:at]


def take_room(segments: int, supply: Supply, *, urgent: bool) -> Room | None:
    """Take the slots and tokens of a message of so many segments, on the bind with the most room; return that bind.

    None if the message must wait: then nothing is taken.
    """
    rooms = supply.rooms
    if supply.tokens <= 0 or not rooms:
        return None
    room = rooms[0] if len(rooms) == 1 else max(rooms, key=lambda room: room.urgent if urgent else room.free)
    slots = room.urgent if urgent else room.free
    if slots < segments and not (room.idle and slots > 0):
        return None
    room.free -= segments
    room.urgent -= segments
    room.idle = False
    supply.tokens -= segments
    return room


def copy_of(supply: Supply) -> Supply:
    """Return a copy that a job may use up: it may run twice. Turns are shared: they only ever approximate."""
    rooms = [Room(room.bind, room.free, room.urgent, room.idle) for room in supply.rooms]
    return Supply(supply.carrier, rooms, supply.tokens, supply.queues, supply.turns)
