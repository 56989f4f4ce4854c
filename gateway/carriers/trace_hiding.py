"""What of a PDU's octets may be seen: the rest is starred, octet for octet, so that it stays the PDU that it was.

One rule for everything that is shown of a trace, fields, hex and captures alike, because the fields are read from the
octets that leave here. Passwords never do. Unless whole numbers and texts are asked for, a PDU begins all starred and
only what is known to be harmless is put back (the header, numbers of the protocol, ids, masked addresses, the fields of
a receipt); so what nobody thought of stays hidden, vendors' TLVs among it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.base import mask
from gateway.carriers.compose import UDHI
from gateway.smpp.constants import HEADER_LENGTH, RESPONSE_BIT, CommandId, Tag
from gateway.smpp.fields import Destinations, Failures, Message
from gateway.smpp.layouts import LAYOUTS
from gateway.smpp.pdu import (
    DataSm,
    Frame,
    Pdu,
    ReplaceSm,
    ShortMessage,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    Tlv,
    Tlvs,
)
from gateway.sms.udh import CONCAT_8, CONCAT_16, Element, elements, split_udh

STAR: Final = b"*"
PASSWORD: Final = "password"  # noqa: S105  # the field's name
NUMBERS: Final = frozenset({"source_addr", "destination_addr", "esme_addr"})
"""Fields that hold a telephone number."""

HARMLESS_OCTETS: Final = 4
"""A TLV of ``HARMLESS`` is shown up to this length: the protocol's numbers are, telephone numbers are not."""

HARMLESS: Final = frozenset(Tag) - {
    Tag.MESSAGE_PAYLOAD,
    Tag.CALLBACK_NUM,
    Tag.CALLBACK_NUM_ATAG,
    Tag.SOURCE_SUBADDRESS,
    Tag.DEST_SUBADDRESS,
    Tag.ADDITIONAL_STATUS_INFO_TEXT,
    Tag.RECEIPTED_MESSAGE_ID,
}

# Delivery receipt and intermediate notification among the message types (SMPP 3.4 section 5.2.12).
_MESSAGE_TYPE: Final = 0x3C
_RECEIPTS: Final = frozenset({0x04, 0x20})
_LOGINS: Final = frozenset(
    int(command)
    for command in (
        CommandId.BIND_TRANSCEIVER,
        CommandId.BIND_RECEIVER,
        CommandId.BIND_TRANSMITTER,
        CommandId.OUTBIND,
    )
)
_AROUND_LOGINS: Final = _LOGINS | {command | RESPONSE_BIT for command in _LOGINS}
# Ports, and the national language tables: 3GPP TS 23.040 section 9.2.3.24.
_HARMLESS_ELEMENTS: Final = frozenset({CONCAT_8, CONCAT_16, 0x04, 0x05, 0x24, 0x25})
_RECEIPT_FIELD: Final = re.compile(
    rb"(?<!\S)(?:id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err):[ ]?[!-~]{0,64}[ ]?", re.IGNORECASE
)
_QUOTED_TEXT: Final = re.compile(rb"(?<!\S)text:", re.IGNORECASE)


def is_receipt(esm_class: int) -> bool:
    """Return whether ``esm_class`` announces a delivery receipt or an intermediate notification."""
    return esm_class & _MESSAGE_TYPE in _RECEIPTS


def shows_value(tlv: Tlv) -> bool:
    """Return whether a TLV's value is shown to whoever does not see texts."""
    return tlv.tag == Tag.RECEIPTED_MESSAGE_ID or (tlv.tag in HARMLESS and len(tlv.value) <= HARMLESS_OCTETS)


def user_data_of(pdu: Pdu) -> tuple[bytes, int] | None:
    """Return the octets of the text in ``pdu`` and its esm_class; None if it has none."""
    if isinstance(pdu, ShortMessage | SubmitMulti | DataSm | ReplaceSm):
        short_message = b"" if isinstance(pdu, DataSm) else pdu.short_message
        payload = next((value for tag, value in pdu.tlvs if tag == Tag.MESSAGE_PAYLOAD), b"")
        user_data = short_message or payload
        return (user_data, 0 if isinstance(pdu, ReplaceSm) else pdu.esm_class) if user_data else None
    return None


def hide(octets: bytes, frame: Frame | None, *, unmask: bool, secret: bytes) -> bytes:
    """Return ``octets`` with what must not be seen starred, at the same length.

    ``frame`` is what they hold: its ``pdu`` is None where only the header can be read, it is None where not even that.
    ``secret`` is the bind's password, which is starred wherever else a carrier could have put it. ``unmask`` shows
    numbers and texts.
    """
    command = None if frame is None else frame.command_id
    if frame is None or frame.pdu is None:
        if unmask and command not in _LOGINS:
            return _without(octets, secret)
        shown = 0 if frame is None else HEADER_LENGTH
        return octets[:shown] + STAR * (len(octets) - shown)
    if unmask:
        out = bytearray(octets)
        if frame.command_id in _LOGINS:
            for name, begin, end in _fields(octets, frame.command_id):
                if name == PASSWORD:
                    out[begin : end - 1] = STAR * (end - 1 - begin)
    else:
        out = bytearray(octets[:HEADER_LENGTH]) + STAR * (len(octets) - HEADER_LENGTH)
        _put_back(out, octets, frame.command_id, frame.pdu)
    return _without(bytes(out), secret) if command in _AROUND_LOGINS else bytes(out)


