"""The hot statements on permits: mint, settle, ask for the history of a message.

Plain SQL, batched. Which permit may be is the gate's to say, and what follows from its end is ``gateway.traffic``'s;
this module only writes it down. A permit's row is never deleted by these statements.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gateway.base.value import value
from gateway.model.permit import Fate, Outcome, Permit, SegmentStyle
from gateway.store.bulk import Insert, Update
from gateway.store.chunks import chunks
from gateway.store.tx import Tx

MOST_DETAIL: Final = 512
"""Characters of why a permit ended so: room for all that a carrier can say with a refusal (``carriers.refusals``)."""

_MINT: Final = Insert(
    "permit",
    (
        *("id", "message_id", "segment", "line_id", "subscriber", "carrier", "bind", "grounds", "opt_outs"),
        *("dies_at", "style", "data_coding"),
    ),
    (("fate", f"{Fate.LIVE:d}"), ("status", "0"), ("carrier_id", "''"), ("detail", "''")),
    common=("node", "life", "minted_at"),
)
# A fact that is recorded late (the store was full) never replaces one that came after it: an answer outranks silence.
_SETTLE: Final = Update(
    "permit",
    ("id", "fate", "status", "carrier_id", "detail"),
    "fate = {fate}, status = {status}, carrier_id = {carrier_id}, detail = {detail}, settled_at = {settled_at}",
    f"permit.fate = {Fate.LIVE:d} or permit.fate = {Fate.UNCERTAIN:d}",
    ("settled_at",),
)
_ACCEPT: Final = Update(
    "permit",
    ("id", "status", "carrier_id"),
    f"fate = {Fate.ACCEPTED:d}, status = {{status}}, carrier_id = {{carrier_id}}, settled_at = {{settled_at}}",
    f"permit.fate = {Fate.LIVE:d}",
    ("settled_at",),
)
_STYLES: Final = {style: style.value for style in SegmentStyle}


@value
class PermitRow:
    """What is stored of a permit: as much as settling its message asks."""

    id: int
    message_id: int
    segment: int
    fate: Fate
    status: int
    bind: str
    receipt_state: int | None
    style: SegmentStyle = SegmentStyle.UDH8
    data_coding: int = 0


def add_permits(tx: Tx, permits: Sequence[Permit], opt_outs: Mapping[int, int]) -> None:
    """Write permits. ``opt_outs`` maps message id to the count it stands on."""
    rows = [
        (
            p.id,
            p.message_id,
            p.segment,
            p.line_id,
            p.subscriber,
            p.carrier,
            p.bind,
            int(p.grounds),
            opt_outs[p.message_id],
            p.dies_at,
            _STYLES[p.style],
            int(p.data_coding),
        )
        for p in permits
    ]
    tx.put(_MINT, rows, (tx.node, tx.life, tx.now))


def settle_permits(tx: Tx, outcomes: Sequence[Outcome]) -> None:
    """Write what became of permits."""
    while outcomes:  # once, but for a permit that has several: those are written one after the other
        latest = {outcome.permit.id: outcome for outcome in reversed(outcomes)}
        tx.put(
            _SETTLE,
            [(id_, int(o.fate), o.status, o.carrier_id, o.detail[:MOST_DETAIL]) for id_, o in latest.items()],
            (tx.now,),
        )
        if len(latest) == len(outcomes):
            return
        outcomes = [outcome for outcome in outcomes if latest[outcome.permit.id] is not outcome]


def accept_permits(tx: Tx, outcomes: Sequence[Outcome]) -> int:
    """Write answers that accepted live permits; return how many there were."""
    return tx.bulk(_ACCEPT, [(o.permit.id, o.status, o.carrier_id) for o in outcomes], (tx.now,))


def permits_of(tx: Tx, message_ids: Collection[int]) -> dict[int, list[PermitRow]]:
    """Return the permits of these messages in the order in which they were minted."""
    found: dict[int, list[PermitRow]] = {}
    for marks, chunk in chunks(sorted(message_ids)):
        for row in tx.rows(
            "select id, message_id, segment, fate, status, bind, receipt_state, style, data_coding from permit"
            f" where message_id in ({marks}) order by id",
            chunk,
        ):
            id_, message_id, segment, fate, status, bind, receipt, style, coding = row
            found.setdefault(message_id, []).append(
                PermitRow(id_, message_id, segment, Fate(fate), status, bind, receipt, SegmentStyle(style), coding)
            )
    return found
