"""The latest PDUs of the binds, decoded: masked for operators, whole for administrators (which is audited)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from gateway.model.refusal import Refusal
from gateway.model.requests import Actor
from gateway.web.ports import TracePort
from gateway.web.route import Caller, TraceHere, answer, group, refuse
from gateway.web.tracing import TraceFilter, TraceView

router = group("Operation")
Filter = Annotated[TraceFilter, Query()]


@router.get("/api/v1/trace", response_model=TraceView, summary="What went over the binds?")
async def trace(wanted: Filter, tracer: TraceHere, caller: Caller) -> Response:
    """List the latest PDUs with numbers masked and texts hidden. Ask again with `next` as `cursor` to follow."""
    return await _answered(tracer, wanted, caller, unmask=False)


@router.get("/api/v1/trace/unmasked", response_model=TraceView, summary="What went over the binds, in full?")
async def unmasked(wanted: Filter, tracer: TraceHere, caller: Caller) -> Response:
    """List the latest PDUs with whole numbers and texts; passwords stay hidden. Who asks is audited."""
    return await _answered(tracer, wanted, caller, unmask=True)


async def _answered(tracer: TracePort, wanted: TraceFilter, caller: Actor, *, unmask: bool) -> Response:
    page = await tracer.read(wanted.query(unmask=unmask), caller)
    return refuse(page) if isinstance(page, Refusal) else answer(TraceView.of(page))
