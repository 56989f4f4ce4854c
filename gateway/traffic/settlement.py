"""What follows for a message from what became of its permits: one pure function over all of them.

It is asked after every change (a response, a lost session, a receipt, a late answer), always looks at the whole history
and therefore gives the same answer in whatever order things came in. It decides; ``gateway.traffic.settle`` writes.

The rule for *uncertain* (written, and no answer recorded): a reply to a subscriber that is younger than five minutes
goes once more; everything else follows its line's ``on_uncertain``, whose "resend" means once, too: a
carrier that never answers must not make us send copy after copy. A late answer settles it. A message never goes back
on an answer: what a carrier accepted is sent, whatever came before or after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.carriers.statuses import Verdict
from gateway.model.messages import Lane, MessageState, Mt
from gateway.model.permit import Fate
from gateway.model.refusal import Reason
from gateway.store.hot_messages import Move
from gateway.store.hot_permits import PermitRow

Verdicts = Callable[[str, int], Verdict]
"""(carrier, command_status) -> what it means there."""

REPLY_LIFE_S: Final = 300.0
MOST_RETRIES: Final = 5
"""How many times one segment is refused as temporary before the message fails."""

_SETTLED: Final = frozenset({MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.PARTIAL})
_ENDED: Final = frozenset({MessageState.FAILED, MessageState.REFUSED, MessageState.EXPIRED, MessageState.CANCELLED})
"""States of what was not sent; a late acceptance of some of its segments still shows.

An UNCERTAIN one leaves that state when late answers have settled every segment, as if they had come in time."""


def next_move(
    mt: Mt,
    permits: Sequence[PermitRow],
    now: float,
    on_uncertain: str,
    verdict: Callable[[int], Verdict],
) -> Move | None:
    """Return the message's next state, or None while a permit of it is live or nothing changes.

    ``permits`` are all of the message's, in the order in which they were minted; ``now`` in unix seconds;
    ``on_uncertain`` is "hold", "resend" or "fail"; ``verdict`` says what a command_status means on its carrier.
    """
    if any(permit.fate is Fate.LIVE for permit in permits):
        return None
    accepted = {permit.segment: permit for permit in permits if permit.fate is Fate.ACCEPTED}
    if len(accepted) == mt.segments:
        return _moved(mt, _delivery([permit.receipt_state for permit in accepted.values()]), None, 0)
    if mt.state in _ENDED:
        return Move(mt.id, MessageState.PARTIAL, "late", None, mt.resends) if accepted else None
    open_ = [permit for permit in {p.segment: p for p in permits}.values() if permit.segment not in accepted]
    unknown = any(permit.fate is Fate.UNCERTAIN for permit in open_)
    if mt.state is not MessageState.SENDING and not (mt.state is MessageState.UNCERTAIN and not unknown):
        return None
    lost = MessageState.PARTIAL if accepted else MessageState.FAILED
    for permit in open_:
        if permit.fate is Fate.REJECTED and _is_final(permit, permits, verdict):
            upstream = verdict(permit.status) is Verdict.OPTED_OUT
            return _moved(mt, lost, Reason.OPTED_OUT.value if upstream else "rejected", permit.status)
    if unknown:
        return _uncertain(mt, lost, now, on_uncertain)
    status = next((permit.status for permit in open_ if permit.fate is Fate.REJECTED), None)
    return Move(mt.id, MessageState.QUEUED, None, status, mt.resends)


def _is_final(permit: PermitRow, permits: Sequence[PermitRow], verdict: Callable[[int], Verdict]) -> bool:
    """Say whether a rejected segment has had its chances. Throttling is about pace, never about the message."""
    match verdict(permit.status):
        case Verdict.THROTTLE:
            return False
        case Verdict.RETRY:
            tries = [p for p in permits if p.segment == permit.segment and p.fate is Fate.REJECTED]
            return sum(verdict(p.status) is Verdict.RETRY for p in tries) >= MOST_RETRIES
        case _:  # FAIL, OPTED_OUT
            return True


def _uncertain(mt: Mt, lost: MessageState, now: float, on_uncertain: str) -> Move:
    is_reply = mt.lane in (Lane.URGENT, Lane.REPLY)
    if is_reply and mt.resends == 0 and now - mt.created_at < REPLY_LIFE_S:
        return Move(mt.id, MessageState.QUEUED, None, None, mt.resends + 1)
    if not is_reply and mt.resends == 0 and on_uncertain == "resend":
        return Move(mt.id, MessageState.QUEUED, None, None, mt.resends + 1)
    if on_uncertain == "fail":
        return Move(mt.id, lost, "uncertain", None, mt.resends)
    return Move(mt.id, MessageState.UNCERTAIN, None, None, mt.resends)


def _delivery(receipts: Sequence[int | None]) -> MessageState:
    """Return the state of a wholly accepted message. Some carriers send a receipt for one segment alone."""
    known = {MessageState(state) for state in receipts if state is not None}
    if not known:
        return MessageState.SENT
    return known.pop() if len(known) == 1 else MessageState.PARTIAL


def _moved(mt: Mt, state: MessageState, reason: str | None, status: int | None) -> Move | None:
    """Return the move, or None where the message is there already."""
    if state is mt.state and mt.state in _SETTLED:
        return None
    return Move(mt.id, state, reason, status, mt.resends)
