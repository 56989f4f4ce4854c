"""The gate: the one place where permits are made, inside the transaction that marks their messages as being sent.

It reads each subscriber's standing in that very transaction, asks ``gateway.policy.grounds`` for the grounds, and mints
or refuses. Nothing that was decided earlier counts: a message that was fine when it was accepted is judged again before
each of its submit_sm. A house test holds that no other module constructs a ``Permit``.

Texts are cut here, anew each time, in the style and coding of the carrier that they go to; but what was begun is
finished as it was begun (``gateway.traffic.cutting``).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from gateway.base.value import value
from gateway.model.consent import Standing
from gateway.model.messages import Lane, MessageState, Mt
from gateway.model.permit import Fate, Grounds, Permit, Writing
from gateway.model.refusal import Reason, Refusal
from gateway.policy.grounds import judge
from gateway.store.hot_consent import Key, standings
from gateway.store.hot_messages import Move, mint, move
from gateway.store.hot_permits import PermitRow, add_permits, permits_of
from gateway.store.tx import Tx
from gateway.traffic.cutting import Cut, Writings, bound_cut, finished, fitting, has_a_cut
from gateway.traffic.rulebook import RuleBook

PERMIT_LIFE_S: Final = 10.0
"""How long a permit may wait to be written (boot clock). It runs from the beginning of its transaction, so it exceeds
the slowest commit by far."""
SHORT_LIFE_S: Final = 2.0
"""How long it may where several nodes write: an opt-out on one waits for the others' permits (docs/decisions/0017)."""

_URGENT: Final = Lane.URGENT
_USUAL: Final = Writing()
_ALL_USUAL: Final[Writings] = {}


@value
class Claim:
    """A queued message and the bind that has room for it."""

    mt: Mt
    carrier: str
    bind: str


@dataclass(slots=True)
class Minted:
    """What one passage gave: permits by bind, in order; what was refused, waits for a hold, or failed (our bug)."""

    permits: dict[str, list[Permit]] = field(default_factory=dict)
    refused: list[tuple[Mt, Refusal]] = field(default_factory=list)
    waiting: list[Mt] = field(default_factory=list)
    failed: list[tuple[Mt, Exception]] = field(default_factory=list)
    messages: dict[int, Mt] = field(default_factory=dict)


def pass_gate(tx: Tx, claims: Sequence[Claim], book: RuleBook, writings: Writings = _ALL_USUAL) -> Minted:
    """Mint a permit for every open segment of each claimed message, or refuse the message; both are written.

    Messages of lines that are not in the book are left alone: they wait, visibly.
    """
    claims = [claim for claim in claims if claim.mt.line_id in book.by_id]
    known = standings(tx, {(claim.mt.line_id, claim.mt.subscriber) for claim in claims})
    tried = permits_of(tx, [claim.mt.id for claim in claims if has_a_cut(claim.mt)])
    minted = Minted()
    going: list[tuple[Claim, str, Grounds, Cut, set[int]]] = []
    segments = 0
    moves: list[Move] = []

    def refuse(mt: Mt, refusal: Refusal, done: set[int]) -> None:
        minted.refused.append((mt, refusal))
        moves.append(Move(mt.id, _refused_state(refusal, bool(done)), refusal.reason.value, None, mt.resends))

    for claim in claims:
        mt, entry, before = claim.mt, book.by_id[claim.mt.line_id], tried.get(claim.mt.id, ())
        done = {row.segment for row in before if row.fate is Fate.ACCEPTED} if before else set()
        try:
            judged = judge(mt, mt.created_at, known[mt.line_id, mt.subscriber], entry.rules, tx.now)
            made_of = _cut(claim, before, done, writings, book.max_segments)
        except Exception as error:  # noqa: BLE001 - pure functions: this message fails, and the others go on
            minted.failed.append((mt, error))
            moves.append(Move(mt.id, MessageState.PARTIAL if done else MessageState.FAILED, "internal error", None, 0))
            continue
        if isinstance(judged, Refusal) and judged.reason is Reason.HELD:
            minted.waiting.append(mt)
            continue
        if isinstance(judged, Refusal):
            refuse(mt, judged, done)
        elif isinstance(made_of, Refusal):
            refuse(mt, made_of, done)
        else:
            going.append((claim, entry.address, judged, made_of, done))
            minted.messages[mt.id] = mt
            segments += len(made_of.bodies)
    made: list[Permit] = []
    first, dies_at = tx.allocate("permit", segments) if going else 0, _dies_at(tx)
    for claim, address, grounds, cutting, done in going:
        permits = _permits(first, dies_at, claim, address, grounds, cutting, done)
        minted.permits.setdefault(claim.bind, []).extend(permits)
        made += permits
        first += len(cutting.bodies)
    mint(tx, made, {mt.id: mt.opt_outs for mt in minted.messages.values()})
    move(tx, moves)
    return minted


