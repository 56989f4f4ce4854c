"""The one thing that a bind transmits: a permit, and the grounds that it stands on.

Only ``gateway.traffic.gate`` constructs a ``Permit`` (a house test holds that), in the transaction that marks the
message as being sent. One permit covers one submit_sm: a retry and the next segment need new ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from gateway.base.value import value
from gateway.model.address import Msisdn


class Grounds(IntEnum):
    """Why a message may go. Stored with every permit; never renumber."""

    CONSENT = 1
    UNDEFINED_ALLOWED = 2
    ANSWER = 3
    CLARIFICATION = 4
    SIGN_UP_CODE = 5
    OPT_OUT_CONFIRMATION = 6
    HELP = 7
    HOW_TO_RETURN = 8

    @property
    def word(self) -> str:
        """The grounds as interfaces spell them: ``opt_out_confirmation``."""
        return self.name.lower()


class SegmentStyle(StrEnum):
    """How a long text is cut, and how each segment says where it belongs.

    UDH8, UDH16: by a concatenation header in the user data, with a reference of 8 or 16 bits (3GPP TS 23.040 sections
    9.2.3.24.1 and 9.2.3.24.8). SAR: by TLVs (SMPP 3.4 sections 5.3.2.22 to 5.3.2.24). PAYLOAD: not cut by us at all;
    the whole text goes as message_payload (5.3.2.32), and the SMSC cuts it.
    """

    UDH8 = "udh8"
    UDH16 = "udh16"
    SAR = "sar"
    PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class Writing:
    """How a carrier gets texts: in which style the long ones, and what it reads a text as that GSM 03.38 can hold.

    ``alphabet`` is one of ``gateway.sms.ALPHABETS`` and decides which texts go as GSM (see ``gateway.sms.spelling``).
    """

    style: SegmentStyle = SegmentStyle.UDH8
    alphabet: str = "gsm"


@value
class Permit:
    """Leave to write one submit_sm (or data_sm), once, before ``dies_at`` (boot clock, seconds).

    ``body`` is the encoded text of this segment, without any header; ``data_coding`` is 0 for GSM 03.38, one septet an
    octet (the composer spells it in the carrier's alphabet), and 8 for UCS-2. ``segment`` of ``segments`` (from 1) and
    ``reference`` (16 bits) say where it belongs, and ``style`` how that is told to the handset: the composer spells it.
    ``expires_at`` (unix seconds) becomes the validity period. ``urgent`` is true in lane 1: it goes to the front of its
    bind.
    """

    id: int
    message_id: int
    segment: int
    segments: int
    line: str
    line_id: int
    subscriber: Msisdn
    grounds: Grounds
    carrier: str
    bind: str
    data_coding: int
    body: bytes
    style: SegmentStyle
    reference: int
    urgent: bool
    expires_at: float | None
    dies_at: float


class Fate(IntEnum):
    """What became of a permit. Stored; never renumber.

    LIVE: minted, nothing known yet. ACCEPTED and REJECTED: the carrier answered. REVOKED and RETURNED: not a byte was
    written (an opt-out took it back; the bind ended, or its life ran out). UNCERTAIN: written, and no answer recorded.
    """

    LIVE = 0
    ACCEPTED = 1
    REJECTED = 2
    REVOKED = 3
    RETURNED = 4
    UNCERTAIN = 5


@value
class Outcome:
    """What a bind reports of one permit. ``status`` and ``carrier_id`` are those of the submit_sm_resp, if one came.

    ``late`` marks a response that came after UNCERTAIN had been reported: it settles that.
    """

    permit: Permit
    fate: Fate
    status: int = 0
    carrier_id: str = ""
    detail: str = ""
    late: bool = False
