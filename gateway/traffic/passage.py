"""The short way: replies that go through the gate in the transaction that decided them.

Nearly every reply finds the way free before it: nothing waits in its lane, its bind has slots and its carrier tokens.
Storing it as queued, asking for what is queued, reading it back and marking it as being sent would be four statements
and a second transaction for nothing. With a passage (``Dispatcher.passage``) the batch of texts brings the slots and
tokens that there are, and such replies are stored as being sent, with their permits.

It is no way around anything. The gate mints, on the standing that the transaction leaves behind. Order holds: a reply
stays behind whatever waits for its subscriber, behind what is under way to them, and behind what stayed before it. What
waits in the queue has its turn first, in the same transaction (``claimed``); replies use the slots and tokens that it
leaves, and those that find none wait their turn.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.model.consent import Standing
from gateway.model.messages import Lane, Mt
from gateway.model.nodes import LeaseKey
from gateway.model.permit import Permit
from gateway.policy.grounds import WHILE_HELD
from gateway.store.hot_consent import Key
from gateway.store.tx import Tx
from gateway.traffic.claims import Claimed, Demand, Place, Supply, claim, copy_of, take_room
from gateway.traffic.cutting import Writings
from gateway.traffic.gate import Claim, Minted, pass_new
from gateway.traffic.rulebook import LaneOfLine, RuleBook

# A name costs a tenth of what asking the enumeration costs, for every reply.
_URGENT: Final = Lane.URGENT


@dataclass(slots=True)
class Passage:
    """What may be used on the short way: each carrier's slots and tokens, and the lines' own tokens (in ``demand``).

    ``paused`` lanes of lines send nothing. ``fences`` are the numbers under which the binds are held, where several
    nodes share them. ``left`` and ``claims`` are what the claim before it left, and took, in the
    same transaction; if it did not come to that, nothing may be used.
    """

    supplies: Sequence[Supply]
    demand: Demand
    paused: Container[LaneOfLine]
    writings: Writings
    fences: Mapping[LeaseKey, int] | None = None
    left: Sequence[Supply] | None = None
    claims: Sequence[Claim] = ()
    tokens: Mapping[int, int] = field(default_factory=dict)

    def open(self) -> None:
        """Say that nothing is claimed before it."""
        self.left, self.claims, self.tokens = self.supplies, (), self.demand.tokens

    def claim(self, tx: Tx) -> Claimed:
        """Claim what waits, and note what that leaves."""
        self.left = None
        supplies = [copy_of(supply) for supply in self.supplies]
        claimed = claim(tx, supplies, self.demand)
        self.left, self.claims, self.tokens = supplies, claimed.claims, claimed.tokens
        return claimed


def pass_on(
    tx: Tx,
    replies: Sequence[Mt],
    routes: Mapping[Key, str],
    known: Mapping[Key, Standing],
    waiting: Collection[Key],
    passage: Passage,
    book: RuleBook,
) -> Minted:
    """Return the permits of those new replies that go at once; the others are to be stored as queued.

    ``routes`` are the replies' (``routes_of``), ``known`` the standings as the transaction leaves them, ``waiting`` the
    pairs for whom messages wait already.
    """
    return pass_new(tx, _claims(replies, routes, waiting, passage, book), known, book, passage.writings)


def permits_by_message(minted: Minted | None) -> dict[int, Permit]:
    """Return one permit of each new message, by its id: the gate mints all of them, since nothing of it is done."""
    if minted is None:
        return {}
    return {permit.message_id: permit for permits in minted.permits.values() for permit in permits}


def _claims(
    replies: Sequence[Mt], routes: Mapping[Key, str], waiting: Collection[Key], passage: Passage, book: RuleBook
) -> list[Claim]:
    """Claim what has the way free before it, in order. Who once stays behind is not overtaken by their next reply."""
    if passage.left is None:
        return []
    # Of those that serve a queue, the one that was served longest ago: they are in this order.
    supplies = {queue: supply for supply in map(copy_of, reversed(passage.left)) for queue in supply.queues}
    tokens, demand = dict(passage.tokens), passage.demand
    under_way = {*demand.busy, *[(c.mt.line_id, c.mt.subscriber) for c in passage.claims if c.mt.lane > _URGENT]}
    resting, held = demand.resting, demand.held
    behind = set(waiting)
    claims: list[Claim] = []
    serving: dict[Place, Supply | None] = {}
    for mt in replies:
        line_id, lane, segments = mt.line_id, mt.lane, mt.segments
        key, urgent = (line_id, mt.subscriber), lane is _URGENT
        place = (lane, line_id, routes.get(key, "") if routes else "")
        if place not in serving:
            is_open = line_id in book.by_id and (lane, line_id) not in passage.paused
            serving[place] = supplies.get(place[1:]) if is_open else None
        supply = serving[place]
        if (
            supply is None
            or key in behind
            or (not urgent and key in under_way)
            or (resting and (key, urgent) in resting)
            or (held and key in held and mt.claim not in WHILE_HELD)
            or (line_id in tokens and tokens[line_id] <= 0)
            or (room := take_room(segments, supply, urgent=urgent)) is None
        ):
            behind.add(key)
            continue
        if line_id in tokens:
            tokens[line_id] -= segments
        if not urgent:
            under_way.add(key)
        claims.append(Claim(mt, supply.carrier, room.bind))
    return claims
