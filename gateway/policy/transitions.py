"""The consent transitions, as one table, and the standing that follows from a decision.

Owns how a status changes and what changes with it: the opt-out count, the hold, whether the way back was told. Must
never lift an opt-out for anything but the subscriber's own text: the table has no such entry, and nothing else here
assigns a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Hold, Latest, Method, Standing
from gateway.model.effects import (
    ChangeList,
    ChangeStatus,
    Decision,
    PlaceHold,
    RecordEvidence,
    ReleaseHold,
    Scope,
    UseKeyword,
)
from gateway.model.permit import Grounds
from gateway.model.refusal import Reason, Refusal
from gateway.policy.limits import remembered

_NONE = ConsentStatus.NOT_DEFINED
_IN = ConsentStatus.OPTED_IN
_OUT = ConsentStatus.OPTED_OUT
_ACCOUNT = Scope.ACCOUNT
_BY_TEXT: Final[str] = Method.TEXT.value


class Trigger(StrEnum):
    """What may change a status."""

    OWN_TEXT = "own_text"  # START, UNSTOP or an opt-in keyword; coming back has its own conditions, see ``decide``
    SIGN_UP = "sign_up"  # the web form with a passcode
    BEHALF = "behalf"  # API, command line, import, portal: somebody acts for the subscriber
    OPT_OUT = "opt_out"  # any opt-out, wherever it comes from


TABLE: Final[Mapping[tuple[ConsentStatus, Trigger], ConsentStatus | None]] = MappingProxyType(
    {
        (_NONE, Trigger.OWN_TEXT): _IN,
        (_NONE, Trigger.SIGN_UP): _IN,
        (_NONE, Trigger.BEHALF): _IN,
        (_NONE, Trigger.OPT_OUT): _OUT,
        (_IN, Trigger.OWN_TEXT): _IN,
        (_IN, Trigger.SIGN_UP): _IN,
        (_IN, Trigger.BEHALF): _IN,
        (_IN, Trigger.OPT_OUT): _OUT,
        (_OUT, Trigger.OWN_TEXT): _IN,
        (_OUT, Trigger.SIGN_UP): None,
        (_OUT, Trigger.BEHALF): None,
        (_OUT, Trigger.OPT_OUT): _OUT,
    }
)
"""The next status, or None where the attempt is refused (and the refusal recorded)."""

IN_BY: Final[Mapping[Method, Trigger]] = MappingProxyType(
    {
        Method.TEXT: Trigger.OWN_TEXT,
        Method.SIGN_UP: Trigger.SIGN_UP,
        Method.API: Trigger.BEHALF,
        Method.CLI: Trigger.BEHALF,
        Method.PORTAL: Trigger.BEHALF,
        Method.IMPORT: Trigger.BEHALF,
    }
)
"""Which trigger an opt-in by each method is. A carrier or an expired hold opts nobody in."""


@dataclass(frozen=True, slots=True)
class Change:
    """The standing after a change that came by no text, and the evidence to write with it."""

    standing: Standing
    evidence: RecordEvidence


def recorded(
    change: Change, method: Method, occurred_at: float, config_hash: str, mo_id: int | None = None
) -> Evidence:
    """Return what to store as evidence of a change that came by no text, and of when it happened (unix seconds)."""
    effect = change.evidence
    return Evidence(
        kind=effect.kind,
        line_id=change.standing.line_id,
        subscriber=change.standing.subscriber,
        before=effect.before,
        after=effect.after,
        method=method,
        occurred_at=occurred_at,
        mo_id=mo_id,
        config_hash=config_hash,
        note=effect.note,
    )


def status_of(standing: Standing) -> ConsentStatus:
    """Return the status in force: an opt-out of the whole account covers lines that store nothing of it."""
    return _OUT if standing.account_out else standing.status


def opted_in(standing: Standing, method: Method, now: float, note: str = "") -> Change | Refusal:
    """Opt in by ``method`` at ``now`` (unix seconds): the change, or why not.

    A refused attempt is evidence too: write ``refused(standing)``. A hold stays: it is not lifted on one's behalf.
    Raises KeyError for a method that opts nobody in.
    """
    before = status_of(standing)
    after_ = TABLE[before, IN_BY[method]]
    if after_ is None:
        return Refusal(
            Reason.OPTED_OUT,
            "The subscriber has opted out of this line; only their own text, such as START, brings them back.",
            standing.since,
            standing.source,
        )
    evidence = RecordEvidence(EvidenceKind.OPT_IN, before, after_, note=note)
    return Change(_moved(standing, after_, Scope.LINE, method, now), evidence)


def refused(standing: Standing, note: str = "") -> RecordEvidence:
    """Return the evidence of an opt-in that was refused."""
    before = status_of(standing)
    return RecordEvidence(EvidenceKind.REFUSED, before, before, note=note)


def opted_out(
    standing: Standing,
    method: Method,
    now: float,
    scope: Scope = Scope.LINE,
    note: str = "",
    since: float | None = None,
) -> Change:
    """Opt out by ``method``; always possible. ``since`` dates it back (an expired hold counts from its text)."""
    before = status_of(standing)
    after_ = TABLE[before, Trigger.OPT_OUT] or _OUT
    moved = _moved(standing, after_, scope, method, now if since is None else since)
    return Change(moved.but(hold=None), RecordEvidence(EvidenceKind.OPT_OUT, before, after_, note=note))


def after(
    standing: Standing,
    decision: Decision,
    mo_id: int,
    now: float,
    latest: Latest | None = None,
    last_carrier: str | None = None,
) -> Standing:
    """Return the standing once ``decision``, taken on the text ``mo_id`` at ``now`` (unix seconds), is performed.

    ``latest`` and ``last_carrier`` are noted with it, where they are given. This is done for every text: so all changes
    are worked out first, and then one standing is made.
    """
    status, since, source, opt_outs = standing.status, standing.since, standing.source, standing.opt_outs
    hold, how_to_return, account_out = standing.hold, standing.how_to_return, standing.account_out
    keywords, lists, replies = standing.keywords, standing.lists, standing.replies
    for step in decision.steps:
        if isinstance(step, ChangeStatus):
            account_out, counts, changed = _moving(status, account_out, step.status, step.scope)
            status, opt_outs = step.status, opt_outs + counts
            if changed:
                since, source, how_to_return = now, _BY_TEXT, False
        elif isinstance(step, UseKeyword):
            keywords = {**keywords, step.word: opt_outs}
        elif isinstance(step, ChangeList):
            lists = {**lists, step.list_name: step.status}
        elif isinstance(step, PlaceHold):
            hold = hold or Hold(now, mo_id)
        elif isinstance(step, ReleaseHold):
            hold = None
        elif step.claim is Grounds.HOW_TO_RETURN:
            how_to_return = True
        elif step.claim is Grounds.CLARIFICATION and hold is not None:
            hold = Hold(hold.since, hold.mo_id, clarified=True)
    if decision.automatic:
        replies = remembered(replies, decision.automatic, now)
    return Standing(
        standing.line_id,
        standing.subscriber,
        status,
        since,
        source,
        opt_outs,
        hold,
        how_to_return,
        account_out,
        keywords,
        lists,
        standing.suspended,
        replies,
        latest or standing.latest,
        last_carrier or standing.last_carrier,
    )


def _moved(standing: Standing, status: ConsentStatus, scope: Scope, method: Method, now: float) -> Standing:
    """Set ``status``, and with it what depends on it."""
    account_out, counts, changed = _moving(standing.status, standing.account_out, status, scope)
    return standing.but(
        status=status,
        since=now if changed else standing.since,
        source=method.value if changed else standing.source,
        opt_outs=standing.opt_outs + counts,
        account_out=account_out,
        how_to_return=standing.how_to_return and not changed,
    )


@lru_cache(maxsize=64)
def _moving(
    before: ConsentStatus,
    account_out: bool,
    status: ConsentStatus,
    scope: Scope,
) -> tuple[bool, bool, bool]:
    """Return what setting ``status`` does to one ``before`` it: whether the account is out, it counts, it changes much.

    The count moves at every change to opted out. It also moves when an opt-out of the account that this line stored
    nothing of is lifted: otherwise a message accepted before that opt-out would match the count again. There are 36
    cases, and each is worked out once.
    """
    out = (scope is _ACCOUNT or account_out) if status is _OUT else False
    counts = before is not _OUT and (status is _OUT or account_out)
    return out, counts, status is not before or out is not account_out
