"""The gate: the one place where permits are made, inside the transaction that marks their messages as being sent.

It reads each subscriber's standing in that very transaction, asks ``gateway.policy.grounds`` for the grounds, and mints
or refuses. Nothing that was decided earlier counts: a message that was fine when it was accepted is judged again before
each of its submit_sm. A house test holds that no other module constructs a ``Permit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.model.messages import Lane, MessageState, Mt
from gateway.model.permit import Fate, Grounds, Permit
from gateway.model.refusal import Reason, Refusal
from gateway.policy.grounds import grounds_for
from gateway.sms.segments import Segment, segment
from gateway.store.hot_consent import standings
from gateway.store.hot_messages import Move, mint, move, permits_of
from gateway.store.tx import Tx
from gateway.traffic.rulebook import RuleBook

PERMIT_LIFE_S: Final = 10.0
"""How long a permit may wait to be written (boot clock). It runs from the beginning of its transaction, so it exceeds
the slowest commit by far. An engine for several nodes will want it shorter: an opt-out on one waits for the others'."""


@dataclass(frozen=True, slots=True)
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


def pass_gate(tx: Tx, claims: Sequence[Claim], book: RuleBook) -> Minted:
    """Mint a permit for every open segment of each claimed message, or refuse the message; both are written.

    Messages of lines that are not in the book are left alone: they wait, visibly.
    """
    claims = [claim for claim in claims if claim.mt.line_id in book.by_id]
    known = standings(tx, {(claim.mt.line_id, claim.mt.subscriber) for claim in claims})
    tried = permits_of(tx, [claim.mt.id for claim in claims if claim.mt.segments > 1 and claim.mt.attempts])
    minted = Minted()
    made: list[Permit] = []
    moves: list[Move] = []
    for claim in claims:
        mt, entry = claim.mt, book.by_id[claim.mt.line_id]
        done = {row.segment for row in tried.get(mt.id, ()) if row.fate is Fate.ACCEPTED}
        try:
            judged = grounds_for(mt, known[mt.line_id, mt.subscriber], entry.rules, tx.now)
            segments = segment(mt.text, mt.id & 0xFF)
        except Exception as error:  # noqa: BLE001 - pure functions: this message fails, and the others go on
            minted.failed.append((mt, error))
            moves.append(Move(mt.id, MessageState.PARTIAL if done else MessageState.FAILED, "internal error", None, 0))
            continue
        if isinstance(judged, Refusal) and judged.reason is Reason.HELD:
            minted.waiting.append(mt)
            continue
        if isinstance(judged, Refusal):
            minted.refused.append((mt, judged))
            moves.append(Move(mt.id, _refused_state(judged, bool(done)), judged.reason.value, None, mt.resends))
            continue
        permits = _permits(tx, claim, entry.address, judged, segments, done)
        minted.permits.setdefault(claim.bind, []).extend(permits)
        minted.messages[mt.id] = mt
        made += permits
    mint(tx, made, {mt.id: mt.opt_outs for mt in minted.messages.values()})
    move(tx, moves)
    return minted


def _permits(
    tx: Tx, claim: Claim, address: str, grounds: Grounds, segments: Sequence[Segment], done: set[int]
) -> list[Permit]:
    mt = claim.mt
    first = tx.allocate("permit", len(segments))
    return [
        Permit(
            id=first + number - 1,
            message_id=mt.id,
            segment=number,
            segments=len(segments),
            line=address,
            line_id=mt.line_id,
            subscriber=mt.subscriber,
            grounds=grounds,
            carrier=claim.carrier,
            bind=claim.bind,
            data_coding=item.data_coding,
            udh=item.udh,
            body=item.body,
            urgent=mt.lane is Lane.URGENT,
            expires_at=mt.expires_at,
            dies_at=tx.boot + PERMIT_LIFE_S,
        )
        for number, item in enumerate(segments, 1)
        if number not in done
    ]


def _refused_state(refusal: Refusal, partly_sent: bool) -> MessageState:
    if partly_sent:
        return MessageState.PARTIAL
    return MessageState.EXPIRED if refusal.reason is Reason.EXPIRED else MessageState.REFUSED
