"""The bounds of a request: size, time, all bodies together; and the last answer when something fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
import trio
from starlette.types import Message, Receive, Scope, Send

from gateway.base import GatewayError
from gateway.model.requests import Role
from gateway.web import limits
from gateway.web.limits import Budget, Limits
from tests.kit.desk import GOOD, LINE, FakeDesk
from tests.web.faces import app_on, bearer, client_of, is_problem

HEADERS = [(b"content-type", b"application/json"), (b"authorization", bearer(Role.OPERATOR)["Authorization"].encode())]
SCOPE: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/api/v1/messages",
    "raw_path": b"/api/v1/messages",
    "query_string": b"",
    "root_path": "",
    "headers": HEADERS,
    "client": None,
    "server": None,
}


class Client:
    """One request, driven message by message; ``endless`` goes on sending chunks for ever."""

    def __init__(self, chunks: list[bytes], *, endless: bool = False, silent: bool = False) -> None:
        self.chunks = chunks
        self.endless = endless
        self.silent = silent
        self.read = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        await trio.lowlevel.checkpoint()
        if self.read < len(self.chunks) or self.endless:
            chunk = self.chunks[min(self.read, len(self.chunks) - 1)]
            self.read += 1
            more = self.endless or self.silent or self.read < len(self.chunks)
            return {"type": "http.request", "body": chunk, "more_body": more}
        if self.silent:
            await trio.sleep_forever()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)

    def response(self) -> httpx.Response:
        body = b"".join(message.get("body", b"") for message in self.sent[1:])
        return httpx.Response(self.sent[0]["status"], headers=self.sent[0]["headers"], content=body)


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    client = Client([b"x"], endless=True)
    scope = {**SCOPE, "headers": [*HEADERS, (b"content-length", b"16777217")]}
    await app_on(FakeDesk())(scope, client.receive, client.send)
    is_problem(client.response(), "too-large")


async def test_a_body_that_turns_out_too_large_is_left() -> None:
    desk = FakeDesk()
    client = Client([b" " * 2**20], endless=True)
    await app_on(desk)(SCOPE, client.receive, client.send)
    is_problem(client.response(), "too-large")
    assert 17 <= client.read < 30
    assert desk.calls == []


async def test_the_largest_body_is_taken() -> None:
    body = b'{"line": "85700", "to": "%s", "text": "Hello"}' % GOOD.encode()
    client = Client([body, b" " * (limits.MAX_BODY - len(body))])
    await app_on(FakeDesk())(SCOPE, client.receive, client.send)
    assert client.response().status_code == 202


async def test_a_body_that_dribbles_is_left_after_thirty_seconds(autojump_clock: trio.testing.MockClock) -> None:
    client = Client([b"{"], silent=True)
    await app_on(FakeDesk())(SCOPE, client.receive, client.send)
    is_problem(client.response(), "request-timeout")
    assert trio.current_time() == pytest.approx(limits.BODY_SECONDS, abs=0.1)


async def test_a_stranger_makes_us_keep_nothing() -> None:
    client = Client([b" " * 2**20], endless=True)
    scope = {**SCOPE, "headers": []}
    await app_on(FakeDesk())(scope, client.receive, client.send)
    is_problem(client.response(), "unauthorized")


async def test_all_bodies_together_are_bounded_and_given_back() -> None:
    budget = Budget(limit=10)

    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    class Never(Client):
        async def receive(self) -> Message:
            if self.read:
                await release.wait()
            return await super().receive()

    release = trio.Event()
    app = Limits(reader, budget)
    async with trio.open_nursery() as nursery:
        first = Never([b"123456", b""])
        nursery.start_soon(app, SCOPE, first.receive, first.send)
        await trio.testing.wait_all_tasks_blocked()
        assert budget.used == 6
        second = Client([b"123456"])
        await app(SCOPE, second.receive, second.send)
        release.set()
    assert budget.used == 0
    # a ProblemError that reaches the outermost layer is answered as what it is
    is_problem(second.response(), "unavailable")


class DownError(GatewayError):
    transient = True


class FullError(DownError):
    full = True


class DoubtfulError(FullError):
    doubtful = True


@pytest.mark.parametrize(
    "failure,slug,event",
    [
        (DownError("store at /var/lib/secret is down"), "unavailable", "request not served"),
        (FullError("/var/lib/secret is full"), "storage-full", "request not served"),
        (DoubtfulError("/var/lib/secret is full"), "storage-full", "request not served"),
        (GatewayError("a secret"), "internal-error", "request failed: our bug"),
        (ValueError("a secret"), "internal-error", "request failed: our bug"),
        (ExceptionGroup("a secret", [ValueError("a secret")]), "internal-error", "request failed: our bug"),
    ],
)
async def test_what_nobody_handled_is_answered_without_a_word_of_it(failure: Exception, slug: str, event: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with client_of(app_on(FakeDesk(failure=failure))) as client:
            response = await client.get("/api/v1/messages/1")
    is_problem(response, slug)
    assert "secret" not in response.text
    assert [entry["event"] for entry in logs] == [event]
    assert response.headers.get("retry-after") == {"unavailable": "5", "storage-full": "30"}.get(slug)
    assert ("not known whether" in response.json()["detail"]) is isinstance(failure, DoubtfulError)


async def test_a_failure_after_the_answer_began_adds_nothing_to_it() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("too late")

    client = Client([b""])
    with structlog.testing.capture_logs() as logs:
        await Limits(broken, Budget())(SCOPE, client.receive, client.send)
    assert [message["type"] for message in client.sent] == ["http.response.start"]
    assert logs[0]["event"] == "request failed: our bug"


async def test_every_answer_has_the_headers_and_none_twice() -> None:
    async with client_of(app_on(FakeDesk())) as client:
        for path in ("/healthz", "/nothing", "/api/docs"):
            headers = (await client.get(path)).headers
            assert headers.get_list("x-content-type-options") == ["nosniff"]
            assert headers.get_list("cache-control") == ["no-store"]

    async def own(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"Cache-Control", b"max-age=60")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    direct = Client([b""])
    await Limits(own, Budget())(SCOPE, direct.receive, direct.send)
    assert direct.response().headers.get_list("cache-control") == ["max-age=60"]


async def test_other_scopes_pass_through() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    client = Client([])
    await Limits(inner, Budget())({"type": "lifespan"}, client.receive, client.send)
    assert seen == ["lifespan"]


async def test_a_body_in_pieces_is_one_body() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"line": "%s",' % LINE.encode(), b'"to": "+12125550101",', b'"text": "Hello"}'):
            yield piece

    async with client_of(app_on(FakeDesk())) as client:
        response = await client.post("/api/v1/messages", content=pieces(), headers={"Content-Type": "application/json"})
    assert response.status_code == 202


async def test_reading_on_after_the_body_tells_that_the_client_left() -> None:
    seen: list[str] = []

    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])

    client = Client([b"all of it"])
    await Limits(reader, Budget())(SCOPE, client.receive, client.send)
    assert seen == ["http.request", "http.disconnect"]


async def test_reading_while_answering_shares_the_body_with_the_drain() -> None:
    arrived = trio.Event()
    got: list[bytes] = []

    class Late(Client):
        async def receive(self) -> Message:
            await arrived.wait()
            return await super().receive()

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                got.append((await receive())["body"])

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await trio.testing.wait_all_tasks_blocked()
            arrived.set()
            await trio.testing.wait_all_tasks_blocked()
            await send({"type": "http.response.body", "body": b""})

    client = Late([b"all of it"])
    await Limits(both, Budget())(SCOPE, client.receive, client.send)
    assert got == [b"all of it"]
    assert client.read == 1
