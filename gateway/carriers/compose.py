"""From a permit to a submit_sm or data_sm: the only place where one is made.

Pure. A permit already holds the encoded text of one segment and its place among the others. What is added here is how
that place is told (by header, by TLVs, or not at all), how GSM is spelled (each segment by itself, in the alphabet that
the carrier reads: the handset gets the same septets), how this carrier wants addresses numbered, whether a receipt is
asked for, and until when the carrier may keep trying. It takes nothing but a ``Permit``, so that nothing without one
can become a PDU.

The style of a long text is the permit's, not the carrier's: its segments may have begun on another carrier, or before
a change of the configuration, and a handset joins only what is cut and numbered alike.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Numbering, Quirk, Request, Validity
from gateway.model.address import is_number
from gateway.model.permit import Permit, SegmentStyle
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import DataSm, SubmitSm, Tlv, Tlvs
from gateway.sms.coding import Encoding
from gateway.sms.gsm import decode_gsm
from gateway.sms.segments import HEADER_8, HEADER_16
from gateway.sms.spelling import spell
from gateway.sms.udh import build_concat8, build_concat16
from gateway.sms.utf16 import encode_ucs2

UDHI: Final = 0x40
"""esm_class: the user data begins with a header (SMPP 3.4 section 5.2.12)."""

SHORT_CODE_DIGITS: Final = 6
SHORT_MESSAGE_OCTETS: Final = 254
PAYLOAD_OVER: Final = 140
"""Octets above which a carrier of style PAYLOAD gets message_payload: some take no more than that in short_message."""
LONGEST_VALIDITY_S: Final = 30 * 86_400
"""What is still of use is not a month old; and a relative time of more than 30 days is read in several ways."""

_UNKNOWN: Final = Numbering(0, 0)
_HEADERS: Final = {SegmentStyle.UDH8: HEADER_8, SegmentStyle.UDH16: HEADER_16}


class Composer:
    """Makes the PDUs of one carrier."""

    def __init__(self, options: CarrierOptions, quirk: Quirk) -> None:
        self._options = options
        self.quirk = quirk
        self._service_type = options.service_type or quirk.service_type
        self._data_sm = quirk.request is Request.DATA_SM
        own = (quirk.gsm_coding, quirk.spelling)
        self._own_gsm = None if own == (0, "gsm") else own
        self._sources: dict[str, Numbering] = {}

    def submit(self, permit: Permit, wall: float) -> SubmitSm | DataSm:
        """Return the PDU of ``permit``; ``wall`` (unix seconds) is now, from which the validity period is counted."""
        quirk = self.quirk
        source = self._sources.get(permit.line) or self._source(permit.line)
        number = is_number(permit.subscriber)
        destination = quirk.subscriber if number else _UNKNOWN
        address = permit.subscriber[1:] if number and not quirk.plus else permit.subscriber
        coding = permit.data_coding
        octets = permit.body
        esm_class = 0
        tlvs: Tlvs = ()
        if not coding and self._own_gsm is not None:
            coding, octets = _spelled(permit, *self._own_gsm)
        if permit.segments > 1:
            esm_class, octets, tlvs = placed(permit, octets)
        if self._data_sm:
            payload = Tlv(Tag.MESSAGE_PAYLOAD, octets)
            return DataSm(
                service_type=self._service_type,
                source_addr_ton=source.ton,
                source_addr_npi=source.npi,
                source_addr=permit.line,
                dest_addr_ton=destination.ton,
                dest_addr_npi=destination.npi,
                destination_addr=address,
                esm_class=esm_class,
                registered_delivery=quirk.registered_delivery,
                data_coding=coding,
                tlvs=(*tlvs, *self._time_to_live(permit, wall), payload),
            )
        if wants_payload(len(octets), permit.style):
            octets, tlvs = b"", (*tlvs, Tlv(Tag.MESSAGE_PAYLOAD, octets))
        return SubmitSm(
            service_type=self._service_type,
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=permit.line,
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=address,
            esm_class=esm_class,
            validity_period=self.validity_of(permit, wall),
            registered_delivery=quirk.registered_delivery,
            data_coding=coding,
            short_message=octets,
            tlvs=tlvs,
        )

    def _source(self, line: str) -> Numbering:
        """Return the numbering of one of our addresses, and remember it: there are few of them."""
        if not line.isdigit():
            habit = self.quirk.alphanumeric
        else:
            habit = self.quirk.short_code if len(line) <= SHORT_CODE_DIGITS else self.quirk.long_code
        ton, npi = self._options.source_ton, self._options.source_npi
        numbering = Numbering(habit.ton if ton is None else ton, habit.npi if npi is None else npi)
        self._sources[line] = numbering
        return numbering

    @property
    def respells(self) -> bool:
        """Whether a text in GSM goes to this carrier in other octets, or under another data_coding, than a permit's."""
        return self._own_gsm is not None

    def validity_of(self, permit: Permit, wall: float) -> str:
        """Return the validity_period of a submit_sm; empty where none is told."""
        if permit.expires_at is None:
            return ""
        match self.quirk.validity:
            case Validity.RELATIVE:
                return validity(permit.expires_at - wall)
            case Validity.ABSOLUTE:
                return absolute_validity(permit.expires_at, wall)
            case Validity.NONE:
                return ""

    def _time_to_live(self, permit: Permit, wall: float) -> Tlvs:
        """Return qos_time_to_live (section 5.3.2.9), which is what data_sm has for a validity period."""
        if permit.expires_at is None or self.quirk.validity is Validity.NONE:
            return ()
        return (Tlv(Tag.QOS_TIME_TO_LIVE, _seconds(permit.expires_at - wall).to_bytes(4, "big")),)


