"""Opt-outs that carriers tell us of: some stop a subscriber's STOP themselves, and refuse what we submit afterwards.

Such a refusal is an opt-out like any other: it is in force with its transaction, with evidence whose source is
``carrier``, and nothing that was accepted before it leaves. Whose refusals mean that is data (``gateway.carriers``). A
refusal of something that was sent before the subscriber came back tells of the time before; it changes nothing, and if
the carrier still blocks them, the next message will tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.carriers.statuses import Verdict
from gateway.model.consent import ConsentStatus, EvidenceKind, Method, Standing
from gateway.model.effects import Scope
from gateway.model.permit import Fate, Outcome, Permit
from gateway.model.refusal import Reason
from gateway.policy.transitions import opted_out, recorded, status_of
from gateway.smpp.constants import describe
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import Key, save_account_opt_outs, save_standings, standings
from gateway.store.hot_messages import refuse_older
from gateway.store.lines import line_ids
from gateway.store.pairs import rows_of
from gateway.store.tx import Tx
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settlement import Verdicts


@dataclass(frozen=True, slots=True)
class Learned:
    """Whose consent was narrowed, to be fenced; how many queued messages were refused for it; and what told of it."""

    narrowed: tuple[Key, ...] = ()
    refused: int = 0
    told: tuple[Outcome, ...] = ()


def learn(tx: Tx, outcomes: Sequence[Outcome], book: RuleBook, verdicts: Verdicts) -> Learned:
    """Put in force, and on record, the opt-outs that these answers tell of."""
    told: dict[Key, Outcome] = {}
    for outcome in outcomes:
        permit = outcome.permit
        if outcome.fate is Fate.REJECTED and verdicts(permit.carrier, outcome.status) is Verdict.OPTED_OUT:
            key = (permit.line_id, permit.subscriber)
            if key not in told or told[key].permit.id < permit.id:  # the latest tells of the latest time
                told[key] = outcome
    learned = Learned()
    for key, outcome in told.items():
        one = _one(tx, key, outcome, book)
        learned = Learned(learned.narrowed + one.narrowed, learned.refused + one.refused, learned.told + one.told)
    return learned


def _one(tx: Tx, key: Key, outcome: Outcome, book: RuleBook) -> Learned:
    line_id, subscriber = key
    standing = standings(tx, [key])[key]
    if _came_back_since(tx, standing, outcome.permit):
        return Learned()
    keys, scope = [key], Scope.LINE
    if book.stop_scope == "account":
        scope = Scope.ACCOUNT
        keys += [(other, subscriber) for other in line_ids(tx, subscriber) if other != line_id]
        save_account_opt_outs(tx, [(subscriber, Method.CARRIER.value, None)])
    note = f"{outcome.permit.carrier}: {describe(outcome.status)}"
    before = standings(tx, keys)
    changes = {each: opted_out(before[each], Method.CARRIER, tx.now, scope, note) for each in keys}
    save_standings(tx, [(before[each], change.standing) for each, change in changes.items()])
    add_evidence(tx, [recorded(change, Method.CARRIER, tx.now, book.config_hash) for change in changes.values()])
    refused = sum(
        refuse_older(tx, *each, change.standing.opt_outs, Reason.OPTED_OUT.value) for each, change in changes.items()
    )
    return Learned(tuple(keys), refused, (outcome,))


def _came_back_since(tx: Tx, standing: Standing, permit: Permit) -> bool:
    """Say whether the subscriber, who is in, texted their way in (perhaps once more) after that permit was minted."""
    if status_of(standing) is not ConsentStatus.OPTED_IN:
        return False
    came = "kind = ? and method = ? and recorded_at > (select minted_at from permit where id = ?)"
    about = (EvidenceKind.OPT_IN.value, Method.TEXT.value, permit.id)
    return any(rows_of(tx, "evidence", (permit.line_id, permit.subscriber), "1", came, about))
