"""What an intake is given, and what it gives back: values between the hub, the intake and the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.base.value import value
from gateway.model.messages import Arrival, Lane
from gateway.store.hot_consent import Key
from gateway.traffic.gate import Minted
from gateway.traffic.rulebook import RuleBook

REDELIVERY_WINDOW_S: Final = 900.0


@value
class Batch:
    """Arrivals of one read, and what the duplicate rule must know of the moment at which they came.

    ``disturbed`` says of each arrival whether the ack of the same text before it was (``gateway.traffic.acks``), and
    ``first_came`` when it came first (unix seconds), if it was put off then and is brought again;
    ``alive`` are the sessions that had not ended.
    """

    arrivals: Sequence[Arrival]
    disturbed: Sequence[bool]
    first_came: Sequence[float | None]
    alive: frozenset[str]
    book: RuleBook


@dataclass(slots=True)
class Taken:
    """What the transaction did with one arrival.

    ``outcome`` is a bounded word for metrics. ``fenced`` are the pairs whose consent was narrowed (or is narrow, when
    an opt-out came again): their permits must be dealt with before this arrival is acked. ``key`` is whose text it was.
    ``status`` None is the carrier's temporary error: nothing of it is stored. ``error`` is the bug that we met.
    """

    arrival: Arrival
    outcome: str
    status: int | None = 0
    mo_id: int | None = None
    fenced: tuple[Key, ...] = ()
    held_back: int = 0
    key: Key | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Intake:
    """What a batch led to.

    ``places`` got messages; ``refused`` counts older messages that an opt-out ended; ``minted`` are the permits of
    replies that had the way free before them.
    """

    taken: list[Taken] = field(default_factory=list)
    places: set[tuple[Lane, int]] = field(default_factory=set)
    refused: int = 0
    minted: Minted | None = None
