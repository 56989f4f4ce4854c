"""The janitor: what must happen although nothing arrives. Small steps, one job each, so that nothing waits behind it.

At the start it finds what the last life left half-done: permits without an outcome are uncertain, and their messages
follow the rule for that. From then on, at each round: long texts whose parts did not all come are decided as they
stand; holds that nobody reviewed become opt-outs; messages past their expiry are expired; what was kept for a while
only is dropped; the depth of the queue is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.model.address import Msisdn
from gateway.model.consent import Evidence, Method
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate
from gateway.model.refusal import Reason
from gateway.policy.transitions import opted_out
from gateway.store import queries
from gateway.store.desk import forget_answers
from gateway.store.errors import StoreError
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import Key, save_standings, standings
from gateway.store.hot_messages import end_queued, refuse_older
from gateway.store.hot_parts import drop_joined_parts, drop_parked, overdue_parts, parts_of
from gateway.store.store import Store
from gateway.store.tx import Tx
from gateway.telemetry.metrics import Metrics
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.fence import Fence
from gateway.traffic.intake import REDELIVERY_WINDOW_S, Intake, decide_overdue
from gateway.traffic.joining import Whole, what_came
from gateway.traffic.reports import Reports
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import Verdicts, reconsider

_log = structlog.get_logger(__name__)

ROUND_S: Final = 5.0
PARTS_WAIT_S: Final = 300.0
"""How long a long text waits for its missing parts, from the latest that came."""
PARKED_S: Final = 3600.0
ANSWERS_KEPT_S: Final = 2 * 86400.0
STEP: Final = 500


class Janitor:
    """Does the rounds. ``depth`` is how many messages were queued when it last looked."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        book: Callable[[], RuleBook],
        dispatcher: Dispatcher,
        fence: Fence,
        verdicts: Verdicts,
        reports: Reports,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._dispatcher = dispatcher
        self._fence = fence
        self._verdicts = verdicts
        self._reports = reports
        self._metrics = metrics
        self.depth = 0

    async def recover(self) -> int:
        """Make what the last life left without an outcome uncertain; return how many permits that were."""
        total = 0
        while True:
            found = await self._store.writer.run(lambda tx: recover(tx, self._book(), self._verdicts), "recover")
            if not found:
                return total
            total += found

    async def run(self) -> None:
        """Do rounds until cancelled. A store that fails ends the round, not the janitor."""
        while True:
            try:
                await self.round()
            except StoreError as error:
                _log.warning("round not finished: the store did not take it", error=str(error))
            await trio.sleep(ROUND_S)

    async def round(self) -> None:
        """Do one round."""
        book, run = self._book(), self._store.writer.run
        intake = await run(lambda tx: overdue_texts(tx, book), "overdue texts")
        await self._follow(intake, book)
        for key in await run(lambda tx: expire_holds(tx, book), "expired holds"):
            await self._fence.stand(self._fence.raise_for([key]))
        expired = await run(expire_messages, "expired messages")
        self._metrics.expired.inc(expired)
        await run(self._drop, "drop")
        rows = await self._store.read(queries.queue)
        self.depth = sum(row.queued for row in rows)
        for lane in Lane:
            self._metrics.queue_depth(lane.word).set(next((row.queued for row in rows if row.lane is lane), 0))

    async def _follow(self, intake: Intake, book: RuleBook) -> None:
        """Do what follows a decision: the same as for a text that just came, but for the ack, given long ago."""
        if not intake.taken:
            return
        self._reports.taken_in(intake, book)
        for taken in intake.taken:
            await self._fence.stand(self._fence.raise_for(taken.fenced))
        self._dispatcher.ring(intake.places)

    def _drop(self, tx: Tx) -> None:
        drop_joined_parts(tx, tx.now - REDELIVERY_WINDOW_S)
        drop_parked(tx, tx.now - PARKED_S)
        forget_answers(tx, tx.now - ANSWERS_KEPT_S, STEP)


def recover(tx: Tx, book: RuleBook, verdicts: Verdicts) -> int:
    """Take a step of recovery; return how many permits it found. To be called before any permit of this life exists."""
    rows = tx.rows(
        "select id, message_id from permit where node = ? and fate = 0 and life <> ? order by id limit ?",
        (tx.node, tx.life, STEP),
    )
    tx.executemany(
        "update permit set fate = ?, detail = 'the process ended', settled_at = ? where id = ?",
        [(int(Fate.UNCERTAIN), tx.now, row[0]) for row in rows],
    )
    reconsider(tx, {row[1] for row in rows}, book, verdicts)
    return len(rows)


def overdue_texts(tx: Tx, book: RuleBook) -> Intake:
    """Decide long texts that have waited long enough for what is missing."""
    wholes: list[tuple[int, Whole]] = []
    for key in overdue_parts(tx, tx.now - PARTS_WAIT_S):
        entry = book.by_id.get(key.line_id)
        address = (
            entry.address if entry else str(tx.rows("select address from line where id = ?", (key.line_id,))[0][0])
        )
        open_ = [part for part in parts_of(tx, key) if part.mo_id is None]
        if (whole := what_came(key, open_, address)) is not None:
            wholes.append((key.line_id, whole))
    return decide_overdue(tx, wholes, book)


def expire_holds(tx: Tx, book: RuleBook) -> list[Key]:
    """Turn holds that nobody reviewed into opt-outs as of their text; return whose."""
    due: list[Key] = []
    for line_id, subscriber, since, mo_id in _holds_due(tx, book):
        key = (line_id, subscriber)
        standing = standings(tx, [key])[key]
        change = opted_out(standing, Method.HOLD_EXPIRED, tx.now, since=since)
        save_standings(tx, [(standing, change.standing)])
        event = change.evidence
        add_evidence(
            tx,
            [
                Evidence(
                    kind=event.kind,
                    line_id=line_id,
                    subscriber=subscriber,
                    before=event.before,
                    after=event.after,
                    method=Method.HOLD_EXPIRED,
                    occurred_at=since,
                    mo_id=mo_id,
                    config_hash=book.config_hash,
                    note="not reviewed in time",
                )
            ],
        )
        refuse_older(tx, line_id, subscriber, change.standing.opt_outs, Reason.OPTED_OUT.value)
        due.append(key)
    return due


def _holds_due(tx: Tx, book: RuleBook) -> list[tuple[int, Msisdn, float, int]]:
    """Return holds whose time is over, line by line: each line has its own (line_id, subscriber, since, MO id)."""
    due: list[tuple[int, Msisdn, float, int]] = []
    for line_id, address in tx.rows("select id, address from line order by id"):
        before = tx.now - book.rules(line_id, address).hold_s
        rows = tx.rows(
            # The plus keeps to the index of holds; the primary key would walk all of the line's subscribers.
            "select subscriber, held_since, held_mo from consent where held_since <= ? and +line_id = ? limit ?",
            (before, line_id, STEP),
        )
        due += [(line_id, Msisdn(row[0]), row[1], row[2]) for row in rows]
    return due


def expire_messages(tx: Tx) -> int:
    """Expire queued messages whose time has passed; return how many."""
    rows = tx.rows(
        "select id from message where state = 0 and expires_at is not null and expires_at <= ? limit ?", (tx.now, STEP)
    )
    end_queued(tx, [row[0] for row in rows], MessageState.EXPIRED, Reason.EXPIRED.value)
    return len(rows)
