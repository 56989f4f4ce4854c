"""A carrier laid by hand, octet by octet: it shares no code with what it is played against, and keeps to no rule.

``listening`` gives a port; whoever connects is a ``RawBind``, taken with ``accept``. PDUs are made with ``pdu``,
``deliver`` and ``tlv``; anything else can be sent with ``send``.
"""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import trio

PATIENCE_S: Final = 25

GENERIC_NACK: Final = 0x80000000
SUBMIT, DELIVER, UNBIND, ENQUIRE, DATA = 0x04, 0x05, 0x06, 0x15, 0x103
RESP: Final = 0x80000000
BINDS: Final = {1: "receiver", 2: "transmitter", 9: "transceiver"}


class Pdu(NamedTuple):
    """A PDU as it came."""

    command: int
    status: int
    sequence: int
    body: bytes


class Submit(NamedTuple):
    """What a submit_sm says that these tests ask about."""

    sequence: int
    subscriber: str
    esm_class: int
    text: bytes


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0, length: int | None = None) -> bytes:
    """Lay a PDU; ``length`` lies about command_length."""
    return struct.pack(">IIII", 16 + len(body) if length is None else length, command, status, sequence) + body


def tlv(tag: int, value: bytes, length: int | None = None) -> bytes:
    """Lay a TLV; ``length`` lies."""
    return struct.pack(">HH", tag, len(value) if length is None else length) + value


def message(
    text: bytes = b"",
    *,
    source: bytes = b"12125550101",
    line: bytes = b"85700",
    ton: int = 1,
    esm: int = 0,
    coding: int = 0,
    length: int | None = None,
    service: bytes = b"",
    schedule: bytes = b"",
    validity: bytes = b"",
    odd: tuple[int, int, int] = (0, 0, 0),
    rest: bytes = b"",
) -> bytes:
    """Lay the body of a deliver_sm. ``odd``: priority, registered_delivery, default message id."""
    return (
        service + b"\0" + bytes((ton, 1)) + source + b"\0" + b"\0\0" + line + b"\0" + bytes((esm, 0, odd[0]))
        + schedule + b"\0" + validity + b"\0" + bytes((odd[1], 0, coding, odd[2]))
        + bytes((len(text) if length is None else length,)) + text + rest
    )  # fmt: skip


