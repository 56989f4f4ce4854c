"""Consent of one (line, subscriber): its status, what is stored of it, and the evidence for each change.

``Standing`` is what a transaction sees of one subscriber on one line; ``gateway.policy`` computes the next one and
``gateway.store`` writes it. It never decides anything itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum, StrEnum
from typing import Any

from gateway.base.value import value
from gateway.model.address import Msisdn


class ConsentStatus(IntEnum):
    """Whether a line may text a subscriber. The numbers are stored; never renumber."""

    NOT_DEFINED = 0
    OPTED_IN = 1
    OPTED_OUT = 2

    @property
    def word(self) -> str:
        """The status as interfaces spell it: ``opted_in``."""
        return self.name.lower()


class Method(StrEnum):
    """How a consent event came about; the ``source`` that interfaces show."""

    TEXT = "text"
    API = "api"
    CLI = "cli"
    PORTAL = "portal"
    SIGN_UP = "sign_up"
    IMPORT = "import"
    CARRIER = "carrier"
    HOLD_EXPIRED = "hold_expired"
    SUPPRESSION_LOG = "suppression_log"


@value
class Latest:
    """The subscriber's latest MO on a line: what the duplicate rule compares with.

    ``fingerprint`` digests raw octets, coding and UDH/SAR; ``session`` names the SMPP session that it came in.
    """

    mo_id: int
    carrier: str
    session: str
    fingerprint: bytes
    received_at: float


@value
class Hold:
    """A pause of sends while a person looks at an unclear text. ``clarified`` once its clarifying text is queued."""

    since: float
    mo_id: int
    clarified: bool = False


@value
class Standing:
    """All that is stored of one (line, subscriber). A subscriber without a row has the defaults.

    ``opt_outs`` counts this line's opt-outs of the subscriber; a message stores the count of its day and never leaves
    once the count has moved on. ``keywords`` maps each keyword ever used to ``opt_outs`` at its last use, which is what
    "for the first time, or for the first time since an opt-out" asks. ``lists`` maps list name to membership,
    ``suspended`` names the lists on which a person has paused this member.
    ``how_to_return`` is true once the one HOW_TO_RETURN of this opt-out was queued. ``account_out`` is true when the
    subscriber said STOP ALL: the whole account, lines added later included; a line's own START clears it for that line.
    ``replies`` are the times (unix seconds) of the automatic replies inside the reply limit's window, oldest first.
    """

    line_id: int
    subscriber: Msisdn
    status: ConsentStatus = ConsentStatus.NOT_DEFINED
    since: float | None = None
    source: str | None = None
    opt_outs: int = 0
    hold: Hold | None = None
    how_to_return: bool = False
    account_out: bool = False
    keywords: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, ConsentStatus] = field(default_factory=dict)
    suspended: frozenset[str] = frozenset()
    replies: tuple[float, ...] = ()
    latest: Latest | None = None
    last_carrier: str | None = None

    def but(self, **changes: Any) -> Standing:
        """Return this standing with some fields changed: as ``dataclasses.replace``, at a third of its price.

        Raises TypeError for what is no field that may change.
        """
        of = changes.pop
        new = Standing(
            self.line_id,
            self.subscriber,
            of("status", self.status),
            of("since", self.since),
            of("source", self.source),
            of("opt_outs", self.opt_outs),
            of("hold", self.hold),
            of("how_to_return", self.how_to_return),
            of("account_out", self.account_out),
            of("keywords", self.keywords),
            of("lists", self.lists),
            of("suspended", self.suspended),
            of("replies", self.replies),
            of("latest", self.latest),
            of("last_carrier", self.last_carrier),
        )
        if changes:
            raise TypeError(f"a standing has no {', '.join(changes)} that may change")
        return new


class EvidenceKind(StrEnum):
    """What a row of evidence records. Refused and repeated attempts are evidence too."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    LIST_JOIN = "list_join"
    LIST_LEAVE = "list_leave"
    HOLD = "hold"
    RELEASE = "release"
    REFUSED = "refused"


@value
class Evidence:
    """One consent event, before the store gives it its place in the chain. Times are unix seconds.

    ``raw`` are the exact octets as the carrier sent them, ``text`` how we read them, ``rule`` what matched and
    ``rule_version`` of which rule file, ``actor`` who asked for it when it was no text (token name, operator).
    """

    kind: EvidenceKind
    line_id: int
    subscriber: Msisdn
    before: ConsentStatus
    after: ConsentStatus
    method: Method
    occurred_at: float
    mo_id: int | None = None
    list_name: str | None = None
    raw: bytes = b""
    text: str = ""
    rule: str = ""
    rule_version: str = ""
    config_hash: str = ""
    disclosure: str = ""
    actor: str = ""
    ip: str = ""
    user_agent: str = ""
    note: str = ""
