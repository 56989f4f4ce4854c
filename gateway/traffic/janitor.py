"""The janitor: what must happen although nothing arrives. Small steps, one job each, so that nothing waits behind it.

At the start it finds what the last life left half-done: permits without an outcome are uncertain, and their messages
follow the rule for that. From then on, at each round: long texts whose parts did not all come are decided as they
stand; holds that nobody reviewed become opt-outs; messages past their expiry are expired; what was kept for a while
only is dropped (``gateway.traffic.keeping``); what waits for a carrier that its line has lost may go over any; the
queue is measured.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.model.address import Msisdn
from gateway.model.consent import Method
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate
from gateway.model.refusal import Reason
from gateway.policy.transitions import opted_out, recorded
from gateway.store.errors import StoreError
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import Key, save_standings, standings
from gateway.store.hot_leases import permits_of_the_dead
from gateway.store.hot_messages import end_queued, refuse_older
from gateway.store.hot_parts import open_texts
from gateway.store.jobs import Identity
from gateway.store.options import StoreOptions
from gateway.store.store import Store
from gateway.store.tx import Tx
from gateway.telemetry.metrics import Metrics
from gateway.traffic.backlog import Backlog
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.fence import Fence, Pending
from gateway.traffic.keeping import Keeping
from gateway.traffic.late import join_crossed
from gateway.traffic.overdue import MOST_OPEN, PARTS_WAIT_S, TEXTS, overdue_texts
from gateway.traffic.reports import Reports
from gateway.traffic.routes import free
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import Settled, reconsider
from gateway.traffic.settlement import Verdicts
from gateway.traffic.taken import Intake

_log = structlog.get_logger(__name__)

ROUND_S: Final = 5.0
STEP: Final = 500
OWN: Final = frozenset({"depth", "witness"})
"""The steps that each of several nodes does for itself; all others are done by one of them for all."""
_NO_LINE: Final = 0
"""No line has this id."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of the things that a round does; ``name`` is for logs and metrics."""

    name: str
    do: Callable[[RuleBook], Awaitable[None]]


class Janitor:
    """Does the rounds.

    ``kept`` says how long a PDU stays in quarantine since the same came last, and how much there may be. Of several
    nodes, one at a time is ``on_duty``; the others do only what is ``OWN``.
    """

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
        kept: StoreOptions,
        backlog: Backlog,
    ) -> None:
        self._store = store
        self._backlog = backlog
        self.on_duty: Callable[[], bool] = lambda: True
        self._clock = clock
        self._book = book
        self._dispatcher = dispatcher
        self._fence = fence
        self._verdicts = verdicts
        self._reports = reports
        self._metrics = metrics
        self._keeping = Keeping(store, metrics, kept)
        self.steps: tuple[Step, ...] = (
            Step("overdue_texts", self._decide_overdue),
            Step("expired_holds", self._end_holds),
            Step("expired_messages", self._expire),
            Step("drop", self._keeping.drop),
            Step("quarantine", self._keeping.bound_quarantine),
            Step("routes", self._free),
            Step("crossed_receipts", self._join_crossed),
            Step("depth", self._measure),
            Step("witness", self._attest),
        )

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
        """Do one round. A step that fails for a bug of ours is logged and counted, and the others are done.

        Ending the process for it would not help: what the step stumbled over is still there after the restart.
        """
        book = self._book()
        for step in self.steps:
            if step.name not in OWN and not self.on_duty():
                continue
            try:
                await step.do(book)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - the boundary of a step: whatever it is, it must not end the daemon
                self._metrics.internal_errors(f"janitor.{step.name}").inc()
                _log.exception("internal error: a step of the round was not done", step=step.name)

    async def _decide_overdue(self, book: RuleBook) -> None:
        """Decide what is due, some at a time, until nothing is; and then the oldest of what is too many."""
        before = self._clock.wall() - PARTS_WAIT_S
        while await self._overdue(book, before, TEXTS):
            pass
        surplus = await self._store.read(open_texts) - MOST_OPEN
        if surplus > 0:
            _log.warning("too many texts wait for parts: the oldest are decided as they stand", count=surplus)
        while surplus > 0 and (count := await self._overdue(book, math.inf, min(surplus, TEXTS))):
            surplus -= count

    async def _overdue(self, book: RuleBook, before: float, limit: int) -> int:
        """Decide some; return how many."""
        pending: list[Pending] = []
        intake = await self._store.writer.run(
            lambda tx: overdue_texts(tx, book, before, limit), "overdue texts", partial(self._decided, pending, book)
        )
        await self._fence.stand(pending)
        return len(intake.taken)

    def _decided(self, pending: list[Pending], book: RuleBook, intake: Intake) -> None:
        """Do what follows, in the order of commits: as for a text that just came, but for the ack, given long ago."""
        self._reports.taken_in(intake, book)
        self._dispatcher.texted(taken.key for taken in intake.taken if taken.key is not None)
        for taken in intake.taken:
            pending += self._fence.raise_for(taken.fenced)
        self._dispatcher.ring(intake.places)

    async def _end_holds(self, book: RuleBook) -> None:
        """End what is due, some at a time, until nothing is."""
        while True:
            pending: list[Pending] = []
            keys = await self._store.writer.run(
                lambda tx: expire_holds(tx, book), "expired holds", partial(self._raise, pending)
            )
            await self._fence.stand(pending)
            if not keys:
                return

    def _raise(self, pending: list[Pending], keys: Sequence[Key]) -> None:
        """Take back their permits, in the order of commits."""
        pending += self._fence.raise_for(keys)

    async def _expire(self, _book: RuleBook) -> None:
        """Expire what is due, some at a time, until nothing is."""
        while count := await self._store.writer.run(expire_messages, "expired messages"):
            self._metrics.expired.inc(count)

    async def _free(self, book: RuleBook) -> None:
        while await self._store.writer.run(lambda tx: free(tx, book, STEP), "routes", self._dispatcher.ring):
            pass

    async def _attest(self, _book: RuleBook) -> None:
        await self._store.attest()

    async def _join_crossed(self, book: RuleBook) -> None:
        """Only where several nodes take responses and receipts can they have crossed."""
        if self._store.side is not None:
            await self._store.writer.run(
                lambda tx: join_crossed(tx, book, self._verdicts, STEP), "crossed receipts", self._moved
            )

    def _moved(self, settled: Settled) -> None:
        self._dispatcher.moved(settled, [])

    async def _measure(self, _book: RuleBook) -> None:
        await self._backlog.look()
        for lane in Lane:
            self._metrics.queue_depth(lane.word).set(self._backlog.depth(lane))


