"""The moves that texts lead to, as effects: opt in, opt out, enter and leave a list, answer.

Signals and keyword actions make the same moves, so they are written once, here. A move looks at the standing and
returns effects in the order in which they are to be performed; it never decides whether it is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.consent import ConsentStatus, EvidenceKind, Standing
from gateway.model.effects import (
    ChangeList,
    ChangeStatus,
    Effect,
    PlaceHold,
    RecordEvidence,
    ReleaseHold,
    Reply,
    Scope,
    UseKeyword,
)
from gateway.model.messages import Lane
from gateway.model.permit import Grounds
from gateway.policy.transitions import status_of

if TYPE_CHECKING:
    from gateway.policy.compile import KeywordRules, LineRules

_IN = ConsentStatus.OPTED_IN
_OUT = ConsentStatus.OPTED_OUT


def opt_in(standing: Standing) -> tuple[Effect, ...]:
    """Opt in by the subscriber's own text. From someone already in: evidence alone. A hold ends."""
    before = status_of(standing)
    change: tuple[Effect, ...] = (ChangeStatus(_IN),) if before is not _IN else ()
    return (*change, *_release(standing), RecordEvidence(EvidenceKind.OPT_IN, before, _IN))


def opt_out(standing: Standing, rules: LineRules, scope: Scope, confirmation: str = "") -> tuple[Effect, ...]:
    """Opt out by the subscriber's own text, confirmed once.

    From someone already out the change changes nothing and no reply is due; it is there so that the ack of this text
    waits, as that of the first, until nothing is on its way any more. ``scope`` ACCOUNT from someone who is out of this
    line alone still takes the other lines, and is confirmed.
    """
    before = status_of(standing)
    evidence = RecordEvidence(EvidenceKind.OPT_OUT, before, _OUT, note="STOP ALL" if scope is Scope.ACCOUNT else "")
    widens = scope is Scope.ACCOUNT and not standing.account_out
    due = before is not _OUT or widens
    reply = confirm(confirmation or rules.stop_reply) if due else ()
    return (ChangeStatus(_OUT, scope), *_release(standing), evidence, *reply)


def leave_list(standing: Standing, rules: LineRules, name: str) -> tuple[Effect, ...]:
    """STOP for one list. From someone who is no member, or whose only list it is, it is STOP for the line."""
    others = tuple(sorted(other for other, status in standing.lists.items() if status is _IN and other != name))
    member = standing.lists.get(name) is _IN
    left: tuple[Effect, ...] = ()
    if member:
        left = (
            ChangeList(name, _OUT),
            RecordEvidence(EvidenceKind.LIST_LEAVE, _IN, _OUT, list_name=name),
        )
    if not (member and others) or status_of(standing) is _OUT:
        return (*left, *opt_out(standing, rules, rules.stop_scope))
    return (*left, *_release(standing), *confirm(rules.list_confirmation(name, others)))


def join_list(standing: Standing, name: str) -> tuple[Effect, ...]:
    """Enter one list. From a member: evidence alone."""
    before = standing.lists.get(name, ConsentStatus.NOT_DEFINED)
    change: tuple[Effect, ...] = (ChangeList(name, _IN),) if before is not _IN else ()
    return (*change, RecordEvidence(EvidenceKind.LIST_JOIN, before, _IN, list_name=name))


def hold(standing: Standing, rules: LineRules, note: str) -> tuple[Effect, ...]:
    """Pause sends over an unclear text, and ask once. From someone opted out there is nothing to pause or to ask."""
    before = status_of(standing)
    evidence = RecordEvidence(EvidenceKind.HOLD, before, before, note=note)
    if before is _OUT:
        return (evidence,)
    asked = standing.hold is not None and standing.hold.clarified
    question = () if asked else answer(rules.clarify_reply, claim=Grounds.CLARIFICATION)
    return (PlaceHold(), evidence, *question)


def keyword_replies(standing: Standing, keyword: KeywordRules) -> tuple[Effect, ...]:
    """Remember the use; welcome the first time, and the first time since an opt-out; the user reply each time.

    ``standing`` is that before the text. Coming back does not change ``opt_outs``, so it is also the count afterwards;
    but an opt-out of the account that this line never stored is counted on the way in (see ``transitions``).
    """
    left = standing.lists.get(keyword.list_name) is _OUT
    used = standing.keywords.get(keyword.key) == standing.opt_outs and status_of(standing) is not _OUT
    welcome = keyword.auto_welcome if left or not used else ""
    return (UseKeyword(keyword.key), *answer(welcome), *answer(keyword.user_reply))


def help_answer(text: str) -> tuple[Effect, ...]:
    """Answer a call for help, which is due whatever the status."""
    return answer(text, lane=Lane.URGENT, claim=Grounds.HELP)


def confirm(text: str) -> tuple[Effect, ...]:
    """Confirm an opt-out. The reply limit does not count it and does not hold it back."""
    return (Reply(text, Lane.URGENT, Grounds.OPT_OUT_CONFIRMATION, automatic=False),) if text else ()


def answer(text: str, *, lane: Lane = Lane.REPLY, claim: Grounds = Grounds.ANSWER) -> tuple[Effect, ...]:
    """Reply with ``text``, or with nothing where it is empty."""
    return (Reply(text, lane, claim),) if text else ()


def _release(standing: Standing) -> tuple[Effect, ...]:
    """End a hold, with evidence, where there is one."""
    if standing.hold is None:
        return ()
    before = status_of(standing)
    return (ReleaseHold(), RecordEvidence(EvidenceKind.RELEASE, before, before, note="the subscriber's own signal"))
