"""What a person may do to messages that are stored: cancel what waits, resend or fail what is uncertain.

Uncertain is a message whose carrier never answered; only a person can know better, and what they decide is audited.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from gateway.model.messages import MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Actor
from gateway.web.answers import CancelledView, ProblemBody, ResultsView, StateView
from gateway.web.ports import DeskPort, Resolution
from gateway.web.problems import Problem, body_of, of_refusal, respond
from gateway.web.route import Caller, DeskHere, answer, group, refuse
from gateway.web.schemas import CancelBody, IdIn, IdsBody

router = group("Messages")
IdPath = Annotated[IdIn, Path(alias="id")]


@router.post("/api/v1/messages/cancel", response_model=CancelledView, summary="Cancel queued messages")
async def cancel(body: CancelBody, desk: DeskHere, caller: Caller) -> Response:
    """Cancel every queued message that meets all conditions. What a carrier already has is not touched."""
    if body.empty:
        return respond(Problem("empty-filter", "Name at least one condition; nothing cancels everything."))
    count = await desk.cancel(body.query(), caller)
    return refuse(count) if isinstance(count, Refusal) else answer(CancelledView(cancelled=count))


@router.post("/api/v1/messages/resend", response_model=ResultsView, summary="Resend uncertain messages")
async def resend_many(body: IdsBody, desk: DeskHere, caller: Caller) -> Response:
    """Queue uncertain messages again; each needs the gate's leave as any other. They may arrive twice."""
    return await _many(desk, body, "resend", caller)


@router.post("/api/v1/messages/fail", response_model=ResultsView, summary="Give up uncertain messages")
async def fail_many(body: IdsBody, desk: DeskHere, caller: Caller) -> Response:
    """Mark uncertain messages as failed."""
    return await _many(desk, body, "fail", caller)


@router.post("/api/v1/messages/{id}/resend", response_model=StateView, summary="Resend an uncertain message")
async def resend(message_id: IdPath, desk: DeskHere, caller: Caller) -> Response:
    """Queue an uncertain message again; it needs the gate's leave as any other. It may arrive twice."""
    return await _one(desk, message_id, "resend", caller)


@router.post("/api/v1/messages/{id}/fail", response_model=StateView, summary="Give up an uncertain message")
async def fail(message_id: IdPath, desk: DeskHere, caller: Caller) -> Response:
    """Mark an uncertain message as failed."""
    return await _one(desk, message_id, "fail", caller)


async def _one(desk: DeskPort, message_id: str, action: Resolution, caller: Actor) -> Response:
    wanted = int(message_id)
    fate = (await desk.resolve_uncertain([wanted], action, caller)).get(wanted, _unknown(wanted))
    return refuse(fate) if isinstance(fate, Refusal) else answer(StateView.of(wanted, fate))


async def _many(desk: DeskPort, body: IdsBody, action: Resolution, caller: Actor) -> Response:
    wanted = [int(item) for item in body.ids]
    fates = await desk.resolve_uncertain(list(dict.fromkeys(wanted)), action, caller)
    results = [_view(item, fates.get(item, _unknown(item))) for item in wanted]
    text = ",".join(result.model_dump_json(exclude_none=True) for result in results)
    return Response(f'{{"results":[{text}]}}', media_type="application/json")


def _view(message_id: int, fate: MessageState | Refusal) -> StateView | ProblemBody:
    return body_of(of_refusal(fate)) if isinstance(fate, Refusal) else StateView.of(message_id, fate)


def _unknown(message_id: int) -> Refusal:
    return Refusal(Reason.UNKNOWN_MESSAGE, f"There is no message {message_id}.")
