"""A carrier that forgets nothing: it keeps each text until it is acked, brings it again, and writes down what it saw.

It is laid by hand on ``tests.kit.raw_smsc`` and shares no code with the gateway. One session at a time, and what a
session had in its stream is read to the end before the next one is answered: so ``record`` has everything in the order
in which it was on the wire, over all lives of the daemon.
"""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

import trio

from tests.kit.raw_smsc import BINDS, DELIVER, ENQUIRE, RESP, SUBMIT, UNBIND, Pdu, message, pdu

PATIENCE_S: Final = 60
TEMPORARY: Final = 0x64
"""ESME_RX_T_APPN."""
AGAIN_S: Final = 0.02
"""How soon a text that was put off is brought again."""


@dataclass(eq=False)
class Text:
    """A text (or part, or receipt) on its way to the gateway: ``sequences`` under which it was brought, the
    ``statuses`` that it was answered with."""

    source: str
    text: str
    body: bytes
    kind: Literal["text", "part", "receipt"] = "text"
    statuses: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    in_flight: int = 0

    @property
    def acked(self) -> bool:
        return 0 in self.statuses


@dataclass
class Cut:
    """Where a session ends: once so many octets in all were sent, or read. ``abrupt``: by a reset."""

    sent: int | None = None
    read: int | None = None
    abrupt: bool = False
    done: bool = False


@dataclass(frozen=True)
class Submit:
    """A submit_sm that was read whole: ``number`` of ``total`` parts under ``reference``; ``id`` is our answer."""

    subscriber: str
    text: str
    reference: int
    number: int
    total: int
    id: str


@dataclass(frozen=True)
class Event:
    """A line of the record: we sent a text, its answer came, a submit_sm came, a session began or ended."""

    what: Literal["sent", "answered", "submit", "bound", "ended"]
    text: Text | None = None
    status: int = 0
    submit: Submit | None = None


