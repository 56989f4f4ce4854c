"""What is asked of a store that was restored: merge what it lacks, or accept that it is lost; then it sends again.

Owns the ways out of the restored state, each of them audited, and what becomes of the messages that were waiting when
the backup was taken. Must never lift the state for less than all that is owed, but on a person's word with a reason.

Those messages may have gone out since, by the original: nobody here can know. So they follow their line's
``on_uncertain``, as any message that may have been sent; by default they wait for a person. Replies that are over five
minutes old expire by themselves, and later ones are few: they are sent once more, as after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Actor
from gateway.model.restore import Covered, MergedRow
from gateway.model.views import BrakeRow, RestoredRow
from gateway.store import restored
from gateway.store.desk import add_audit
from gateway.store.errors import StoreError
from gateway.store.hot_messages import Move, move
from gateway.store.store import Store
from gateway.store.suppression import BadRecord, Record, read
from gateway.store.tx import Tx
from gateway.traffic.brake import Brakes
from gateway.traffic.fence import Fence, Pending
from gateway.traffic.merging import Fate, Merged, merge
from gateway.traffic.rulebook import RuleBook

_log = structlog.get_logger(__name__)

STEP: Final = 100
"""Records that one transaction merges: each may need a look at all that is known of its subscriber."""
DOUBT_STEP: Final = 500
_DOUBTFUL: Final = (Lane.NORMAL, Lane.BULK)
_WAITED: Final = "select id, resends from message where state = 0 and lane = ? and line_id = ? and id <= ? limit ?"
_NOT_RESTORED: Final = Refusal(Reason.NOT_RESTORED, "This store was not restored: it lacks nothing, and sends.")


class Restoring:
    """Implements ``gateway.web.ports.RestorePort``. ``ring`` wakes the dispatcher."""

    def __init__(
        self, store: Store, book: Callable[[], RuleBook], fence: Fence, brakes: Brakes, ring: Callable[[], None]
    ) -> None:
        self._store = store
        self._book = book
        self._fence = fence
        self._brakes = brakes
        self._ring = ring

    async def state(self) -> RestoredRow | None:
        """Return what is owed; None where the store was not restored, or that is over."""
        return await self._store.read(restored.state)

    async def merge(self, lines: Sequence[str], actor: Actor) -> MergedRow | Refusal:
        """Merge lines of suppression logs, in the order in which they happened; in force when this returns."""
        records: list[Record] = []
        for number, line in enumerate(lines, 1):
            try:
                records.append(read(line))
            except BadRecord as bad:
                return Refusal(Reason.BAD_LOG, f"Line {number} is no record of a suppression log: {bad}.")
        whole = Merged()
        for at in range(0, len(records), STEP):
            step = await self._step(records[at : at + STEP], actor)
            whole.refused += step.refused
            for fate, count in step.fates.items():
                whole.fates[fate] += count
        return MergedRow({fate.value: count for fate, count in whole.fates.items()}, whole.refused)

    async def _step(self, records: Sequence[Record], actor: Actor) -> Merged:
        config_hash = self._book().config_hash

        def job(tx: Tx) -> Merged:
            merged = merge(tx, records, config_hash)
            if merged.fates[Fate.APPLIED] or merged.fates[Fate.LIFTED]:
                counts = {fate.value: count for fate, count in merged.fates.items()}
                add_audit(tx, actor, "merge", "suppression log", counts)
            return merged

        pending: list[Pending] = []

        def done(merged: Merged) -> None:
            pending.extend(self._fence.raise_for(list(dict.fromkeys(merged.narrowed))))

        merged = await self._store.writer.run(job, "merge", done)
        await self._fence.stand(pending)
        return merged

    async def finish(self, covered: Sequence[Covered], logs: Sequence[str], actor: Actor) -> RestoredRow | None:
        """Note whose logs were merged; return what is still owed, None once nothing is and the store sends again.

        ``logs`` are the files' names, for the audit.
        """
        await self.doubt()

        def job(tx: Tx) -> RestoredRow | None:
            owed = restored.state(tx)
            if owed is None:
                return None
            ends = {(chain.node, chain.incarnation): chain.seq for chain in owed.chains}
            named = {(c.node, c.incarnation) for c in covered if c.head <= ends.get((c.node, c.incarnation), -1)}
            owed = restored.cover(tx, owed, frozenset(named))
            whole = all(chain.covered for chain in owed.chains)
            add_audit(tx, actor, "restore-merge", "store", {"logs": list(logs), "whole": whole})
            if not whole:
                return owed
            restored.lift(tx)
            return None

        return await self._store.writer.run(job, "restore", self._lifted)

    async def accept_loss(self, reason: str, actor: Actor) -> RestoredRow | Refusal:
        """Send again although opt-outs may be missing, on a person's word; return what was owed."""
        await self.doubt()

        def job(tx: Tx) -> RestoredRow | None:
            owed = restored.state(tx)
            if owed is not None:
                missing = [f"{chain.node}/{chain.incarnation}" for chain in owed.chains if not chain.covered]
                add_audit(tx, actor, "accept-loss", "store", {"reason": reason, "missing": missing})
                restored.lift(tx)
            return owed

        def done(owed: RestoredRow | None) -> None:
            if owed is not None:
                _log.warning("the loss of opt-outs was accepted: this store sends again", actor=actor.name)
                self._lifted(None)

        return await self._store.writer.run(job, "restore", done) or _NOT_RESTORED

    async def mark(self, taken_at: float, actor: Actor) -> BrakeRow:
        """Mark the store as a backup of that time (unix seconds): it stands still, and its next start knows."""

        def job(tx: Tx) -> BrakeRow:
            add_audit(tx, actor, "restore-mark", "store", {"taken_at": taken_at})
            return restored.mark(tx, taken_at)

        return await self._store.writer.run(job, "restore", self._brakes.set)

    async def run(self) -> None:
        """Settle what waited when the backup was taken, beside everything else: nothing is sent meanwhile.

        Where the store fails at it, it is done at the latest before anything is sent again.
        """
        try:
            await self.doubt()
        except StoreError as error:
            _log.warning("messages of the backup are not settled yet: the store did not take it", error=str(error))

    async def doubt(self) -> int:
        """Settle what waited when the backup was taken; return how many messages that were. Safe to repeat."""
        owed = await self.state()
        if owed is None:
            return 0
        book, total = self._book(), 0
        for line_id in await self._store.read(lambda source: [row[0] for row in source.rows("select id from line")]):
            for lane in _DOUBTFUL:
                step = partial(doubt, book=book, lane=lane, line_id=line_id, last=owed.last_message)
                while found := await self._store.writer.run(step, "doubt"):
                    total += found
        if total:
            _log.warning("messages of the backup may have been sent since", count=total)
        return total

    def _lifted(self, owed: RestoredRow | None) -> None:
        """Let go, in the callback of the commit."""
        if owed is None and self._brakes.restored:
            self._brakes.release(*restored.BRAKE)
            _log.info("this store sends again")
            self._ring()


def doubt(tx: Tx, *, book: RuleBook, lane: Lane, line_id: int, last: int) -> int:
    """Settle some messages of a place that were queued up to id ``last``; return how many."""
    choice = book.on_uncertain(line_id)
    if choice == "resend":
        return 0
    rows = tx.rows(_WAITED, (int(lane), line_id, last, DOUBT_STEP))
    state, reason = (MessageState.FAILED, "uncertain") if choice == "fail" else (MessageState.UNCERTAIN, "restored")
    move(tx, [Move(id_, state, reason, None, resends) for id_, resends in rows])
    return len(rows)