def recover(tx: Tx, book: RuleBook, verdicts: Verdicts) -> int:
    """Take a step of recovery; return how many permits it found. To be called before any permit of this life exists.

    Whoever runs holds the only leave to write this store, so a live permit that is not of this life is over, whatever
    the node was called then: it may have been renamed. Of several nodes, those that are over are looked for.
    """
    rows: Sequence[tuple[int, int]] = []
    if tx.dialect.several:
        rows = permits_of_the_dead(tx, Identity(tx.node, tx.incarnation, tx.life), STEP)
    else:
        rows = tx.rows(
            "select id, message_id from permit where fate = 0 and not (node = ? and life = ?) limit ?",
            (tx.node, tx.life, STEP),
        )
    tx.executemany(
        "update permit set fate = ?, detail = 'the process ended', settled_at = ? where id = ? and fate = 0",
        [(int(Fate.UNCERTAIN), tx.now, row[0]) for row in rows],
    )
    reconsider(tx, {row[1] for row in rows}, book, verdicts)
    return len(rows)


def expire_holds(tx: Tx, book: RuleBook) -> list[Key]:
    """Turn holds that nobody reviewed into opt-outs as of their text; return whose."""
    due: list[Key] = []
    for line_id, subscriber, since, mo_id in _holds_due(tx, book):
        key = (line_id, subscriber)
        standing = standings(tx, [key])[key]
        change = opted_out(standing, Method.HOLD_EXPIRED, tx.now, note="not reviewed in time", since=since)
        save_standings(tx, [(standing, change.standing)])
        add_evidence(tx, [recorded(change, Method.HOLD_EXPIRED, since, book.config_hash, mo_id)])
        refuse_older(tx, line_id, subscriber, change.standing.opt_outs, Reason.OPTED_OUT.value)
        due.append(key)
    return due


def _holds_due(tx: Tx, book: RuleBook) -> list[tuple[int, Msisdn, float, int]]:
    """Return the oldest holds whose time is over, as (line_id, subscriber, since, MO id).

    The index of holds is walked from the oldest to the latest that the shortest patience of any line makes due. Which
    lines have more patience is said in the statement, so that their holds take no places from those that are due.
    """
    usual = book.rules(_NO_LINE, "").hold_s
    patience = {line_id: entry.rules.hold_s for line_id, entry in book.by_id.items()}
    least = min([usual, *patience.values()])
    sql = "select line_id, subscriber, held_since, held_mo from consent"
    sql += " where held_since is not null and held_since <= ?"  # as the index says it
    due = [tx.now - least]
    for hold_s in sorted(set(patience.values()) - {least}):
        sql += f" and (held_since <= ? or line_id not in ({_ids(patience, hold_s)}))"
        due.append(tx.now - hold_s)
    if usual > least:
        sql += f" and (held_since <= ? or line_id in ({_ids(patience)}))"
        due.append(tx.now - usual)
    rows = tx.rows(f"{sql} order by held_since limit ?", (*due, STEP))
    return [(row[0], Msisdn(row[1]), row[2], row[3]) for row in rows]


def _ids(patience: Mapping[int, float], hold_s: float | None = None) -> str:
    """Return the ids of the lines with just this patience, or of all, as SQL."""
    return ", ".join(str(line_id) for line_id, own in patience.items() if hold_s is None or own == hold_s)


def expire_messages(tx: Tx) -> int:
    """Expire queued messages whose time has passed; return how many."""
    rows = tx.rows(
        "select id from message where state = 0 and expires_at is not null and expires_at <= ? limit ?", (tx.now, STEP)
    )
    end_queued(tx, [row[0] for row in rows], MessageState.EXPIRED, Reason.EXPIRED.value)
    return len(rows)
