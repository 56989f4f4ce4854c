"""One bind, kept: connect, bind, carry, back off, again, until somebody says stop.

Owns the sessions of one bind, one after the other, its state, and what traffic may ask of it. Everything that decides
is elsewhere (``link`` for a session, ``backoff`` for the wait), and so is the IO (``conversation``). It never gives up
and never hammers; with no session, whatever is offered is returned at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.carriers.backoff import Backoff, Ending
from gateway.carriers.conversation import Conversation, Listeners, Tap
from gateway.carriers.harvest import Flowing, Stalled, Turn
from gateway.carriers.interface import BindState, Inward, Revocation
from gateway.carriers.link import Link, Terms
from gateway.carriers.observer import Observer
from gateway.carriers.statuses import bind_is_busy
from gateway.carriers.trace import Ring
from gateway.carriers.wire import Wire, WireError
from gateway.model.address import Msisdn
from gateway.model.permit import Fate, Outcome, Permit
from gateway.model.views import BindRow
from gateway.smpp import events as ev
from gateway.smpp.constants import command_name, describe
from gateway.smpp.pdu import BindReceiver, BindTransceiver, BindTransmitter
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.states import Role

_log = structlog.get_logger(__name__)

_UP: Final = BindState.UP
ACK_GRACE_S: Final = 2.0
"""In a drain, how long the last MOs may wait for their answers once the window is empty."""

FEW: Final = 8
"""How many times in a session one kind of oddity is logged each time: a peer must not fill our disk with log lines."""

MOST_NAME: Final = 64
"""Characters of the carrier's system_id that are logged."""

UNBIND_SHARE: Final = 0.25
"""The part of a drain's time that is kept for the unbind itself."""


@dataclass(frozen=True, slots=True)
class BindSetup:
    """What a bind is given. ``login`` is sent first; ``dial`` opens a wire or raises WireError.

    ``life`` is this process's unique name (node and start), ``dice`` returns a random number in [0, 1), ``answered`` is
    shown all outcomes before traffic is (the carrier's throttle listens to them), ``ring`` keeps the latest PDUs, where
    that is wanted; ``until`` says how long sessions may be written to (``tenure.Tenure``), None: for ever.
    """

    name: str
    carrier: str
    mode: str
    login: BindTransceiver | BindReceiver | BindTransmitter
    session: SessionOptions
    terms: Terms
    backoff: Backoff
    dial: Callable[[], Awaitable[Wire]]
    inward: Inward
    observer: Observer
    life: str
    dice: Callable[[], float]
    answered: Callable[[Sequence[Outcome]], None]
    ring: Ring | None = None
    until: Callable[[], float] | None = None