def _without(octets: bytes, secret: bytes) -> bytes:
    """Return ``octets`` with each occurrence of ``secret`` behind the header starred."""
    head, body = octets[:HEADER_LENGTH], octets[HEADER_LENGTH:]
    return head + body.replace(secret, STAR * len(secret)) if secret else octets


def _fields(octets: bytes, command_id: int) -> Iterator[tuple[str, int, int]]:
    """Walk the mandatory fields of a PDU that can be read: name, where it begins, where it ends."""
    at = HEADER_LENGTH
    for field in LAYOUTS[command_id].fields:
        _, end = field.read(octets, at)
        yield field.name, at, end
        at = end


def _put_back(out: bytearray, octets: bytes, command_id: int, pdu: Pdu) -> None:
    """Put the harmless parts of ``octets`` back into ``out``."""
    layout = LAYOUTS[command_id]
    tlvs: Tlvs = getattr(pdu, "tlvs", ())
    if layout.loose:
        end = HEADER_LENGTH + len(getattr(pdu, layout.fields[0].name))
        out[HEADER_LENGTH:end] = octets[HEADER_LENGTH:end]
        if octets[end : end + 1] == b"\0":
            out[end] = 0
    elif len(octets) > HEADER_LENGTH:
        kinds = {field.name: field for field in layout.fields}
        for name, begin, end in _fields(octets, command_id):
            kind = kinds[name]
            if isinstance(kind, Message):
                out[begin] = octets[begin]
                out[begin + 1 : end] = _text(octets[begin + 1 : end], getattr(pdu, "esm_class", 0))
            elif name in NUMBERS:
                out[begin:end] = _masked(octets[begin : end - 1]) + b"\0"
            elif name == PASSWORD:
                out[end - 1] = 0
            else:
                out[begin:end] = octets[begin:end]
                if isinstance(kind, Destinations | Failures):
                    _mask_list(out, begin + 1, pdu)
    at = len(octets) - sum(4 + len(tlv.value) for tlv in tlvs)
    for tlv in tlvs:
        end = at + 4 + len(tlv.value)
        out[at : at + 4] = octets[at : at + 4]
        if tlv.tag == Tag.MESSAGE_PAYLOAD:
            out[at + 4 : end] = _text(tlv.value, getattr(pdu, "esm_class", 0))
        elif shows_value(tlv):
            out[at + 4 : end] = tlv.value
        at = end


def _mask_list(out: bytearray, at: int, pdu: Pdu) -> None:
    """Mask the addresses in the lists of submit_multi and its response, whose first element begins at ``at``."""
    if isinstance(pdu, SubmitMulti):
        for destination in pdu.dest_addresses:
            if isinstance(destination, SmeAddress):
                at += 3  # dest_flag, TON, NPI
                length = len(destination.destination_addr)
                out[at : at + length] = _masked(bytes(out[at : at + length]))
            else:
                at += 1
                length = len(destination.dl_name)
            at += length + 1
    elif isinstance(pdu, SubmitMultiResp):
        for failure in pdu.unsuccess_smes:
            at += 2
            length = len(failure.destination_addr)
            out[at : at + length] = _masked(bytes(out[at : at + length]))
            at += length + 1 + 4


def _masked(number: bytes) -> bytes:
    """Return ``number`` masked as in logs, but at its length: a star for each hidden octet."""
    text = number.decode("latin-1")
    shown = mask(text)
    if shown == text:
        return number
    head, _, tail = shown.partition("…")
    return number[: len(head)] + STAR * (len(number) - len(head) - len(tail)) + number[len(number) - len(tail) :]


def _element(element: Element) -> bytes:
    """Return an information element, its data starred unless it is known to be harmless."""
    data = element.data if element.identifier in _HARMLESS_ELEMENTS else STAR * len(element.data)
    return bytes((element.identifier, len(data))) + data


def _text(user_data: bytes, esm_class: int) -> bytes:
    """Return user data starred, but for what only says which part it is, and for the fields of a receipt."""
    udh, body = split_udh(user_data) if esm_class & UDHI else (b"", user_data)
    if udh:
        found = elements(udh)
        if 1 + sum(2 + len(element.data) for element in found) == len(udh):
            udh = udh[:1] + b"".join(_element(element) for element in found)
        else:
            udh = udh[:1] + STAR * (len(udh) - 1)
    out = bytearray(STAR * len(body))
    if is_receipt(esm_class):
        quoted = _QUOTED_TEXT.search(body)
        for field in _RECEIPT_FIELD.finditer(body, 0, quoted.start() if quoted else len(body)):
            out[field.start() : field.end()] = field.group()
    return udh + bytes(out)
