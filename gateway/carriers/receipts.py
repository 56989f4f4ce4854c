"""Which message a delivery receipt is about, in every spelling, and what it says became of it.

Pure. Receipts come by TLV (SMPP 3.4 sections 5.3.2.12 and 5.3.2.35), by text (appendix B), or by both with the id in
two bases; the TLV is the better witness and goes first. What a receipt may not do is claim more than it knows: ACCEPTD,
ENROUTE and UNKNOWN leave the message as it is.
"""

from __future__ import annotations

from typing import Final

from gateway.base.value import value
from gateway.carriers.compose import UDHI
from gateway.carriers.quirks import IdBase, Quirk
from gateway.model.messages import MessageState
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import DataSm, DeliverSm, tlv
from gateway.sms import ReceiptText, message_state, parse_bare, parse_receipt, split_udh

DELIVERY_RECEIPT: Final = 0x04
INTERMEDIATE: Final = 0x20
"""Message types of a delivery receipt and of an intermediate delivery notification (section 5.2.12)."""

_FLAGGED: Final = frozenset({DELIVERY_RECEIPT, INTERMEDIATE})
_MARKS: Final = b"\xff\xfe\xef\xbb\xbf \t\r\n"
"""Byte order marks of UCS-2 and UTF-8, and blanks."""

MOST_ID: Final = 255
"""Characters of the longest message id that we keep or look up; the specification allows 64 (section 5.2.23)."""

MOST_DIGITS: Final = 20
"""Digits of the longest id that is read as a decimal number: more than 64 bits count nowhere, and cost much to read."""

_MOST_NUMBER: Final = 4
"""Octets of the widest small integer that is read, such as message_state; the specification has one."""

_HEX_WIDTHS: Final = (0, 8, 10, 16)
"""To how many digits SMSCs pad a hexadecimal id."""

_MOST_WORD: Final = 64
"""Characters of a state or an error code that are kept; what is longer is no word of a carrier's."""

# message_state (section 5.2.28), 9 from SMPP 5.0. Absent: scheduled, en route, accepted, unknown.
_FINAL: Final = {
    2: MessageState.DELIVERED,
    3: MessageState.UNDELIVERED,
    4: MessageState.UNDELIVERED,
    5: MessageState.UNDELIVERED,
    8: MessageState.UNDELIVERED,
    9: MessageState.UNDELIVERED,
}
_NAMES: Final = (
    "SCHEDULED",
    "ENROUTE",
    "DELIVRD",
    "EXPIRED",
    "DELETED",
    "UNDELIV",
    "ACCEPTD",
    "UNKNOWN",
    "REJECTD",
    "SKIPPED",
)


@value
class ReceiptFacts:
    """``ids``: every spelling of the message's id, likeliest first. ``state`` None: nothing final.

    ``error`` is for people: the state's word, unless it is DELIVRD, and the carrier's own code.
    """

    ids: tuple[str, ...]
    state: MessageState | None
    error: str


def read_receipt(pdu: DeliverSm | DataSm, user_data: bytes, message_type: int, quirk: Quirk) -> ReceiptFacts | None:
    """Return what a receipt says; None if it names no message, or says nothing of its state in any form we know.

    Of message type 0, which a subscriber's text has, it must say both in its text, if it has one.
    """
    text = _text(pdu, user_data, bare=message_type in _FLAGGED)
    if message_type == 0 and user_data and not (text is not None and text.id and text.stat):
        return None
    by_tlv = tlv_id(pdu)
    ids = dict.fromkeys(spellings(by_tlv, quirk.id_base))
    if text is not None and text.id != by_tlv:
        ids |= dict.fromkeys(spellings(text.id, quirk.id_base))
    state = _state(tlv(pdu, Tag.MESSAGE_STATE))
    if state is None:
        state = message_state(text.stat) if text is not None else None
    if not ids or (state is None and not (text is not None and text.stat)):
        return None
    final = None if message_type == INTERMEDIATE or state is None else _FINAL.get(state)
    word = _NAMES[state] if state is not None else text.stat if text is not None else ""
    code = text.err if text is not None and text.err else network_error(tlv(pdu, Tag.NETWORK_ERROR_CODE))
    word, code = word[:_MOST_WORD], code[:_MOST_WORD]
    return ReceiptFacts(tuple(ids), final, code if final is MessageState.DELIVERED else f"{word} {code}".strip())


