"""What a carrier can differ in, as data.

A quirk says how a carrier departs from SMPP 3.4; it does nothing itself. ``gateway.carriers.translate``, ``receipts``,
``compose`` and ``statuses`` read it. Every field's default is the specification's answer, or, where that leaves a
choice, the most common practice, so a quirk file names only what is different. What one account wants otherwise goes
into its ``[[carrier]]`` table (``gateway.carriers.habits``), not into a quirk.

There are no functions in it. None of the carriers whose documents we have read does what these fields cannot say; the
first that does gets a field with a typed signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from gateway.carriers.statuses import Verdict
from gateway.model.permit import SegmentStyle, Writing
from gateway.smpp.constants import Status
from gateway.sms.coding import PACKED


class IdBase(Enum):
    """How the id in a receipt relates to the id in the submit_sm_resp.

    ANY tries the spelling as it is first and then every other one; the other three are for carriers whose ids would
    otherwise meet by accident.
    """

    ANY = "any"
    SAME = "same"
    RECEIPT_DECIMAL = "response hexadecimal, receipt decimal"
    RECEIPT_HEXADECIMAL = "response decimal, receipt hexadecimal"


class Request(StrEnum):
    """Which command carries our messages."""

    SUBMIT_SM = "submit_sm"
    DATA_SM = "data_sm"


class Validity(StrEnum):
    """How the carrier is told until when it may keep trying (SMPP 3.4 section 7.1.1); NONE: it must not be told."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Numbering:
    """Type of number and numbering plan of one kind of address (SMPP 3.4 sections 5.2.5 and 5.2.6)."""

    ton: int
    npi: int


@dataclass(frozen=True, slots=True)
class Quirk:
    """A carrier's habits.

    ``alphabet``: what data_coding 0 means in what we read and in what we write (one of ``gateway.sms.ALPHABETS``).
    ``temporary_status``: the command_status after which this carrier sends an MO again.
    ``short_code``, ``long_code``, ``alphanumeric``: numbering of our own addresses as source of a submit_sm, by kind
    (up to six digits; more digits; anything else). ``subscriber``: numbering of the destination; ``plus``: whether that
    is written with a leading "+".
    ``segments``: how long texts go out (see ``SegmentStyle``). ``request``: with which command; data_sm has its text in
    message_payload always, and qos_time_to_live (5.3.2.9) for a validity period.
    ``gsm_coding``: the data_coding under which this carrier takes GSM 03.38 from us, whatever 0 means; 0: no such one.
    ``service_type``: of what we submit, unless the configuration names one. ``validity``: see ``Validity``.
    ``registered_delivery``: what we ask for in each submit_sm (5.2.17); 1 asks for the final receipt.
    ``truncate_login``: send no more of system_id and password than SMPP 3.4 has room for, 15 and 8 octets.
    ``receipt_types``: the message types (esm_class & 0x3C, 5.2.12) under which this carrier sends receipts.
    ``receipt_by_text``: also take a deliver_sm of type 0 for a receipt if its text parses as one with id and stat.
    ``salvage``: take a deliver_sm or data_sm with a broken TLV, or with a text shorter than its length says, for
    what it says before that, as long as that is a text (it may be a STOP) or a receipt. Otherwise it goes to quarantine
    and is refused for good.
    ``id_base``: see ``IdBase``. ``verdicts``: what a submit status means where it differs from ``statuses.VERDICTS``.
    """

    name: str
    summary: str
    alphabet: str = "gsm"
    temporary_status: int = Status.ESME_RX_T_APPN
    short_code: Numbering = Numbering(3, 0)
    long_code: Numbering = Numbering(1, 1)
    alphanumeric: Numbering = Numbering(5, 0)
    subscriber: Numbering = Numbering(1, 1)
    plus: bool = False
    segments: SegmentStyle = SegmentStyle.UDH8
    request: Request = Request.SUBMIT_SM
    gsm_coding: int = 0
    service_type: str = ""
    validity: Validity = Validity.RELATIVE
    registered_delivery: int = 1
    truncate_login: bool = False
    receipt_types: frozenset[int] = frozenset({0x04, 0x08, 0x20})
    receipt_by_text: bool = False
    salvage: bool = True
    id_base: IdBase = IdBase.ANY
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)

    @property
    def spelling(self) -> str:
        """What the carrier reads our GSM texts as: its ``alphabet``, but GSM if that has a data_coding of its own.

        A carrier of packed septets reads those in every coding that means GSM.
        """
        return "gsm" if self.gsm_coding and self.alphabet != PACKED else self.alphabet

    @property
    def writing(self) -> Writing:
        """How texts are cut and coded for this carrier."""
        return Writing(self.segments, self.spelling)
