"""A connection beside the writer's, for what may not wait behind a batch: heartbeats, and what nodes say to each other.

Owns two connections of an engine that several nodes share: one on which short transactions run, one after the other, in
worker threads, and one that listens. A server that hangs is given up after ``STEP_S``, long before a lease would end.
What fails is told as StoreUnavailable and the next call connects anew. Must never be used for what an answer promises:
that is the writer's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar, runtime_checkable

import structlog
import trio

from gateway.store.engines import Engine, Handle
from gateway.store.errors import StoreUnavailable
from gateway.store.hot_leases import CHANNEL
from gateway.store.tx import Params, Row

T = TypeVar("T")
STEP_S: Final = 1.5
"""How long one statement may take. Three tries fit into the shortest lease that makes sense."""
LISTEN_AGAIN_S: Final = 0.25

_log: Final = structlog.get_logger(__name__)


@runtime_checkable
class Sided(Protocol):
    """What an engine that several nodes share offers besides."""

    def open_side(self, limit_s: float) -> Handle:
        """Connect beside the writer; no step on that connection takes longer than ``limit_s``, or it is cut off."""
        ...

    def socket_of(self, handle: Handle) -> int:
        """Return the file descriptor that becomes readable when something is said."""
        ...

    def notices(self, handle: Handle) -> list[str]:
        """Return what was said since; does not wait. Raises the driver's error when the connection is lost."""
        ...


def side_of(engine: Engine) -> Side | None:
    """Return a connection beside the writer; None for an engine that one node has to itself."""
    return Side(engine, engine) if isinstance(engine, Sided) else None


class SideTx:
    """A short transaction. See ``tx.Statements``."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run one statement; return how many rows it changed."""
        return self._handle.connection.execute(sql, params).rowcount

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one query; return its rows."""
        return self._handle.connection.execute(sql, params).fetchall()


class Side:
    """Short transactions, and an ear. ``close`` once nobody uses it any more."""

    def __init__(self, engine: Engine, sided: Sided) -> None:
        self._engine = engine
        self._sided = sided
        self._handle: Handle | None = None
        self._turn = trio.Lock()
        self._threads = trio.CapacityLimiter(2)

    async def run(self, fn: Callable[[SideTx], T]) -> T:
        """Run ``fn`` in a transaction of its own and return what it returns, committed.

        Raises StoreUnavailable where that failed, or where it is not known. A cancelled caller is waited for, since
        no step takes longer than ``STEP_S``.
        """
        async with self._turn:
            return await trio.to_thread.run_sync(self._run, fn, limiter=self._threads)

    def _run(self, fn: Callable[[SideTx], T]) -> T:
        try:
            handle = self._handle = self._handle or self._sided.open_side(STEP_S)
            self._engine.begin(handle)
            result = fn(SideTx(handle))
            self._engine.commit(handle)
        except Exception as error:
            self.close()
            raise StoreUnavailable(f"the database did not answer beside the writer: {error}") from error
        return result

    def close(self) -> None:
        """Close the connection; the next ``run`` opens another one."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._drop(handle)

    async def listen(self, hear: Callable[[str], None], deaf: Callable[[], None]) -> None:
        """Tell ``hear`` whatever is said on the channel, until cancelled; ``deaf`` whenever something may be missed."""
        while True:
            handle: Handle | None = None
            try:
                handle = await trio.to_thread.run_sync(self._open_ear, limiter=self._threads)
                deaf()
                while True:
                    await trio.lowlevel.wait_readable(self._sided.socket_of(handle))
                    for message in self._sided.notices(handle):
                        hear(message)
            except Exception as error:  # noqa: BLE001 - whatever it is, the ear is opened anew
                _log.warning("not heard what other nodes say: the database is not reached", error=str(error))
            finally:
                if handle is not None:
                    self._drop(handle)
            await trio.sleep(LISTEN_AGAIN_S)

    def _open_ear(self) -> Handle:
        handle = self._sided.open_side(STEP_S)
        handle.connection.execute(f"listen {CHANNEL}")
        return handle

    def _drop(self, handle: Handle) -> None:
        try:
            self._engine.close(handle)
        except Exception as error:  # noqa: BLE001 - it is being dropped because it is broken; there is nothing to save
            _log.warning("store connection not closed cleanly", error=repr(error))
