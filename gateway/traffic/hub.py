"""The hub: what the carriers call, and the order in which everything that follows happens.

What arrives while the writer is busy gathers, and goes to the store as one job, together with what became of permits:
one turn, one transaction (``_turn``). After its commit the fence goes up for whatever narrowed a consent, and then,
only then, each arrival is acked; one that must wait for the fence waits alone. Replies that had the way free
(``passage``) are handed to their binds behind the acks. What the store does not take, or not within ``PATIENCE_S``, is
answered with a temporary error, so that the carrier sends it again. What became of permits may wait a little for more
of it (``pace``), and is tried again until the store takes it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, islice
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.carriers.interface import BindPort, BindState, CarrierPort
from gateway.model.address import Msisdn
from gateway.model.messages import Arrival, Mo, Unreadable
from gateway.model.permit import Outcome
from gateway.smpp.constants import Status
from gateway.store.errors import StoreError
from gateway.store.jobs import Job
from gateway.store.tx import Tx
from gateway.store.writer import Writer
from gateway.traffic.acks import AckLedger
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.fence import Fence, Pending
from gateway.traffic.gate import Minted
from gateway.traffic.intake import take_in, take_in_one_by_one
from gateway.traffic.pace import ENOUGH_OCTETS, Pace
from gateway.traffic.reports import Reports
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import Settled, settle
from gateway.traffic.settlement import Verdicts
from gateway.traffic.taken import REDELIVERY_WINDOW_S, Batch, Intake, Taken
from gateway.traffic.unrecorded import Unrecorded
from gateway.traffic.waiting import Waiting, octets_of

_log = structlog.get_logger(__name__)

PATIENCE_S: Final = 8.0
"""How long an arrival waits for the store. Carriers give a deliver_sm 10 s at the least."""
MOST_UNDONE: Final = 10_000
"""Arrivals that may be with the store at once, over all binds; those that were answered meanwhile count."""
MOST_OCTETS: Final = 64 * 1024 * 1024
"""Octets that they may have: of their PDUs, and of the user data that was cut from them."""
_NO_TEXT: Final = (False, None)
_UP: Final = BindState.UP  # a name costs a tenth of what asking the enumeration costs, and each answer asks
_DOWN: Final = BindState.DOWN


MOST_TOGETHER: Final = 250
"""Arrivals of one job: more would make the first of them wait for the last."""


class Hub:
    """Implements ``gateway.carriers.interface.Inward`` for every bind of this process."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        book: Callable[[], RuleBook],
        carriers: Callable[[], Sequence[CarrierPort]],
        dispatcher: Dispatcher,
        verdicts: Verdicts,
        reports: Reports,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._book = book
        self._carriers = carriers
        self._dispatcher = dispatcher
        self._verdicts = verdicts
        self._reports = reports
        self.fence = Fence(self._binds, self.settled)
        self._ledger = AckLedger(REDELIVERY_WINDOW_S)
        self._alive: frozenset[str] = frozenset()
        self._waiting: deque[Waiting] = deque()
        self._gathered: deque[Waiting] = deque()
        self._outcomes = Unrecorded()
        self._flying = 0
        self._pace = Pace()
        self._rests_until = 0.0
        self._gathering = False  # the binds let gather what comes
        self._undone = 0
        self._octets = 0
        self._wake = trio.Event()
        self._looks_at = math.inf
        self._nursery: trio.Nursery | None = None
        writer.call_before(self._turn)
        writer.call_after(self._leave)

    def _binds(self) -> list[BindPort]:
        return [bind for carrier in self._carriers() for bind in carrier.binds]

    async def recorded(self) -> None:
        """Wait until every outcome that was reported is recorded."""
        await self._outcomes.settled()

    def arrived(self, bind: BindPort, arrivals: Sequence[Arrival]) -> None:
        """Take in what one read brought."""
        now = self._clock.monotonic()
        waiting = Waiting(bind, arrivals, now + PATIENCE_S, alive=self._alive)
        self._note_texts(waiting, now)
        if self._undone >= MOST_UNDONE or self._octets >= MOST_OCTETS:
            # The store hangs. What was answered already still waits for it; taking more would only fill the memory.
            self._reject(waiting, "backlog")
            return
        if waiting.due < self._looks_at:
            self._wake.set()
        self._waiting.append(waiting)
        self._gathered.append(waiting)
        waiting.octets = octets_of(arrivals)
        self._undone += len(arrivals)
        self._octets += waiting.octets
        self._writer.wake()

    def _note_texts(self, waiting: Waiting, now: float) -> None:
        """Have the ledger follow what is a text, or may be one."""
        mos = [arrival for arrival in waiting.arrivals if isinstance(arrival, Mo)]
        if len(mos) == len(waiting.arrivals):
            waiting.disturbed, waiting.first_came = self._ledger.all_arrived(mos, now)
            return
        waiting.only_texts = False
        texts = [arrival if isinstance(arrival, Mo) else arrival.perhaps for arrival in waiting.arrivals]
        noted = zip(*self._ledger.all_arrived([mo for mo in texts if mo is not None], now), strict=True)
        of_all = [_NO_TEXT if mo is None else next(noted) for mo in texts]
        waiting.disturbed = [disturbed for disturbed, _ in of_all]
        waiting.first_came = [came for _, came in of_all]

    def put_off(self, bind: BindPort, texts: Sequence[Mo]) -> None:
        """Learn of texts that were told to come again before they came here."""
        now = self._clock.monotonic()
        for mo in texts:
            self._ledger.put_off(mo, now)

    def settled(self, bind: BindPort, outcomes: Sequence[Outcome]) -> None:
        """Record what became of permits. Those that never left did not use their tokens."""
        self._dispatcher.give_back(bind.carrier, outcomes)
        if not self._outcomes.waiting:
            self._pace.answered(self._clock.monotonic())
        self._outcomes.add(outcomes)
        self._writer.wake()
        self._dispatcher.ring()

    def acks_written(self, bind: BindPort, session: str, sequences: Sequence[int]) -> None:
        """Learn which answers the kernel has taken."""
        self._reports.acked(self._ledger.written(session, sequences, self._clock.monotonic()))

    def changed(self, bind: BindPort, state: BindState) -> None:
        """Learn that a bind came up, went down, or has slots again."""
        if state is _UP:
            self._alive |= {bind.session}
        elif state is _DOWN and bind.session in self._alive:
            self._alive -= {bind.session}
            self._ledger.session_ended(bind.session, self._clock.monotonic())
        self._dispatcher.ring()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch over what waits, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            while True:
                self._looks_at = self._look()
                with trio.move_on_after(max(0.0, self._looks_at - self._clock.monotonic())):
                    await self._wake.wait()
                self._wake = trio.Event()

    def _look(self) -> float:
        """Answer what has waited too long; record again what the store did not take; return when to look next."""
        now = self._clock.monotonic()
        while self._waiting and (self._waiting[0].answered or now >= self._waiting[0].due):
            self._reject(self._waiting.popleft(), "slow")
        if self._outcomes.bring_back(now):
            self._writer.wake()
        due = self._waiting[0].due if self._waiting else math.inf
        if self._rests_until:
            if now < self._rests_until:
                due = min(due, self._rests_until)
            else:
                self._end_rest()
                self._writer.wake()
        return min(due, self._outcomes.again_at)

    def _turn(self) -> None:
        """Put what has gathered to the writer, which begins a batch; unless the turn before is still on its way."""
        if self._flying or self._rests():
            return
        self._end_rest()
        while not self._flying and (self._outcomes.waiting or self._gathered):
            now = self._clock.monotonic()
            leaves = self._leaves_answers(now)
            self._pace.begin(now, answers=not leaves)
            if leaves:
                self._outcomes.leave()
                self._rest_until(self._pace.answers_until)
            elif self._outcomes.waiting:
                self._flying += 1
                self._record(self._outcomes.take())
            if self._gathered:
                together = [self._gathered.popleft()]
                count = len(together[0].arrivals)
                while self._gathered and self._gathered[0].alive == together[0].alive and count < MOST_TOGETHER:
                    together.append(self._gathered.popleft())
                    count += len(together[-1].arrivals)
                self._flying += 1
                self._take(together)
            else:
                self._dispatcher.claim()

    def _leaves_answers(self, now: float) -> bool:
        """Say whether the carriers' answers wait for more of them, while a turn begins with what else has gathered.

        A receipt may follow its response, so it never goes before one; and a reply has the way free before it only once
        the answer to the one before, to the same subscriber, is recorded.
        """
        return (
            self._pace.leaves(now, len(self._outcomes.waiting))
            and not (self._outcomes.urges or self._writer.closed or self._dispatcher.has_backlog)
            and self._writer.near
            and bool(self._gathered)
            and all(waiting.only_texts for waiting in self._gathered)
            and self._outcomes.subscribers.isdisjoint(_subscribers(self._gathered))
        )

    def _rest_until(self, until: float) -> None:
        self._rests_until = until
        if until < self._looks_at:
            self._wake.set()

    def _rests(self) -> bool:
        """Say whether what has gathered waits for more; then see to it that it does not wait too long."""
        if self._writer.closed or not self._writer.near:
            return False
        texts = sum([len(waiting.arrivals) for waiting in self._gathered])
        wanted = self._dispatcher.has_backlog or self._outcomes.urges
        until = self._pace.rest(self._clock.monotonic(), texts, self._outcomes.fresh, is_wanted=wanted)
        if not until:
            return False
        if texts and not (wanted or self._gathering):
            self._gathering = True
            for bind in self._binds():
                bind.let_gather(ENOUGH_OCTETS)
        self._rest_until(until)
        return True

    def _end_rest(self) -> None:
        """Have the binds read what has gathered with them. However busy the writer is, they do not wait for it."""
        self._rests_until = 0.0
        if self._gathering:
            self._gathering = False
            for bind in self._binds():
                bind.read_on()

    def _leave(self) -> None:
        """Send what a batch brought, in the callback of its commit, and only then count it: the carrier is at work."""
        for bind in self._binds():
            bind.flush()
        self._reports.catch_up()

    def _landed(self) -> None:
        self._flying -= 1
        if not self._flying:
            self._pace.end(self._clock.monotonic(), came=bool(self._gathered))
            if self._gathered or self._outcomes.fresh:  # what was too much for this turn may have woken it long ago
                self._writer.wake()

    def _take(self, together: Sequence[Waiting], *, one_by_one: bool = False) -> None:
        """Put a batch to the writer; ``one_by_one`` where we failed on it, which is our bug."""
        batch = Batch(
            list(chain.from_iterable([waiting.arrivals for waiting in together])),
            list(chain.from_iterable([waiting.disturbed for waiting in together])),
            list(chain.from_iterable([waiting.first_came for waiting in together])),
            together[0].alive,
            self._book(),
        )
        passage = None if one_by_one else self._dispatcher.passage()

        def run(tx: Tx) -> Intake:
            if one_by_one:
                return take_in_one_by_one(tx, batch, self._verdicts)
            intake = take_in(tx, batch, self._verdicts, passage)
            self._pace.run(self._clock.monotonic())
            return intake

        def over(minted: Minted | None) -> None:
            self._undone -= len(batch.arrivals)
            self._octets -= sum(waiting.octets for waiting in together)
            while self._waiting and self._waiting[0].answered:
                self._waiting.popleft()
            if passage is not None:
                self._dispatcher.passed(minted)
            self._landed()

        def done(intake: Intake) -> None:
            self._committed(together, intake, batch.book)
            over(intake.minted)

        def failed(error: Exception) -> None:
            if not (one_by_one or isinstance(error, StoreError)):
                if passage is not None:
                    self._dispatcher.passed(None)
                self._take(together, one_by_one=True)  # nothing else has its turn before them
                return
            for waiting in together:
                self._reject(waiting, "store", str(error))
            over(None)

        self._writer.put(Job(run, done, failed, "arrivals", is_quick=True))

    def _committed(self, together: Sequence[Waiting], intake: Intake, book: RuleBook) -> None:
        """A batch is durable: fence, ring, ack; synchronous, in the callback of the commit."""
        self._reports.later(partial(self._reports.taken_in, intake, book))
        self._dispatcher.texted(taken.key for taken in intake.taken if taken.key is not None)
        all_taken = iter(intake.taken)
        for waiting in together:
            answers: list[tuple[int, int]] = []
            late, waiting.answered = waiting.answered, True
            for taken in islice(all_taken, len(waiting.arrivals)):
                if taken.fenced and (pending := self.fence.raise_for(taken.fenced)):
                    if self._nursery is not None and not late:
                        self._nursery.start_soon(self._ack_behind_fence, waiting.bind, taken, pending)
                elif isinstance(taken.arrival, Mo) and taken.status is not None:  # as ``_answer`` says, for nearly all
                    answers.append((taken.arrival.sequence, taken.status))
                elif answer := self._answer(waiting.bind, taken):
                    answers.append(answer)
            if answers and not late:
                self._acknowledge(waiting.bind, waiting.arrivals[0].session, answers)
        self._dispatcher.ring(intake.places)

    async def _ack_behind_fence(self, bind: BindPort, taken: Taken, pending: Sequence[Pending]) -> None:
        await self.fence.stand(pending)
        if answer := self._answer(bind, taken):
            self._acknowledge(bind, taken.arrival.session, [answer])

    def _acknowledge(self, bind: BindPort, session: str, answers: Sequence[tuple[int, int]]) -> None:
        self._ledger.answered(session, answers, self._clock.monotonic())
        bind.acknowledge(session, answers)

    def _reject(self, waiting: Waiting, reason: str, error: str = "") -> None:
        """Answer a batch with the temporary error, unless it has been answered."""
        if waiting.answered:
            return
        waiting.answered = True
        status = self._temporary(waiting.bind)
        answers = [(a.sequence, status) for a in waiting.arrivals if not isinstance(a, Unreadable) or a.answer]
        if answers:
            self._acknowledge(waiting.bind, waiting.arrivals[0].session, answers)
            self._reports.not_taken_in(reason, len(answers), error)

    def _answer(self, bind: BindPort, taken: Taken) -> tuple[int, int] | None:
        """Return the answer that an arrival gets; none for what was a response itself."""
        arrival, status = taken.arrival, taken.status
        if isinstance(arrival, Unreadable) and not arrival.answer:
            return None
        return (arrival.sequence, self._temporary(bind) if status is None else status)

    def _temporary(self, bind: BindPort) -> int:
        """Return the status that makes this bind's carrier bring a text again."""
        found = [carrier.temporary_status for carrier in self._carriers() if carrier.name == bind.carrier]
        return found[0] if found else int(Status.ESME_RX_T_APPN)

    def _record(self, outcomes: list[Outcome]) -> None:
        book = self._book()

        def done(settled: Settled) -> None:
            self._outcomes.recorded(len(outcomes))
            if (pending := self.fence.raise_for(settled.learned.narrowed)) and self._nursery is not None:
                self._nursery.start_soon(self.fence.stand, pending)
            lanes = self._dispatcher.lanes_of([outcome.permit.message_id for outcome in outcomes])
            self._reports.later(partial(self._reports.settled, outcomes, settled, lanes))
            self._reports.later(partial(self._reports.learned, settled.learned))
            self._dispatcher.moved(settled, outcomes)
            self._landed()

        def failed(error: Exception) -> None:
            _log.warning("outcomes not recorded yet", count=len(outcomes), error=str(error))
            self._outcomes.put_off(outcomes, self._clock.monotonic())
            self._wake.set()
            self._landed()

        self._writer.put(
            Job(lambda tx: settle(tx, outcomes, book, self._verdicts), done, failed, "outcomes", is_quick=True)
        )


def _subscribers(gathered: Iterable[Waiting]) -> list[Msisdn]:
    """Return who sent these texts."""
    return [mo.subscriber for waiting in gathered for mo in waiting.arrivals if isinstance(mo, Mo)]
