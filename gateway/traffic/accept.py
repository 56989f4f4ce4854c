"""Messages that somebody wants sent: each is accepted into the queue or refused, with the reason, in one transaction.

The same judgement as at the gate (``gateway.policy.grounds``) is made here, so that the sender learns at once; it is
made again before each submit_sm. A refusal for lack of consent is stored as a message of its own in state REFUSED,
because "we did not send this, and why" is part of a number's story; a malformed request is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.model.address import Msisdn, is_number, read_line, read_msisdn
from gateway.model.messages import Draft, MessageState
from gateway.model.permit import Grounds
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Actor, SendRequest, plainly_refused
from gateway.policy.grounds import ANSWER_LIFE_S, grounds_for_draft
from gateway.sms.segments import count_segments
from gateway.store.hot_consent import standings
from gateway.store.hot_leases import keep_order
from gateway.store.hot_messages import NewMt, add_mts
from gateway.store.tx import Tx
from gateway.traffic.backlog import Headroom
from gateway.traffic.routes import with_routes
from gateway.traffic.rulebook import LaneOfLine, LineEntry, RuleBook

STORED: Final = frozenset(
    {Reason.OPTED_OUT, Reason.NOT_OPTED_IN, Reason.HELD, Reason.SUSPENDED, Reason.NOT_A_MEMBER, Reason.STALE}
)


@dataclass(slots=True)
class Acceptance:
    """The answers, in the order of the requests, and how many messages each place got."""

    results: list[Accepted | Refusal] = field(default_factory=list)
    queued: Counter[LaneOfLine] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A request that is well-formed: who it is for, the text as the line sends it, how many submit_sm that takes."""

    request: SendRequest
    entry: LineEntry
    subscriber: Msisdn
    text: str
    segments: int


def accept(tx: Tx, requests: Sequence[SendRequest], actor: Actor, book: RuleBook, room: Headroom) -> Acceptance:
    """Accept or refuse each request; ``room`` is what more may be queued, and is used up.

    What there is no room for even now is refused without a look at the store: whoever sends too fast costs little.
    """
    acceptance = Acceptance()
    read = [_with_room(_read(request, book, tx.now), room) for request in requests]
    candidates = [item for item in read if isinstance(item, _Candidate)]
    known = standings(tx, {(c.entry.line_id, c.subscriber) for c in candidates})
    keep_order(tx, known)
    messages: list[NewMt] = []
    for item in read:
        if isinstance(item, Refusal):
            acceptance.results.append(item)
            continue
        if full := room.refusal(item.request.lane, item.entry):
            acceptance.results.append(full)
            continue
        standing = known[item.entry.line_id, item.subscriber]
        draft = _draft(tx, item, standing.opt_outs)
        if isinstance(draft, Refusal):
            acceptance.results.append(draft)
            continue
        judged = grounds_for_draft(draft, standing, item.entry.rules, tx.now)
        if isinstance(judged, Refusal):
            acceptance.results.append(judged)
            if judged.reason in STORED:
                id_ = tx.allocate("message")
                refused = MessageState.REFUSED
                messages.append(NewMt(id_, draft, item.segments, refused, judged.reason.value, actor.name))
            continue
        room.take(item.entry)
        id_ = tx.allocate("message")
        messages.append(NewMt(id_, draft, item.segments, actor=actor.name))
        acceptance.results.append(Accepted(id_, MessageState.QUEUED))
        acceptance.queued[draft.lane, draft.line_id] += 1
    add_mts(tx, with_routes(tx, messages, known, book))
    return acceptance


def _with_room(item: _Candidate | Refusal, room: Headroom) -> _Candidate | Refusal:
    """Return a candidate only if there is room for it."""
    return item if isinstance(item, Refusal) else room.refusal(item.request.lane, item.entry) or item


def _read(request: SendRequest, book: RuleBook, now: float) -> _Candidate | Refusal:
    """Judge what needs no look at the subscriber: line, number, text."""
    if refusal := plainly_refused(request, now):
        return refusal
    entry = book.by_address.get(read_line(request.line))
    if entry is None:
        known = ", ".join(sorted(book.by_address)) or "none"
        return Refusal(Reason.UNKNOWN_LINE, f"{request.line!r} is no line of this gateway; its lines are: {known}.")
    subscriber = read_msisdn(request.to, entry.region)
    if not is_number(subscriber):
        return Refusal(
            Reason.NOT_A_NUMBER, f"{request.to!r} is no telephone number; write it as +12125550101 or as dialled."
        )
    known_lists = set(entry.rules.lists.values())
    if request.list_name is not None and request.list_name not in known_lists:
        lists = ", ".join(sorted(known_lists)) or "none"
        return Refusal(
            Reason.UNKNOWN_LIST, f"Line {entry.address} has no list {request.list_name!r}; its lists are: {lists}."
        )
    text = entry.rules.outgoing(request.text)
    segments = count_segments(text)
    if segments > book.max_segments:
        return Refusal(
            Reason.TOO_LONG, f"The text takes {segments} segments; the limit is {book.max_segments}. Shorten it."
        )
    return _Candidate(request, entry, subscriber, text, segments)


def _draft(tx: Tx, candidate: _Candidate, opt_outs: int) -> Draft | Refusal:
    """Return the message to judge; an answer to a text ends with that text's day."""
    request, line_id = candidate.request, candidate.entry.line_id
    claim, expires_at = Grounds.CONSENT, request.expires_at
    if request.in_reply_to is not None:
        rows = tx.rows(
            "select created_at from message where id = ? and direction = 0 and line_id = ? and subscriber = ?",
            (request.in_reply_to, line_id, candidate.subscriber),
        )
        if not rows or tx.now - rows[0][0] > ANSWER_LIFE_S:
            return Refusal(
                Reason.NOT_AN_ANSWER,
                f"in_reply_to must name a text of this subscriber to this line of the last 24 hours; "
                f"{request.in_reply_to} is none.",
            )
        claim = Grounds.ANSWER
        end = rows[0][0] + ANSWER_LIFE_S
        expires_at = end if expires_at is None else min(expires_at, end)
    return Draft(
        line_id=line_id,
        subscriber=candidate.subscriber,
        text=candidate.text,
        lane=request.lane,
        claim=claim,
        opt_outs=opt_outs,
        expires_at=expires_at,
        in_reply_to=request.in_reply_to,
        list_name=request.list_name,
        ref=request.ref,
    )
