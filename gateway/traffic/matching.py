"""Which permit a receipt speaks of: the rule, in both directions. Pure.

A carrier may spell one id in several ways, and so may two ids be spelt alike: the receipt for 1000 may mean the message
that was answered 3e8, and, read as hexadecimal, the one answered 4096. The subscriber decides. Either address of the
receipt may be theirs, since some carriers swap them; where neither is anybody's whom a spelling fits (some carriers
leave them out, or put there what they like), only the likeliest spelling is believed, since any other would credit
messages with what became of others.

A receipt that is one by its words alone (``perhaps`` is set) is believed of messages to its own sender only, because
anybody can type one.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.model.address import Msisdn
from gateway.model.messages import Receipt
from gateway.store.hot_parts import Parked, PermitMatch


def meant(receipt: Receipt, permits: Sequence[PermitMatch]) -> PermitMatch | None:
    """Return the one of the permits, each answered with one of the receipt's ids, that it speaks of; None if none.

    By the likeliest spelling, then the newest, because carriers use ids again after weeks.
    """
    places = {carrier_id: place for place, carrier_id in enumerate(receipt.carrier_ids)}
    theirs = [permit for permit in permits if permit.subscriber in receipt.addresses]
    typed = receipt.perhaps is not None
    fitting = theirs or [permit for permit in permits if places[permit.carrier_id] == 0 and not typed]
    return min(fitting, key=lambda permit: (places[permit.carrier_id], -permit.id), default=None)


def overtook(waiting: Sequence[Parked], subscriber: Msisdn) -> list[Parked]:
    """Return the receipts among those that wait for an id which speak of the permit to ``subscriber`` answered with it.

    The first is the one that counts: by the likeliest spelling, then the oldest. The others repeat it.
    """
    theirs = [receipt for receipt in waiting if subscriber in receipt.addresses]
    fitting = theirs or [receipt for receipt in waiting if receipt.place == 0]
    if not fitting:
        return []
    first = min(fitting, key=lambda receipt: (receipt.place, receipt.receipt_id))
    repeats = [
        receipt
        for receipt in fitting
        if (receipt.place, receipt.addresses) == (first.place, first.addresses) and receipt is not first
    ]
    return [first, *repeats]
