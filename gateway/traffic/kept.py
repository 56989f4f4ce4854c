"""What is remembered under an idempotency key: the answers so far, in parts, each written once.

A batch is accepted in steps, each committed with the answers that it gave, so a repeated request goes on where the
first one stopped: what was answered is not done again, what was not (the process ended, the queue was full, the store
failed) is done now. A step writes a part of its own and reads only the parts that others added since it last looked,
so that a batch costs as much as it is long, and not its square.

The first part stands under the caller's key and says when it was begun; the others stand under the key, that time and
their number, with spaces between, which no caller's key has. The time keeps the parts of a key that was forgotten and
came again apart from those of its earlier life. Called inside the transaction that stores the messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from gateway.model.messages import MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Idempotency, KeyReused
from gateway.store.desk import keep_answer, lock_answers
from gateway.store.queries import earlier_answer
from gateway.store.tx import Tx

Answer = Accepted | Refusal

PASSING: Final = frozenset({Reason.BACKLOG_FULL, Reason.UNAVAILABLE, Reason.STORAGE_FULL})
"""Refusals that say nothing of the message itself: they are not kept, and the same request asks anew."""
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key: when its first part was begun (as it is spelt in the store), and how many parts."""

    since: str
    parts: int


def recall(tx: Tx, request: Idempotency, known: Kept | None) -> tuple[Kept | None, dict[int, Answer]] | KeyReused:
    """Return the answers, by place, that were kept under the key since ``known`` (None: from the beginning)."""
    answers: dict[int, Answer] = {}
    lock_answers(tx, request)
    if known is None:
        first = earlier_answer(tx, request.token, request.key)
        if first is None:
            return None, answers
        fingerprint, _, body = first
        if fingerprint != request.fingerprint:
            return KeyReused()
        known = Kept(json.loads(body)["since"], 1)
        answers |= _read(body)
    while (part := earlier_answer(tx, request.token, _part(request, known).key)) is not None:
        answers |= _read(part[2])
        known = replace(known, parts=known.parts + 1)
    return known, answers


def keep(tx: Tx, request: Idempotency, known: Kept | None, answers: Mapping[int, Answer]) -> Kept:
    """Keep the lasting ones of these answers, by place; ``known`` is what ``recall`` returned in this transaction."""
    lasting = {place: answer for place, answer in answers.items() if lasts(answer)}
    if known is None:
        since = f"{tx.now:.6f}"
        keep_answer(tx, request, _OK, _written(lasting, since=since))
        return Kept(since, 1)
    if not lasting:
        return known
    keep_answer(tx, _part(request, known), _OK, _written(lasting))
    return replace(known, parts=known.parts + 1)


def lasts(answer: Answer) -> bool:
    """Say whether the answer stays when the request comes again."""
    return isinstance(answer, Accepted) or answer.reason not in PASSING


def _part(request: Idempotency, known: Kept) -> Idempotency:
    """Return where the next part stands."""
    return replace(request, key=f"{request.key} {known.since} {known.parts}")


def _written(answers: Mapping[int, Answer], **head: str) -> str:
    """Return a part as it is stored."""
    by_place = {str(place): {"kind": type(answer).__name__, **asdict(answer)} for place, answer in answers.items()}
    return json.dumps({**head, "answers": by_place})


def _read(body: str) -> dict[int, Answer]:
    return {int(place): _answer(item) for place, item in json.loads(body)["answers"].items()}


def _answer(item: dict[str, Any]) -> Answer:
    facts = {key: value for key, value in item.items() if key != "kind"}
    if item["kind"] == "Accepted":
        return Accepted(int(facts["id"]), MessageState(int(facts["state"])))
    return Refusal(**{**facts, "reason": Reason(facts["reason"])})
