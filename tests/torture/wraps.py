"""Puts the points around the daemon's ports: the engine, the wire, HTTP's streams, the clock. For one process.

Everything that is wrapped is a port of the gateway's or of Trio's, taken by its public name, so that the harness does
not depend on how the flows behind them are written.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import trio

from gateway.base import SystemClock
from gateway.carriers.wire import SocketWire
from gateway.cli.commands import run
from gateway.daemon.daemon import run as run_daemon
from gateway.store.engines.sqlite import SqliteEngine
from tests.kit.faults import Faults, sqlite_error
from tests.torture.points import AFTER, BEFORE, HALF, Fault, Order, Points, die

CODES = {
    "full": sqlite3.SQLITE_FULL,
    "ioerr": sqlite3.SQLITE_IOERR,
    "locked": sqlite3.SQLITE_BUSY,
    "no_memory": sqlite3.SQLITE_NOMEM,
}


class JumpingClock(SystemClock):
    """The system's clocks, moved. ``slept`` goes to the boot clock alone, as in a suspended machine."""

    def __init__(self) -> None:
        self.moved = 0.0
        self.slept = 0.0

    def wall(self) -> float:
        return super().wall() + self.moved + self.slept

    def boot(self) -> float:
        return super().boot() + self.slept


class Wraps:
    """The faults of one daemon, performed."""

    def __init__(self, points: Points) -> None:
        self.points = points
        self.clock = JumpingClock()

    def passing(self, point: str) -> Fault | None:
        """Count a point, and do what needs no help from the operation at its moment."""
        fault = self.points.passing(point)
        if fault is None:
            return None
        if fault.deed == "jump":
            self.clock.moved += fault.amount
        elif fault.deed == "sleep":
            self.clock.slept += fault.amount
        elif fault.moment == BEFORE:
            strike(fault)
        return fault

    def engine(self) -> None:
        wraps = self
        begin, commit, init = SqliteEngine.begin, SqliteEngine.commit, SqliteEngine.__init__

        def begun(engine: SqliteEngine, handle: Any, **how: Any) -> None:
            if handle.writes:
                wraps.passing("begin")
            begin(engine, handle, **how)

        def committed(engine: SqliteEngine, handle: Any) -> None:
            fault = wraps.passing("commit")
            commit(engine, handle)
            strike(fault, AFTER)

        def made(engine: SqliteEngine, *args: Any) -> None:
            init(engine, *args)
            engine.connection_class = _Statements(wraps).connection_class()

        _put(SqliteEngine, begin=begun, commit=committed, __init__=made)

    def wire(self) -> None:
        wraps = self
        receive, send_some = SocketWire.receive, SocketWire.send_some

        async def received(wire: SocketWire) -> bytes:
            data = await receive(wire)
            strike(wraps.passing("wire.read"), AFTER)
            return data

        def sent(wire: SocketWire, data: bytes | memoryview) -> int:
            fault = wraps.passing("wire.write")
            if fault is not None and fault.moment == HALF:
                send_some(wire, data[: (len(data) + 1) // 2])
                strike(fault, HALF)
            taken = send_some(wire, data)
            strike(fault, AFTER)
            return taken

        _put(SocketWire, receive=received, send_some=sent)

    def http(self) -> None:
        """Of the HTTP connections, those that begin with a POST: whoever looks on is not part of the conversation."""
        wraps = self
        receive_some, send_all = trio.SocketStream.receive_some, trio.SocketStream.send_all
        posts: set[int] = set()

        async def received(stream: trio.SocketStream, *limit: int) -> bytes:
            data = await receive_some(stream, *limit)
            if data.startswith(b"POST"):
                posts.add(id(stream))
            elif not data or data.startswith(b"GET"):
                posts.discard(id(stream))
            if id(stream) in posts:
                strike(wraps.passing("http.read"), AFTER)
            return data

        async def sent(stream: trio.SocketStream, data: bytes) -> None:
            fault = wraps.passing("http.write") if id(stream) in posts else None
            if fault is not None and fault.moment == HALF:
                await send_all(stream, data[: len(data) // 2])
                strike(fault, HALF)
            await send_all(stream, data)
            strike(fault, AFTER)

        _put(trio.SocketStream, receive_some=received, send_all=sent)


class _Statements(Faults):
    """A connection whose statements are points."""

    def __init__(self, wraps: Wraps) -> None:
        super().__init__()
        self._wraps = wraps

    def begin(self, sql: str) -> bool:
        self._wraps.passing("statement")
        return False


def strike(fault: Fault | None, moment: str = BEFORE) -> None:
    """Do what the fault says, if this is its moment."""
    if fault is None or fault.moment != moment:
        return
    if fault.deed == "kill":
        die()
    if fault.deed == "memory":
        raise MemoryError("made by the test")
    if fault.deed in CODES:
        raise sqlite_error(CODES[fault.deed])


def _put(owner: object, **ports: object) -> None:
    """Put these in the place of what ``owner`` has."""
    for name, port in ports.items():
        setattr(owner, name, port)


def install(order: Order) -> None:
    """Wrap this process's ports by ``order``."""
    wraps = Wraps(Points(Path(order.counts), order.faults))
    wraps.engine()
    wraps.wire()
    wraps.http()
    if order.disk:
        from tests.torture import disk  # where SQLite itself is changed

        disk.install(wraps, Path(order.disk), Path(order.control) if order.control else None)
    if order.synchronous:
        _weaken(order.synchronous)
    _put(run, run_daemon=partial(run_daemon, clock=wraps.clock))


def _weaken(synchronous: str) -> None:
    """Have commits sync less than the gateway asks for, which it would refuse if it knew."""
    open_writer = SqliteEngine.open_writer

    def opened(engine: SqliteEngine) -> Any:
        handle = open_writer(engine)
        handle.connection.execute(f"PRAGMA synchronous = {synchronous}")
        return handle

    _put(SqliteEngine, open_writer=opened, check_durability=lambda engine, handle: None)
