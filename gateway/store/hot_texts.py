"""The hot statements of a text: its line in the journal, and the answers to it.

Plain SQL, batched, with as few values as it takes: what is the same in all rows stands in the statement. What a text
means, and which answers it has, is ``gateway.policy``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.base.value import value
from gateway.model.address import Msisdn
from gateway.model.effects import Decision, TextOutcome
from gateway.model.messages import MessageState, Mo, Mt
from gateway.model.permit import Permit
from gateway.store.bulk import Insert
from gateway.store.hot_messages import MT
from gateway.store.tx import Tx

NOT_LISTED: Final[Mapping[int, int]] = {}
"""Messages that are in no list of their pair."""

_QUEUED: Final = int(MessageState.QUEUED)
_SENDING: Final = int(MessageState.SENDING)
_MO: Final = 0
_JOURNAL: Final = Insert(
    "message",
    (
        *("id", "line_id", "subscriber", "text", "created_at", "opt_outs", "segments", "carrier", "session", "raw"),
        *("data_coding", "outcome", "keyword", "matched_by", "because", "partial", "previous"),
    ),
    (
        ("account_id", "1"),
        ("direction", f"{_MO}"),
        ("state", f"{MessageState.RECEIVED:d}"),
        ("attempts", "0"),
        ("resends", "0"),
    ),
    common=("updated_at", "config_hash"),
)
_OUTCOMES: Final = {outcome: outcome.value for outcome in TextOutcome}
_REPLY: Final = Insert(
    "message",
    (
        *("id", "line_id", "subscriber", "state", "lane", "claim", "text", "in_reply_to", "opt_outs", "segments"),
        *("attempts", "carrier", "route", "previous"),
    ),
    (("account_id", "1"), ("direction", f"{MT}"), ("resends", "0")),
    common=("created_at", "updated_at"),
)


@value
class Entry:
    """A line of the journal: an MO with its id and what was decided of it."""

    id: int
    line_id: int
    mo: Mo
    decision: Decision
    opt_outs: int
    parts: int


def journal(tx: Tx, entries: Sequence[Entry], config_hash: str, previous: Mapping[int, int] = NOT_LISTED) -> None:
    """Write MOs with their decisions, which were made by the configuration of that hash.

    ``previous`` has what comes before each in its pair's list, if it is in one.
    """
    rows: list[tuple[Any, ...]] = []
    for e in entries:
        mo, decision = e.mo, e.decision
        rows.append(
            (
                e.id,
                e.line_id,
                mo.subscriber,
                mo.text,
                mo.received_at,
                e.opt_outs,
                e.parts,
                mo.carrier,
                mo.session,
                mo.raw,
                mo.data_coding,
                _OUTCOMES[decision.outcome],
                decision.keyword,
                decision.matched_by,
                decision.because,
                int(mo.partial),
                previous.get(e.id),
            )
        )
    tx.put(_JOURNAL, rows, (tx.now, config_hash))


def add_replies(
    tx: Tx,
    replies: Sequence[Mt],
    permits: Mapping[int, Permit],
    routes: Mapping[tuple[int, Msisdn], str],
    previous: Mapping[int, int] = NOT_LISTED,
) -> None:
    """Store answers to texts, which nobody asked for otherwise: without an end, a list, a reference, a reason or an
    actor.

    Those for which ``permits`` has one (by message id), minted in this transaction, are stored as being sent by its
    carrier, with a permit for each of its segments; the others as queued. ``routes``, by pair, are the carriers that
    they shall go over, where their lines have several. ``previous`` as for ``journal``.
    """
    rows: list[tuple[Any, ...]] = []
    for mt in replies:
        id_, line_id, subscriber = mt.id, mt.line_id, mt.subscriber
        if (permit := permits.get(id_)) is not None:
            segments = attempts = permit.segments
            state, carrier = _SENDING, permit.carrier
        else:
            state, segments, attempts, carrier = _QUEUED, mt.segments, 0, None
        rows.append(
            (
                id_,
                line_id,
                subscriber,
                state,
                int(mt.lane),
                int(mt.claim),
                mt.text,
                mt.in_reply_to,
                mt.opt_outs,
                segments,
                attempts,
                carrier,
                routes.get((line_id, subscriber), "") if routes else "",
                previous.get(id_),
            )
        )
    tx.put(_REPLY, rows, (tx.now, tx.now))
