"""From a carrier's deliver_sm or data_sm to the domain: an Mo, a Receipt, or something Unreadable.

Pure but for the region of a line, which is asked of a callable. Owns every choice of reading: which octets are the
text, which header counts, what is a receipt. What it returns always has a session and a sequence number, because each
must be answered once. It loses nothing: what cannot be read is Unreadable, with its octets, and never an exception.
Where only the store or the policy can tell a receipt from a text, the text goes with it (``perhaps``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from gateway.carriers.compose import UDHI
from gateway.carriers.quirks import Quirk
from gateway.carriers.receipts import DELIVERY_RECEIPT, INTERMEDIATE, ReceiptFacts, read_receipt, tlv_id
from gateway.model.address import Msisdn, read_line, read_msisdn
from gateway.model.messages import Arrival, Concat, Mo, Receipt, Unreadable
from gateway.smpp.constants import Status, Tag
from gateway.smpp.pdu import DataSm, DeliverSm, text_of, tlv
from gateway.sms import concat_of, decode_text, is_sound, other_readings, reading, sar_concat, split_udh

TYPE_MASK: Final = 0x3C
"""The message type in esm_class (SMPP 3.4 section 5.2.12)."""

MOST_ADDRESS: Final = 64
"""Characters of the longest address that is taken. The specification has 20, carriers go a little beyond; what is much
longer is nobody's, and would be kept as a key wherever numbers are."""

MOST_PART: Final = 255
"""Octets of the longest part that is joined to others: as many as a short_message holds. 255 parts of a message_payload
each would make one text of 16 MB; a longer part is taken as a text of its own."""

_Sar = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a PDU came in: what its answer needs to find its way back."""

    bind: str
    session: str


class Translator:
    """Reads what one carrier delivers. ``region_of`` gives the region (ISO 3166) of a line, known or not."""

    def __init__(self, carrier: str, quirk: Quirk, region_of: Callable[[str], str]) -> None:
        self.carrier = carrier
        self.quirk = quirk
        self.region_of = region_of

    def read(self, pdu: DeliverSm | DataSm, sequence: int, raw: bytes, origin: Origin, wall: float) -> Arrival:
        """Return what ``pdu`` means; ``raw`` is the whole PDU as it came, ``wall`` (unix seconds) when."""
        user_data = text_of(pdu)
        message_type = pdu.esm_class & TYPE_MASK
        if message_type in self.quirk.receipt_types:
            facts = read_receipt(pdu, user_data, message_type, self.quirk)
            if facts is not None:
                return self._receipt(pdu, facts, sequence, raw, origin, wall)
            if message_type in (DELIVERY_RECEIPT, INTERMEDIATE):
                # Sending it again would not help, so it is accepted; it is kept where a person can look at it.
                reason = "a delivery receipt that names no message, or no state"
                aside = self.unreadable(sequence, Status.ESME_ROK, reason, raw, origin, wall)
                if user_data and not tlv_id(pdu) and _misaddressed(pdu) is None:
                    return replace(aside, perhaps=self._mo(pdu, user_data, sequence, raw, origin, wall))
                return aside
        if (wrong := _misaddressed(pdu)) is not None:
            return self.unreadable(sequence, *wrong, raw, origin, wall)
        mo = self._mo(pdu, user_data, sequence, raw, origin, wall)
        if message_type == 0 and self.quirk.receipt_by_text:
            facts = read_receipt(pdu, user_data, message_type, self.quirk)
            if facts is not None:
                receipt = self._receipt(pdu, facts, sequence, raw, origin, wall)
                # A subscriber can type what looks like one; TLVs nobody can type.
                return replace(receipt, perhaps=mo) if user_data else receipt
        return mo

    def malformed(
        self, salvage: object, sequence: int, status: int, reason: str, raw: bytes, origin: Origin, wall: float
    ) -> Arrival:
        """Return what a PDU with an unreadable body means: by its ``salvage`` if the quirk takes that, else unreadable.

        ``salvage`` is what could be read of it (``smpp.errors.BadBody``). A text that it holds may be a STOP. One that
        is cut short is marked as partial: it brings nobody in, and is no part of a long text either. Without a text, it
        may be a receipt by TLVs.
        """
        if self.quirk.salvage and isinstance(salvage, DeliverSm | DataSm):
            read = self.read(salvage, sequence, raw, origin, wall)
            if text_of(salvage) or isinstance(read, Receipt):
                return _cut_short(read) if status == Status.ESME_RINVMSGLEN else read
        return self.unreadable(sequence, status, reason, raw, origin, wall)

    def unreadable(
        self, sequence: int, status: int, reason: str, raw: bytes, origin: Origin, wall: float
    ) -> Unreadable:
        """Return what goes to quarantine and is then answered with ``status``."""
        return Unreadable(self.carrier, origin.bind, origin.session, sequence, status, reason, raw, wall)

    def _receipt(
        self, pdu: DeliverSm | DataSm, facts: ReceiptFacts, sequence: int, raw: bytes, origin: Origin, wall: float
    ) -> Receipt:
        return Receipt(
            self.carrier,
            origin.bind,
            origin.session,
            sequence,
            facts.ids,
            facts.state,
            facts.error,
            wall,
            self._addresses(pdu),
            pdu=raw,
        )

    def _addresses(self, pdu: DeliverSm | DataSm) -> tuple[Msisdn, ...]:
        """Return a receipt's source and destination as if either were the subscriber, and the other one the line.

        Empty ones are left out, and those that no subscriber has: too long, or of several words.
        """
        ends = (
            (pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr),
            (pdu.destination_addr, pdu.dest_addr_ton, pdu.source_addr),
        )
        return tuple(
            read_msisdn(address, self.region_of(read_line(other[:MOST_ADDRESS])), ton)
            for address, ton, other in ends
            if len(address) <= MOST_ADDRESS and len(address.split()) == 1
        )

    def _mo(
        self, pdu: DeliverSm | DataSm, user_data: bytes, sequence: int, raw: bytes, origin: Origin, wall: float
    ) -> Mo:
        line = read_line(pdu.destination_addr)
        udh, body = split_udh(user_data) if pdu.esm_class & UDHI else (b"", user_data)
        sar = _sar(pdu) if pdu.tlvs else None
        alphabet = reading(self.quirk.alphabet, udh) if udh else self.quirk.alphabet
        concat = None
        if (udh or sar is not None) and len(body) <= MOST_PART:
            # Where both are present the header counts: it came from the handset, the TLVs from something in between.
            found = concat_of(udh) or (sar_concat(*sar) if sar is not None else None)
            concat = Concat(found.reference, found.total, found.number) if found is not None else None
        others = other_readings(body, pdu.data_coding, alphabet)
        doubtful = bool(udh) and not is_sound(udh)
        if doubtful:
            # Perhaps none, and the beginning of the text: some set the indicator on plain texts.
            others += (decode_text(user_data, pdu.data_coding, self.quirk.alphabet),)
        return Mo(
            self.carrier,
            origin.bind,
            origin.session,
            sequence,
            line,
            read_msisdn(pdu.source_addr, self.region_of(line), pdu.source_addr_ton),
            decode_text(body, pdu.data_coding, alphabet),
            body,
            pdu.data_coding,
            fingerprint(user_data, pdu.data_coding, len(udh), sar),
            wall,
            alphabet,
            concat,
            other_readings=others,
            partial=doubtful,
            pdu=raw,
        )


def _misaddressed(pdu: DeliverSm | DataSm) -> tuple[int, str] | None:
    """Return the status and the reason for which a text with these addresses can be nobody's; None if it can."""
    if not 0 < len(pdu.destination_addr) <= MOST_ADDRESS:
        reason = f"destination_addr has {len(pdu.destination_addr)} characters; it must have 1 to {MOST_ADDRESS}"
        return Status.ESME_RINVDSTADR, reason
    if len(pdu.source_addr) > MOST_ADDRESS:
        return Status.ESME_RINVSRCADR, f"source_addr has {len(pdu.source_addr)} characters; {MOST_ADDRESS} are the most"
    return None


