"""One configured carrier: its binds, its rate, its habits.

Owns the making of everything that one carrier's binds share, and their common life: started together, drained
together. It holds no queue and routes nothing; which carrier takes a message is traffic's question.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.carriers.backoff import Backoff, Ladder
from gateway.carriers.bind import Bind, BindSetup
from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits, login_of
from gateway.carriers.interface import Inward
from gateway.carriers.link import Terms
from gateway.carriers.observer import Observer, Unwatched
from gateway.carriers.options import CarrierOptions, Mode
from gateway.carriers.quirks import Quirk
from gateway.carriers.statuses import Verdict, verdict
from gateway.carriers.tenure import Tenures, keep
from gateway.carriers.throttle import Throttle
from gateway.carriers.tls import TlsWire, make_context
from gateway.carriers.trace import Ring
from gateway.carriers.trace_reading import Traced
from gateway.carriers.translate import Translator
from gateway.carriers.wire import Wire, WireError, connect
from gateway.model.permit import Fate, Outcome, Writing
from gateway.model.views import BindRow
from gateway.smpp.pdu import BindReceiver, BindTransceiver, BindTransmitter
from gateway.smpp.session import SessionOptions

_log = structlog.get_logger(__name__)

Login = BindTransceiver | BindReceiver | BindTransmitter
_LOGINS: Final[dict[Mode, tuple[tuple[Mode, str, Callable[..., Login]], ...]]] = {
    Mode.TRANSCEIVER: ((Mode.TRANSCEIVER, "", BindTransceiver),),
    Mode.TRANSMITTER: ((Mode.TRANSMITTER, "", BindTransmitter),),
    Mode.RECEIVER: ((Mode.RECEIVER, "", BindReceiver),),
    Mode.PAIR: ((Mode.TRANSMITTER, ".tx", BindTransmitter), (Mode.RECEIVER, ".rx", BindReceiver)),
}

Dial = Callable[[], Awaitable[Wire]]

_REJECTED: Final = Fate.REJECTED  # a name costs a tenth of what asking the enumeration costs

AHEAD_PARTS: Final = 2
"""Half a window may be minted ahead of it, which fills it at any round trip above two turns of the store."""


class Carrier:
    """See ``interface.CarrierPort`` for what traffic uses; ``run`` and ``stop`` are the daemon's.

    ``life`` names this run of this node, never used before (node and start); it makes session ids unique.
    ``region_of`` gives the region (ISO 3166) in which a line's national numbers are read, for unknown lines too.
    ``dial`` opens a wire to the carrier; by default a TCP connection to its host and port. ``tenures`` is asked for
    leave to hold each number's binds, where several nodes share them.
    """

    def __init__(
        self,
        options: CarrierOptions,
        *,
        inward: Inward,
        clock: Clock,
        life: str,
        region_of: Callable[[str], str],
        observer: Observer | None = None,
        dial: Dial | None = None,
        dice: Callable[[], float] = random.random,
        tenures: Tenures | None = None,
    ) -> None:
        self.options = options
        self._over = trio.Event()
        self._share = 1.0
        leave = [tenures(options.name, number) for number in range(options.binds)] if tenures else []
        self._quirk = habits(options)
        self._clock = clock
        self.throttle = Throttle(options.max_per_second, clock.monotonic())
        terms = Terms(
            composer=Composer(options, self._quirk),
            translator=Translator(options.name, self._quirk, region_of),
            clock=clock,
            window=options.window,
            max_unacked=options.max_unacked,
            ahead=options.window // AHEAD_PARTS,
        )

        self._binds = tuple(
            Bind(
                BindSetup(
                    name=name,
                    carrier=options.name,
                    mode=mode.value,
                    login=login,
                    session=_session_options(options),
                    terms=terms,
                    backoff=_backoff(options),
                    dial=dial or partial(_dial, options),
                    inward=inward,
                    observer=observer or Unwatched(),
                    life=life,
                    dice=dice,
                    answered=self._answered,
                    ring=_ring(options, self._quirk, clock),
                    until=leave[number].until if leave else None,
                )
            )
            for number, name, mode, login in _logins(options, self._quirk)
        )
        of_a_number = len(self._binds) // options.binds
        self._leave = {tenure: self._binds[number * of_a_number :][:of_a_number] for number, tenure in enumerate(leave)}

    def __repr__(self) -> str:
        return f"<Carrier {self.name} {[bind.state.value for bind in self._binds]}>"

    @property
    def name(self) -> str:
        """See ``CarrierPort``."""
        return self.options.name

    @property
    def binds(self) -> Sequence[Bind]:
        """See ``CarrierPort``."""
        return self._binds

    @property
    def temporary_status(self) -> int:
        """See ``CarrierPort``."""
        return self._quirk.temporary_status

    @property
    def writing(self) -> Writing:
        """See ``CarrierPort``."""
        return self._quirk.writing

    def verdict(self, status: int) -> Verdict:
        """See ``CarrierPort``."""
        return verdict(status, self._quirk.verdicts)

    def rows(self) -> list[BindRow]:
        """See ``CarrierPort``."""
        return [bind.row() for bind in self._binds]

    def traced(self) -> list[Traced]:
        """Return the binds as ``trace_reading`` reads them."""
        quirk = self._quirk
        gsm = (quirk.gsm_coding, quirk.spelling)
        return [Traced(bind.name, self.name, quirk.alphabet, bind.ring, *gsm) for bind in self._binds]

    def adopt(self, options: CarrierOptions) -> None:
        """Put the keys of ``options`` in force that are no property of a bind; the others are as they were."""
        self.options = options
        self.throttle.limit(options.max_per_second * self._share, self._clock.monotonic())

    def share(self, part: float) -> None:
        """Use this part (above 0, up to 1) of the carrier's rate: other nodes hold its other binds."""
        if part != self._share:
            self._share = part
            self.adopt(self.options)

    async def run(self) -> None:
        """Keep all binds bound until ``stop`` was called. Cancelling it closes them at once."""
        async with trio.open_nursery() as nursery:
            for tenure, binds in self._leave.items():
                nursery.start_soon(keep, tenure, binds, lambda: self.options.drain_s, self._over)
            for bind in self._binds if not self._leave else ():
                nursery.start_soon(bind.run)

    async def stop(self, seconds: float | None = None) -> None:
        """Drain all binds at once, within ``seconds`` (by default the carrier's ``drain_s``); ``run`` then returns."""
        limit = self.options.drain_s if seconds is None else seconds
        self._over.set()
        async with trio.open_nursery() as nursery:
            for bind in self._binds:
                nursery.start_soon(bind.drain, limit)

    def _answered(self, outcomes: Sequence[Outcome]) -> None:
        """Listen for complaints about our rate."""
        for outcome in outcomes:
            if outcome.fate is _REJECTED and self.verdict(outcome.status) is Verdict.THROTTLE:
                before = self.throttle.rate
                self.throttle.slow_down(self._clock.monotonic())
                if self.throttle.rate != before:
                    rate = round(self.throttle.rate, 1)
                    _log.warning("carrier throttles us", carrier=self.name, per_second_now=rate)
                return


