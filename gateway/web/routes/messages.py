"""Sending messages, and finding them again.

A batch is validated as a whole (a shape that is wrong is the caller's bug, and nothing is stored) and judged message
by message (an opted-out number is an ordinary answer, and sinks no other).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query, Request, Response

from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, KeyReused, Replayed
from gateway.web.answers import MessagesView, MessageView, ResultsView, StateView
from gateway.web.batch import requests_of, results_json
from gateway.web.inflight import HEADER, REPLAYED, read_key
from gateway.web.problems import Problem, respond
from gateway.web.route import Caller, DeskHere, InFlightHere, answer, group, refuse
from gateway.web.schemas import IdIn, MessageFilter, SendBody, SendMany

router = group("Messages")


@router.post(
    "/api/v1/messages",
    status_code=202,
    response_model=StateView,
    summary="Send one message, or up to 10,000",
    responses={200: {"model": ResultsView, "description": "Many messages: one result for each, in order."}},
)
async def send(
    request: Request,
    body: SendBody,
    desk: DeskHere,
    caller: Caller,
    in_flight: InFlightHere,
    idempotency_key: Annotated[str | None, Header(alias=HEADER)] = None,
) -> Response:
    """Store messages for sending.

    One message answers 202 with its id, or a problem. `{"messages": [...]}` answers 200 with one result for each, in
    order; where the queue was full for all of them, it answers 429 as a whole. Either way all that was accepted is
    committed before the answer leaves. When the gateway fails halfway through a batch, what was accepted has its id,
    and each of the rest is `unavailable` or `storage-full`. With an `Idempotency-Key`, the same request can be repeated
    safely for at least 24 hours: each message has its first answer again, only those that were `backlog-full`,
    `unavailable` or `storage-full` are asked anew, and nothing is sent twice. `Idempotency-Replayed: true` says that
    nothing was left to do.
    """
    idempotency = read_key(idempotency_key, await request.body(), caller)
    with in_flight.hold(idempotency):
        requests = await requests_of(body) if isinstance(body, SendMany) else [body.request()]
        results = await desk.send(requests, caller, idempotency)
    if isinstance(results, KeyReused):
        return respond(Problem("key-reused", "This Idempotency-Key came before with another body; nothing was sent."))
    headers = {REPLAYED: "true"} if isinstance(results, Replayed) else {}
    outcomes = results.results if isinstance(results, Replayed) else results
    if isinstance(body, SendMany) and not all(map(_is_full, outcomes)):
        return Response(await results_json(outcomes), 200, headers, media_type="application/json")
    return _one(outcomes[0], headers)


def _is_full(outcome: Accepted | Refusal) -> bool:
    return isinstance(outcome, Refusal) and outcome.reason is Reason.BACKLOG_FULL


def _one(outcome: Accepted | Refusal, headers: dict[str, str]) -> Response:
    if isinstance(outcome, Refusal):
        response = refuse(outcome)
        response.headers.update(headers)
        return response
    return answer(StateView.of(outcome.id, outcome.state), 202, headers)


@router.get("/api/v1/messages", response_model=MessagesView, summary="List messages, newest first")
async def listing(desk: DeskHere, query: Annotated[MessageFilter, Query()]) -> Response:
    """List texts of both directions. All conditions must hold; give `next` back as `cursor` for the next page.

    `state=uncertain` lists what the carrier left unanswered and a person may resend or fail.
    """
    page = await desk.messages(query.query())
    if isinstance(page, Refusal):
        return refuse(page)
    views = [MessageView.of(row) for row in page.rows]
    return answer(MessagesView(messages=views, next=None if page.next_before_id is None else str(page.next_before_id)))


@router.get("/api/v1/messages/{id}", response_model=MessageView, summary="Look at one message")
async def one(desk: DeskHere, message_id: Annotated[IdIn, Path(alias="id")]) -> Response:
    """Show a message with its state and its permits: under what grounds each segment went, and what became of it."""
    row = await desk.message(int(message_id))
    if row is None:
        return refuse(Refusal(Reason.UNKNOWN_MESSAGE, f"There is no message {message_id}."))
    return answer(MessageView.of(row))