class RawBind:
    """One connection. ``submits`` are answered at once with ``status``; while ``mute``, they wait in ``open``.

    ``came`` is told of each submit. All that came is in ``seen``. Once ``reading`` is taken back, nothing more is read.
    """

    def __init__(self, stream: trio.SocketStream, ids: Callable[[], bytes]) -> None:
        self.stream = stream
        self.mode = ""
        self.seen: list[Pdu] = []
        self.submits: list[Submit] = []
        self.open: list[int] = []
        self._held = b""
        self.mute = False
        self.status = 0
        self.reading = True
        self.closed = trio.Event()
        self.came: Callable[[Submit], None] = lambda submit: None
        self._ids = ids
        self._changed = trio.Event()
        self._sending = trio.Lock()
        self._by_sequence: dict[int, list[Pdu]] = {}
        self._unanswered: list[Pdu] = []
        self._sequences = itertools.count(1_000)
        self._login = trio.Event()
        self._sequence_of_login = 0
        self._command_of_login = 0

    async def send(self, *octets: bytes) -> None:
        """Send octets, all in one go."""
        async with self._sending:
            await self.stream.send_all(b"".join(octets))

    async def login(self) -> None:
        """Wait for the bind request."""
        with trio.fail_after(PATIENCE_S):
            await self._login.wait()

    def bind_resp(self, body: bytes = b"SMSC\0", status: int = 0) -> bytes:
        """Lay the answer to the bind request."""
        return pdu(self._command_of_login | RESP, self._sequence_of_login, body, status)

    async def bound(self) -> None:
        """Take the bind."""
        await self.login()
        await self.send(self.bind_resp())

    def next(self) -> int:
        """Return a fresh sequence number."""
        return next(self._sequences)

    async def release(self, status: int = 0) -> None:
        """Answer what waits in ``open``, and all that comes from now on."""
        self.mute, self.status = False, status
        waiting, self.open = self.open, []
        await self.send(*(self._response(sequence) for sequence in waiting))

    def _response(self, sequence: int) -> bytes:
        return pdu(SUBMIT | RESP, sequence, b"" if self.status else self._ids() + b"\0", self.status)

    async def until(self, condition: Callable[[RawBind], bool], what: str = "") -> None:
        """Wait until ``condition`` holds; it is asked after everything that comes."""
        try:
            with trio.fail_after(PATIENCE_S):
                while not condition(self):
                    assert not self.closed.is_set(), f"the gateway closed the connection: {what}"
                    await self._changed.wait()
        except trio.TooSlowError:
            raise AssertionError(f"waited in vain for {what or condition}; last: {self.seen[-5:]}") from None

    def answers(self, sequence: int) -> list[Pdu]:
        """Return the responses that came under a sequence number (also those to numbers that we used twice)."""
        return self._by_sequence.get(sequence, [])

    async def answer(self, sequence: int, what: str = "") -> Pdu:
        """Wait for the response to a request of ours; return it."""
        await self.until(lambda bind: bool(bind.answers(sequence)), what or f"the answer to {sequence:#x}")
        return self.answers(sequence)[0]

    async def text(self, text: bytes, **how: object) -> Pdu:
        """Bring a text; return its answer."""
        sequence = self.next()
        await self.send(pdu(DELIVER, sequence, message(text, **how)))  # type: ignore[arg-type]
        return await self.answer(sequence, repr(text))

    def to(self, subscriber: str, after: Pdu | None = None) -> list[bytes]:
        """Return the texts that were submitted to a number, those behind ``after`` in the stream alone."""
        begin = 0 if after is None else self.seen.index(after)
        theirs = (_submit(came) for came in self.seen[begin:] if came.command == SUBMIT)
        return [submit.text for submit in theirs if submit.subscriber == subscriber]

    async def run(self) -> None:
        """Read until the gateway closes, or ``reading`` is taken back."""
        try:
            async with trio.open_nursery() as nursery:
                await self._read(nursery)
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        if self.reading:
            self.closed.set()
        self._tell()

    async def _read(self, nursery: trio.Nursery) -> None:
        while self.reading:
            data = await self.stream.receive_some(65_536)
            if not data:
                return
            held = self._held + data
            at = 0
            while len(held) - at >= 16 and len(held) - at >= (size := int.from_bytes(held[at : at + 4], "big")):
                command, status, sequence = struct.unpack_from(">III", held, at + 4)
                self._take(Pdu(command, status, sequence, held[at + 16 : at + size]))
                at += size
            self._held = held[at:]
            if answers := b"".join(self._replies()):
                nursery.start_soon(self.send, answers)  # what we bring may be on its way: go on reading
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _take(self, came: Pdu) -> None:
        self.seen.append(came)
        if came.command & RESP:
            self._by_sequence.setdefault(came.sequence, []).append(came)
        else:
            self._unanswered.append(came)
        if came.command in BINDS:
            self.mode = BINDS[came.command]
            self._command_of_login, self._sequence_of_login = came.command, came.sequence
            self._login.set()
        elif came.command == SUBMIT:
            self.submits.append(_submit(came))
            self.came(self.submits[-1])

    def _replies(self) -> list[bytes]:
        fresh, self._unanswered = self._unanswered, []
        out = []
        for came in fresh:
            if came.command in (ENQUIRE, UNBIND):
                out.append(pdu(came.command | RESP, came.sequence))
            elif came.command == SUBMIT and self.mute:
                self.open.append(came.sequence)
            elif came.command == SUBMIT:
                out.append(self._response(came.sequence))
        return out

    async def close(self) -> None:
        """Close the connection."""
        await self.stream.aclose()

    async def half_close(self) -> None:
        """Say that nothing more comes, and go on reading."""
        async with self._sending:
            await self.stream.send_eof()

    async def abort(self) -> None:
        """Reset the connection."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self.stream)


def _submit(came: Pdu) -> Submit:
    body = came.body
    at = body.index(0) + 3
    at = body.index(0, at) + 3
    end = body.index(0, at)
    esm = body[end + 1]
    at = body.index(0, end + 4) + 1
    at = body.index(0, at) + 1
    length = body[at + 4]
    return Submit(
        came.sequence, body[body.index(0, body.index(0) + 3) + 3 : end].decode(), esm, body[at + 5 :][:length]
    )


class RawSmsc:
    """The port. ``kernel_buffer`` (octets) narrows what the kernel takes for us."""

    def __init__(self) -> None:
        self.port = 0
        self.binds: list[RawBind] = []
        self._ids = itertools.count(1)
        self._come, self.taken = trio.open_memory_channel[RawBind](1_000)

    async def serve(self, kernel_buffer: int | None, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        if kernel_buffer:
            for listener in listeners:
                listener.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, kernel_buffer)
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._connected, listeners)

    async def _connected(self, stream: trio.SocketStream) -> None:
        bind = RawBind(stream, lambda: b"id%d" % next(self._ids))
        self.binds.append(bind)
        self._come.send_nowait(bind)
        await bind.run()
        if not bind.reading:
            await trio.sleep_forever()

    async def accept(self) -> RawBind:
        """Wait for the next connection."""
        with trio.fail_after(PATIENCE_S):
            return await self.taken.receive()

    async def bound(self) -> RawBind:
        """Wait for the next connection, and take its bind."""
        bind = await self.accept()
        await bind.bound()
        return bind


@asynccontextmanager
async def listening(kernel_buffer: int | None = None) -> AsyncIterator[RawSmsc]:
    """Serve while the block runs."""
    smsc = RawSmsc()
    async with trio.open_nursery() as nursery:

        async def start(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            await smsc.serve(kernel_buffer, task_status)

        await nursery.start(start)
        yield smsc
        nursery.cancel_scope.cancel()
