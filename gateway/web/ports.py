"""What the HTTP face asks of the rest of the gateway: one protocol, implemented by ``gateway.traffic.desk.Desk``.

It owns nothing but these signatures. They speak in the values of ``gateway.model``, so that the web can be built and
tested without a store, a carrier or a thread, and so that HTTP and the command line cannot come to differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from gateway.model.messages import MessageState
from gateway.model.refusal import Refusal
from gateway.model.requests import Accepted, Actor, Idempotency, KeyReused, MessageQuery, Replayed, SendRequest
from gateway.model.trace import TracePage, TraceQuery
from gateway.model.views import BrakeRow, ConsentRow, EvidenceRow, MessageRow, Page, QuarantineRow, Readiness

MetricsRender = Callable[[], tuple[bytes, str]]
"""Renders all metrics: the exposition and its content type."""

Resolution = Literal["resend", "fail"]


class DeskPort(Protocol):
    """The gateway's desk. What changes anything is committed before the call returns."""

    async def send(
        self, requests: Sequence[SendRequest], actor: Actor, idempotency: Idempotency | None = None
    ) -> list[Accepted | Refusal] | Replayed | KeyReused:
        """Accept or refuse each request, in order. The last two answers come only where ``idempotency`` is given.

        With it, the results are stored under (token, key) in the transaction that stores the messages. When the store
        fails after some were accepted, the rest is refused as UNAVAILABLE; when none was, the error is raised.
        """
        ...

    async def message(self, message_id: int) -> MessageRow | None:
        """Return one message with its permits."""
        ...

    async def messages(self, query: MessageQuery) -> Page[MessageRow] | Refusal:
        """List messages, newest first."""
        ...

    async def consent(self, line: str, number: str) -> ConsentRow | Refusal:
        """Return the consent of a number on a line, with or without a stored row."""
        ...

    async def evidence(self, line: str, number: str) -> list[EvidenceRow] | Refusal:
        """Return every consent event of a number on a line, oldest first."""
        ...

    async def brakes(self) -> list[BrakeRow]:
        """Return what is paused."""
        ...

    async def pause(self, kind: str, name: str, actor: Actor, note: str = "") -> BrakeRow | Refusal:
        """Pause a line, a carrier or a lane; pausing a paused one keeps the earlier brake."""
        ...

    async def resume(self, kind: str, name: str, actor: Actor) -> bool | Refusal:
        """Release a brake; False where there was none."""
        ...

    async def cancel(self, query: MessageQuery, actor: Actor) -> int | Refusal:
        """Cancel the queued messages that match; return how many."""
        ...

    async def resolve_uncertain(
        self, ids: Sequence[int], action: Resolution, actor: Actor
    ) -> Mapping[int, MessageState | Refusal]:
        """Resend or fail uncertain messages; the answer holds every id."""
        ...

    async def quarantine(self, before_id: int | None, limit: int) -> Page[QuarantineRow]:
        """List the PDUs that could not become messages, newest first."""
        ...

    async def readiness(self) -> Readiness:
        """Try a write on the store, and report binds and queue."""
        ...


class TracePort(Protocol):
    """The trace of the running binds, implemented by ``gateway.daemon.tracing.Tracer``."""

    async def read(self, query: TraceQuery, actor: Actor) -> TracePage | Refusal:
        """Return the PDUs that are kept; with ``query.unmask``, who asked is audited before."""
        ...


class NothingRuns:
    """The trace where no binds run: there is nothing to see."""

    async def read(self, query: TraceQuery, actor: Actor) -> TracePage | Refusal:
        """Return an empty page."""
        return TracePage((), "", more=False, missed={}, off=())