def wants_payload(size: int, style: SegmentStyle) -> bool:
    """Say whether user data of ``size`` octets goes as message_payload."""
    return size > PAYLOAD_OVER and (size > SHORT_MESSAGE_OCTETS or style is SegmentStyle.PAYLOAD)


def _spelled(permit: Permit, coding: int, alphabet: str) -> tuple[int, bytes]:
    """Return data_coding and octets of a segment in GSM, for a carrier that reads ``coding`` as ``alphabet``.

    The gate asks for nothing that ``alphabet`` cannot say. But a carrier may have got another alphabet since, and then
    UCS-2 is right for every letter, if not for every length: the carrier refuses what does not fit.
    """
    header = _HEADERS.get(permit.style, 0) if permit.segments > 1 else 0
    octets = spell(permit.body, alphabet, header)
    if octets is None:
        return Encoding.UCS2, encode_ucs2(decode_gsm(permit.body))
    return coding, octets


def placed(permit: Permit, octets: bytes) -> tuple[int, bytes, Tlvs]:
    """Return esm_class, user data and TLVs of one of several segments, whose text is ``octets``."""
    reference, total, number = permit.reference, permit.segments, permit.segment
    match permit.style:
        case SegmentStyle.UDH8:
            return UDHI, build_concat8(reference & 0xFF, total, number) + octets, ()
        case SegmentStyle.UDH16:
            return UDHI, build_concat16(reference & 0xFFFF, total, number) + octets, ()
        case SegmentStyle.SAR:
            sar = (
                Tlv(Tag.SAR_MSG_REF_NUM, (reference & 0xFFFF).to_bytes(2, "big")),
                Tlv(Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
                Tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
            )
            return 0, octets, sar
        case SegmentStyle.PAYLOAD:
            return 0, octets, ()


def _seconds(left: float) -> int:
    """Round down, so that the carrier stops in time; at least one second, at most ``LONGEST_VALIDITY_S``."""
    return math.floor(min(max(left, 1.0), LONGEST_VALIDITY_S))


def validity(seconds: float) -> str:
    """Return ``seconds`` from now as a relative time, ``YYMMDDhhmmss000R`` (SMPP 3.4 section 7.1.1.2).

    Rounded down, so that the carrier stops in time; at least one second, at most ``LONGEST_VALIDITY_S``.
    """
    return _relative(_seconds(seconds))


@lru_cache(maxsize=1024)
def _relative(seconds: int) -> str:
    days, left = divmod(seconds, 86_400)
    hours, left = divmod(left, 3_600)
    minutes, left = divmod(left, 60)
    return f"0000{days:02}{hours:02}{minutes:02}{left:02}000R"


def absolute_validity(expires_at: float, wall: float) -> str:
    """Return a time of unix seconds as an absolute one in UTC, ``YYMMDDhhmmss000+`` (section 7.1.1.1).

    Rounded and bounded as ``validity`` is, counted from ``wall``.
    """
    return datetime.fromtimestamp(wall + _seconds(expires_at - wall), UTC).strftime("%y%m%d%H%M%S000+")
