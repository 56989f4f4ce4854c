"""The simulated carrier: an SMSC for any number of ESMEs on a TCP port, and the subscribers behind it.

Owns what a carrier owns: who may bind, the texts and receipts that it is bound to bring, and those that it took. As a
real one, it keeps a deliver_sm until it is acknowledged and brings it again after the next bind, and it sends all of
one subscriber's texts over one bind, so that they stay in order. It must not know what is tried against it.

All methods but ``serve`` are for the Trio thread that ``serve`` runs in. Memory is bounded by ``keep``, save for what
waits to be delivered, which is the caller's own.
"""

from __future__ import annotations

import itertools
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypedDict, Unpack

import trio

from gateway.base import Clock, GatewayError, SystemClock
from gateway.base.listening import listen_error
from gateway.simulator.deliveries import Delivery, octets_pdu, receipt_pdu, text_pdus
from gateway.simulator.happenings import (
    Answered,
    Arrived,
    BindDown,
    BindRefused,
    BindUp,
    Happening,
    Submitted,
    TlsFailed,
    as_submit,
)
from gateway.simulator.inbox import Inbox
from gateway.simulator.link import Link
from gateway.simulator.manners import Answer, Manners
from gateway.simulator.postbag import Postbag
from gateway.smpp.codec import encode
from gateway.smpp.constants import Status
from gateway.smpp.pdu import Bind, DataSm, DeliverSm, SubmitSm, Tlvs
from gateway.smpp.session import SessionOptions

DEFAULT_FROM: Final = "+12125550101"
DEFAULT_LINE: Final = "85700"
DEFAULT_PORT: Final = 2775


class SimulatorError(GatewayError):
    """The simulated carrier cannot do what was asked: there is no such bind."""

    exit_code = 69  # EX_UNAVAILABLE


class How(TypedDict, total=False):
    """How a text is brought: the arguments of ``SimulatedCarrier.post``."""

    from_: str
    line: str
    octets: bytes | None
    data_coding: int
    esm_class: int
    tlvs: Tlvs
    sequence: int | None
    bind: str | None


