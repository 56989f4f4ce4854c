"""Receipts that crossed their response: taken by two nodes at once, neither of which saw what the other wrote.

Where one node has the store, a receipt either finds its permit, or waits and is found by the response. Where several
do, both transactions may look before either has committed. Then both are in the store, and only somebody who looks
again will join them: the janitor, a few seconds later.
"""

from __future__ import annotations

from typing import Final

from gateway.store.hot_parts import parked_receipts, record_receipt, take_parked
from gateway.store.tx import Tx
from gateway.traffic.matching import overtook
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import Settled, reconsider
from gateway.traffic.settlement import Verdicts

RECENT_S: Final = 60.0
"""How long ago (seconds) a receipt came at most that may have crossed its response."""

_CROSSED: Final = """
select distinct permit.id, permit.message_id, permit.carrier, permit.carrier_id, permit.subscriber
from parked_receipt join permit on permit.carrier = parked_receipt.carrier
    and permit.carrier_id = parked_receipt.carrier_id and permit.carrier_id <> ''
where parked_receipt.received_at > ? and permit.receipt_state is null
    and (parked_receipt.subscriber = permit.subscriber or parked_receipt.subscriber = '')
order by permit.id limit ?
"""


def join_crossed(tx: Tx, book: RuleBook, verdicts: Verdicts, limit: int) -> Settled:
    """Give receipts that wait to permits that have their answer by now; return what became of their messages."""
    moved: set[int] = set()
    for permit_id, message_id, carrier, carrier_id, subscriber in tx.rows(_CROSSED, (tx.now - RECENT_S, limit)):
        if early := overtook(parked_receipts(tx, carrier, carrier_id, subscriber), subscriber):
            record_receipt(tx, permit_id, early[0].state, early[0].error, early[0].received_at)
            take_parked(tx, [receipt.receipt_id for receipt in early])
            moved.add(message_id)
    return reconsider(tx, moved, book, verdicts)