class Bind:
    """See ``interface.BindPort`` for what traffic uses; ``run``, ``drain`` and ``row`` are the carrier's.

    ``tap``, if set, is shown every octet of every session from then on; unset, it costs one look a read or send. It is
    the ring's, where there is one.
    """

    def __init__(self, setup: BindSetup) -> None:
        self._setup = setup
        self._clock: Clock = setup.terms.clock
        self._state = BindState.DOWN
        self._since = self._clock.wall()
        self._detail = "not started"
        self._next_try_at: float | None = None
        self._talk: Conversation | None = None
        self._session_id = ""
        self._sessions = 0
        self._oddities: Counter[str] = Counter()
        self._bound_at: float | None = None
        self._refused: int | None = None
        self._stopping = trio.Event()
        self._dialling = trio.CancelScope()
        self.ring = setup.ring
        self.tap: Tap | None = None if setup.ring is None else setup.ring.take

    def __repr__(self) -> str:
        return f"<Bind {self.name} {self._state.value}>"

    # What traffic uses.

    @property
    def name(self) -> str:
        """See ``BindPort``."""
        return self._setup.name

    @property
    def carrier(self) -> str:
        """See ``BindPort``."""
        return self._setup.carrier

    @property
    def session(self) -> str:
        """See ``BindPort``."""
        return self._session_id

    @property
    def state(self) -> BindState:
        """See ``BindPort``."""
        return self._state

    @property
    def bound(self) -> bool:
        """See ``BindPort``."""
        return self._talk is not None and self._talk.link.session.bound

    @property
    def can_submit(self) -> bool:
        """See ``BindPort``."""
        return self._state is _UP and self._talk is not None and self._talk.link.session.can_send

    def free_slots(self) -> int:
        """See ``BindPort``."""
        return self._talk.link.free_slots() if self.can_submit and self._talk is not None else 0

    def free_urgent(self) -> int:
        """See ``BindPort``."""
        return self._talk.link.free_urgent() if self.can_submit and self._talk is not None else 0

    def offer(self, permits: Sequence[Permit]) -> None:
        """See ``BindPort``."""
        if self._talk is not None and self.can_submit:
            self._talk.link.offer(permits)
            self._talk.ring()
        elif permits:
            returned = [Outcome(permit, Fate.RETURNED, detail="the bind is not up") for permit in permits]
            self._setup.inward.settled(self, returned)

    def revoke(self, line_id: int, subscriber: Msisdn, spare: Container[int] = ()) -> Revocation:
        """See ``BindPort``."""
        if self._talk is None:
            return Revocation((), None)
        done = trio.Event()
        revoked, pending = self._talk.link.revoke(line_id, subscriber, spare, done.set)
        if revoked:  # a drain may wait for the window to empty, the writer for a slot
            self._talk.progressed()
            self._talk.ring()
        return Revocation(tuple(revoked), done if pending else None)

    def acknowledge(self, session: str, answers: Sequence[tuple[int, int]]) -> None:
        """See ``BindPort``."""
        if self._talk is not None and session == self._session_id:
            self._talk.link.acknowledge(answers)
            self._talk.ring()
            self._talk.progressed()

    def flush(self) -> None:
        """See ``BindPort``."""
        if self._talk is not None:
            self._talk.flush()

    def let_gather(self, octets: int) -> None:
        """See ``BindPort``."""
        if self._talk is not None:
            self._talk.let_gather(octets)

    def read_on(self) -> None:
        """See ``BindPort``."""
        if self._talk is not None:
            self._talk.read_on()

    def close_now(self, reason: str) -> None:
        """See ``BindPort``."""
        if self._talk is not None:
            self._talk.finish(reason)

    # What the carrier uses.

    def row(self) -> BindRow:
        """Return this bind for status pages; ``since`` in unix seconds."""
        return BindRow(
            name=self.name,
            carrier=self.carrier,
            mode=self._setup.mode,
            state=self._state.row,
            since=self._since,
            detail=self._detail,
            window=self._setup.terms.window,
            outstanding=self._talk.link.live if self._talk is not None else 0,
            next_try_at=self._next_try_at,
        )

    def rearm(self) -> None:
        """Make ready to ``run`` once more, after a ``drain``; while it runs, this must not be called."""
        self._stopping = trio.Event()

    async def run(self) -> None:
        """Keep the bind bound until ``drain`` was called. Cancelling it closes at once, with everything settled."""
        backoff = self._setup.backoff
        try:
            while not self._stopping.is_set():
                began = self._clock.monotonic()
                ending, bound_s = await self._attempt()
                if self._stopping.is_set():
                    return
                elapsed = self._clock.monotonic() - began
                backoff, wait = backoff.after(ending, bound_s, elapsed, self._setup.dice())
                _log.info("bind waits before the next attempt", bind=self.name, seconds=round(wait, 1))
                self._next_try_at = self._clock.wall() + wait
                with trio.move_on_after(wait):
                    await self._stopping.wait()
                self._next_try_at = None
        finally:
            self._become(BindState.DOWN, "stopped" if self._state is BindState.BINDING else self._detail)

    async def drain(self, seconds: float) -> None:
        """End in good order within ``seconds``, and stay down.

        Takes no more permits, returns those not begun, awaits the responses of the others while MOs are still taken in
        and answered, unbinds, awaits the answer, closes. What has no response when the time is up is UNCERTAIN.
        """
        self._stopping.set()
        self._dialling.cancel()
        talk = self._talk
        if talk is None:
            return
        reason = "stopped"
        if talk.link.session.bound:
            reason = "the drain ran out of time"
            self._become(BindState.DRAINING, "draining")
            self._settled(talk.link.withdraw("the bind is draining"))
            with trio.move_on_after(seconds):
                with trio.move_on_after(seconds * (1 - UNBIND_SHARE)):
                    await talk.until(lambda: talk.link.live == 0)
                    with trio.move_on_after(ACK_GRACE_S):
                        await talk.until(lambda: talk.link.unacked == 0)
                if talk.link.session.bound:
                    self._settled(talk.link.unbind())
                    talk.ring()
                await talk.until(lambda: False)
        talk.finish(reason)

    # One session.

    async def _attempt(self) -> tuple[Ending, float]:
        """Connect, bind, and carry until it ends; return how it ended and how many seconds it was bound."""
        self._become(BindState.BINDING, "connecting")
        self._refused = self._bound_at = None
        self._dialling = trio.CancelScope()
        wire: Wire | None = None
        try:
            with self._dialling:
                wire = await self._setup.dial()
        except WireError as error:
            _log.warning("bind cannot connect", bind=self.name, because=str(error))
            self._become(BindState.DOWN, str(error))
            return Ending.FAILED, 0.0
        if wire is None:
            return Ending.FAILED, 0.0
        if self._stopping.is_set():
            wire.close()
            return Ending.FAILED, 0.0
        await self._carry(wire)
        if self._refused is not None and not bind_is_busy(self._refused):
            return Ending.REFUSED, 0.0
        if self._bound_at is None:
            return Ending.FAILED, 0.0
        return Ending.LOST, self._clock.monotonic() - self._bound_at

    async def _carry(self, wire: Wire) -> None:
        setup = self._setup
        self._sessions += 1
        self._session_id = f"{setup.life}-{self.name}-{self._sessions}"
        self._oddities.clear()
        if self.ring is not None:
            self.ring.begin(self._session_id)
        session = Session(Role.ESME, setup.session, self._clock.monotonic())
        link = Link(self._session_id, self.name, session, setup.terms)
        listeners = Listeners(
            port=self,
            inward=setup.inward,
            observer=setup.observer,
            settled=self._settled,
            turned=self._turned,
            ended=self._ended,
            tap=lambda: self.tap,
            until=setup.until,
        )
        self._talk = Conversation(link, wire, listeners)
        self._become(BindState.BINDING, "binding")
        link.bind(setup.login)
        await self._talk.carry()

    def _turned(self, turn: Turn) -> None:
        """Follow the session: log what a person should know, and change state with it."""
        match turn:
            case ev.Bound():
                self._bound_at = self._clock.monotonic()
                _log.info("bind up", bind=self.name, session=self._session_id, peer=turn.pdu.system_id[:MOST_NAME])
                self._become(BindState.UP, "bound")
            case ev.BindRefused(status=status):
                self._refused = status
                _log.error("bind refused", bind=self.name, because=describe(status))
                self._setup.observer.refused(self.carrier, self.name, busy=bind_is_busy(status))
                self.close_now(f"the bind was refused: {describe(status)}")
            case ev.PeerUnbind():
                self._odd("carrier unbinds", session=self._session_id)
                if self._state is BindState.UP:
                    self._become(BindState.DRAINING, "the carrier unbinds")
            case ev.Request(frame=frame):
                self._odd("the carrier asks us to bind, and we do so already", command=command_name(frame.command_id))
            case ev.Rejected(frame=frame, status=status):
                self._odd("request refused", command=command_name(frame.command_id), status=describe(status))
            case ev.UnexpectedResponse(frame=frame):
                command = command_name(frame.command_id)
                self._odd("response that nobody awaits", command=command, sequence=frame.sequence)
            case Stalled():
                self._odd("the carrier does not read: nothing is submitted here until it does")
            case Flowing():
                self._setup.inward.changed(self, self._state)

    def _odd(self, event: str, **facts: object) -> None:
        """Log what a carrier should not do: the first few times in a session, then at each doubling of their number."""
        self._oddities[event] += 1
        times = self._oddities[event]
        if times <= FEW or times.bit_count() == 1:
            _log.warning(event, bind=self.name, times=times, **facts)

    def _settled(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._setup.answered(outcomes)
            self._setup.inward.settled(self, outcomes)

    def _ended(self, reason: str, leftovers: Sequence[Outcome]) -> None:
        """Forget the session; only then tell what became of its permits, and last that the bind is down."""
        self._talk = None
        if self.ring is not None:
            self.ring.finish()
        unexpected = self._bound_at is not None and not self._stopping.is_set()
        (_log.warning if unexpected else _log.info)(
            "bind down", bind=self.name, session=self._session_id, because=reason
        )
        self._enter(BindState.DOWN, reason)
        self._settled(leftovers)
        self._setup.inward.changed(self, BindState.DOWN)

    def _become(self, state: BindState, detail: str) -> None:
        """Enter ``state`` and tell traffic, if it is another one."""
        if self._enter(state, detail):
            self._setup.inward.changed(self, state)

    def _enter(self, state: BindState, detail: str) -> bool:
        self._detail = detail
        if state is self._state:
            return False
        self._state = state
        self._since = self._clock.wall()
        self._setup.observer.state(self.carrier, self.name, state)
        return True