def _cut_short(arrival: Arrival) -> Arrival:
    """Mark the text of ``arrival``, or the text that it may be, as one that is cut short."""
    if isinstance(arrival, Mo):
        return replace(arrival, partial=True, concat=None)
    if arrival.perhaps is None:
        return arrival
    return replace(arrival, perhaps=replace(arrival.perhaps, partial=True, concat=None))


def fingerprint(user_data: bytes, data_coding: int, udh_octets: int, sar: _Sar | None) -> bytes:
    """Return 16 octets that are equal for equal user data, data_coding, header length and SAR values, and else differ.

    ``user_data`` begins with ``udh_octets`` octets of user data header.
    """
    return fingerprint_of(begun_fingerprint(data_coding, udh_octets, sar), user_data)


def begun_fingerprint(data_coding: int, udh_octets: int, sar: _Sar | None) -> blake2b:
    """Return a fingerprint to which the user data is still to be added. Beginning one costs more than all the rest."""
    head = struct.pack(">BI?3I", data_coding & 0xFF, udh_octets, sar is not None, *(sar or (0, 0, 0)))
    return blake2b(head, digest_size=16)


def fingerprint_of(begun: blake2b, user_data: bytes) -> bytes:
    """Return the fingerprint of ``user_data``; ``begun`` stays as it is, for the next one."""
    whole = begun.copy()
    whole.update(user_data)
    return whole.digest()


def _sar(pdu: DeliverSm | DataSm) -> _Sar | None:
    """Return the three SAR values (5.3.2.22 to 5.3.2.24) if all are there, of whatever width."""
    reference = tlv(pdu, Tag.SAR_MSG_REF_NUM)
    total = tlv(pdu, Tag.SAR_TOTAL_SEGMENTS)
    number = tlv(pdu, Tag.SAR_SEGMENT_SEQNUM)
    if not (reference and total and number) or max(len(reference), len(total), len(number)) > 4:
        return None
    return int.from_bytes(reference, "big"), int.from_bytes(total, "big"), int.from_bytes(number, "big")
