"""Around the whole application: how much and how long a request may be, and what leaves when all else failed.

Owns, as plain ASGI middleware: the cap on a body (16 MB) and on all bodies being read (64 MB), the time for a body
(30 s in all, however it dribbles), the last answer to an error that nobody handled, and the headers that every answer
carries. Bodies are counted as they are read, which is after the role was checked: strangers cannot fill the memory.

It also reads on and throws away whatever body the application left unread, while the answer goes out. Without this a
refused upload would stay in Hypercorn's queue of ten chunks with its connection stuck behind it for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import structlog
import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.base import GatewayError
from gateway.web.problems import Problem, ProblemError, respond

MAX_BODY: Final = 16 * 1024 * 1024
MAX_BODIES: Final = 4 * MAX_BODY
BODY_SECONDS: Final = 30.0

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)
_SURE: Final = "The gateway cannot do this now, and did nothing; ask again in a while."
_DOUBT: Final = (
    "The gateway's store failed in the act: it is not known whether this was done. A request with an Idempotency-Key "
    "can be repeated safely; for any other, look before you repeat it."
)
_log = structlog.get_logger("gateway.web")


@dataclass
class Budget:
    """Octets of bodies in memory, over all requests."""

    limit: int = MAX_BODIES
    used: int = 0


class _Body:
    """One request's body: counted, timed, and, once the answer begins, drained."""

    def __init__(self, receive: Receive, declared: int | None, budget: Budget) -> None:
        self._receive = receive
        self._declared = declared
        self._budget = budget
        self._deadline: float | None = None
        self._turn = trio.Lock()
        self.size = 0
        self.finished = False

    async def receive(self) -> Message:
        """Hand a message to the application; ProblemError 408, 413 or 503 where the body breaks a limit."""
        if self.finished:
            return await self._receive()
        if self._deadline is None:
            self._deadline = trio.current_time() + BODY_SECONDS
        if self._declared is not None and self._declared > MAX_BODY:
            raise ProblemError(_too_large())
        with trio.move_on_at(self._deadline):
            return self._count(await self._next())
        raise ProblemError(Problem("request-timeout", f"The body did not arrive within {BODY_SECONDS:.0f} seconds."))

    async def drain(self) -> None:
        """Read the rest and throw it away, until it ends or the client leaves."""
        while not self.finished:
            await self._next()

    async def _next(self) -> Message:
        async with self._turn:
            if self.finished:
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            self.finished = message["type"] != "http.request" or not message.get("more_body", False)
            return message

    def _count(self, message: Message) -> Message:
        length = len(message.get("body", b""))
        self.size += length
        self._budget.used += length
        if self.size > MAX_BODY:
            raise ProblemError(_too_large())
        if self._budget.used > self._budget.limit:
            raise ProblemError(Problem("unavailable", "Too many large requests at once; send this one again."))
        return message

    def release(self) -> None:
        """Give the octets back to the budget."""
        self._budget.used -= self.size


def _too_large() -> Problem:
    return Problem("too-large", f"The body is larger than {MAX_BODY} octets.")


class Limits:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, budget: Budget) -> None:
        self._app = app
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within the limits; other kinds of scope go through as they are."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, _declared(scope), self._budget)
        try:
            async with trio.open_nursery() as nursery:
                answer = _Answer(send, body, nursery)
                await self._serve(scope, body, answer)
                nursery.cancel_scope.cancel()
        finally:
            body.release()

    async def _serve(self, scope: Scope, body: _Body, answer: _Answer) -> None:
        try:
            await self._app(scope, body.receive, answer.send)
        except Exception as error:  # noqa: BLE001  the last line of defence: it is logged, and the caller is answered
            problem = _last_answer(error, scope)
            if not answer.begun:
                await respond(problem)(scope, body.receive, answer.send)


def _last_answer(error: Exception, scope: Scope) -> Problem:
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, GatewayError) and error.transient:
        slug = "storage-full" if error.full else "unavailable"
        _log.warning("request not served", problem=slug, method=scope["method"], error=type(error).__name__)
        return Problem(slug, _DOUBT if error.doubtful else _SURE)
    _log.error("request failed: our bug", method=scope["method"], exc_info=error)
    return Problem("internal-error", "The gateway failed at this request; its log has the details.")


def _declared(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


class _Answer:
    """The way out: adds the headers, notes that the answer has begun, and starts draining the body."""

    def __init__(self, send: Send, body: _Body, nursery: trio.Nursery) -> None:
        self._send = send
        self._body = body
        self._nursery = nursery
        self.begun = False

    async def send(self, message: Message) -> None:
        """Pass a message of the answer on."""
        if message["type"] == "http.response.start" and not self.begun:
            self.begun = True
            self._nursery.start_soon(self._body.drain)
            named: list[tuple[bytes, Any]] = list(message.get("headers", []))
            present = {name.lower() for name, _ in named}
            named += [header for header in _HEADERS if header[0] not in present]
            message = {**message, "headers": named}
        await self._send(message)
