"""One batch on its way into the queue: step by step, each step one transaction.

A batch goes in steps so that a text that comes meanwhile need not wait for all of it. Owns how far the batch is and
what was answered; changes that only when a step is committed. What a step accepted stays accepted, whatever befalls the
next one: the rest is then answered as not available, since an error for the whole batch would have the caller send all
of it again, and everybody in the first half would get the message twice.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from gateway.model.refusal import Refusal
from gateway.model.requests import Accepted, Actor, Idempotency, KeyReused, SendRequest
from gateway.store.errors import OutcomeUnknown
from gateway.store.tx import Tx
from gateway.traffic.accept import Acceptance, accept
from gateway.traffic.backlog import Headroom
from gateway.traffic.kept import Answer, Kept, keep, recall
from gateway.traffic.reports import cut_short_by
from gateway.traffic.rulebook import RuleBook

SEND_STEP: Final = 250
"""Messages accepted in one transaction: about 25 ms of the writer's time."""
_NOT_STORED: Final = "The gateway could not store this message; send it again."
_NOT_KNOWN: Final = (
    "The gateway's store failed as it took this message: it may be queued. With an Idempotency-Key the same request "
    "can be repeated; without one, look for the message before sending it again."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what others had answered meanwhile, what this one did, what is kept, and where the next begins."""

    others: Mapping[int, Answer] = field(default_factory=dict)
    fresh: Mapping[int, Answer] = field(default_factory=dict)
    acceptance: Acceptance = field(default_factory=Acceptance)
    kept: Kept | None = None
    next_at: int | None = None


class Sending:
    """A batch. ``room`` says what more may be queued, in the transaction that queues it."""

    def __init__(
        self,
        requests: Sequence[SendRequest],
        actor: Actor,
        idempotency: Idempotency | None,
        book: RuleBook,
        room: Callable[[], Headroom],
    ) -> None:
        self._requests = requests
        self._actor = actor
        self._idempotency = idempotency
        self._book = book
        self._room = room
        self._answers: dict[int, Answer] = {}
        self._kept: Kept | None = None
        self._at: int | None = 0
        self.accepted = False
        self.did_something = False

    @property
    def open(self) -> bool:
        """Whether anything is left to be asked."""
        return self._at is not None

    @property
    def results(self) -> list[Answer]:
        """The answers in the order of the requests."""
        return [self._answers[place] for place in range(len(self._requests))]

    def step(self, tx: Tx) -> Step | KeyReused:
        """Accept or refuse the next messages; with an idempotency key, those that nobody has answered under it.

        A pure function of the transaction; ``took`` follows once it is committed.
        """
        kept, others = self._kept, dict[int, Answer]()
        if self._idempotency is not None:
            recalled = recall(tx, self._idempotency, kept)
            if isinstance(recalled, KeyReused):
                return recalled
            kept, others = recalled
        places = self._next(others)
        if not places:
            return Step(others, kept=kept)
        tried = places[:SEND_STEP]
        requests = [self._requests[place] for place in tried]
        acceptance = accept(tx, requests, self._actor, self._book, self._room())
        fresh = dict(zip(tried, acceptance.results, strict=True))
        if self._idempotency is not None:
            kept = keep(tx, self._idempotency, kept, fresh)
        return Step(others, fresh, acceptance, kept, places[SEND_STEP] if len(places) > SEND_STEP else None)

    def took(self, step: Step) -> None:
        """Follow a committed step."""
        self._answers |= {**step.others, **step.fresh}
        self._kept = step.kept
        self._at = step.next_at
        self.accepted = self.accepted or any(
            isinstance(answer, Accepted) for answers in (step.others, step.fresh) for answer in answers.values()
        )
        self.did_something = self.did_something or bool(step.fresh)

    def cut_short(self, error: Exception) -> int:
        """End the batch at a step that failed: what has no answer is not available. Return how many these are."""
        reason = cut_short_by(error)
        doubtful = self._next(())[:SEND_STEP] if isinstance(error, OutcomeUnknown) else []
        rest = [place for place in range(len(self._requests)) if place not in self._answers]
        not_stored, not_known = Refusal(reason, _NOT_STORED), Refusal(reason, _NOT_KNOWN)
        self._answers |= dict.fromkeys(rest, not_stored) | dict.fromkeys(doubtful, not_known)
        self._at = None
        return len(rest)

    def _next(self, others: Container[int]) -> list[int]:
        """Return the places of the next step, and the one where the step after it begins."""
        if self._at is None:
            return []
        ahead = range(self._at, len(self._requests))
        unanswered = (place for place in ahead if place not in self._answers and place not in others)
        return list(islice(unanswered, SEND_STEP + 1))
