"""Writes what became of permits, and what follows for their messages, in one transaction.

The decision is ``gateway.traffic.settlement``'s. This module loads the history that it asks for and writes its answer.
Receipts come through here too, because they are one more fact about a permit. Safe to run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.model.messages import MessageState, Mo, Mt, Receipt
from gateway.model.permit import Fate, Outcome
from gateway.store.hot_messages import Move, move, mts, settle_whole
from gateway.store.hot_parts import (
    Parked,
    newest_by_carrier_id,
    park_receipt,
    parked_receipts,
    permits_by_carrier_id,
    record_receipt,
    take_parked,
    with_parked,
)
from gateway.store.hot_permits import permits_of, settle_permits
from gateway.store.tx import Tx
from gateway.traffic.matching import meant, named, overtook
from gateway.traffic.routes import requeue
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settlement import Verdicts, next_move
from gateway.traffic.upstream import Learned, learn

TYPED: Final = "typed"

# A name costs a tenth of what asking the enumeration costs, for every outcome.
_ACCEPTED: Final = Fate.ACCEPTED


@dataclass(slots=True)
class Settled:
    """What was written: the messages as they were, and their moves by id. ``over`` are those without a live permit.

    ``sent`` are acceptances that made their whole messages SENT; those are in ``over`` and not in ``messages``.
    ``learned``: whose opt-outs the carrier told of; they must be fenced.
    """

    messages: dict[int, Mt] = field(default_factory=dict)
    moves: dict[int, Move] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)
    sent: Sequence[Outcome] = ()
    learned: Learned = field(default_factory=Learned)


def settle(tx: Tx, outcomes: Sequence[Outcome], book: RuleBook, verdicts: Verdicts) -> Settled:
    """Write the outcomes; move the messages that they complete, return or make uncertain; learn of opt-outs.

    Nearly all outcomes are the acceptance of a whole message, and nothing else is known of it. Those are written
    together, without reading any of it back; the others need the history of their messages.
    """
    early = _overtaken(tx, outcomes)
    plain = [o for o in outcomes if o.fate is _ACCEPTED and o.permit.segments == 1 and not o.late]
    if early:
        plain = [o for o in plain if o.permit.id not in early]
    whole = {outcome.permit.message_id for outcome in plain}
    rest = [o for o in outcomes if o.permit.message_id not in whole] if len(whole) < len(outcomes) else []
    # More than one answer to a message (a late one, beside that to its second try) is a history.
    if len(whole) + len(rest) < len(outcomes) or not settle_whole(tx, plain):
        plain, whole, rest = [], set(), list(outcomes)
    if rest:
        settle_permits(tx, rest)
    for permit_id, receipts in early.items():
        record_receipt(tx, permit_id, receipts[0].state, receipts[0].error, receipts[0].received_at)
        take_parked(tx, [receipt.receipt_id for receipt in receipts])
    settled = reconsider(tx, {outcome.permit.message_id for outcome in rest}, book, verdicts)
    settled.over |= whole
    settled.sent = plain
    if rest:
        settled.learned = learn(tx, rest, book, verdicts)
    return settled


def _overtaken(tx: Tx, outcomes: Sequence[Outcome]) -> dict[int, list[Parked]]:
    """Return the receipts that came before the answers that they speak of, by permit."""
    answered: dict[str, set[str]] = {}
    for outcome in outcomes:
        if outcome.fate is _ACCEPTED and outcome.carrier_id:
            answered.setdefault(outcome.permit.carrier, set()).add(outcome.carrier_id)
    found: dict[int, list[Parked]] = {}
    for carrier, ids in answered.items():
        waited_for = with_parked(tx, carrier, ids)
        for outcome in outcomes if waited_for else ():
            known = outcome.fate is _ACCEPTED and outcome.permit.carrier == carrier
            if known and outcome.carrier_id in waited_for:
                subscriber = outcome.permit.subscriber
                waiting = parked_receipts(tx, carrier, outcome.carrier_id, subscriber)
                taken = {receipt.receipt_id for others in found.values() for receipt in others}
                left = [receipt for receipt in waiting if receipt.receipt_id not in taken]
                if early := overtook(left, subscriber):
                    found[outcome.permit.id] = early
    return found


def reconsider(tx: Tx, message_ids: Collection[int], book: RuleBook, verdicts: Verdicts) -> Settled:
    """Work out the messages' states from all of their permits, and write those that change."""
    if not message_ids:
        return Settled()
    settled = Settled(mts(tx, message_ids))
    history = permits_of(tx, settled.messages)
    for id_, mt in settled.messages.items():
        carrier = mt.carrier or ""
        if not any(permit.fate is Fate.LIVE for permit in history.get(id_, ())):
            settled.over.add(id_)
        step = next_move(
            mt,
            history.get(id_, ()),
            tx.now,
            book.on_uncertain(mt.line_id),
            lambda status, carrier=carrier: verdicts(carrier, status),  # type: ignore[misc]  # mypy types no default
        )
        if step is not None:
            settled.moves[id_] = step
    back = [id_ for id_, step in settled.moves.items() if step.state is MessageState.QUEUED]
    requeue(tx, [settled.messages[id_] for id_ in back], book)
    move(tx, list(settled.moves.values()))
    return settled


def return_orphans(tx: Tx, handed: Collection[int], book: RuleBook, verdicts: Verdicts) -> Settled:
    """Return permits of this life that nobody was handed: their commit was not known to have happened.

    ``handed`` are the ids of those that were. No octet of the others can have been written.
    """
    rows = tx.rows("select id, message_id from permit where node = ? and fate = 0 and life = ?", (tx.node, tx.life))
    orphans = [(id_, message_id) for id_, message_id in rows if id_ not in handed]
    tx.executemany(
        "update permit set fate = ?, detail = 'never handed over', settled_at = ? where id = ?",
        [(int(Fate.RETURNED), tx.now, id_) for id_, _ in orphans],
    )
    return reconsider(tx, {message_id for _, message_id in orphans}, book, verdicts)


def take_receipt(tx: Tx, receipt: Receipt, book: RuleBook, verdicts: Verdicts, says_stop: Callable[[Mo], bool]) -> str:
    """Write a receipt; return how it was taken: "recorded", "repeated", "intermediate", "parked" or "typed".

    Which permit it speaks of is ``gateway.traffic.matching``'s. A final state is never replaced by another. A receipt
    that speaks of none waits: it may have overtaken its submit_sm_resp. Unless a subscriber may have typed it, and with
    ``says_stop`` it is an opt-out if they did (or is nobody's): then nothing is written, and "typed" is returned.
    """
    if receipt.state is None and receipt.perhaps is None:
        return "intermediate"
    whose = named(receipt, book.by_address)
    candidates = permits_by_carrier_id(tx, receipt.carrier, receipt.carrier_ids, {*receipt.addresses, *whose})
    if not candidates and not whose:
        candidates = newest_by_carrier_id(tx, receipt.carrier, receipt.carrier_ids[0])
    match = meant(receipt, candidates, whose)
    typed = receipt.perhaps
    if match is None and typed is not None and (not typed.subscriber or says_stop(typed)):
        return TYPED
    if receipt.state is None:
        return "intermediate"
    if match is None:
        park_receipt(tx, receipt, receipt.state, whose)
        return "parked"
    if match.receipt_state is not None:
        return "repeated"
    record_receipt(tx, match.id, receipt.state, receipt.error, receipt.received_at)
    reconsider(tx, {match.message_id}, book, verdicts)
    return "recorded"
