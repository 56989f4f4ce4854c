"""What arrived, taken in: one transaction that journals, decides and performs, for a batch of arrivals in their order.

An MO is reassembled, checked against the duplicate rule, decided by ``gateway.policy`` on the standing as this very
transaction sees it, and everything that follows (consent row, evidence, memberships, replies, refused older messages)
is written with it. Nothing outside the store changes here: acks, metrics and the fence come after the commit. Safe to
run twice: a batch that is run again finds the store as it was.

What we fail on, which is our bug, goes to quarantine and gets a final answer: sent again for ever, it would change
nothing for itself and hold up everybody else. The others of its batch are taken in, in their order: the hub brings a
batch again, and then each arrival is taken back alone (``take_in_one_by_one``). It is not done so from the beginning,
because a savepoint costs a copy of every page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from gateway.model.messages import Arrival, Mo, Receipt, Unreadable
from gateway.store.hot_parts import quarantine
from gateway.store.tx import Tx
from gateway.traffic.aside import aside
from gateway.traffic.elsewhere import everywhere
from gateway.traffic.joining import Whole, is_part
from gateway.traffic.passage import Passage
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import TYPED, take_receipt
from gateway.traffic.settlement import Verdicts
from gateway.traffic.taken import Batch, Intake, Taken
from gateway.traffic.work import Work


def take_in(tx: Tx, batch: Batch, verdicts: Verdicts, passage: Passage | None = None) -> Intake:
    """Take a batch in. Returns one ``Taken`` per arrival, in order. Raises what we fail with, which is our bug.

    With a ``passage``, replies that have the way free before them go through the gate at once.
    """
    work = Work(tx, batch.book, passage)
    work.alive = everywhere(tx, batch.alive)
    work.load([arrival for arrival in batch.arrivals if isinstance(arrival, Mo)])
    taken, text = work.intake.taken, work.text
    for arrival, disturbed, first in zip(batch.arrivals, batch.disturbed, batch.first_came, strict=True):
        work.first_came = first
        if isinstance(arrival, Mo):
            taken.append(text(arrival, disturbed))
        else:
            taken.append(_other(work, arrival, disturbed, verdicts))
    work.flush()
    return work.intake


def take_in_one_by_one(tx: Tx, batch: Batch, verdicts: Verdicts) -> Intake:
    """Take in a batch that we failed on, but for those arrivals that we fail on again."""
    whole = Intake()
    for arrival, disturbed, first in zip(batch.arrivals, batch.disturbed, batch.first_came, strict=True):
        one = replace(batch, arrivals=[arrival], disturbed=[disturbed], first_came=[first])
        intake = tx.attempt(partial(take_in, tx, one, verdicts), partial(_put_aside, tx, arrival))
        whole.taken += intake.taken
        whole.places |= intake.places
        whole.refused += intake.refused
    return whole


def _put_aside(tx: Tx, arrival: Arrival, error: Exception) -> Intake:
    """Quarantine what we failed on; failing at that, too, ask for it again."""
    kept = aside(arrival, error)

    def keep() -> Taken:
        quarantine(tx, [kept])
        return Taken(kept, "poison", kept.status, error=error)

    return Intake([tx.attempt(keep, lambda worse: Taken(kept, "poison", None, error=worse))])


def _other(work: Work, arrival: Receipt | Unreadable, disturbed: bool, verdicts: Verdicts) -> Taken:
    if isinstance(arrival, Receipt):
        work.ahead = None  # what follows from it may be queued
        outcome = take_receipt(work.tx, arrival, work.book, verdicts, work.says_stop)
        if outcome == TYPED and arrival.perhaps is not None:
            return work.text(arrival.perhaps, disturbed)
        return Taken(arrival, f"receipt_{outcome}")
    if arrival.perhaps is not None and (is_part(arrival.perhaps) or work.says_stop(arrival.perhaps)):
        return work.text(arrival.perhaps, disturbed, flagged=True)
    quarantine(work.tx, [arrival])
    return Taken(arrival, "unreadable", arrival.status)


def decide_overdue(tx: Tx, wholes: Iterable[tuple[int, Whole]], book: RuleBook) -> Intake:
    """Decide long texts whose missing parts did not come, as they stand; each is (line_id, what came)."""
    work = Work(tx, book)
    for line_id, whole in wholes:
        work.lines[whole.mo.line] = line_id
        work.intake.taken.append(work.whole(line_id, whole, overdue=True))
    work.flush()
    return work.intake
