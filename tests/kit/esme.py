"""A plain ESME for tests: a TCP stream and our codec, no session machine, so that it can be as rude as a test wants.

It answers nothing by itself. ``bind`` and ``submit`` wait for their own response and keep whatever else comes for
``next``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from gateway.smpp.codec import decode, encode
from gateway.smpp.constants import CommandId
from gateway.smpp.framing import Framer
from gateway.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    Frame,
    Pdu,
    SubmitSm,
    SubmitSmResp,
)

PASSWORD = "secret"
BINDS = {"transceiver": BindTransceiver, "receiver": BindReceiver, "transmitter": BindTransmitter}


class Esme:
    """One connection, not bound yet."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.sequence = 0
        self._framer = Framer()
        self._frames: deque[Frame] = deque()

    async def send(self, pdu: Pdu, *, sequence: int | None = None, status: int = 0) -> int:
        """Send a PDU, under the next sequence number if none is given; return that number."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        await self.stream.send_all(encode(pdu, sequence, status))
        return sequence

    async def next(self) -> Frame | None:
        """Return the next PDU; None once the carrier has closed."""
        while not self._frames:
            try:
                data = await self.stream.receive_some()
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self._frames.extend(decode(one) for one in self._framer.feed(data))
        return self._frames.popleft()

    async def response(self, command_id: CommandId) -> Frame:
        """Return the next PDU of this command; those before it stay for ``next``."""
        kept: list[Frame] = []
        while (frame := await self.next()) is not None:
            if frame.command_id == command_id:
                self._frames.extendleft(reversed(kept))
                return frame
            kept.append(frame)
        raise AssertionError(f"the carrier closed before {command_id.name} came")

    async def bind(self, mode: str = "transceiver", system_id: str = "demo", password: str = PASSWORD) -> int:
        """Bind; return the status."""
        make = BINDS[mode]
        await self.send(make(system_id=system_id, password=password))
        return (await self.response(CommandId(make.command_id | 0x80000000))).status

    async def submit(self, pdu: SubmitSm) -> tuple[int, str]:
        """Submit; return status and message id."""
        await self.send(pdu)
        frame = await self.response(CommandId.SUBMIT_SM_RESP)
        return frame.status, frame.pdu.message_id if isinstance(frame.pdu, SubmitSmResp) else ""

    async def delivered(self, *, status: int | None = 0) -> tuple[Frame, DeliverSm]:
        """Return the next deliver_sm, answered with ``status``; not at all with None."""
        frame = await self.response(CommandId.DELIVER_SM)
        assert isinstance(frame.pdu, DeliverSm)
        if status is not None:
            await self.send(DeliverSmResp(), sequence=frame.sequence, status=status)
        return frame, frame.pdu


@asynccontextmanager
async def esme(port: int, mode: str | None = "transceiver") -> AsyncIterator[Esme]:
    """Connect, and bind unless ``mode`` is None."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        one = Esme(stream)
        if mode is not None:
            assert await one.bind(mode) == 0
        yield one
