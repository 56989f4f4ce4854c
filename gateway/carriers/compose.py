"""From a permit to a submit_sm: the only place where one is made.

Pure. A permit already holds the encoded text of one segment; what is added here is how this carrier wants addresses
numbered, whether a receipt is asked for, and until when the carrier may keep trying. It takes nothing but a
``Permit``, so that nothing without one can become a PDU.
"""

from __future__ import annotations

import math
from typing import Final

from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Numbering, Quirk
from gateway.model.address import is_number
from gateway.model.permit import Permit
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import SubmitSm, Tlv

UDHI: Final = 0x40
"""esm_class: the user data begins with a header (SMPP 3.4 section 5.2.12)."""

SHORT_CODE_DIGITS: Final = 6
SHORT_MESSAGE_OCTETS: Final = 254
LONGEST_VALIDITY_S: Final = 30 * 86_400
"""What is still of use is not a month old; and a relative time of more than 30 days is read in several ways."""

_UNKNOWN: Final = Numbering(0, 0)


class Composer:
    """Makes the submit_sm of one carrier."""

    def __init__(self, options: CarrierOptions, quirk: Quirk) -> None:
        self._options = options
        self._quirk = quirk
        self._sources: dict[str, Numbering] = {}

    def submit(self, permit: Permit, wall: float) -> SubmitSm:
        """Return the PDU of ``permit``; ``wall`` (unix seconds) is now, from which the validity period is counted."""
        source = self._sources.get(permit.line) or self._source(permit.line)
        number = is_number(permit.subscriber)
        destination = self._quirk.subscriber if number else _UNKNOWN
        user_data = permit.udh + permit.body
        fits = len(user_data) <= SHORT_MESSAGE_OCTETS
        return SubmitSm(
            service_type=self._options.service_type,
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=permit.line,
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=permit.subscriber[1:] if number and not self._quirk.plus else permit.subscriber,
            esm_class=UDHI if permit.udh else 0,
            validity_period="" if permit.expires_at is None else validity(permit.expires_at - wall),
            registered_delivery=self._quirk.registered_delivery,
            data_coding=permit.data_coding,
            short_message=user_data if fits else b"",
            tlvs=() if fits else (Tlv(Tag.MESSAGE_PAYLOAD, user_data),),
        )

    def _source(self, line: str) -> Numbering:
        """Return the numbering of one of our addresses, and remember it: there are few of them."""
        if not line.isdigit():
            habit = self._quirk.alphanumeric
        else:
            habit = self._quirk.short_code if len(line) <= SHORT_CODE_DIGITS else self._quirk.long_code
        ton, npi = self._options.source_ton, self._options.source_npi
        numbering = Numbering(habit.ton if ton is None else ton, habit.npi if npi is None else npi)
        self._sources[line] = numbering
        return numbering


def validity(seconds: float) -> str:
    """Return ``seconds`` from now as a relative time, ``YYMMDDhhmmss000R`` (SMPP 3.4 section 7.1.1.2).

    Rounded down, so that the carrier stops in time; at least one second, at most ``LONGEST_VALIDITY_S``.
    """
    left = math.floor(min(max(seconds, 1.0), LONGEST_VALIDITY_S))
    days, left = divmod(left, 86_400)
    hours, left = divmod(left, 3_600)
    minutes, left = divmod(left, 60)
    return f"0000{days:02}{hours:02}{minutes:02}{left:02}000R"
