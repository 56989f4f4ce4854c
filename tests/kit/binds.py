"""Carriers made of nothing: a bind that keeps what it is offered, and does with it what a test says, when it says so.

``FakeBind`` keeps the contract of ``gateway.carriers.interface.BindPort``: permits wait until ``write`` (or are half
written by ``begin``), and each is settled once, through ``Inward``. It minds that nothing is settled twice.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

import trio

from gateway.carriers.interface import BindState, Inward, Revocation
from gateway.carriers.statuses import Verdict, verdict
from gateway.model.address import Msisdn
from gateway.model.messages import Arrival
from gateway.model.permit import Fate, Outcome, Permit, Writing
from gateway.model.views import BindRow
from gateway.smpp.constants import Status


class FakeBind:
    """``written`` are permits wholly taken by the kernel, in order; ``answers`` each (session, sequence, status)."""

    def __init__(self, name: str, carrier: str, window: int = 10) -> None:
        self.name = name
        self.carrier = carrier
        self.window = window
        self.life = "gw1-1"
        self.session = ""
        self.state = BindState.DOWN
        self.inward: Inward | None = None
        self.offered: list[Permit] = []
        self.waiting: list[Permit] = []
        self.half: Permit | None = None
        self.written: list[Permit] = []
        self.answers: list[tuple[str, int, int]] = []
        self.acks_leave = True
        self.on_answer: Callable[[int, int], None] = lambda sequence, status: None
        self.closed: list[str] = []
        self.gathers = 1
        self.on_flush: Callable[[], object] = lambda: None
        self.unread: Callable[[], object] = lambda: None
        self._sessions = 0
        self._unsettled: dict[int, Permit] = {}
        self._half_done = trio.Event()

    @property
    def bound(self) -> bool:
        return self.state in (BindState.UP, BindState.DRAINING)

    @property
    def can_submit(self) -> bool:
        return self.state is BindState.UP

    @property
    def live(self) -> int:
        return len(self._unsettled)

    @property
    def unanswered(self) -> list[Permit]:
        """Permits that are written, and of which nobody knows anything yet."""
        return [permit for permit in self.written if permit.id in self._unsettled]

    @property
    def told(self) -> Inward:
        assert self.inward is not None
        return self.inward

    def free_slots(self) -> int:
        if not self.can_submit:
            return 0
        ordinary = sum(not permit.urgent for permit in self._unsettled.values())
        kept = 1 if self.window > 1 else 0
        return max(0, min(self.window - kept - ordinary, self.window - self.live))

    def free_urgent(self) -> int:
        return max(0, self.window - self.live) if self.can_submit else 0

    def offer(self, permits: Sequence[Permit]) -> None:
        self.offered += permits
        if not self.can_submit:
            self.told.settled(self, [Outcome(permit, Fate.RETURNED) for permit in permits])
            return
        for permit in permits:
            assert permit.id not in self._unsettled
            self._unsettled[permit.id] = permit
        self.waiting = sorted([*self.waiting, *permits], key=lambda permit: not permit.urgent)

    def revoke(self, line_id: int, subscriber: Msisdn, spare: Container[int] = ()) -> Revocation:
        def hit(permit: Permit) -> bool:
            return (permit.line_id, permit.subscriber) == (line_id, subscriber) and permit.id not in spare

        taken = [permit for permit in self.waiting if hit(permit)]
        self.waiting = [permit for permit in self.waiting if not hit(permit)]
        for permit in taken:
            del self._unsettled[permit.id]
        pending = self.half is not None and hit(self.half)
        return Revocation(tuple(taken), self._half_done if pending else None)

    def acknowledge(self, session: str, answers: Sequence[tuple[int, int]]) -> None:
        if session != self.session or not self.bound:
            return
        self.answers += [(session, sequence, status) for sequence, status in answers]
        for sequence, status in answers:
            self.on_answer(sequence, status)
        if self.acks_leave:
            self.told.acks_written(self, session, [sequence for sequence, _ in answers])

    def flush(self) -> None:
        self.on_flush()

    def let_gather(self, octets: int) -> None:
        self.gathers = octets

    def read_on(self) -> None:
        self.gathers = 1
        self.unread()

    def close_now(self, reason: str) -> None:
        self.closed.append(reason)
        self.drop()

    # What a test does.

    def come_up(self) -> None:
        """Begin the next session, bound."""
        self._sessions += 1
        self.session = f"{self.life}-{self.name}-{self._sessions}"
        self.state = BindState.UP
        self.told.changed(self, self.state)

    def drop(self) -> None:
        """End the session: what waits is returned, what was begun or written is uncertain."""
        if not self.bound:
            return
        self.state = BindState.DOWN
        waiting = {permit.id for permit in self.waiting}
        outcomes = [
            Outcome(permit, Fate.RETURNED if id_ in waiting else Fate.UNCERTAIN)
            for id_, permit in self._unsettled.items()
        ]
        self.waiting, self.half = [], None
        self._unsettled = {}
        self._half_done.set()
        if outcomes:
            self.told.settled(self, outcomes)
        self.told.changed(self, self.state)

    def say(self, *arrivals: Arrival) -> None:
        """Let one read bring these."""
        self.told.arrived(self, arrivals)

    def begin(self) -> Permit:
        """Write half of the next one."""
        self.half = self.waiting.pop(0)
        self._half_done = trio.Event()
        return self.half

    def finish(self) -> None:
        """Write the other half."""
        assert self.half is not None
        self.written.append(self.half)
        self.half = None
        self._half_done.set()

    def write(self) -> list[Permit]:
        """Write all that waits; return it."""
        if self.half is not None:
            self.finish()
        fresh, self.waiting = self.waiting, []
        self.written += fresh
        return fresh

    def settle(self, *permits: Permit, fate: Fate = Fate.ACCEPTED, status: int = 0) -> None:
        """Report what became of written permits."""
        for permit in permits:
            assert permit in self.written
            del self._unsettled[permit.id]
        carrier_id = "c{}" if fate is Fate.ACCEPTED else ""
        self.told.settled(self, [Outcome(p, fate, status, carrier_id.format(p.id)) for p in permits])
        self.told.changed(self, self.state)

    def late(self, permit: Permit, fate: Fate = Fate.ACCEPTED, status: int = 0) -> None:
        """Report a response that came after UNCERTAIN."""
        carrier_id = f"c{permit.id}" if fate is Fate.ACCEPTED else ""
        self.told.settled(self, [Outcome(permit, fate, status, carrier_id, late=True)])


@dataclass
class FakeThrottle:
    """``tokens`` None: no limit. ``log`` has what was taken, negative what was given back."""

    tokens: int | None = None
    next_: float | None = None
    log: list[int] = field(default_factory=list)

    def available(self, now: float) -> int:
        return 1_000_000 if self.tokens is None else self.tokens

    def take(self, count: int, now: float) -> None:
        self.log.append(count)
        if self.tokens is not None:
            self.tokens -= count

    def give_back(self, count: int, now: float) -> None:
        self.log.append(-count)
        if self.tokens is not None:
            self.tokens += count

    def next_at(self, now: float) -> float | None:
        return self.next_ if self.next_ is not None and self.next_ > now else None


class FakeCarrier:
    """A carrier with ``binds`` binds of window ``window``."""

    def __init__(self, name: str = "acme", binds: int = 1, window: int = 10) -> None:
        self.name = name
        self.binds = [FakeBind(f"{name}/{number}", name, window) for number in range(binds)]
        self.throttle = FakeThrottle()
        self.writing = Writing()
        self.temporary_status = int(Status.ESME_RX_T_APPN)

    def attach(self, inward: Inward) -> None:
        for bind in self.binds:
            bind.inward = inward

    def verdict(self, status: int) -> Verdict:
        return verdict(status, {})

    def rows(self) -> list[BindRow]:
        return [
            BindRow(bind.name, self.name, "transceiver", bind.state.row, 0.0, "", bind.window, bind.live)
            for bind in self.binds
        ]
