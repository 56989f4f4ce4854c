"""May this message go to this subscriber now, and on what grounds? The judgement behind the gate.

One function for accepting a message and for minting each of its permits, so that the two cannot differ. Pure: it sees
the message, the standing and the line's rules. Must never say yes to someone opted out but on three grounds
(docs/policy.md, "What may still go after a STOP"), and never to a message accepted before an opt-out.
"""

from __future__ import annotations

from typing import Final, Protocol

from gateway.model.consent import ConsentStatus, Standing
from gateway.model.messages import Draft, Lane, Mt
from gateway.model.permit import Grounds
from gateway.model.refusal import Reason, Refusal
from gateway.policy.compile import LineRules
from gateway.policy.transitions import status_of

REPLY_LIFE_S: Final = 300.0
"""Seconds for which a reply (lanes 1 and 2) is worth sending; 47 CFR 64.1200(a)(12) gives a clarification as long."""

ANSWER_LIFE_S: Final = 86400.0
"""Seconds for which a person may answer a subscriber's text."""

TO_OPTED_OUT: Final = frozenset({Grounds.OPT_OUT_CONFIRMATION, Grounds.HELP, Grounds.HOW_TO_RETURN})
WHILE_HELD: Final = frozenset({Grounds.CLARIFICATION, Grounds.HELP, Grounds.OPT_OUT_CONFIRMATION})

_BY_CONSENT: Final = frozenset({Grounds.CONSENT, Grounds.UNDEFINED_ALLOWED})

# Every message is judged: asking an enumeration for its member costs ten times as much as a name.
_IN: Final = ConsentStatus.OPTED_IN
_OUT: Final = ConsentStatus.OPTED_OUT
_REPLY: Final = Lane.REPLY
_CONSENT: Final = Grounds.CONSENT
_UNDEFINED_ALLOWED: Final = Grounds.UNDEFINED_ALLOWED
_ANSWER: Final = Grounds.ANSWER
_CLARIFICATION: Final = Grounds.CLARIFICATION
_HOW_TO_RETURN: Final = Grounds.HOW_TO_RETURN


class Judged(Protocol):
    """What a message says of itself, stored (``Mt``) or not yet (``Draft``)."""

    @property
    def claim(self) -> Grounds:
        """What the message says it may go under."""
        ...

    @property
    def lane(self) -> Lane:
        """Its lane."""
        ...

    @property
    def opt_outs(self) -> int:
        """The subscriber's opt-out count when it was accepted."""
        ...

    @property
    def expires_at(self) -> float | None:
        """When it is worth nothing any more, in unix seconds; None never."""
        ...

    @property
    def in_reply_to(self) -> int | None:
        """The id of the MO that it answers."""
        ...

    @property
    def list_name(self) -> str | None:
        """The list that it is sent to, if it is a list send."""
        ...


def grounds_for(mt: Mt, standing: Standing, rules: LineRules, now: float) -> Grounds | Refusal:
    """Judge a stored message at ``now`` (unix seconds): the grounds of its next permit, or why it does not go."""
    return judge(mt, mt.created_at, standing, rules, now)


def grounds_for_draft(draft: Draft, standing: Standing, rules: LineRules, now: float) -> Grounds | Refusal:
    """Judge a message that is about to be accepted."""
    return judge(draft, now, standing, rules, now)


def judge(message: Judged, created_at: float, standing: Standing, rules: LineRules, now: float) -> Grounds | Refusal:
    """Return the grounds on which ``message`` may go, or the first thing that stands against it."""
    claim = message.claim
    if claim not in TO_OPTED_OUT and (standing.account_out or standing.status is _OUT):  # ``status_of``, not called
        return Refusal(Reason.OPTED_OUT, "The subscriber has opted out of this line.", standing.since, standing.source)
    if message.opt_outs != standing.opt_outs:
        # Nothing goes after an opt-out that came after it, even if the subscriber is back.
        return Refusal(Reason.STALE, "Accepted before an opt-out of the subscriber; send it anew if it still applies.")
    if standing.hold is not None and claim not in WHILE_HELD:
        # While a wish to stop is unclear, only the question, help and the confirmation of an earlier opt-out go.
        return Refusal(Reason.HELD, "The subscriber's last wish is unclear: sends wait for their answer or a review.")
    if message.list_name is not None and (unlisted := _unlisted(message.list_name, standing)):
        return unlisted
    if message.expires_at is not None and now >= message.expires_at:
        return Refusal(Reason.EXPIRED, "The message's own expiry has passed.")
    if now - created_at > REPLY_LIFE_S and message.lane <= _REPLY:
        return Refusal(Reason.EXPIRED, "A reply older than 5 minutes is not sent.")
    return _claimed(message, claim, standing, rules)


def _unlisted(name: str, standing: Standing) -> Refusal | None:
    """A list send goes to members alone, and not to those suspended."""
    if standing.lists.get(name) is not _IN:
        return Refusal(Reason.NOT_A_MEMBER, f'The subscriber is not on the list "{name}".')
    if name in standing.suspended:
        return Refusal(Reason.SUSPENDED, f'The subscriber is suspended on the list "{name}".')
    return None


def _claimed(message: Judged, claim: Grounds, standing: Standing, rules: LineRules) -> Grounds | Refusal:
    """Find out whether the claim holds."""
    if claim is _ANSWER:
        if message.in_reply_to is None or (message.lane > _REPLY and message.expires_at is None):
            return Refusal(Reason.NOT_AN_ANSWER, "An answer names the text that it answers, and ends with its day.")
    elif claim in _BY_CONSENT:
        if status_of(standing) is _IN:
            return _CONSENT
        if rules.unknown_allowed:
            return _UNDEFINED_ALLOWED
        return Refusal(Reason.NOT_OPTED_IN, "The subscriber has not opted in, and the line asks for that.")
    elif claim is _CLARIFICATION:
        if standing.hold is None:
            return Refusal(Reason.STALE, "The unclear text has been settled; there is nothing left to ask.")
    elif claim is _HOW_TO_RETURN and status_of(standing) is not _OUT:
        return Refusal(Reason.STALE, "The subscriber is back already.")
    return claim
