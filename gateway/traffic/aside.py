"""What quarantine keeps of an arrival that we failed on.

It is all that is left of a text that was refused for good, and the text may be a STOP: a person must be able to decide
it by hand. So it holds the whole PDU and names line and subscriber. Only a text that came in parts has no PDU of its
own; of that it holds the user data. Must never fail itself: nothing here reads what could not be read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.model.messages import Arrival, Mo, Unreadable
from gateway.smpp.constants import Status

_MOST_REASON: Final = 200


def joined_parts(mo: Mo) -> str:
    """Return what is to be said where a text that came in parts is put aside."""
    return f"raw is the user data of joined parts, data_coding {mo.data_coding}"


def aside(arrival: Arrival, error: Exception) -> Unreadable:
    """Return what goes to quarantine of ``arrival``, on which we failed with ``error``; its answer is final."""
    reason, status = f"internal error: {error!r}", int(Status.ESME_RX_P_APPN)
    if isinstance(arrival, Unreadable):
        whose = arrival.perhaps or arrival
        return replace(
            arrival,
            reason=reason[:_MOST_REASON],
            status=status,
            perhaps=None,
            line=whose.line,
            subscriber=whose.subscriber,
        )
    text = arrival if isinstance(arrival, Mo) else arrival.perhaps
    line, subscriber = (text.line, text.subscriber) if text else ("", "")
    raw = arrival.pdu
    if isinstance(arrival, Mo) and not raw:
        raw = arrival.raw
        reason = f"{joined_parts(arrival)}; {reason}"
    return Unreadable(
        carrier=arrival.carrier,
        bind=arrival.bind,
        session=arrival.session,
        sequence=arrival.sequence,
        status=status,
        reason=reason[:_MOST_REASON],
        raw=raw,
        received_at=arrival.received_at,
        line=line,
        subscriber=subscriber,
    )