def pass_new(
    tx: Tx, claims: Sequence[Claim], known: Mapping[Key, Standing], book: RuleBook, writings: Writings
) -> Minted:
    """Mint permits for messages that this very transaction is about to store, as being sent; nothing else is written.

    ``known`` are their subscribers' standings as the transaction leaves them. What may not go now gets no permit:
    stored as queued, it meets the gate as everything else does, and what follows is written then. Raises what we fail
    with, which is our bug: whoever takes texts in does it again without this way.
    """
    minted = Minted()
    going: list[tuple[Claim, str, Grounds, Cut]] = []
    segments = 0
    now, lines, most = tx.now, book.by_id, book.max_segments
    for claim in claims:
        mt = claim.mt
        line_id = mt.line_id
        rules = lines[line_id].rules
        judged = judge(mt, mt.created_at, known[line_id, mt.subscriber], rules, now)
        made_of = fitting(mt.text, writings.get(claim.carrier, _USUAL), most)
        if not isinstance(judged, Refusal) and not isinstance(made_of, Refusal):
            going.append((claim, rules.address, judged, made_of))
            segments += len(made_of.bodies)
    if not going:
        return minted
    made: list[Permit] = []
    first, dies_at = tx.allocate("permit", segments), _dies_at(tx)
    for claim, address, grounds, cutting in going:
        made += _permits(first + len(made), dies_at, claim, address, grounds, cutting)
        minted.messages[claim.mt.id] = claim.mt
    for bind, permits in groupby(made, key=attrgetter("bind")):
        minted.permits.setdefault(bind, []).extend(permits)
    add_permits(tx, made, {id_: mt.opt_outs for id_, mt in minted.messages.items()})
    return minted


def _cut(claim: Claim, before: Sequence[PermitRow], done: set[int], writings: Writings, most: int) -> Cut | Refusal:
    """Return the message's cut: the one that it was begun in, or the carrier's own, unless that is too long."""
    text, present = claim.mt.text, writings.get(claim.carrier, _USUAL)
    if before and (bound := bound_cut(claim.mt, before)) is not None:
        return finished(text, bound, present.alphabet, done)
    return fitting(text, present, most)


def _dies_at(tx: Tx) -> float:
    return tx.boot + (SHORT_LIFE_S if tx.dialect.several else PERMIT_LIFE_S)


def _permits(
    first: int,
    dies_at: float,
    claim: Claim,
    address: str,
    grounds: Grounds,
    cutting: Cut,
    done: Container[int] = frozenset(),
) -> list[Permit]:
    """Make the permits of the segments that are not ``done``; ``first`` is the id of the first segment's."""
    mt, bodies = claim.mt, cutting.bodies
    id_, total = mt.id, len(bodies)
    permits: list[Permit] = []
    for number, body in enumerate(bodies, 1):
        if number in done:
            continue
        permits.append(
            Permit(
                first + number - 1,
                id_,
                number,
                total,
                address,
                mt.line_id,
                mt.subscriber,
                grounds,
                claim.carrier,
                claim.bind,
                cutting.data_coding,
                body,
                cutting.style,
                id_ & 0xFFFF,
                mt.lane is _URGENT,
                mt.expires_at,
                dies_at,
            )
        )
    return permits


def _refused_state(refusal: Refusal, partly_sent: bool) -> MessageState:
    if partly_sent:
        return MessageState.PARTIAL
    return MessageState.EXPIRED if refusal.reason is Reason.EXPIRED else MessageState.REFUSED