def tlv_id(pdu: DeliverSm | DataSm) -> str:
    """Return receipted_message_id (section 5.3.2.12), with or without its NUL; empty where there is none."""
    value = tlv(pdu, Tag.RECEIPTED_MESSAGE_ID)
    return value.split(b"\0")[0].decode("latin-1").strip() if value else ""


def _text(pdu: DeliverSm | DataSm, user_data: bytes, *, bare: bool) -> ReceiptText | None:
    """Return the text's fields: of the octets as they are, behind the header that they claim to have, or the payload.

    The first reading that has an id counts, else the first that has anything. data_coding is not asked, because it is
    as often wrong as right: without their NULs the fields are the same octets in ASCII, GSM, Latin-1 and UCS-2, of
    either octet order.
    """
    octets = [user_data]
    if pdu.esm_class & UDHI:
        octets.append(split_udh(user_data)[1])
    if pdu.tlvs and (payload := tlv(pdu, Tag.MESSAGE_PAYLOAD)) and payload != user_data:
        octets.append(payload)
    readings = [reading.replace(b"\0", b"").lstrip(_MARKS).decode("latin-1") for reading in octets]
    found = [text for text in map(parse_receipt, readings) if text is not None]
    if bare and not found:
        found = [text for text in map(parse_bare, readings) if text is not None]
    return next((text for text in found if text.id), found[0] if found else None)


def _state(value: bytes | None) -> int | None:
    """Return message_state (section 5.3.2.35), of whatever width, or as an ASCII digit; None where it is no state."""
    state = read_number(value)
    return state if state is not None and state < len(_NAMES) else None


def read_number(value: bytes | None) -> int | None:
    """Return a TLV's small integer, of whatever width, or in ASCII digits; None where there is none."""
    if not value or len(value) > _MOST_NUMBER:
        return None
    return int(value) if value.isdigit() else int.from_bytes(value, "big")


def network_error(value: bytes | None) -> str:
    """Return the code of network_error_code (section 5.3.2.31): one octet network type, two octets code; or ASCII."""
    if not value:
        return ""
    text = value.rstrip(b"\0 ")
    if text.isalnum():
        return text.decode("ascii")
    return str(int.from_bytes(value[1:3], "big")) if len(value) > 1 else ""


def spellings(carrier_id: str, base: IdBase) -> tuple[str, ...]:
    """Return the ways in which the submit_sm_resp may have spelt an id that a receipt spells ``carrier_id``.

    As it is first, then cases and leading zeros, then the other base. Empty for an empty id, and for one of over
    ``MOST_ID`` characters, which is nobody's.
    """
    if not carrier_id or len(carrier_id) > MOST_ID:
        return ()
    found = [carrier_id]
    if base in (IdBase.ANY, IdBase.SAME):
        bare = carrier_id.lstrip("0")
        found += [carrier_id.lower(), carrier_id.upper()]
        if bare:
            found += [*_padded(bare), bare.lower(), bare.upper()]
    if base in (IdBase.ANY, IdBase.RECEIPT_DECIMAL) and _is_decimal(carrier_id):
        number = f"{int(carrier_id):x}"
        found += [spelt.zfill(width) for width in _HEX_WIDTHS for spelt in (number, number.upper())]
    if base in (IdBase.ANY, IdBase.RECEIPT_HEXADECIMAL) and _is_hexadecimal(carrier_id):
        found += _padded(str(int(carrier_id, 16)))
    return tuple(dict.fromkeys(found))


def _padded(digits: str) -> list[str]:
    """Return an id without leading zeros, and with those of a ten-digit counter."""
    return [digits, digits.zfill(10)] if digits.isascii() and digits.isdigit() else [digits]


def _is_decimal(text: str) -> bool:
    return len(text) <= MOST_DIGITS and text.isascii() and text.isdigit()


def _is_hexadecimal(text: str) -> bool:
    return len(text) <= 16 and all(character in "0123456789abcdefABCDEF" for character in text)
