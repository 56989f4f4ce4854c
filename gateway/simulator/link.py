"""One connection of an ESME to the simulated carrier: a TCP stream, and a session machine in the SMSC's role.

Owns moving octets between the two, the session's timers, and ending: however a connection ends, the session's Closed
event is handled once, so that nothing which was under way is forgotten. What to answer is the carrier's decision
(``Hooks``). Reading can be stopped and sending cut after a number of octets, because that is what networks do.

The session's steady clock is Trio's, so a test that runs under a mock clock owns these timers, too.
"""

from __future__ import annotations

import math
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Final, Protocol

import trio

from gateway.simulator.deliveries import Delivery
from gateway.simulator.happenings import Submitted
from gateway.simulator.tls import shake_hands
from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.pdu import Bind, DataSm, DataSmResp, EnquireLink, SubmitSm, SubmitSmResp
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.states import Role, State

_CHUNK: Final = 65_536
_FLUSH_S: Final = 1.0
_RST: Final = struct.pack("ii", 1, 0)
_LEFT_TO_US: Final = frozenset({CommandId.SUBMIT_SM, CommandId.DATA_SM})
_REFUSALS: Final[dict[int, int]] = {
    CommandId.QUERY_SM: Status.ESME_RQUERYFAIL,
    CommandId.CANCEL_SM: Status.ESME_RCANCELFAIL,
    CommandId.REPLACE_SM: Status.ESME_RREPLACEFAIL,
    CommandId.SUBMIT_MULTI: Status.ESME_RSUBMITFAIL,
}
"""What an ESME may ask and this carrier does not do, with the status that says so."""
_MODES: Final = {State.BOUND_TRX: "transceiver", State.BOUND_RX: "receiver", State.BOUND_TX: "transmitter"}


class Probe:
    """An enquire_link of ours under way: ``answered`` is True, False, or None while nobody knows."""

    def __init__(self) -> None:
        self.answered: bool | None = None
        self.done = trio.Event()

    def settle(self, *, answered: bool) -> None:
        """Note the end of it."""
        self.answered = answered
        self.done.set()


class Hooks(Protocol):
    """What a link asks and tells its carrier; all synchronous."""

    def judge_bind(self, link: Link, bind: Bind) -> int:
        """Return the status that answers a bind; 0 accepts it."""
        ...

    def on_bound(self, link: Link, bind: Bind) -> None:
        """The bind was accepted and answered."""
        ...

    def on_submit(self, link: Link, sequence: int, pdu: SubmitSm | DataSm) -> None:
        """A message came; answer it with ``link.answer_submit``, or not."""
        ...

    def on_answer(self, delivery: Delivery, status: int) -> None:
        """A deliver_sm was answered."""
        ...

    def on_stray(self, link: Link, command_id: int, sequence: int, status: int) -> None:
        """An answer came to what was written raw, or to nothing."""
        ...

    def on_no_tls(self, link: Link, reason: str) -> None:
        """The two could not agree to speak TLS; the connection is over."""
        ...

    def on_room(self) -> None:
        """A slot of a window may be free."""
        ...

    def on_end(self, link: Link, reason: str, unanswered: Sequence[Delivery]) -> None:
        """The connection is over; these were sent and never answered, oldest first."""
        ...


