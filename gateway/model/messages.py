"""Texts in both directions, as values: what came (MO, part, receipt) and what shall go (draft, MT).

A *draft* is an MT before the store has given it an id. States and lanes are stored as these numbers; never renumber.
"""

from __future__ import annotations

from dataclasses import field
from enum import IntEnum

from gateway.base.value import value
from gateway.model.address import Msisdn
from gateway.model.permit import Grounds


class Lane(IntEnum):
    """Who goes first. 1 takes the next token and has a window slot of its own; 2 to 4 share by weights 8:4:1."""

    URGENT = 1  # opt-out confirmations, HELP, passcodes
    REPLY = 2  # keyword replies
    NORMAL = 3  # API and conversations
    BULK = 4

    @property
    def word(self) -> str:
        """The lane as interfaces spell it: ``normal``."""
        return self.name.lower()


class MessageState(IntEnum):
    """Where a message is. MOs are RECEIVED and stay so."""

    QUEUED = 0
    SENDING = 1
    SENT = 2
    DELIVERED = 3
    UNDELIVERED = 4
    FAILED = 5
    PARTIAL = 6
    REFUSED = 7
    EXPIRED = 8
    CANCELLED = 9
    UNCERTAIN = 10
    RECEIVED = 20

    @property
    def word(self) -> str:
        """The state as interfaces spell it: ``queued``."""
        return self.name.lower()


@value
class Concat:
    """Where a part stands in a long text. ``number`` counts from 1 (3GPP TS 23.040 9.2.3.24.1, SMPP 3.4 5.3.2.22)."""

    reference: int
    total: int
    number: int


@value
class Mo:
    """A mobile-originated text, or one part of one (``concat`` is set, ``text`` is that part's alone).

    ``line`` is the address that it was sent to, ``raw`` the user data without its UDH as it came, ``fingerprint`` a
    digest of raw octets, coding and UDH/SAR. ``alphabet`` says how ``raw`` is read: what data_coding 0 means on the
    carrier, and what the UDH adds (``gateway.sms.coding.reading``). ``other_readings`` are what the octets could also
    say, had somebody declared them wrongly; only an opt-out is taken from them. ``sequence`` is the PDU's sequence
    number: the ack goes back under it, on session ``session`` of bind ``bind``.
    ``pdu`` is the whole PDU as it came, for quarantine if we fail on it; empty where parts were joined.
    """

    carrier: str
    bind: str
    session: str
    sequence: int
    line: str
    subscriber: Msisdn
    text: str
    raw: bytes
    data_coding: int
    fingerprint: bytes
    received_at: float
    alphabet: str = "gsm"
    concat: Concat | None = None
    partial: bool = False
    other_readings: tuple[str, ...] = ()
    pdu: bytes = field(default=b"", compare=False, repr=False)


@value
class Receipt:
    """A delivery receipt (SMPP 3.4 appendix B and 5.2.12): which message, what became of it.

    ``addresses`` are the PDU's source and destination, each in its one spelling; some carriers swap them, so either may
    be the subscriber. Empty where they were. ``perhaps`` is the text that this is if it names no message of the
    subscriber's: set where nothing but its words makes it a receipt, which a subscriber can type. ``pdu`` is the whole
    PDU as it came.
    """

    carrier: str
    bind: str
    session: str
    sequence: int
    carrier_ids: tuple[str, ...]  # every spelling under which the id may have been stored, likeliest first
    state: MessageState | None  # None: intermediate, nothing to record
    error: str
    received_at: float
    addresses: tuple[Msisdn, ...] = ()
    perhaps: Mo | None = None
    pdu: bytes = field(default=b"", compare=False, repr=False)


@value
class Unreadable:
    """A PDU that cannot become a message. It goes to quarantine; then ``status`` answers it.

    ``answer`` is False where the PDU was a response, which is never answered. ``perhaps`` is the text that this is if
    it says STOP: set where it is flagged as a receipt and reads as none. ``line`` and ``subscriber`` are those of a
    text that we could read and failed on; then ``raw`` is its whole PDU, or the user data of its parts, joined
    (``reason`` says so).
    """

    carrier: str
    bind: str
    session: str
    sequence: int
    status: int
    reason: str
    raw: bytes
    received_at: float
    answer: bool = True
    perhaps: Mo | None = None
    line: str = ""
    subscriber: str = ""


Arrival = Mo | Receipt | Unreadable


@value
class Draft:
    """An MT before it is stored. ``claim`` is what it says it may go under; the gate finds out whether that is so.

    ``claim`` CONSENT asks for opted_in, or for not_defined where the line allows it. ``list_name`` makes it a list
    send. ``opt_outs`` is the subscriber's count when it was accepted. ``expires_at`` in unix seconds; None never.
    """

    line_id: int
    subscriber: Msisdn
    text: str
    lane: Lane
    claim: Grounds
    opt_outs: int
    expires_at: float | None = None
    in_reply_to: int | None = None
    list_name: str | None = None
    ref: str | None = None


@value
class Mt:
    """A stored draft: what a claim of the dispatcher reads, and what the gate judges.

    ``segments`` is how many submit_sm it takes. ``attempts`` counts permits minted for it; ``resends`` those after an
    uncertain end.
    """

    id: int
    line_id: int
    subscriber: Msisdn
    text: str
    lane: Lane
    claim: Grounds
    state: MessageState
    opt_outs: int
    created_at: float
    expires_at: float | None
    in_reply_to: int | None
    list_name: str | None
    segments: int
    attempts: int
    resends: int
    carrier: str | None
