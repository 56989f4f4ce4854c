"""What a decision does, as values: the only language between ``gateway.policy`` and the transaction that performs it.

Effects are performed in order. ``policy.after`` folds them into the subscriber's next ``Standing``; the inbound flow
turns replies into drafts and evidence into rows. Nothing else may follow from a text.
"""

from __future__ import annotations

from enum import StrEnum

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


Effect = ChangeStatus | ChangeList | PlaceHold | ReleaseHold | UseKeyword | RecordEvidence | Reply | HeldBack


class TextOutcome(StrEnum):
    """What a text meant. The strings are public (``gateway explain``)."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    KEYWORD = "keyword"
    HOLD = "hold"
    NONE = "none"


@value
class Decision:
    """What one text leads to, and why.

    ``matched_by`` is the rule's stable name, ``because`` a sentence for a person, ``keyword`` the word as configured.
    """

    outcome: TextOutcome
    matched_by: str
    rule_version: str
    because: str
    effects: tuple[Effect, ...] = ()
    keyword: str | None = None
