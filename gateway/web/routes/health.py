"""For machines that watch: is the process alive, should it get traffic, what do its metrics say. Open to all.

Open means: nothing here may hold a text, a number, a person's name, or the words of an inner error.
"""

from __future__ import annotations

from typing import Annotated, Final

import trio
from fastapi import Query, Response

from gateway.model.views import Readiness
from gateway.web.answers import BindStateView, HealthView, ReadyView, rfc3339
from gateway.web.route import DeskHere, MetricsHere, answer, group

router = group("Health")
READY_SECONDS: Final = 5.0
_SERVED: Final = frozenset({"up", "elsewhere"})
"""The states of a bind that serves: here, or on another node."""


@router.get("/healthz", response_model=HealthView, summary="Is it alive?")
async def healthz() -> Response:
    """Answer 200 while the event loop turns; asks neither the store nor the carriers."""
    return answer(HealthView())


@router.get(
    "/readyz",
    response_model=ReadyView,
    summary="Should it get traffic?",
    responses={503: {"model": ReadyView, "description": "Not ready."}},
)
async def readyz(
    desk: DeskHere,
    binds: Annotated[bool, Query(description="1: every bind must be up, too, here or on another node.")] = False,
) -> Response:
    """Answer 200 while the store takes writes, else 503; 503, too, while it was restored and sends nothing.

    Binds are shown, and decide only with `?binds=1`.
    """
    state = Readiness(store_ok=False, detail="", binds=())
    with trio.move_on_after(READY_SECONDS):
        state = await desk.readiness()
    restored = any(brake.kind == "store" for brake in await desk.brakes())
    ready = state.store_ok and not restored and (not binds or all(bind.state in _SERVED for bind in state.binds))
    views = [
        BindStateView(name=row.name, carrier=row.carrier, state=row.state, since=rfc3339(row.since))
        for row in state.binds
    ]
    return answer(ReadyView(ready=ready, store=state.store_ok, restored=restored, binds=views), 200 if ready else 503)


@router.get("/metrics", response_class=Response, summary="Prometheus metrics")
async def metrics(render: MetricsHere) -> Response:
    """Return all metrics in Prometheus' text exposition."""
    body, content_type = render()
    return Response(body, media_type=content_type)
