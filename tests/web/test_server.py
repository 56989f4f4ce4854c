"""The real servers: Hypercorn on TCP and on the Unix socket, shutting down, and clients that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h11
import pytest
import structlog
import trio
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.base.listening import ListenError
from gateway.model.requests import Actor, Role
from gateway.web.access import PEER
from gateway.web.limits import Budget, Limits
from gateway.web.server import Bounds, serve, serve_unix
from tests.kit.desk import GOOD, LINE, FakeDesk
from tests.web.faces import TOKENS, app_on

QUICK = Bounds(graceful_s=0.2)
BODY = b'{"line": "%s", "to": "%s", "text": "Hello"}' % (LINE.encode(), GOOD.encode())


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Caller:
    """A client that speaks HTTP/1.1 on a stream, and can stop anywhere."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.connection = h11.Connection(h11.CLIENT)

    async def send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self.connection.send(event)
        assert data is not None
        await self.stream.send_all(data)

    async def request(self, method: str, path: str, body: bytes = b"", token: str | None = None) -> Answer:
        headers = [("Host", "gw"), ("Content-Length", str(len(body)))]
        if body:
            headers.append(("Content-Type", "application/json"))
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        await self.send(h11.Request(method=method, target=path, headers=headers))
        if body:
            await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())
        return await self.answer()

    async def begin_send(self) -> None:
        """Post a message, and leave the answer for later."""
        headers = [("Host", "gw"), ("Authorization", f"Bearer {TOKENS[Role.ADMIN]}")]
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
        await self.send(h11.Request(method="POST", target="/api/v1/messages", headers=headers))
        await self.send(h11.Data(data=BODY))
        await self.send(h11.EndOfMessage())

    async def answer(self) -> Answer:
        answer = Answer(0, {}, b"")
        while True:
            event = self.connection.next_event()
            if event is h11.NEED_DATA:
                self.connection.receive_data(await self.stream.receive_some(65536))
            elif isinstance(event, h11.Response):
                answer = Answer(event.status_code, dict(event.headers), b"")
            elif isinstance(event, h11.Data):
                answer.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                if self.connection.states[h11.CLIENT] is h11.DONE and answer.headers.get(b"connection") != b"close":
                    self.connection.start_next_cycle()
                return answer
            else:
                raise AssertionError(event)


@dataclass
class Running:
    port: int
    shutdown: trio.Event
    ended: trio.Event


@asynccontextmanager
async def served(app: ASGIApp, bounds: Bounds = QUICK) -> AsyncIterator[Running]:
    """Serve on a TCP port of this machine."""
    running = Running(0, trio.Event(), trio.Event())

    async def run(task_status: trio.TaskStatus[list[str]]) -> None:
        await serve(app, ["127.0.0.1:0"], running.shutdown, bounds=bounds, task_status=task_status)
        running.ended.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            (address,) = await nursery.start(run)
            running.port = int(address.rpartition(":")[2])
            yield running
            running.shutdown.set()


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        assert isinstance(stream, trio.SocketStream)
        yield Caller(stream)


async def test_one_connection_serves_many_requests() -> None:
    desk = FakeDesk()
    async with served(app_on(desk)) as server, calling(server.port) as caller:
        for _ in range(3):
            answer = await caller.request("POST", "/api/v1/messages", BODY, TOKENS[Role.OPERATOR])
            assert answer.status == 202
        assert b"server" not in answer.headers
        assert (await caller.request("GET", "/healthz")).body == b'{"status":"ok"}'
    assert len(desk.rows) == 3


async def test_an_address_in_use_ends_it_before_it_starts() -> None:
    async with served(app_on(FakeDesk())) as server:
        with pytest.raises(ListenError, match=f"127.0.0.1:{server.port}"):
            await serve(app_on(FakeDesk()), [f"127.0.0.1:{server.port}"], trio.Event())


