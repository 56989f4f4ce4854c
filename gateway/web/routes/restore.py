"""A store that was restored: what it lacks, merging it from suppression logs, or accepting that it is lost."""

from __future__ import annotations

from fastapi import Response

from gateway.model.refusal import Refusal
from gateway.web.answers import BrakeView
from gateway.web.restoring import FinishBody, LinesBody, LossBody, MarkBody, MergedView, RestoreView
from gateway.web.route import Caller, RestoreHere, answer, group, refuse

router = group("Operation")


@router.get("/api/v1/restore", response_model=RestoreView, summary="Was the store restored?")
async def state(restore: RestoreHere) -> Response:
    """Tell whether the store was restored and sends nothing, and whose suppression logs it lacks."""
    return answer(RestoreView.of(await restore.state()))


@router.post("/api/v1/restore/records", response_model=MergedView, summary="Merge records of suppression logs")
async def merge(body: LinesBody, restore: RestoreHere, caller: Caller) -> Response:
    """Put in force what the store lacks. May be repeated: a record that is known changes nothing."""
    merged = await restore.merge(body.lines, caller)
    return refuse(merged) if isinstance(merged, Refusal) else answer(MergedView.of(merged))


@router.post("/api/v1/restore/finish", response_model=RestoreView, summary="Say which logs were merged")
async def finish(body: FinishBody, restore: RestoreHere, caller: Caller) -> Response:
    """Send again if nothing is owed any more; the answer says what still is."""
    return answer(RestoreView.of(await restore.finish(body.values(), body.logs, caller)))


@router.post("/api/v1/restore/accept-loss", response_model=RestoreView, summary="Send although opt-outs may be lost")
async def accept_loss(body: LossBody, restore: RestoreHere, caller: Caller) -> Response:
    """Send again without what is missing, on your word, which is audited. People who said STOP may get texts."""
    owed = await restore.accept_loss(body.reason, caller)
    return refuse(owed) if isinstance(owed, Refusal) else answer(RestoreView.of(None))


@router.post("/api/v1/restore/mark", response_model=BrakeView, summary="Say that the store was restored")
async def mark(body: MarkBody, restore: RestoreHere, caller: Caller) -> Response:
    """Stop sending and mark the store, where a restore was not noticed; the next start tells what is owed."""
    return answer(BrakeView.of(await restore.mark(body.taken_at, caller)))
