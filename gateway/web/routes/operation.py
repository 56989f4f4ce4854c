"""How the gateway is: what is in quarantine, and the state of store, binds, brakes and queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from gateway.web.answers import (
    BindView,
    BrakeView,
    NodeStateView,
    QuarantinedView,
    QuarantineView,
    QueueView,
    StatusView,
    StoreView,
)
from gateway.web.route import DeskHere, answer, group
from gateway.web.schemas import PageFilter

router = group("Operation")


@router.get("/api/v1/quarantine", response_model=QuarantineView, summary="PDUs that could not become messages")
async def quarantine(desk: DeskHere, query: Annotated[PageFilter, Query()]) -> Response:
    """List what carriers sent and we could not read, newest first, with the whole PDU."""
    page = await desk.quarantine(None if query.cursor is None else int(query.cursor), query.limit)
    following = None if page.next_before_id is None else str(page.next_before_id)
    return answer(QuarantineView(pdus=[QuarantinedView.of(row) for row in page.rows], next=following))


@router.get("/api/v1/status", response_model=StatusView, summary="Store, binds, brakes and queue")
async def status(request: Request, desk: DeskHere) -> Response:
    """Show how the gateway is, in one look."""
    ready = await desk.readiness()
    return answer(
        StatusView(
            version=request.app.version,
            node=ready.node,
            store=StoreView(ok=ready.store_ok, detail=ready.detail),
            binds=[BindView.of(row) for row in ready.binds],
            brakes=[BrakeView.of(row) for row in await desk.brakes()],
            queue=[QueueView.of(row) for row in ready.queue],
            uncertain=ready.uncertain,
            quarantined=ready.quarantined,
            nodes=[NodeStateView.of(row) for row in ready.nodes],
        )
    )