async def _dial(options: CarrierOptions) -> Wire:
    """Connect as configured. Raises ``WireError``, also for TLS files that can no longer be used."""
    limit = options.bind_timeout_s
    socket_wire = await connect(options.host, options.port, limit)
    if not options.tls:
        return socket_wire
    with ExitStack() as undo:
        undo.callback(socket_wire.close)
        try:
            context = make_context(options.tls_ca, options.tls_cert, options.tls_key, options.tls_minimum)
            name = options.tls_server_name or options.host
            wire = TlsWire(socket_wire, partial(context.wrap_bio, server_hostname=name))
            with trio.fail_after(limit):
                await wire.handshake()
        except ValueError as error:
            raise WireError(str(error)) from error
        except trio.TooSlowError:
            raise WireError(f"the TLS handshake with {options.host} took over {limit:g} s") from None
        undo.pop_all()
    return wire


def _logins(options: CarrierOptions, quirk: Quirk) -> Iterator[tuple[int, str, Mode, Login]]:
    system_id, password = login_of(options, quirk)
    for number in range(options.binds):
        for mode, suffix, make in _LOGINS[options.mode]:
            login = make(
                system_id=system_id,
                password=password,
                system_type=options.system_type,
                addr_ton=options.address_ton,
                addr_npi=options.address_npi,
                address_range=options.address_range,
            )
            yield number, f"{options.name}/{number}{suffix}", mode, login


def _ring(options: CarrierOptions, quirk: Quirk, clock: Clock) -> Ring | None:
    """Make what keeps the latest PDUs of a bind; None where nothing is to be kept."""
    if not options.trace_octets:
        return None
    _, password = login_of(options, quirk)
    return Ring(options.trace_octets, options.max_pdu_octets, clock, password.encode("latin-1"))


def _session_options(options: CarrierOptions) -> SessionOptions:
    return SessionOptions(
        window=options.window,
        enquire_link_s=options.enquire_link_s,
        response_timeout_s=options.response_timeout_s,
        bind_timeout_s=options.bind_timeout_s,
        read_timeout_s=options.read_timeout_s,
        max_pdu=options.max_pdu_octets,
    )


def _backoff(options: CarrierOptions) -> Backoff:
    return Backoff(
        quick=Ladder(options.reconnect_gap_s, options.reconnect_max_s),
        slow=Ladder(options.refused_gap_s, options.refused_max_s),
        gap_s=options.reconnect_gap_s,
    )
