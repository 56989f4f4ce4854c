"""What is remembered under an idempotency key: the answers so far, one per request, in order.

A batch is accepted in steps, each committed with the answers so far, so a repeated request goes on where the first one
stopped: what was answered is not done again, what was not (the process ended, or the queue was full) is done now. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from gateway.model.messages import MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted

Answer = Accepted | Refusal


def open_places(answers: Sequence[Answer | None]) -> list[int]:
    """Return the places that have no lasting answer: not asked yet, or refused because the queue was full."""
    return [
        place
        for place, answer in enumerate(answers)
        if answer is None or (isinstance(answer, Refusal) and answer.reason is Reason.BACKLOG_FULL)
    ]


def written(answers: Sequence[Answer | None]) -> str:
    """Return the answers as they are stored."""
    return json.dumps([answer and {"kind": type(answer).__name__, **asdict(answer)} for answer in answers])


def read(body: str) -> list[Answer | None]:
    """Return stored answers."""
    return [item and _answer(item) for item in json.loads(body)]


def _answer(item: dict[str, object]) -> Answer:
    facts = {key: value for key, value in item.items() if key != "kind"}
    if item["kind"] == "Accepted":
        return Accepted(int(str(facts["id"])), MessageState(int(str(facts["state"]))))
    return Refusal(**{**facts, "reason": Reason(str(facts["reason"]))})  # type: ignore[arg-type]  # as written above