class Link:
    """One connection, over TLS with ``tls``. ``name`` is unique in its carrier's life."""

    def __init__(
        self,
        name: str,
        stream: trio.SocketStream,
        hooks: Hooks,
        options: SessionOptions,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.system_id = ""
        self.mode = ""
        self.session = Session(Role.SMSC, options, trio.current_time())
        self._socket = stream
        self._stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = stream
        if tls is not None:
            self._stream = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        self._hooks = hooks
        self._outbox = bytearray()
        self._wake = trio.Event()
        self._scope = trio.CancelScope()
        self._tasks: trio.Nursery | None = None
        self._resumed: trio.Event | None = None
        self._sent_left: int | None = None
        self._received_left: int | None = None
        self._abort = False
        self._expired: list[Delivery] = []
        self._outside: dict[int, Delivery] = {}

    def __repr__(self) -> str:
        return f"<Link {self.name} {self.system_id or '-'} {self.mode or 'unbound'}>"

    async def run(self) -> None:
        """Serve the connection until it ends. Raises nothing but Trio's Cancelled."""
        try:
            if isinstance(self._stream, trio.SSLStream) and (failure := await shake_hands(self._stream)):
                self._hooks.on_no_tls(self, failure)
                return
            async with trio.open_nursery() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._receive)
                await self._send()
                tasks.cancel_scope.cancel()
        finally:
            self._finish("the carrier stopped")
            if self._abort:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            await trio.aclose_forcefully(self._stream)

    # What the carrier may do with it.

    @property
    def can_deliver(self) -> bool:
        """Whether a deliver_sm may go out now: bound as one that receives, and the window has room."""
        return self.session.can_send and self.session.free > 0

    def deliver(self, delivery: Delivery) -> None:
        """Send a deliver_sm; needs ``can_deliver``. Its answer, or its loss, is told to the hooks."""
        delivery.attempts += 1
        pdu = delivery.pdu_for(self.session.peer_version)
        if delivery.forced and delivery.sequence is not None:
            self._outside[delivery.sequence] = delivery
            self.write(encode(pdu, delivery.sequence))
        else:
            data = self.session.request(pdu, trio.current_time(), delivery)
            delivery.sequence = int.from_bytes(data[12:16], "big")
            self.write(data)

    def answer_submit(self, submitted: Submitted) -> None:
        """Send the response to a message; harmless if the connection has ended meanwhile."""
        if not self.session.closed:
            make = DataSmResp if submitted.command_id == CommandId.DATA_SM else SubmitSmResp
            pdu = None if submitted.status else make(message_id=submitted.message_id)
            now = trio.current_time()
            self.write(self.session.respond(submitted.command_id, submitted.sequence, now, submitted.status, pdu))

    def enquire(self) -> Probe:
        """Send an enquire_link."""
        probe = Probe()
        self.write(self.session.request(EnquireLink(), trio.current_time(), probe))
        return probe

    def unbind(self) -> None:
        """Send unbind; the connection ends when it is answered, or not in time."""
        self.write(self.session.unbind(trio.current_time()))

    def write(self, octets: bytes) -> None:
        """Send any octets, sensible or not."""
        self._outbox += octets
        self._wake.set()
        self._scope.deadline = self._deadline()

    def stop_reading(self) -> None:
        """Leave what the ESME sends in the kernel's buffers, and let the session's timers rest."""
        if self._resumed is None:
            self._resumed = trio.Event()
            self._scope.cancel()

    def resume_reading(self) -> None:
        """Read on."""
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None

    def cut(self, *, abort: bool = False) -> None:
        """End the connection now, without unbind; ``abort`` with RST instead of FIN. Unsent octets are lost."""
        self._abort = abort
        self._outbox.clear()
        self._finish("the carrier cut the connection")
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def cut_after(self, *, sent: int | None = None, received: int | None = None) -> None:
        """End the connection after that many more octets to the ESME, or from it; None sets no limit."""
        self._sent_left = sent
        self._received_left = received

    # How it runs.

    def _deadline(self) -> float:
        due = self.session.next_deadline()
        return math.inf if due is None else due

    async def _receive(self) -> None:
        while not self.session.closed:
            if self._resumed is not None:
                await self._resumed.wait()
                continue
            data: bytes | None = None
            with trio.CancelScope(deadline=self._deadline()) as self._scope:
                try:
                    data = bytes(await self._stream.receive_some(_CHUNK))
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._finish("the connection broke")
            self._take(data)
        self._wake.set()
        if self._tasks is not None:
            self._tasks.cancel_scope.deadline = trio.current_time() + _FLUSH_S

    def _take(self, data: bytes | None) -> None:
        """Let the session read ``data``; None only lets the time pass, b"" is the end of the stream."""
        now = trio.current_time()
        cut = False
        if data and self._received_left is not None:
            data = data[: self._received_left]
            self._received_left -= len(data)
            cut = self._received_left == 0
        if data is None:
            events = self.session.tick(now)
        elif data:
            events = self.session.receive(data, now)
        else:
            events = self.session.eof(now)
        for event in events:
            self._on(event)
        self.write(self.session.outgoing())
        if cut:
            self.cut()
        self._hooks.on_room()

    async def _send(self) -> None:
        try:
            while self._outbox or not self.session.closed:
                await self._wake.wait()
                self._wake = trio.Event()
                while self._outbox:
                    size = _CHUNK if self._sent_left is None else min(_CHUNK, self._sent_left)
                    chunk = bytes(self._outbox[:size])
                    del self._outbox[:size]
                    if self._sent_left is not None:
                        self._sent_left -= len(chunk)
                    await self._stream.send_all(chunk)
                    if self._sent_left == 0:
                        self.cut()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._finish("the connection broke")

    def _finish(self, reason: str) -> None:
        for event in self.session.close(reason):
            self._on(event)

    def _on(self, event: ev.Event) -> None:
        now = trio.current_time()
        match event:
            case ev.BindRequested(frame) if isinstance(frame.pdu, Bind):
                self._answer_bind(frame.pdu, frame.sequence)
            case ev.Request(frame) if isinstance(frame.pdu, SubmitSm | DataSm):
                self._hooks.on_submit(self, frame.sequence, frame.pdu)
            case ev.Request(frame):
                refusal = _REFUSALS[frame.command_id]
                self.write(self.session.respond(frame.command_id, frame.sequence, now, refusal))
            case ev.Malformed(command_id, sequence, status) if command_id in _LEFT_TO_US:
                self.write(self.session.respond(command_id, sequence, now, status))
            case ev.Response(frame, token) | ev.LateResponse(frame, token) | ev.Nacked(frame, token):
                self._on_response(token, frame.status)
            case ev.UnexpectedResponse(frame):
                expected = frame.command_id == CommandId.DELIVER_SM_RESP
                delivery = self._outside.pop(frame.sequence, None) if expected else None
                if delivery is not None:
                    self._hooks.on_answer(delivery, frame.status)
                else:
                    self._hooks.on_stray(self, frame.command_id, frame.sequence, frame.status)
            case ev.Expired(token):
                self._on_expired(token)
            case ev.Closed(reason, lost):
                for token in lost:
                    self._on_expired(token)
                unanswered = [*self._expired, *self._outside.values()]
                self._hooks.on_end(self, reason, [one for one in unanswered if not one.settled])
            case _:
                pass  # refusals of the session's own, and the steps of an unbind: Closed follows

    def _answer_bind(self, pdu: Bind, sequence: int) -> None:
        now = trio.current_time()
        status = self._hooks.judge_bind(self, pdu)
        if status:
            self.write(self.session.refuse_bind(sequence, now, status))
            return
        self.system_id = pdu.system_id
        self.write(self.session.accept_bind(sequence, now, "simulator"))
        self.mode = _MODES[self.session.state]
        self._hooks.on_bound(self, pdu)

    def _on_response(self, token: object, status: int) -> None:
        if isinstance(token, Delivery):
            if token in self._expired:
                self._expired.remove(token)
            self._hooks.on_answer(token, status)
        elif isinstance(token, Probe):
            token.settle(answered=True)

    def _on_expired(self, token: object) -> None:
        if isinstance(token, Delivery):
            self._expired.append(token)
        elif isinstance(token, Probe):
            token.settle(answered=False)