class Carrier:
    """See above. While ``mute``, submit_sm are not answered; ``release`` answers those of the open session."""

    def __init__(self) -> None:
        self.record: list[Event] = []
        self.texts: list[Text] = []
        self.mute = False
        self.port = 0
        self.cut = Cut()
        """Where the next session ends."""
        self._ids = itertools.count(1)
        self._sequences = itertools.count(1)
        self._changed = trio.Event()
        self._session: Session | None = None
        self._one = trio.Lock()

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take connections until cancelled."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._connected, listeners)

    async def _connected(self, stream: trio.SocketStream) -> None:
        async with self._one:
            cut, self.cut = self.cut, Cut()
            self._session = session = Session(self, stream, cut)
            try:
                await session.run()
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            self._session = None
            self.note(Event("ended"))

    def post(self, *texts: Text) -> None:
        """Have texts brought, those that are given together in one go."""
        self.texts += texts
        if self._session is not None:
            self._session.wake.set()

    def release(self) -> None:
        """Answer what waited, and from now on all that comes."""
        self.mute = False
        if self._session is not None:
            self._session.wake.set()

    async def hang_up(self) -> None:
        """End the open session, if there is one."""
        if self._session is not None:
            await self._session.hang_up()

    def note(self, event: Event) -> None:
        """Write a line of the record."""
        self.record.append(event)
        self._changed.set()
        self._changed = trio.Event()

    def next_id(self) -> str:
        return f"id{next(self._ids)}"

    def next_sequence(self) -> int:
        return next(self._sequences)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until ``condition`` holds; it is asked whenever the record grows."""
        with trio.move_on_after(PATIENCE_S) as waited:
            while not condition():
                await self._changed.wait()
        assert not waited.cancelled_caught, f"waited in vain for {what}"

    def submits(self) -> Iterable[Submit]:
        """Return what came from the gateway, in order."""
        return (event.submit for event in self.record if event.submit is not None)

    def whole(self, subscriber: str) -> list[str]:
        """Return the texts to a number of which every part has come, in the order of their last parts."""
        found: list[str] = []
        parts: dict[tuple[int, int], dict[int, str]] = {}
        for submit in self.submits():
            if submit.subscriber != subscriber:
                continue
            if submit.total == 1:
                found.append(submit.text)
                continue
            held = parts.setdefault((submit.reference, submit.total), {})
            if submit.number not in held:
                held[submit.number] = submit.text
                if len(held) == submit.total:
                    found.append("".join(held[number] for number in sorted(held)))
        return found


class Session:
    """One connection of the gateway's."""

    def __init__(self, carrier: Carrier, stream: trio.SocketStream, cut: Cut) -> None:
        self.wake = trio.Event()
        self._carrier = carrier
        self._stream = stream
        self._cut = cut
        self._bound = False
        self._flying: dict[int, Text] = {}
        self._unanswered: list[tuple[int, Submit]] = []
        self._saying = trio.Lock()

    async def run(self) -> None:
        """Read to the end."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._bring)
                await self._read(nursery)
                nursery.cancel_scope.cancel()
        finally:
            for text in self._flying.values():
                text.in_flight -= 1

    async def _read(self, nursery: trio.Nursery) -> None:
        held = b""
        while chunk := await self._stream.receive_some(self._cut.read or 65_536):
            held += bytes(chunk)
            if self._cut.read is not None:
                self._cut.read -= len(chunk)
            out = b""
            while len(held) >= 16 and len(held) >= (size := int.from_bytes(held[:4], "big")):
                command, status, sequence = struct.unpack_from(">III", held, 4)
                out += self._take(Pdu(command, status, sequence, held[16:size]), nursery)
                held = held[size:]
            await self._say(out)
            if self._cut.read == 0:
                self._cut.done = True
                await self.hang_up()
                return

    async def _say(self, octets: bytes) -> None:
        """Send, as long as the other side hears; what it said before it went is still read."""
        async with self._saying:
            if self._cut.sent is not None:
                octets = octets[: self._cut.sent]
                self._cut.sent -= len(octets)
            if octets:
                try:
                    await self._stream.send_all(octets)
                except trio.BrokenResourceError:
                    self._bound = False
            if self._cut.sent == 0:
                self._cut.done = True
                await self.hang_up()

    async def hang_up(self) -> None:
        """End the connection."""
        if self._cut.abrupt and self._stream.socket.fileno() >= 0:
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self._stream)

    async def _bring(self) -> None:
        """Bring what is not acked, whenever there is something."""
        while True:
            await self.wake.wait()
            self.wake = trio.Event()
            if not self._bound:
                continue
            out = b""
            for text in self._carrier.texts:
                if not text.acked and not text.in_flight:
                    out += self._brought(text)
            if not self._carrier.mute:
                waiting, self._unanswered = self._unanswered, []
                out += b"".join(self._answer(sequence, submit) for sequence, submit in waiting)
            await self._say(out)

    def _brought(self, text: Text) -> bytes:
        sequence = self._carrier.next_sequence()
        self._flying[sequence] = text
        text.sequences.append(sequence)
        text.in_flight += 1
        self._carrier.note(Event("sent", text))
        return pdu(DELIVER, sequence, text.body)

    def _take(self, came: Pdu, nursery: trio.Nursery) -> bytes:
        if came.command in BINDS:
            self._bound = True
            self._carrier.note(Event("bound"))
            self.wake.set()
            return pdu(came.command | RESP, came.sequence, b"SMSC\0")
        if came.command in (ENQUIRE, UNBIND):
            return pdu(came.command | RESP, came.sequence)
        if came.command == SUBMIT:
            return self._submitted(came)
        if came.command == DELIVER | RESP and (text := self._flying.pop(came.sequence, None)) is not None:
            text.in_flight -= 1
            text.statuses.append(came.status)
            self._carrier.note(Event("answered", text, came.status))
            if came.status:
                nursery.start_soon(self._later)
        return b""

    async def _later(self) -> None:
        await trio.sleep(AGAIN_S)
        self.wake.set()

    def _submitted(self, came: Pdu) -> bytes:
        submit = read_submit(came.body, self._carrier.next_id())
        self._carrier.note(Event("submit", submit=submit))
        if self._carrier.mute:
            self._unanswered.append((came.sequence, submit))
            return b""
        return self._answer(came.sequence, submit)

    def _answer(self, sequence: int, submit: Submit) -> bytes:
        """Accept a message; its receipt follows in the same breath."""
        answer = pdu(SUBMIT | RESP, sequence, submit.id.encode() + b"\0")
        if submit.number == submit.total:
            told = receipt(submit)
            self._carrier.texts.append(told)
            answer += self._brought(told)
        return answer


def read_submit(body: bytes, id_: str) -> Submit:
    """Read the body of a submit_sm (SMPP 3.4 section 4.4.1)."""
    at = body.index(0) + 3
    at = body.index(0, at) + 3
    end = body.index(0, at)
    subscriber = body[at:end].decode()
    esm_class = body[end + 1]
    at = end + 4
    at = body.index(0, at) + 1  # schedule_delivery_time
    at = body.index(0, at) + 1  # validity_period
    coding, length = body[at + 2], body[at + 4]
    data = body[at + 5 : at + 5 + length]
    reference, number, total = 0, 1, 1
    if esm_class & 0x40:
        header, data = data[1 : 1 + data[0]], data[1 + data[0] :]
        reference, total, number = header[2], header[3], header[4]
        assert header[:2] == b"\0\3", "a concatenation header with a reference of 8 bits"
    text = data.decode("utf-16-be") if coding == 8 else data.decode("ascii")
    return Submit(subscriber, text, reference, number, total, id_)


def text(source: str, said: str) -> Text:
    """Make a text."""
    return Text(source, said, message(said.encode(), source=source.encode()))


def long_text(source: str, said: str, reference: int, order: Iterable[int], size: int = 153) -> list[Text]:
    """Make the parts of a long text, in the order in which they are brought."""
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    return [
        Text(
            source,
            said,
            message(
                bytes((5, 0, 3, reference, len(pieces), number)) + pieces[number - 1].encode(),
                source=source.encode(),
                esm=0x40,
            ),
            "part",
        )
        for number in order
    ]


def receipt(submit: Submit) -> Text:
    """Make the delivery receipt of a submit_sm."""
    said = f"id:{submit.id} sub:001 dlvrd:001 submit date:2611220000 done date:2611220001 stat:DELIVRD err:000 text:x"
    body = message(said.encode(), source=submit.subscriber.encode(), esm=0x04)
    return Text(submit.subscriber, said, body, "receipt")
