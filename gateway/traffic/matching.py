"""Which permit a receipt speaks of: the rule, in both directions. Pure.

A carrier may spell one id in several ways, and so may two ids be spelt alike: the receipt for 1000 may mean the message
that was answered 3e8, and, read as hexadecimal, the one answered 4096. Nor is an id a message's own for ever: carriers
count anew after weeks, and one may answer everything with "0". So the subscriber decides. Either address of the receipt
may be theirs, since some carriers swap them. One that names somebody else's number speaks of no message of theirs. Only
where the addresses can name nobody (they are missing, garbled, or our own lines) the likeliest spelling is believed,
and no other, which would credit messages with what became of others.

A receipt that is one by its words alone (``perhaps`` is set) is believed of messages to its own sender only, because
anybody can type one.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from gateway.model.address import Msisdn, is_number, read_line
from gateway.model.messages import Receipt
from gateway.store.hot_parts import Parked, PermitMatch


def named(receipt: Receipt, lines: Container[str]) -> tuple[Msisdn, ...]:
    """Return the subscribers whom a receipt may name; none where it has no number but those of ``lines``, our own.

    What a subscriber may have typed names its sender, whatever that is.
    """
    if receipt.perhaps is not None:
        return (receipt.perhaps.subscriber,)
    return tuple(who for who in receipt.addresses if is_number(who) and read_line(who) not in lines)


def meant(receipt: Receipt, permits: Sequence[PermitMatch], whose: Sequence[Msisdn]) -> PermitMatch | None:
    """Return the one of the permits, each answered with one of the receipt's ids, that it speaks of; None if none.

    ``whose`` are those whom it may name. By the likeliest spelling, then the newest, because carriers use ids again.
    """
    places = {carrier_id: place for place, carrier_id in enumerate(receipt.carrier_ids)}
    theirs = [permit for permit in permits if permit.subscriber in (*receipt.addresses, *whose)]
    fitting = theirs or [permit for permit in permits if places[permit.carrier_id] == 0 and not whose]
    return min(fitting, key=lambda permit: (places[permit.carrier_id], -permit.id), default=None)


def overtook(waiting: Sequence[Parked], subscriber: Msisdn) -> list[Parked]:
    """Return the receipts among those that wait for an id which speak of the permit to ``subscriber`` answered with it.

    The first is the one that counts: by the likeliest spelling, then the oldest. The others repeat it.
    """
    theirs = [receipt for receipt in waiting if receipt.subscriber == subscriber]
    fitting = theirs or [receipt for receipt in waiting if receipt.place == 0 and not receipt.subscriber]
    if not fitting:
        return []
    first = min(fitting, key=lambda receipt: (receipt.place, receipt.receipt_id))
    repeats = [
        receipt
        for receipt in fitting
        if (receipt.place, receipt.subscriber) == (first.place, first.subscriber) and receipt is not first
    ]
    return [first, *repeats]
