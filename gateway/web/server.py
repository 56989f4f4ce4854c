"""The one place that speaks to Hypercorn: its Trio connection handler, run in the daemon's own nursery.

Owns accepting, and the bounds of a connection's life: how many there are, how long one may idle, dribble or refuse to
read, and how long shutting down may take. It never touches signals, never writes an access log, and never decides who
may do what; on the Unix socket it only notes in the ASGI scope whom the kernel names as the peer.

Hypercorn's ``serve`` is not used: it would accept by itself, and its writes are shielded from cancellation, so that a
client that stops reading could hold up the shutdown for ever. So each connection is given to Hypercorn's ``TCPServer``
on a stream of ours whose writes end by themselves, and can be ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.web.access import PEER
from gateway.web.sockets import identity, open_tcp, open_unix, peer_of, remove_unix, spelt

_log = structlog.get_logger("gateway.web")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how many. Idle covers the wait for a request and for all of its header (slow-header attacks);
    ``receive_s`` is the longest silence inside a connection, so it must exceed the slowest answer; ``send_s`` is how
    long a client may leave one write of ours unread; ``graceful_s`` is what requests under way get at shutdown.
    """

    connections: int = 512
    idle_s: float = 15.0
    receive_s: int = 120
    send_s: float = 30.0
    graceful_s: float = 5.0


BOUNDS: Final = Bounds()
Wrap = Callable[[ASGIApp, trio.SocketStream], ASGIApp]


class _Stream:
    """A socket stream as Hypercorn wants it, whose writes do not outlive their bound or ``abort``."""

    def __init__(self, inner: trio.SocketStream, send_s: float) -> None:
        self._inner = inner
        self._send_s = send_s
        self._writing = trio.CancelScope()
        self._aborted = False
        self.socket = inner.socket

    async def send_all(self, data: bytes) -> None:
        """Send, or give the connection up as broken."""
        with trio.move_on_after(0 if self._aborted else self._send_s) as self._writing:
            await self._inner.send_all(data)
            return
        raise trio.BrokenResourceError("the client does not read")

    async def receive_some(self, limit: int) -> bytes:
        """Receive what has arrived."""
        return bytes(await self._inner.receive_some(limit))

    async def send_eof(self) -> None:
        """Close our direction."""
        await self._inner.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()

    def abort(self) -> None:
        """End a write under way, shielded or not, and let none begin."""
        self._aborted = True
        self._writing.cancel()


class _Server:
    """The connections of one set of listeners."""

    def __init__(self, app: ASGIApp, wrap: Wrap, bounds: Bounds) -> None:
        self._app = app
        self._wrap = wrap
        self._bounds = bounds
        self._context = WorkerContext(None)
        self._streams: set[_Stream] = set()
        self._one_less = trio.Event()
        self._config = Config()
        self._config.accesslog = None
        self._config.errorlog = None  # what goes wrong in the application is logged by gateway.web.limits
        self._config.include_server_header = False
        self._config.keep_alive_timeout = bounds.idle_s
        self._config.read_timeout = bounds.receive_s
        self._config.h2_max_concurrent_streams = 16

    async def run(self, listeners: Sequence[trio.SocketListener], shutdown: trio.Event) -> None:
        """Accept until ``shutdown``; then let requests under way end, for at most ``graceful_s``."""
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for listener in listeners:
                    accepting.start_soon(self._accept, listener, connections)
                await shutdown.wait()
                accepting.cancel_scope.cancel()
            await self._context.terminated.set()
            with trio.move_on_after(self._bounds.graceful_s):
                while self._streams:
                    self._one_less = trio.Event()
                    await self._one_less.wait()
            connections.cancel_scope.cancel()
            for stream in self._streams:
                stream.abort()  # Hypercorn shields its writes from that cancellation

    async def _accept(self, listener: trio.SocketListener, connections: trio.Nursery) -> None:
        async def handle(inner: trio.SocketStream) -> None:
            await self._handle(inner)

        await trio.serve_listeners(handle, [listener], handler_nursery=connections)

    async def _handle(self, inner: trio.SocketStream) -> None:
        if len(self._streams) >= self._bounds.connections:
            _log.warning("too many connections", limit=self._bounds.connections)
            await trio.aclose_forcefully(inner)
            return
        stream = _Stream(inner, self._bounds.send_s)
        self._streams.add(stream)
        try:
            await self._converse(stream, self._wrap(self._app, inner))
        except* Exception as group:  # noqa: BLE001  one connection's misfortune must not end the daemon
            _log.error("connection failed: our bug", exc_info=group)
        finally:
            self._streams.discard(stream)
            self._one_less.set()

    async def _converse(self, stream: _Stream, app: ASGIApp) -> None:
        # Hypercorn's types are narrower than what it takes: its scopes are TypedDicts, its streams always TLS.
        asgi: Any = app
        plain: Any = stream
        await TCPServer(ASGIWrapper(asgi), self._config, self._context, ConnectionState({}), plain)


async def serve(
    app: ASGIApp,
    listen: Sequence[str],
    shutdown: trio.Event,
    *,
    bounds: Bounds = BOUNDS,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``app`` on TCP addresses (``host:port``, ``[ipv6]:port``) until ``shutdown`` is set.

    Starts with the addresses in force (port 0 resolved). ListenError where one cannot be had; then none is open.
    """
    listeners = await open_tcp(listen)
    task_status.started([spelt(listener) for listener in listeners])
    await _Server(app, lambda inner, _stream: inner, bounds).run(listeners, shutdown)


async def serve_unix(
    app: ASGIApp,
    path: Path,
    shutdown: trio.Event,
    *,
    bounds: Bounds = BOUNDS,
    task_status: trio.TaskStatus[Path] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``app`` on a Unix socket until ``shutdown`` is set; the socket is removed at the end.

    Each request's scope carries the connecting process as ``gateway.web.access.Peer``. ListenError as ``serve``.
    """
    listener = open_unix(path)
    ours = identity(path)
    try:
        task_status.started(path)
        await _Server(app, _with_peer, bounds).run([listener], shutdown)
    finally:
        remove_unix(path, ours)


def _with_peer(app: ASGIApp, stream: trio.SocketStream) -> ASGIApp:
    peer = peer_of(stream)

    async def local(scope: Scope, receive: Receive, send: Send) -> Any:
        return await app({**scope, PEER: peer}, receive, send)

    return local
