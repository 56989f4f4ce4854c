"""The dispatcher: whenever it is rung, it claims what the binds can take now, and hands them the permits.

One claim at a time. The claim and the minting are one job of the writer; its permits reach their binds in the job's
callback, that is, in the order of commits and in the Trio thread, which is what the fence relies on. It never waits for
a message: slots come free, texts get queued, tokens come, and each of them rings. Memory is bounded by the windows:
``_out`` has what is under way, ``_resting`` and ``_held`` (``rests``) are bounded themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.carriers.interface import BindPort, CarrierPort
from gateway.carriers.statuses import Verdict
from gateway.model.messages import Lane, MessageState, Mt
from gateway.model.permit import Fate, Outcome, Permit
from gateway.store.errors import StoreError
from gateway.store.hot_consent import Key
from gateway.store.jobs import Job
from gateway.store.tx import Tx
from gateway.store.writer import Writer
from gateway.traffic.brake import Brakes
from gateway.traffic.claims import Demand, Place, Room, Supply, Turns
from gateway.traffic.contended import Going, Shared, going
from gateway.traffic.gate import Minted, pass_gate
from gateway.traffic.passage import Passage
from gateway.traffic.reports import Reports
from gateway.traffic.rests import Rests
from gateway.traffic.rulebook import LaneOfLine, RuleBook, Way
from gateway.traffic.serving import Serving
from gateway.traffic.settle import Settled, return_orphans
from gateway.traffic.settlement import Verdicts
from gateway.traffic.underway import UnderWay

_log = structlog.get_logger(__name__)

RETRY_PAUSE_S: Final = 5.0
"""How long a message rests after a temporary refusal; its subscriber's others of the lane rest with it."""
HELD_PAUSE_S: Final = 30.0
STORE_PAUSE_S: Final = 0.5
_UNUSED: Final = (Fate.RETURNED, Fate.REVOKED)


@dataclass(frozen=True, slots=True)
class _Dispatched:
    minted: Minted
    emptied: frozenset[Place]
    rests: Mapping[tuple[Key, bool], float] = field(default_factory=dict)
    is_outdated: bool = False


