"""A TCP proxy that can be told to stop forwarding: what a network does when it is partitioned.

While it is ``cut``, connections stay open, new ones are accepted, and not an octet passes in either direction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Proxy:
    """Forwards from ``port`` to ``target`` on 127.0.0.1."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._open = trio.Event()
        self._open.set()

    def cut(self) -> None:
        """Let nothing through."""
        self._open = trio.Event()

    def mend(self) -> None:
        """Let through what waits, and all that follows."""
        self._open.set()

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._connected, listeners)

    async def _connected(self, near: trio.SocketStream) -> None:
        await self._open.wait()
        try:
            async with await trio.open_tcp_stream("127.0.0.1", self._target) as far, trio.open_nursery() as nursery:
                nursery.start_soon(self._forward, near, far, nursery.cancel_scope)
                nursery.start_soon(self._forward, far, near, nursery.cancel_scope)
        except OSError:
            return

    async def _forward(self, source: trio.SocketStream, to: trio.SocketStream, both: trio.CancelScope) -> None:
        try:
            async for octets in source:
                await self._open.wait()
                await to.send_all(octets)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            both.cancel()
        both.cancel()


@asynccontextmanager
async def proxy(target: int) -> AsyncIterator[Proxy]:
    """Forward to a port while the block runs."""
    here = Proxy(target)
    async with trio.open_nursery() as nursery:

        async def start(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            await here.serve(task_status)

        await nursery.start(start)
        yield here
        nursery.cancel_scope.cancel()
