"""Long texts whose missing parts did not come: decided as they stand, the oldest first, some at a time.

Each is decided once, however many wait: a clear STOP among them must be in force soon after its time, and a flood of
parts that nobody completes must not hide it. What we fail on, which is our bug, is put aside, so that the others behind
it are decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from gateway.model.messages import Unreadable
from gateway.smpp.constants import Status
from gateway.store.hot_consent import standings
from gateway.store.hot_parts import PartKey, StoredPart, mark_joined, overdue_parts, parts_of, quarantine
from gateway.store.tx import Tx
from gateway.traffic.intake import decide_overdue
from gateway.traffic.joining import Whole, what_came
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.taken import Intake, Taken

PARTS_WAIT_S: Final = 300.0
"""How long a long text waits for its missing parts, from the latest that came."""
MOST_OPEN: Final = 100_000
"""Texts that wait for parts, over all carriers; beyond it the oldest are decided as they stand."""
TEXTS: Final = 100
"""So many are decided in one transaction at most."""

_NO_MESSAGE: Final = 0
"""No message has this id."""
_MOST_REASON: Final = 200


def overdue_texts(tx: Tx, book: RuleBook, before: float | None = None, limit: int = TEXTS) -> Intake:
    """Decide texts whose latest part came before that time (unix seconds), ``limit`` at most.

    By default those that have waited long enough.
    """
    due = tx.now - PARTS_WAIT_S if before is None else before
    keys = overdue_parts(tx, due, limit)
    return tx.attempt(partial(_together, tx, keys, book), lambda _bug: _one_by_one(tx, keys, book))


def _together(tx: Tx, keys: Sequence[PartKey], book: RuleBook) -> Intake:
    wholes: list[tuple[int, Whole]] = []
    if tx.dialect.several:  # another node may take the missing part right now: whoever locks first has the text
        standings(tx, {(key.line_id, key.subscriber) for key in keys})
    for key in keys:
        if (whole := what_came(key, _open(tx, key), _address(tx, key, book))) is not None:
            wholes.append((key.line_id, whole))
    return decide_overdue(tx, wholes, book)


def _one_by_one(tx: Tx, keys: Sequence[PartKey], book: RuleBook) -> Intake:
    """Decide texts that we failed on together, but for those that we fail on again."""
    all_ = Intake()
    for key in keys:
        intake = tx.attempt(partial(_together, tx, [key], book), partial(_put_aside, tx, key, book))
        all_.taken += intake.taken
        all_.places |= intake.places
        all_.refused += intake.refused
    return all_


def _put_aside(tx: Tx, key: PartKey, book: RuleBook, error: Exception) -> Intake:
    parts = _open(tx, key)
    latest = parts[-1]
    kept = Unreadable(
        carrier=key.carrier,
        bind="",
        session=latest.session,
        sequence=0,
        status=int(Status.ESME_RX_P_APPN),
        reason=f"raw is the user data of the parts that came; internal error: {error!r}"[:_MOST_REASON],
        raw=b"".join(part.raw for part in parts),
        received_at=latest.received_at,
        line=_address(tx, key, book),
        subscriber=key.subscriber,
    )
    quarantine(tx, [kept])
    mark_joined(tx, key, _NO_MESSAGE)
    return Intake([Taken(kept, "poison", kept.status, error=error)])


def _open(tx: Tx, key: PartKey) -> list[StoredPart]:
    return [part for part in parts_of(tx, key) if part.mo_id is None]


def _address(tx: Tx, key: PartKey, book: RuleBook) -> str:
    """Return the address of a line that may have left the configuration."""
    if (entry := book.by_id.get(key.line_id)) is not None:
        return entry.address
    return str(tx.rows("select address from line where id = ?", (key.line_id,))[0][0])
