"""Two wires joined in memory, where a test decides how many octets the "kernel" takes, and when.

Each direction is bounded like a socket's buffer: ``capacity`` octets may lie in it unread. ``allow(n)`` narrows that to
``n`` more octets in all, so that a test can stop a peer's reading in the middle of a PDU; ``allow(None)`` lifts it.
Everything that was ever taken is kept in ``taken``, because that is the definition of *written*.
"""

from __future__ import annotations

import trio

from gateway.carriers.wire import WireError


class _Pipe:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.budget: int | None = None
        self.buffer = bytearray()
        self.ended = False
        self.changed = trio.lowlevel.ParkingLot()

    def room(self) -> int:
        free = self.capacity - len(self.buffer)
        return free if self.budget is None else min(free, self.budget)


class MemoryWire:
    """One end. ``log`` lists each ``send_some`` as (offered, taken)."""

    def __init__(self, inbound: _Pipe, outbound: _Pipe) -> None:
        self._in = inbound
        self._out = outbound
        self.closed = False
        self.taken = bytearray()
        self.log: list[tuple[int, int]] = []
        self.broken: str | None = None
        self.gathers = 1

    @property
    def unsent(self) -> bool:
        return False

    def allow(self, octets: int | None) -> None:
        """Take ``octets`` more and then none, or (None) whatever fits."""
        self._out.budget = octets
        self._out.changed.unpark_all()

    def break_down(self, reason: str) -> None:
        """Fail every use of this end from now on, as a reset connection does."""
        self.broken = reason
        self._in.changed.unpark_all()
        self._out.changed.unpark_all()

    def _check(self) -> None:
        if self.closed:
            raise WireError("the connection was closed by us")
        if self.broken is not None:
            raise WireError(self.broken)

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        while True:
            ready = len(self._in.buffer) >= self.gathers or self._in.ended or self.closed or self.broken
            if ready and (data := self.receive_now()) is not None:
                return data
            await self._in.changed.park()

    def let_gather(self, octets: int) -> None:
        self.gathers = octets
        self._in.changed.unpark_all()

    def receive_now(self) -> bytes | None:
        self._check()
        if self._in.buffer:
            data = bytes(self._in.buffer[:65_536])
            del self._in.buffer[:65_536]
            self._in.changed.unpark_all()
            return data
        return b"" if self._in.ended else None

    def send_some(self, data: bytes | memoryview) -> int:
        self._check()
        if self._out.ended:
            raise WireError("the peer has closed the connection")
        count = max(0, min(len(data), self._out.room()))
        self.log.append((len(data), count))
        if count:
            self._out.buffer += data[:count]
            self.taken += data[:count]
            if self._out.budget is not None:
                self._out.budget -= count
            self._out.changed.unpark_all()
        return count

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()
        while True:
            self._check()
            if self._out.ended or self._out.room() > 0:
                return
            await self._out.changed.park()

    def close(self) -> None:
        self.closed = True
        self._out.ended = True
        self._in.ended = True
        self._out.changed.unpark_all()
        self._in.changed.unpark_all()


def memory_wires(capacity: int = 1 << 20) -> tuple[MemoryWire, MemoryWire]:
    """Return two ends; ``capacity`` octets fit each way."""
    there, back = _Pipe(capacity), _Pipe(capacity)
    return MemoryWire(back, there), MemoryWire(there, back)
