"""A relay between one of the two sides and a library that hides its socket: sees every PDU, can add and can cut.

It owns framing and nothing else: a PDU is a header and octets. Where a library has no call for a PDU, or gives its
caller no hold on the connection, the peer acts here, which is the socket as far as the other side can tell.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

OURS: Final = 0x7F000000
"""Sequence numbers from here on are those of PDUs that a peer adds; no library counts that far in a test."""
RESPONSE: Final = 0x80000000


class Seen(NamedTuple):
    """A PDU that passes. ``inbound``: from who connected; else from where the relay leads to."""

    connection: int
    inbound: bool
    command: int
    status: int
    sequence: int
    octets: bytes

    @property
    def added(self) -> bool:
        """Whether it answers a PDU that was added here."""
        return bool(self.command & RESPONSE) and self.sequence >= OURS


class Connection:
    """Both halves of one relayed connection. ``near`` is who connected, ``far`` where it leads to."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far

    def close(self) -> None:
        """Close both halves; what was written still goes out."""
        self.near.close()
        self.far.close()


class Wiretap:
    """Relays to ``target``. ``seen`` is told of every PDU; answers to added ones go no further."""

    def __init__(self, target: tuple[str, int], seen: Callable[[Seen], None], closed: Callable[[int], None]) -> None:
        self.connections: dict[int, Connection] = {}
        self._target = target
        self._seen = seen
        self._closed = closed
        self._numbers = itertools.count(1)
        self._sequences = itertools.count(OURS)

    async def listen(self) -> int:
        """Listen on a free port of 127.0.0.1, and return it."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def add(self, writer: asyncio.StreamWriter, command: int, body: bytes = b"") -> int:
        """Send a PDU of our own; return its sequence number."""
        sequence = next(self._sequences)
        writer.write(struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body)
        return sequence

    async def _connected(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        number = next(self._numbers)
        far_reader, far = await asyncio.open_connection(*self._target)
        connection = self.connections[number] = Connection(near, far)
        halves = [
            asyncio.create_task(self._relay(number, reader, far, inbound=True)),
            asyncio.create_task(self._relay(number, far_reader, near, inbound=False)),
        ]
        await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        connection.close()
        await asyncio.wait(halves)
        del self.connections[number]
        self._closed(number)

    async def _relay(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, inbound: bool
    ) -> None:
        try:
            while True:
                header = await reader.readexactly(16)
                size, command, status, sequence = struct.unpack(">IIII", header)
                octets = header + await reader.readexactly(size - 16)
                one = Seen(number, inbound, command, status, sequence, octets)
                self._seen(one)
                if not one.added:
                    writer.write(octets)
        except (asyncio.IncompleteReadError, OSError):
            return  # this half has ended; the other follows
