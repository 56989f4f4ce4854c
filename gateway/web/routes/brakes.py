"""The operator's brake: pause a line, a carrier or a lane, and release it. Texts from subscribers are always read."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from gateway.model.refusal import Refusal
from gateway.web.answers import BrakesView, BrakeView, ResumedView
from gateway.web.route import Caller, DeskHere, answer, group, refuse
from gateway.web.schemas import BrakeBody, BrakeKind, Text

router = group("Operation")
Name = Annotated[Text, Path(description="The line's address, the carrier's name, or the lane.", examples=["85700"])]
Kind = Annotated[BrakeKind, Path(description="What is paused.")]


@router.get("/api/v1/brakes", response_model=BrakesView, summary="What is paused?")
async def brakes(desk: DeskHere) -> Response:
    """List all that is paused, who paused it, when and why."""
    return answer(BrakesView(brakes=[BrakeView.of(row) for row in await desk.brakes()]))


@router.put("/api/v1/brakes/{kind}/{name}", response_model=BrakeView, summary="Pause a line, a carrier or a lane")
async def pause(kind: Kind, name: Name, desk: DeskHere, caller: Caller, body: BrakeBody | None = None) -> Response:
    """Stop sending for a line, over a carrier or from a lane. Messages wait; pausing twice changes nothing."""
    row = await desk.pause(kind, name, caller, "" if body is None else body.note)
    return refuse(row) if isinstance(row, Refusal) else answer(BrakeView.of(row))


@router.delete("/api/v1/brakes/{kind}/{name}", response_model=ResumedView, summary="Release a brake")
async def resume(kind: Kind, name: Name, desk: DeskHere, caller: Caller) -> Response:
    """Send again. Where nothing was paused, nothing happens and `resumed` is false."""
    done = await desk.resume(kind, name, caller)
    return refuse(done) if isinstance(done, Refusal) else answer(ResumedView(kind=kind, name=name, resumed=done))
