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
from gateway.model.restore import Covered, MergedRow
from gateway.model.trace import TracePage, TraceQuery
from gateway.model.views import (
    BrakeRow,
    ConsentRow,
    EvidenceRow,
    MessageRow,
    Page,
    QuarantineRow,
    Readiness,
    RestoredRow,
)

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


class RestorePort(Protocol):
    """A store that was restored, implemented by ``gateway.traffic.restoring.Restoring``."""

    async def state(self) -> RestoredRow | None:
        """Return what is owed; None where nothing is."""
        ...

    async def merge(self, lines: Sequence[str], actor: Actor) -> MergedRow | Refusal:
        """Merge lines of suppression logs; in force when this returns."""
        ...

    async def finish(self, covered: Sequence[Covered], logs: Sequence[str], actor: Actor) -> RestoredRow | None:
        """Note whose logs were merged; return what is still owed, None once nothing is."""
        ...

    async def accept_loss(self, reason: str, actor: Actor) -> RestoredRow | Refusal:
        """Send again although opt-outs may be missing; return what was owed."""
        ...

    async def mark(self, taken_at: float, actor: Actor) -> BrakeRow:
        """Mark the store as a backup of that time, for its next start; it stands still from now on."""
        ...


class NothingRuns:
    """The trace where no binds run: there is nothing to see."""

    async def read(self, query: TraceQuery, actor: Actor) -> TracePage | Refusal:
        """Return an empty page."""
        return TracePage((), "", more=False, missed={}, off=())