async def test_an_unread_upload_is_answered_and_leaves_nothing_behind() -> None:
    """Hypercorn queues ten chunks for the application; the answer must get past them, and the connection must end."""
    full = trio.Event()

    async def unread(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await full.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with served(Limits(unread, Budget()), Bounds(connections=1, graceful_s=0.2)) as server:
        async with calling(server.port) as caller, trio.open_nursery() as nursery:
            headers = [("Host", "gw"), ("Content-Length", str(32 * 2**20))]
            await caller.send(h11.Request(method="POST", target="/", headers=headers))

            async def upload() -> None:
                try:
                    for _ in range(512):
                        await caller.send(h11.Data(data=bytes(2**16)))
                except trio.BrokenResourceError:
                    return

            nursery.start_soon(upload)
            await trio.testing.wait_all_tasks_blocked(0.05)
            full.set()
            assert (await caller.answer()).status == 200
        while not await _alive(server.port):  # its place is taken until that connection is done with
            await trio.lowlevel.checkpoint()


async def _alive(port: int) -> bool:
    async with calling(port) as caller:
        try:
            return (await caller.request("GET", "/healthz")).status == 200
        except (h11.RemoteProtocolError, trio.BrokenResourceError):
            return False


async def test_shutdown_closes_idle_connections_and_lets_a_request_end() -> None:
    desk = FakeDesk(gate=trio.Event())
    bounds = Bounds(graceful_s=10)
    async with served(app_on(desk), bounds) as server, calling(server.port) as idle, calling(server.port) as busy:
        await idle.request("GET", "/healthz")
        await busy.begin_send()
        await desk.started.wait()
        server.shutdown.set()
        assert await idle.stream.receive_some(1) == b""
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", server.port)
        assert desk.gate is not None
        desk.gate.set()
        assert (await busy.answer()).status == 202


async def test_shutdown_does_not_wait_for_ever_for_a_request() -> None:
    desk = FakeDesk(gate=trio.Event())
    async with served(app_on(desk)) as server, calling(server.port) as caller:
        await caller.begin_send()
        await desk.started.wait()
        server.shutdown.set()
        await server.ended.wait()


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": bytes(2**20), "more_body": True})


async def test_shutdown_does_not_wait_for_a_client_that_does_not_read() -> None:
    async with served(flood) as server, calling(server.port) as caller:
        await caller.send(h11.Request(method="GET", target="/", headers=[("Host", "gw")]))
        await caller.stream.receive_some(1)
        server.shutdown.set()
        await server.ended.wait()


async def test_a_client_that_does_not_read_is_dropped() -> None:
    dropped = trio.Event()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as nursery:

            async def leave() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                dropped.set()
                nursery.cancel_scope.cancel()

            nursery.start_soon(leave)
            await flood(scope, receive, send)

    async with served(watched, Bounds(send_s=0.1, graceful_s=0.2)) as server, calling(server.port) as caller:
        await caller.send(h11.Request(method="GET", target="/", headers=[("Host", "gw")]))
        await dropped.wait()


async def test_a_header_that_never_ends_is_left() -> None:
    async with served(app_on(FakeDesk()), Bounds(idle_s=0.1, graceful_s=0.2)) as server, calling(server.port) as caller:
        await caller.stream.send_all(b"GET / HTTP/1.1\r\nHost: gw\r\nX-Slow:")
        with trio.fail_after(10):
            assert await caller.stream.receive_some(1) == b""


@pytest.mark.parametrize("raw", [b"\x16\x03\x01\x02\x00\x01\x00", b"NOT HTTP\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_is_answered_400(raw: bytes) -> None:
    async with served(app_on(FakeDesk())) as server:
        async with calling(server.port) as caller:
            await caller.stream.send_all(raw + b"\r\n\r\n")
            assert (await caller.stream.receive_some(12)) == b"HTTP/1.1 400"
        async with calling(server.port) as caller:
            assert (await caller.request("GET", "/healthz")).status == 200


async def test_one_connection_too_many_is_closed() -> None:
    with structlog.testing.capture_logs() as logs:
        bounds = Bounds(connections=1, graceful_s=0.2)
        async with (
            served(app_on(FakeDesk()), bounds) as server,
            calling(server.port) as first,
            calling(server.port) as second,
        ):
            await first.request("GET", "/healthz")
            assert await second.stream.receive_some(1) == b""
            assert (await first.request("GET", "/healthz")).status == 200
    assert logs == [{"event": "too many connections", "limit": 1, "log_level": "warning"}]


async def test_one_connections_misfortune_is_its_own() -> None:
    """Settings that are no HTTP/2 settings raise out of Hypercorn; its own server they would end."""
    head = b"GET /healthz HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    with structlog.testing.capture_logs() as logs:
        async with served(app_on(FakeDesk())) as server:
            async with calling(server.port) as caller:
                await caller.stream.send_all(head + b"HTTP2-Settings: AAAA\r\n\r\n")
                while await caller.stream.receive_some(1000):
                    pass
            assert await _alive(server.port)
    assert [entry["event"] for entry in logs] == ["connection failed: our bug"]


async def test_the_unix_socket_knows_its_caller_and_goes_away(tmp_path: Path) -> None:
    path, shutdown, desk = tmp_path / "gw.sock", trio.Event(), FakeDesk()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_unix, app_on(desk), path, shutdown, bounds=QUICK))
            async with await trio.open_unix_socket(path) as stream:
                caller = Caller(stream)
                assert (await caller.request("POST", "/api/v1/messages", BODY)).status == 202
                assert (await caller.request("POST", "/api/v1/messages", BODY, TOKENS[Role.VIEWER])).status == 403
                assert (await caller.request("POST", "/api/v1/messages", BODY, "wrong")).status == 401
            shutdown.set()
    actor = desk.calls[0][2]
    assert isinstance(actor, Actor)
    assert (actor.name.partition(":")[0], actor.role) == ("local", Role.ADMIN)
    assert not path.exists()


async def test_no_header_can_pretend_to_be_a_local_caller() -> None:
    seen: list[Scope] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with served(look) as server, calling(server.port) as caller:
        await caller.send(
            h11.Request(method="GET", target="/", headers=[("Host", "gw"), (PEER, "0"), ("X-Forwarded-User", "root")])
        )
        await caller.send(h11.EndOfMessage())
        await caller.answer()
    assert PEER not in seen[0]
    assert seen[0]["client"][0] == "127.0.0.1"
