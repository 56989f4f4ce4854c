"""One byte stream to a carrier, in four methods, and the only place that touches a socket.

*Written* means taken by the kernel, so a bind must know at any moment exactly how many octets were taken. That is why
sending is one non-blocking call that reports it, and never Trio's ``send_all``, which on cancellation cannot tell.
Unsent octets in the kernel are kept few (TCP_NOTSENT_LOWAT), so that what an opt-out must still overtake waits with
us, and small PDUs leave at once (TCP_NODELAY). Unread octets are few likewise (SO_RCVBUF): while we are busy, a link
check of the carrier's waits behind them. Errors of the operating system come out as ``WireError`` alone.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Final, Protocol

import trio

from gateway.base import GatewayError

RECEIVE_OCTETS: Final = 65_536
"""The most that one read takes, into room that is there already: to get that much for each, and to give back what was
not filled, leaves the heap full of holes."""
NOTSENT_LOWAT_OCTETS: Final = 16_384
UNREAD_OCTETS: Final = 131_072
"""What the kernel may take in ahead of us; it doubles this for its own needs. A thousand texts, or two."""


class WireError(GatewayError):
    """The stream cannot be used (any more): not reachable, reset, or closed by us. Trying again later is right."""

    transient = True


class Wire(Protocol):
    """A connected byte stream. One task receives and one task sends at a time."""

    @property
    def unsent(self) -> bool:
        """Whether octets that were taken are not with the kernel yet: then ``wait_writable`` brings them there."""
        ...

    async def receive(self) -> bytes:
        """Return the next octets, at least one; ``b""`` once the peer has ended its side. Raises ``WireError``."""
        ...

    def let_gather(self, octets: int) -> None:
        """Let ``receive`` wait until ``octets`` are there, or the end is; 1 is as it was. Never raises."""
        ...

    def receive_now(self) -> bytes | None:
        """Return what is there, ``b""`` for the end; None leaves it to ``receive``. Raises ``WireError``."""
        ...

    def send_some(self, data: bytes | memoryview) -> int:
        """Hand over octets without waiting; return how many were taken, 0 if none can be now. Raises ``WireError``."""
        ...

    async def wait_writable(self) -> None:
        """Wait until ``send_some`` is likely to take something. Raises ``WireError``, also when closed meanwhile."""
        ...

    def close(self) -> None:
        """Close at once; harmless when closed already. Whoever waits on the wire gets ``WireError``."""
        ...


class SocketWire:
    """A ``Wire`` on a connected TCP socket, which it owns from now on."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_OCTETS)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD_OCTETS)
        except _FAILURES as error:
            raise _wire_error(error) from error
        self._sock = sock
        self._room = memoryview(bytearray(RECEIVE_OCTETS))

    @property
    def unsent(self) -> bool:
        """See ``Wire``."""
        return False  # taken is taken by the kernel

    async def receive(self) -> bytes:
        """See ``Wire``."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._sock)
                if (data := self.receive_now()) is not None:
                    return data
        except _FAILURES as error:
            raise _wire_error(error) from error

    def let_gather(self, octets: int) -> None:
        """See ``Wire``."""
        with suppress(OSError):  # whoever uses the wire next is told
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, octets)

    def receive_now(self) -> bytes | None:
        """See ``Wire``."""
        try:
            return bytes(self._room[: self._sock.recv_into(self._room)])
        except BlockingIOError:
            return None
        except _FAILURES as error:
            raise _wire_error(error) from error

    def send_some(self, data: bytes | memoryview) -> int:
        """See ``Wire``."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except _FAILURES as error:
            raise _wire_error(error) from error

    async def wait_writable(self) -> None:
        """See ``Wire``."""
        try:
            await trio.lowlevel.wait_writable(self._sock)
        except _FAILURES as error:
            raise _wire_error(error) from error

    def close(self) -> None:
        """See ``Wire``."""
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()


_FAILURES: Final = (trio.ClosedResourceError, ValueError, OSError)
"""How a socket says that it cannot be used; ValueError is the selector's word for a descriptor that is gone."""


def _wire_error(error: Exception) -> WireError:
    if isinstance(error, OSError):
        return WireError(f"the connection failed: {error.strerror or error}")
    return WireError("the connection was closed by us")


async def connect(host: str, port: int, timeout_s: float) -> SocketWire:
    """Open a TCP connection to ``host`` and ``port``. Raises ``WireError`` if there is none after ``timeout_s``."""
    try:
        with trio.fail_after(timeout_s):
            stream = await trio.open_tcp_stream(host, port)
    except trio.TooSlowError:
        raise WireError(f"{host}:{port} did not answer within {timeout_s:g} s") from None
    except OSError as error:
        raise WireError(f"cannot connect to {host}:{port}: {', '.join(_causes(error))}") from error
    # Trio's stream has no non-blocking send; the socket goes on without it.
    return SocketWire(socket.socket(fileno=stream.socket.detach()))


def _causes(error: BaseException) -> list[str]:
    """Return what the operating system said, address by address; Trio hides it behind "all attempts failed"."""
    if isinstance(error, BaseExceptionGroup):
        return list(dict.fromkeys(cause for inner in error.exceptions for cause in _causes(inner)))
    if isinstance(error, OSError) and error.errno is not None:
        # Name resolution counts below zero, and has its own words.
        return [os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)]
    return _causes(error.__cause__) if error.__cause__ is not None else [str(error)]