class Dispatcher:
    """Moves messages from the queue to the binds. ``ring`` it for whatever may let one go.

    ``left`` is told of the messages that were handed over. ``shared`` is this node's place among others, if any.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        carriers: Callable[[], Sequence[CarrierPort]],
        book: Callable[[], RuleBook],
        brakes: Brakes,
        verdicts: Verdicts,
        reports: Reports,
        left: Callable[[Iterable[Mt]], None] = lambda messages: None,
        shared: Shared | None = None,
    ) -> None:
        self._left = left
        self._shared = shared
        self._writer = writer
        self._clock = clock
        self._carriers = carriers
        self._book = book
        self._brakes = brakes
        self._verdicts = verdicts
        self._reports = reports
        self._bell = trio.Event()
        self._backlog: set[Place] = set()
        self._rung: set[Place] = set()
        self._serving = Serving()
        self._turns: dict[str, Turns] = {}
        self._claims = 0
        self._served: dict[str, int] = {}
        self._out = UnderWay()
        self._resting: Rests[tuple[Key, bool]] = Rests()
        self._held: Rests[Key] = Rests()
        self._doubts = 0
        self._stopped = False
        self._is_out = False
        self._behind: Passage | None = None  # of a claim that no batch has: what it leaves is still to be lent
        self._lent = False

    def part_of_lines(self, part: Callable[[Sequence[Way]], float]) -> None:
        """Learn which part of a line's rate is this node's, by the line's ways (above 0, up to 1)."""
        self._serving.part = part

    def ring(self, places: Collection[LaneOfLine] = ()) -> None:
        """Say that something may go: these lanes of lines got messages, or slots, tokens or a bind came free."""
        by_id = self._book().by_id if places else {}
        for lane, line_id in places:
            ways = by_id[line_id].ways if line_id in by_id else ()
            self._rung.update((lane, line_id, route) for route in ("", *(way.carrier for way in ways)))
        if self._backlog or self._rung or self._doubts:
            self._bell.set()

    def ring_all(self) -> None:
        """Say that any place may have messages: after a start, a reload, or an operator's word."""
        self.ring([(lane, line_id) for lane in Lane for line_id in self._book().by_id])

    def stop(self) -> None:
        """Claim nothing more; what is under way goes on."""
        self._stopped = True
        self._bell.set()

    @property
    def has_backlog(self) -> bool:
        """Whether messages may wait for slots, tokens or what went before them."""
        return bool(self._backlog or self._rung or self._doubts)

    @property
    def under_way(self) -> int:
        """How many messages have permits out."""
        return len(self._out)

    def doubt(self) -> None:
        """Learn that a commit may or may not have happened: look for what was queued or minted by it."""
        self._doubts += 1
        self.ring_all()

    def texted(self, keys: Iterable[Key]) -> None:
        """Learn that these subscribers texted: a hold may be over, so what waits for it is judged at once."""
        if self._held:
            for key in keys:
                self._held.end(key)

    def moved(self, settled: Settled, outcomes: Sequence[Outcome]) -> None:
        """Learn what became of messages: some are no longer under way; what came back after a refusal rests."""
        now = self._clock.monotonic()
        self._out.ended(outcomes)
        self._out.leave(settled.over)
        for id_, step in settled.moves.items():
            mt = settled.messages[id_]
            if step.state is MessageState.QUEUED:
                if step.status and self._verdicts(mt.carrier or "", step.status) is Verdict.RETRY:
                    key = (mt.line_id, mt.subscriber)
                    self._resting.keep((key, mt.lane is Lane.URGENT), now + RETRY_PAUSE_S)
                self.ring([(mt.lane, mt.line_id)])
        self.ring()

    def give_back(self, carrier_name: str, outcomes: Sequence[Outcome]) -> None:
        """Return the tokens of permits that never left, to their carrier and their lines."""
        if unused := sum([outcome.fate in _UNUSED for outcome in outcomes]):
            now = self._clock.monotonic()
            self._serving.give_back(outcomes, now)
            for carrier in self._carriers():
                if carrier.name == carrier_name:
                    carrier.throttle.give_back(unused, now)

    async def run(self) -> None:
        """Claim until stopped."""
        self.ring_all()
        while not self._stopped:
            with trio.move_on_after(self._patience()):
                await self._bell.wait()
            await trio.lowlevel.checkpoint()  # texts that came in the same instant bring a claim of their own
            self._bell = trio.Event()
            if self._stopped:
                return
            if not await self._claim():
                await trio.sleep(STORE_PAUSE_S)
                self._bell.set()
            elif self._shared is not None and self._backlog:
                self._shared.ring(self._backlog)

    def passage(self) -> Passage | None:
        """Return what replies may use on the short way, behind a claim of what waits, which the batch that begins has.

        None without room for anything, or while a claim is on its way in another batch. Whoever gets one puts the job
        that uses it at once, and gives it back with ``passed``; until then nothing else is claimed.
        """
        if self._stopped or self._doubts:
            return None
        if self._is_out:
            found, self._behind = self._behind, None
            if found is None:
                return None
        elif not (found := self._look()).supplies:
            return None
        elif _is_wanted(found.supplies, found.demand.backlog):
            self._put_claim(found, lambda _error: None)  # what failed is claimed again: what waits still waits
        else:
            found.open()
        self._is_out = self._lent = True
        return found

    def claim(self) -> None:
        """Put a claim of what waits to the writer, if there is room for any: where a transaction begins anyhow."""
        if self._is_out or self._stopped or self._doubts or not (self._backlog or self._rung):
            return
        found = self._look()
        if _is_wanted(found.supplies, found.demand.backlog):
            self._is_out = True
            self._put_claim(found, self._claimed)

    def _claimed(self, error: Exception | None) -> None:
        self._is_out = False
        if error is not None:
            self._bell.set()  # ``run`` claims the same again, and knows what to do about errors

    def passed(self, minted: Minted | None) -> None:
        """Take a passage back, with what was minted on it; to be called in the callback of that commit."""
        self._is_out = self._lent = False
        self.ring()
        if minted is not None and minted.messages:
            self._hand_over(_Dispatched(minted, frozenset()))

    async def _claim(self) -> bool:
        """Run one claim if there is anything to claim; False if the store did not take it."""
        if self._is_out:
            return True  # whoever gives the passage back rings
        found = self._look()
        if not _is_wanted(found.supplies, found.demand.backlog):
            return True
        finished = trio.Event()
        failure: list[Exception] = []

        def over(error: Exception | None) -> None:
            self._is_out = self._lent  # here, since it is out until its end also where nobody waits for that any more
            self._behind = None
            failure.extend([error] if error else [])
            finished.set()

        self._is_out, self._behind = True, found
        self._put_claim(found, over)
        await finished.wait()
        if not failure:
            return True
        if not isinstance(failure[0], StoreError):
            raise failure[0]
        _log.warning("nothing dispatched: the store did not take it", error=str(failure[0]))
        return False

    def _look(self) -> Passage:
        """Return what could be sent now, and what waits."""
        now = self._clock.monotonic()
        self._resting.wake(now)
        self._held.wake(now)
        if self._rung:
            self._backlog |= self._rung
            self._rung = set()
        book = self._book()
        paused = self._brakes.places(book)
        demand = Demand(
            frozenset([place for place in self._backlog if place[:2] not in paused]),
            frozenset(self._out.busy),
            self._resting.keys(),
            self._held.keys(),
            self._serving.tokens(book, now),
        )
        writings = {carrier.name: carrier.writing for carrier in self._carriers()}
        fences = self._shared.fences() if self._shared is not None else None
        return Passage(self._supplies(book), demand, paused, writings, fences)

    def _put_claim(self, found: Passage, over: Callable[[Exception | None], None]) -> None:
        """Put a claim to the writer; its permits are handed over before ``over`` is told of its end.

        It may wait for a batch behind what reloads the book or pauses something: then nothing is claimed by it, nor
        sent on the passage behind it.
        """
        book, brakes = self._book(), self._brakes.changes
        doubts, handed = self._doubts, frozenset(self._out.handed)

        def run(tx: Tx) -> _Dispatched:
            if doubts:
                return_orphans(tx, handed, book, self._verdicts)
            if self._book() is not book or self._brakes.changes != brakes:
                found.left = None
                return _Dispatched(Minted(), frozenset(), is_outdated=True)
            claimed = found.claim(tx)
            alone = found.fences is None
            go = Going(claimed.claims) if alone else going(tx, claimed.claims, found.fences or {})
            return _Dispatched(pass_gate(tx, go.claims, book, found.writings), frozenset(claimed.emptied), go.rests)

        def done(result: _Dispatched) -> None:
            self._doubts -= doubts
            self._hand_over(result)
            if result.is_outdated:
                self.ring()
            over(None)

        self._writer.put(Job(run, done, over, "dispatch", is_quick=True))

    def lanes_of(self, message_ids: Sequence[int]) -> list[Lane | None]:
        """Return the lanes of messages that are under way; None for any other."""
        return self._out.lanes_of(message_ids)

    def _hand_over(self, result: _Dispatched) -> None:
        """Give the permits to their binds; synchronous, in the callback of the commit."""
        now = self._clock.monotonic()
        minted = result.minted
        # A place that was rung while the claim ran is not empty any more.
        self._backlog -= result.emptied - self._rung
        self._out.leave(minted.messages)  # a commit in doubt may have settled one without our knowing
        offers = self._offers(minted)
        for _, bind, permits in offers:
            self._out.sets_out(bind.name, permits, minted.messages)
        for rested, seconds in result.rests.items():
            self._resting.keep(rested, now + seconds)
        held = [self._held.keep((m.line_id, m.subscriber), now + HELD_PAUSE_S) for m in minted.waiting]
        self._claims += 1
        for carrier, bind, permits in offers:
            self._served[carrier.name] = self._claims
            carrier.throttle.take(len(permits), now)
            self._serving.took(permits, now)
            bind.offer(permits)
        self._reports.later(partial(self._tell, minted))
        # What is behind those that went, or were refused, or rest, may go; but what cannot even rest must not spin.
        if minted.messages or minted.refused or minted.failed or any(held):
            self.ring()

    def _tell(self, minted: Minted) -> None:
        self._reports.refused(minted.refused)
        self._reports.failed(minted.failed)
        self._reports.handed_over(minted.messages.values())
        self._left(minted.messages.values())

    def _offers(self, minted: Minted) -> list[tuple[CarrierPort, BindPort, list[Permit]]]:
        """Return what each bind gets. What was minted for one that has left is taken back by the next claim."""
        found = [
            (carrier, bind, permits)
            for carrier in self._carriers()
            for bind in carrier.binds
            if (permits := minted.permits.get(bind.name))
        ]
        if len(found) < len(minted.permits):
            self._doubts += 1
            self.ring_all()
        return found

    def _supplies(self, book: RuleBook) -> list[Supply]:
        """Return what each carrier can take now, and which queues it serves."""
        now = self._clock.monotonic()
        able: dict[str, tuple[list[Room], int]] = {}
        waited_for: set[str] = set()
        for carrier in self._carriers():
            binds = [bind for bind in carrier.binds if bind.can_submit]
            if carrier.name in self._brakes.carriers:
                continue
            waited_for.add(carrier.name)
            if binds:
                rooms = [Room(b.name, b.free_slots(), b.free_urgent(), self._out.is_idle(b.name)) for b in binds]
                able[carrier.name] = (rooms, carrier.throttle.available(now))
        elsewhere = self._shared.up_elsewhere() if self._shared is not None else ()
        supplies = [
            Supply(name, able[name][0], able[name][1], queues, self._turns.setdefault(name, Turns()))
            for name, queues in self._serving.queues(book, able, waited_for, now, elsewhere).items()
            if able[name][1] > 0 and any(room.urgent > 0 for room in able[name][0])
        ]
        # Who was served last comes last: where a line has few tokens, being first is everything.
        return sorted(supplies, key=lambda supply: self._served.get(supply.carrier, 0))

    def _patience(self) -> float:
        """Return how long to wait for the bell before looking again: until a token comes or a rest ends."""
        if not self._backlog and not self._rung:
            return math.inf
        now = self._clock.monotonic()
        times = [at for c in self._carriers() if (at := c.throttle.next_at(now)) is not None]
        times += [self._serving.next_at(self._book(), now), self._resting.next_at(), self._held.next_at()]
        return max(0.0, min(times) - now)


def _is_wanted(supplies: Sequence[Supply], backlog: Collection[Place]) -> bool:
    """Say whether something may wait in a place that one of these carriers serves, and has room for."""
    return bool(backlog) and any(
        (lane, *queue) in backlog
        for supply in supplies
        for lane in Lane
        if lane is Lane.URGENT or supply.budget > 0
        for queue in supply.queues
    )
