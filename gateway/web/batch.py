"""A batch of messages between JSON and the desk's values, in slices.

Ten thousand messages take some 40 ms of one core to check and to show. Done at once, every text from a subscriber would
wait for that; done in slices of 500, it waits for one slice. Owns nothing else: what is right is ``schemas``' matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import trio
from pydantic import TypeAdapter, ValidationError

from gateway.model.refusal import Refusal
from gateway.model.requests import Accepted, SendRequest
from gateway.web.answers import ProblemBody, StateView
from gateway.web.invalid import problem_of
from gateway.web.problems import ProblemError, body_of, of_refusal
from gateway.web.schemas import SendMany, SendOne

_SLICE: Final = 500
_ITEMS: Final = TypeAdapter(list[SendOne])


async def requests_of(body: SendMany) -> list[SendRequest]:
    """Check every message and return the desk's values; ProblemError lists what is not right in any of them."""
    requests: list[SendRequest] = []
    findings: list[dict[str, Any]] = []
    for start in range(0, len(body.messages), _SLICE):
        try:
            items = _ITEMS.validate_python(body.messages[start : start + _SLICE])
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                index, *rest = found["loc"]
                findings.append({**found, "loc": ("body", "messages", start + int(index), *rest)})
        else:
            requests += [item.request() for item in items]
        await trio.lowlevel.checkpoint()
    if findings:
        raise ProblemError(problem_of(findings))
    return requests


async def results_json(outcomes: Sequence[Accepted | Refusal]) -> str:
    """Return the answer to a batch: ``{"results": [...]}``, one for each message, in order."""
    parts: list[str] = []
    for start in range(0, len(outcomes), _SLICE):
        parts += [_view(item).model_dump_json(exclude_none=True) for item in outcomes[start : start + _SLICE]]
        await trio.lowlevel.checkpoint()
    return f'{{"results":[{",".join(parts)}]}}'


def _view(outcome: Accepted | Refusal) -> StateView | ProblemBody:
    if isinstance(outcome, Refusal):
        return body_of(of_refusal(outcome))
    return StateView.of(outcome.id, outcome.state)
