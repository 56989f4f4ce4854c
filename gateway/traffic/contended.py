"""What other nodes may be doing to the same messages, asked inside the minting transaction.

Owns the three questions that one node alone need not ask. Are the binds still ours, by the fencing number? Who has this
pair under way? Has another node an older message of it in its hands? Claims whose answer is wrong are left for later,
and nothing here ever waits for another node's locks but for the lease rows', which nobody keeps for long. Where no
other node owns a lease, nobody else can mint, and the last two are not asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from gateway.model.messages import Lane
from gateway.model.nodes import LeaseKey, lease_of
from gateway.policy.grounds import WHILE_HELD
from gateway.store.hot_consent import Key, lock_free
from gateway.store.hot_leases import busy_elsewhere, not_first, owned
from gateway.store.tx import Answered, Tx
from gateway.traffic.claims import Place, Supply
from gateway.traffic.gate import Claim
from gateway.traffic.passage import Passage

LOCKED_S: Final = 0.02
"""How long a message rests whose pair another node decides right now: about a commit."""
BUSY_S: Final = 0.1
"""How long one rests of whose pair another node has a message under way."""


class Shared(Protocol):
    """What the dispatcher asks of this node's place among others."""

    def fences(self) -> Mapping[LeaseKey, int]:
        """Return the fencing numbers of the leases that are held now."""
        ...

    def ring(self, places: Collection[Place]) -> None:
        """Tell the other nodes that messages wait in these places, of which this one cannot take all."""
        ...

    def up_elsewhere(self) -> Collection[str]:
        """Return the carriers that are up on another node."""
        ...


@dataclass(slots=True)
class Going:
    """The claims that may go, and how long (seconds) the others shall rest, by pair and whether in lane 1."""

    claims: Sequence[Claim] = ()
    rests: dict[tuple[Key, bool], float] = field(default_factory=dict)


def going(tx: Tx, claims: Sequence[Claim], fences: Mapping[LeaseKey, int]) -> Going:
    """Return those claims that are this node's to make; their pairs' consent is locked.

    ``fences`` are the numbers under which the binds are held. The messages were claimed in this transaction.
    """
    if not claims:
        return Going()
    result = Going()
    ours, alone = owned(tx, fences)
    mine = [claim for claim in claims if lease_of(claim.bind) in ours]
    if len(mine) < len(claims):
        _rest(result, [claim for claim in claims if lease_of(claim.bind) not in ours], BUSY_S)
    if alone:
        result.claims = mine
        return result
    locked = lock_free(tx, {_key(claim) for claim in mine})
    _rest(result, [claim for claim in mine if _key(claim) not in locked], LOCKED_S)
    mine = [claim for claim in mine if _key(claim) in locked]
    ordered = [claim for claim in mine if claim.mt.lane is not Lane.URGENT]
    busy = busy_elsewhere(tx, {_key(claim) for claim in ordered})
    _rest(result, [claim for claim in ordered if _key(claim) in busy], BUSY_S)
    late = not_first(tx, [claim.mt.id for claim in ordered if claim.mt.claim not in WHILE_HELD])
    _rest(result, [claim for claim in ordered if claim.mt.id in late], LOCKED_S)
    out = {claim.mt.id for claim in ordered if _key(claim) in busy or claim.mt.id in late}
    result.claims = [claim for claim in mine if claim.mt.id not in out]
    return result


def uncontended(
    tx: Tx, passage: Passage, waiting: Collection[Key], answered: Collection[Key], asked: Answered | None = None
) -> tuple[Passage, Collection[Key]]:
    """Return what of a passage is on binds that are still ours, and the pairs whose replies must wait, all told.

    ``waiting`` are those for whom messages wait; besides, those who have one under way on another node. The consent of
    those who are ``answered`` is locked. ``asked`` is what ``ask_owned`` gave in this transaction.
    """
    held, alone = owned(tx, passage.fences or {}, asked)
    supplies = []
    for each in passage.left or ():
        rooms = [room for room in each.rooms if lease_of(room.bind) in held]
        supplies.append(Supply(each.carrier, rooms, each.tokens, each.queues, each.turns))
    if not alone:
        waiting = {*waiting, *busy_elsewhere(tx, answered)}
    return replace(passage, left=supplies), waiting


def _key(claim: Claim) -> Key:
    return (claim.mt.line_id, claim.mt.subscriber)


def _rest(result: Going, claims: Collection[Claim], seconds: float) -> None:
    for claim in claims:
        result.rests[_key(claim), claim.mt.lane is Lane.URGENT] = seconds
