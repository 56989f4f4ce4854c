"""One connection of a loading carrier: octets in, octets out, with no more work than a PDU needs.

A carrier under which a gateway shall be measured must never be what is slow, so PDUs are laid and read here octet by
octet, in a handful of operations each, and not by the session machine. It takes what a well-behaved ESME sends;
everything else is for the other simulator. SMPP 3.4: section 4.1 (bind), 4.4 (submit_sm), 4.6 (deliver_sm).
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, Protocol

from gateway.simulator.load_plan import BROADCAST, TEXTS, LoadPlan
from gateway.smpp.constants import CommandId, Status

_HEADER: Final = struct.Struct(">IIII")
_SIZE: Final = _HEADER.size
_RESPONSE: Final = 0x80000000
_SUBMIT: Final = int(CommandId.SUBMIT_SM)
_DELIVER: Final = int(CommandId.DELIVER_SM)
_DELIVERED: Final = _DELIVER | _RESPONSE
_BINDS: Final = frozenset(
    int(command) for command in (CommandId.BIND_RECEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_TRANSCEIVER)
)
_ALONE: Final = frozenset({int(CommandId.ENQUIRE_LINK), int(CommandId.UNBIND)})
_CHUNK: Final = 1 << 18
_BEFORE: Final = b"\0\1\1"  # service_type, source_addr_ton, source_addr_npi
_DIGITS: Final = 11
_RTHROTTLED: Final = int(Status.ESME_RTHROTTLED)


class Traffic(Protocol):
    """Who is told what came over a connection."""

    def acked(self, sequence: int, status: int, now: float) -> None:
        """A deliver_sm_resp came."""
        ...

    def submitted(self, number: bytes, *, broadcast: bool, left: float, now: float) -> int:
        """A submit_sm came; return the status of its response."""
        ...

    def bound(self, link: Link) -> None:
        """The other side has bound."""
        ...


def tails(line: str) -> tuple[bytes, ...]:
    """Return what follows the subscriber's digits in a deliver_sm, for each of ``TEXTS``."""
    return tuple(
        b"\0\3\0" + line.encode() + b"\0" + bytes(9) + bytes((len(text),)) + text for text in TEXTS
    )  # fmt: skip


class Link:
    """A connection that was taken. Nothing blocks; ``flush`` whenever something may be written."""

    def __init__(self, taken: socket.socket, plan: LoadPlan, traffic: Traffic) -> None:
        taken.setblocking(False)
        self.socket = taken
        self.over = self.ending = False
        self.delay_s = plan.rtt_s
        self._asks = plan.broadcast > 0
        self._traffic = traffic
        self._sequence = 0
        self._ids = 0
        self._out = bytearray()
        self._buffer = b""
        self._travelling: deque[tuple[float, float, bytes]] = deque()
        self._tails = tails(plan.line)
        self._lengths = [_SIZE + len(_BEFORE) + _DIGITS + len(tail) for tail in self._tails]

    @property
    def writes(self) -> bool:
        """Whether octets wait to be written."""
        return bool(self._out) and not self.over

    def deliver(self, number: bytes, text: int) -> int:
        """Lay a deliver_sm; return its sequence number."""
        self._sequence = sequence = self._sequence % 0x7FFFFFFF + 1
        self._out += _HEADER.pack(self._lengths[text], _DELIVER, 0, sequence) + _BEFORE + number + self._tails[text]
        return sequence

    def flush(self) -> None:
        """Write what can be written now."""
        if not self._out or self.over:
            return
        try:
            del self._out[: self.socket.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if self.ending and not self._out:
            with suppress(OSError):  # the other side may have gone first
                self.socket.shutdown(socket.SHUT_WR)

    def read(self, now: float) -> None:
        """Read what there is. It is looked at once it has travelled for ``delay_s``."""
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif not self.ending:
            due = now + self.delay_s
            if self._travelling:
                due = max(due, self._travelling[-1][0])
            self._travelling.append((due, now, data))

    def arrivals(self, now: float) -> Iterator[tuple[float, bytes]]:
        """Yield what has arrived by now, with when it was read."""
        while self._travelling and self._travelling[0][0] <= now and not self.over:
            yield self._travelling.popleft()[1:]

    def next_at(self) -> float | None:
        """Return when the next octets arrive, None if none travel."""
        return self._travelling[0][0] if self._travelling and not self.over else None

    def end(self) -> None:
        """End as a carrier does that restarts: all that was said arrives, nothing more is heard."""
        self.ending = True
        self._travelling.clear()
        if not self._out:
            with suppress(OSError):  # the other side may have gone first
                self.socket.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Break the connection: what is under way either way is lost."""
        with suppress(OSError):  # it is gone, then
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close it."""
        self.over = True
        self.socket.close()

    def take(self, data: bytes, left: float, now: float) -> None:
        """Take octets that arrived: answer each PDU, and tell the traffic."""
        buffer = self._buffer + data if self._buffer else data
        at, end, unpack, traffic = 0, len(buffer), _HEADER.unpack_from, self._traffic
        while end - at >= _SIZE:
            length, command, status, sequence = unpack(buffer, at)
            if end - at < length:
                break
            if command == _DELIVERED:
                traffic.acked(sequence, status, now)
            elif command == _SUBMIT:
                self._submit(buffer, at + _SIZE, sequence, left, now)
            elif command in _BINDS:
                self._out += _HEADER.pack(_SIZE + 5, command | _RESPONSE, 0, sequence) + b"load\0"
                traffic.bound(self)
            elif command in _ALONE:
                self._out += _HEADER.pack(_SIZE, command | _RESPONSE, 0, sequence)
                self.ending = self.ending or command == CommandId.UNBIND
            at += max(length, _SIZE)
        self._buffer = buffer[at:]

    def _submit(self, buffer: bytes, at: int, sequence: int, left: float, now: float) -> None:
        find: Callable[[bytes, int], int] = buffer.index
        at = find(b"\0", find(b"\0", at) + 3) + 3
        end = find(b"\0", at)
        broadcast = False
        if self._asks:
            # esm_class, protocol_id, priority_flag; two times; four octets and sm_length; the text.
            text = find(b"\0", find(b"\0", end + 4) + 1) + 6
            broadcast = buffer.startswith(BROADCAST, text)
        status = self._traffic.submitted(buffer[at:end], broadcast=broadcast, left=left, now=now)
        if status:
            self._out += _HEADER.pack(_SIZE, _SUBMIT | _RESPONSE, status, sequence)
            return
        self._ids += 1
        id_ = b"%x\0" % self._ids
        self._out += _HEADER.pack(_SIZE + len(id_), _SUBMIT | _RESPONSE, 0, sequence) + id_