class SimulatedCarrier:
    """An SMSC. ``system_id`` and ``password`` are what binds must show; None takes any.

    With ``tls``, a server's context (``gateway.simulator.tls`` makes one), that is what is spoken. ``manners`` may be
    changed at any time. ``options`` are the limits of each session; ``keep`` is how many submits and texts are
    remembered.
    """

    def __init__(
        self,
        *,
        system_id: str | None = None,
        password: str | None = None,
        manners: Manners | None = None,
        options: SessionOptions | None = None,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
        keep: int = 100_000,
    ) -> None:
        self.manners = manners or Manners()
        self.submitted: deque[Submitted] = deque(maxlen=keep)
        self.arrived: deque[Arrived] = deque(maxlen=keep)
        self.links: dict[str, Link] = {}
        self._system_id = system_id
        self._password = password
        self._options = options or SessionOptions()
        self._clock = clock or SystemClock()
        self._tls = tls
        self._inbox = Inbox()
        self._postbag = Postbag(self.manners, self._later)
        self._watchers: list[Callable[[Happening], None]] = []
        self._changed = trio.Event()
        self._tasks: trio.Nursery | None = None
        self._names = itertools.count(1)
        self._references = itertools.count(1)
        self._message_ids = itertools.count(1)
        self._submits = 0
        self._arrivals_in, self._arrivals_out = trio.open_memory_channel[Arrived](keep)

    async def serve(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        kernel_buffer: int | None = None,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen and serve until cancelled; tells the port that it got through ``task_status``. See ``listen``."""
        listeners = await self.listen(port, host, kernel_buffer=kernel_buffer)
        await self.attend(listeners, task_status=task_status)

    async def listen(
        self, port: int = 0, host: str = "127.0.0.1", *, kernel_buffer: int | None = None
    ) -> list[trio.SocketListener]:
        """Listen, and serve nobody yet; port 0 takes a free one.

        ``kernel_buffer`` (octets) narrows the kernel's buffers, so that back-pressure is felt early. Raises
        ListenError where the port cannot be had.
        """
        try:
            listeners = await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            raise listen_error(f"{host}:{port}", error, "choose another --port") from error
        if kernel_buffer is not None:
            for listener in listeners:
                for option in (trio.socket.SO_RCVBUF, trio.socket.SO_SNDBUF):
                    listener.socket.setsockopt(trio.socket.SOL_SOCKET, option, kernel_buffer)
        return listeners

    async def attend(
        self, listeners: list[trio.SocketListener], *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve those who connect, until cancelled."""
        async with trio.open_nursery() as self._tasks:
            task_status.started(port_of(listeners))
            await trio.serve_listeners(self._connected, listeners, handler_nursery=self._tasks)

    async def _connected(self, stream: trio.SocketStream) -> None:
        link = Link(str(next(self._names)), stream, self, self._options, self._tls)
        self.links[link.name] = link
        await link.run()

    # Subscribers text.

    def post(
        self,
        text: str = "",
        *,
        from_: str = DEFAULT_FROM,
        line: str = DEFAULT_LINE,
        octets: bytes | None = None,
        data_coding: int = 0,
        esm_class: int = 0,
        tlvs: Tlvs = (),
        sequence: int | None = None,
        bind: str | None = None,
    ) -> list[Delivery]:
        """Have a subscriber text; return what is under way, one delivery for each part. Does not wait.

        With ``octets``, they are sent as they are under ``data_coding``, ``esm_class`` and ``tlvs``, and ``text`` is
        not looked at. ``sequence`` forces a sequence number (any 32 bits), ``bind`` names the connection to use.
        """
        if octets is None:
            pdus = text_pdus(from_, line, text, next(self._references))
        else:
            pdus = [octets_pdu(from_, line, octets, data_coding=data_coding, esm_class=esm_class, tlvs=tlvs)]
        return [self.deliver(pdu, sequence=sequence, bind=bind) for pdu in pdus]

    async def text(self, text: str = "", **how: Unpack[How]) -> int | None:
        """As ``post``, and wait for the answers; return the first status that is not 0, else 0.

        It waits over lost connections, too, as long as the carrier redelivers; without that, None says that the
        connection ended before the answer.
        """
        return await verdict(self.post(text, **how))

    def deliver(self, pdu: DeliverSm, *, sequence: int | None = None, bind: str | None = None) -> Delivery:
        """Bring any deliver_sm; see ``post`` for ``sequence`` and ``bind``.

        Raises LocalProtocolError where a field does not fit, an address of over 20 characters for one.
        """
        encode(pdu, 0)
        delivery = Delivery(pdu, sequence=sequence, bind=bind)
        self._postbag.put(delivery)
        self.on_room()
        return delivery

    def again(self, delivery: Delivery, *, same_sequence: bool = False, bind: str | None = None) -> Delivery:
        """Bring the identical PDU once more, as carriers do when an answer is late; return the new delivery."""
        return self.deliver(delivery.pdu, sequence=delivery.sequence if same_sequence else None, bind=bind)

    def receipt(self, submitted: Submitted, stat: str = "DELIVRD", err: str = "000") -> Delivery:
        """Send a receipt for a message, whether it asked for one or not."""
        return self.deliver(receipt_pdu(submitted, stat, self._clock.wall(), err))

    # Binds.

    @property
    def binds(self) -> list[Link]:
        """The connections that are bound, oldest first."""
        return [link for link in self.links.values() if link.session.bound]

    def link(self, bind: str | None = None) -> Link:
        """Return the connection of that name, or the latest; raise SimulatorError where there is none."""
        name = next(reversed(self.links), "") if bind is None else bind
        if name not in self.links:
            known = ", ".join(self.links) or "none"
            raise SimulatorError(
                f"there is no connection {name!r}; there are: {known}" if name else "nobody is connected"
            )
        return self.links[name]

    async def enquire_link(self, bind: str | None = None) -> bool:
        """Check a link; say whether it was answered."""
        probe = self.link(bind).enquire()
        await probe.done.wait()
        return probe.answered is True

    def cut(self, *, abort: bool = False) -> int:
        """Cut every connection; return how many."""
        links = list(self.links.values())
        for link in links:
            link.cut(abort=abort)
        return len(links)

    async def unbind(self, grace_s: float = 1.0) -> None:
        """Unbind from everybody, and wait until they are gone, ``grace_s`` at most: how a carrier stops politely."""
        for link in self.binds:
            link.unbind()
        with trio.move_on_after(grace_s):
            await self.until(lambda carrier: not carrier.links)

    # What is seen.

    @property
    def waiting(self) -> int:
        """How many deliver_sm wait for a bind that can take them."""
        return len(self._postbag)

    @property
    def arrivals(self) -> trio.MemoryReceiveChannel[Arrived]:
        """The texts as they arrive; if nobody reads them, the oldest are forgotten."""
        return self._arrivals_out

    def watch(self, watcher: Callable[[Happening], None]) -> Callable[[], None]:
        """Call ``watcher`` with everything that happens from now on; the returned function ends it."""
        self._watchers.append(watcher)
        return partial(self._watchers.remove, watcher)

    async def until(self, condition: Callable[[SimulatedCarrier], bool]) -> None:
        """Wait until ``condition(carrier)`` holds; it is asked again after everything that happens."""
        while not condition(self):
            await self._changed.wait()

    async def wait_bound(self, count: int = 1) -> None:
        """Wait until ``count`` binds are up."""
        await self.until(lambda carrier: len(carrier.binds) >= count)

    def _happened(self, happening: Happening) -> None:
        for watcher in tuple(self._watchers):
            watcher(happening)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    # Hooks of the links.

    def judge_bind(self, link: Link, bind: Bind) -> int:
        """See ``Hooks``."""
        status = self.manners.refuse_binds
        if not status and self._system_id not in (None, bind.system_id):
            status = Status.ESME_RINVSYSID
        if not status and self._password not in (None, bind.password):
            status = Status.ESME_RINVPASWD
        if status:
            self._happened(BindRefused(link.name, bind.system_id, status))
        return status

    def on_bound(self, link: Link, bind: Bind) -> None:
        """See ``Hooks``."""
        self._happened(BindUp(link.name, bind.system_id, link.mode))

    def on_submit(self, link: Link, sequence: int, pdu: SubmitSm | DataSm) -> None:
        """See ``Hooks``: note it, and answer as the manners say."""
        self._submits += 1
        answer = self.manners.answer_submit(self._submits, pdu.destination_addr)
        message_id = "" if answer.status else f"{next(self._message_ids):010}"
        now, command = self._clock.wall(), pdu.command_id
        submitted = Submitted(link.name, sequence, as_submit(pdu), message_id, answer.status, now, command)
        self.submitted.append(submitted)
        self._later(answer.delay_s, lambda: self._answer_submit(link, submitted, answer))
        self._happened(submitted)
        if not answer.status and (arrived := self._inbox.take(submitted)):
            self.arrived.append(arrived)
            self._hand_out(arrived)
            self._happened(arrived)

    def _answer_submit(self, link: Link, submitted: Submitted, answer: Answer) -> None:
        if answer.respond:
            link.answer_submit(submitted)
        stat = self.manners.receipt(submitted.pdu.registered_delivery, submitted.subscriber)
        if not answer.status and stat:
            self._later(self.manners.receipt_delay_s, lambda: self._send_receipt(submitted, stat))

    def _send_receipt(self, submitted: Submitted, stat: str) -> None:
        self.receipt(submitted, stat, "000" if stat == "DELIVRD" else "001")

    def _hand_out(self, arrived: Arrived) -> None:
        try:
            self._arrivals_in.send_nowait(arrived)
        except trio.WouldBlock:
            self._arrivals_out.receive_nowait()
            self._arrivals_in.send_nowait(arrived)

    def on_answer(self, delivery: Delivery, status: int) -> None:
        """See ``Hooks``."""
        self._postbag.answered(delivery, status, self.on_room)

    def on_stray(self, link: Link, command_id: int, sequence: int, status: int) -> None:
        """See ``Hooks``."""
        self._happened(Answered(link.name, command_id, sequence, status))

    def on_no_tls(self, link: Link, reason: str) -> None:
        """See ``Hooks``."""
        self._happened(TlsFailed(link.name, reason))

    def on_room(self) -> None:
        """See ``Hooks``."""
        self._postbag.send(tuple(self.links.values()))
        self._wake()

    def on_end(self, link: Link, reason: str, unanswered: Sequence[Delivery]) -> None:
        """See ``Hooks``."""
        self.links.pop(link.name, None)
        self._postbag.unanswered(unanswered)
        if link.mode:
            self._happened(BindDown(link.name, reason))
        self.on_room()

    def _later(self, after_s: float, action: Callable[[], None]) -> None:
        if after_s <= 0 or self._tasks is None:
            action()
        else:
            self._tasks.start_soon(_at, trio.current_time() + after_s, action)


async def _at(due: float, action: Callable[[], None]) -> None:
    await trio.sleep_until(due)
    action()


def port_of(listeners: Sequence[trio.SocketListener]) -> int:
    """Return the port that is listened on."""
    port: int = listeners[0].socket.getsockname()[1]
    return port


async def verdict(posted: Sequence[Delivery]) -> int | None:
    """Wait for all parts of a text; return the first status that is not 0 (None: one was given up), else 0."""
    statuses = [await delivery.wait() for delivery in posted]
    return next((status for status in statuses if status != 0), 0)
