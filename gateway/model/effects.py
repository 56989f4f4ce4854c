"""What a decision does, as values: the only language between ``gateway.policy`` and the transaction that performs it.

Effects are performed in order. ``policy.after`` folds them into the subscriber's next ``Standing``; the inbound flow
turns replies into drafts and evidence into rows. Nothing else may follow from a text.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import Final

from gateway.base.value import value
from gateway.model.consent import ConsentStatus, EvidenceKind
from gateway.model.messages import Lane
from gateway.model.permit import Grounds


class Scope(StrEnum):
    """How far an opt-out reaches."""

    LINE = "line"
    ACCOUNT = "account"


@value
class ChangeStatus:
    """Set the line's consent status; with ``scope`` ACCOUNT, that of every line of the account, later ones included."""

    status: ConsentStatus
    scope: Scope = Scope.LINE


@value
class ChangeList:
    """Join (OPTED_IN) or leave (OPTED_OUT) one list of the line."""

    list_name: str
    status: ConsentStatus


@value
class PlaceHold:
    """Pause sends to this subscriber on this line until a person or the subscriber settles it."""


@value
class ReleaseHold:
    """End the pause."""


@value
class UseKeyword:
    """Remember that the keyword was used, at the opt-out count as it is after this decision."""

    word: str


@value
class RecordEvidence:
    """Write one consent event; before and after are those of the line (or of the list, if one is named)."""

    kind: EvidenceKind
    before: ConsentStatus
    after: ConsentStatus
    list_name: str | None = None
    note: str = ""


@value
class Reply:
    """Queue one text to the subscriber. ``automatic`` replies count against the line's reply limit."""

    text: str
    lane: Lane
    claim: Grounds
    automatic: bool = True


@value
class HeldBack:
    """A reply that the reply limit kept from being queued: counted and shown, never sent."""

    text: str


Step = ChangeStatus | ChangeList | PlaceHold | ReleaseHold | UseKeyword | Reply
"""What changes a standing."""

Effect = Step | RecordEvidence | HeldBack


class TextOutcome(StrEnum):
    """What a text meant. The strings are public (``gateway explain``)."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    KEYWORD = "keyword"
    HOLD = "hold"
    NONE = "none"


_ONCE: Final = frozenset({Grounds.CLARIFICATION, Grounds.HOW_TO_RETURN})
"""Claims of what may be said only once."""


@value
class Decision:
    """What one text leads to, and why.

    ``matched_by`` is the rule's stable name, ``because`` a sentence for a person, ``keyword`` the word as configured.
    The rest says what the effects are, each in their order; it is worked out once, because a decision is remembered and
    performed again and again. ``steps`` are those that change the standing, of the replies those that are said once;
    ``automatic`` counts the replies that the reply limit counts. ``narrowing`` are those that let less go: permits that
    are out must be dealt with. ``disclosure`` is all that the subscriber is told.
    """

    outcome: TextOutcome
    matched_by: str
    rule_version: str
    because: str
    effects: tuple[Effect, ...] = ()
    keyword: str | None = None
    replies: tuple[Reply, ...] = field(init=False, repr=False, compare=False)
    evidence: tuple[RecordEvidence, ...] = field(init=False, repr=False, compare=False)
    steps: tuple[Step, ...] = field(init=False, repr=False, compare=False)
    narrowing: tuple[ChangeStatus | ChangeList | PlaceHold, ...] = field(init=False, repr=False, compare=False)
    held_back: int = field(init=False, repr=False, compare=False)
    automatic: int = field(init=False, repr=False, compare=False)
    disclosure: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the effects."""
        out, effects = ConsentStatus.OPTED_OUT, self.effects
        replies = tuple(effect for effect in effects if isinstance(effect, Reply))
        kinds = {
            "replies": replies,
            "evidence": tuple(effect for effect in effects if isinstance(effect, RecordEvidence)),
            "steps": tuple(
                effect
                for effect in effects
                if not isinstance(effect, RecordEvidence | HeldBack)
                and (not isinstance(effect, Reply) or effect.claim in _ONCE)
            ),
            "narrowing": tuple(
                effect
                for effect in effects
                if isinstance(effect, PlaceHold)
                or (isinstance(effect, ChangeStatus | ChangeList) and effect.status is out)
            ),
            "held_back": sum(isinstance(effect, HeldBack) for effect in effects),
            "automatic": sum(reply.automatic for reply in replies),
            "disclosure": "\n".join(reply.text for reply in replies),
        }
        for name, kind in kinds.items():
            object.__setattr__(self, name, kind)
