"""Which message a delivery receipt is about, in every spelling, and what it says became of it.

Pure. Receipts come by TLV (SMPP 3.4 sections 5.3.2.12 and 5.3.2.35), by text (appendix B), or by both with the id in
two bases; the TLV is the better witness and goes first. What a receipt may not do is claim more than it knows: ACCEPTD,
ENROUTE and UNKNOWN leave the message as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.carriers.compose import UDHI
from gateway.carriers.quirks import IdBase, Quirk
from gateway.model.messages import MessageState
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import DataSm, DeliverSm, tlv
from gateway.sms import ReceiptText, decode_text, message_state, parse_receipt, split_udh

INTERMEDIATE: Final = 0x20
"""Message type of an intermediate delivery notification (section 5.2.12)."""

MOST_ID: Final = 255
"""Characters of the longest message id that we keep or look up; the specification allows 64 (section 5.2.23)."""

MOST_DIGITS: Final = 20
"""Digits of the longest id that is read as a decimal number: more than 64 bits count nowhere, and cost much to read."""

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


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """``ids``: every spelling of the message's id, likeliest first. ``state`` None: nothing final.

    ``error`` is for people: the state's word, unless it is DELIVRD, and the carrier's own code.
    """

    ids: tuple[str, ...]
    state: MessageState | None
    error: str


def read_receipt(pdu: DeliverSm | DataSm, user_data: bytes, message_type: int, quirk: Quirk) -> ReceiptFacts | None:
    """Return what a receipt says; None if it names no message, or says nothing of its state in any form we know."""
    text = _text(pdu, user_data, quirk)
    raw_id = tlv(pdu, Tag.RECEIPTED_MESSAGE_ID)
    by_tlv = raw_id.split(b"\0")[0].decode("latin-1").strip() if raw_id else ""
    ids = dict.fromkeys(spellings(by_tlv, quirk.id_base))
    if text is not None:
        ids |= dict.fromkeys(spellings(text.id, quirk.id_base))
    raw_state = tlv(pdu, Tag.MESSAGE_STATE)
    state = raw_state[0] if raw_state else None
    if state is None or state >= len(_NAMES):
        state = message_state(text.stat) if text is not None else None
    if not ids or (state is None and not (text is not None and text.stat)):
        return None
    final = None if message_type == INTERMEDIATE or state is None else _FINAL.get(state)
    word = _NAMES[state] if state is not None else text.stat if text is not None else ""
    code = text.err if text is not None and text.err else _network_error(tlv(pdu, Tag.NETWORK_ERROR_CODE))
    word, code = word[:_MOST_WORD], code[:_MOST_WORD]
    return ReceiptFacts(tuple(ids), final, code if final is MessageState.DELIVERED else f"{word} {code}".strip())


def _text(pdu: DeliverSm | DataSm, user_data: bytes, quirk: Quirk) -> ReceiptText | None:
    """Return the receipt's text fields: of the plain octets, as declared, or behind the header that it claims to have.

    The first reading that has an id counts, else the first that has anything.
    """
    readings = [user_data.decode("latin-1"), decode_text(user_data, pdu.data_coding, quirk.alphabet)]
    if pdu.esm_class & UDHI:
        readings.append(decode_text(split_udh(user_data)[1], pdu.data_coding, quirk.alphabet))
    found = [text for text in map(parse_receipt, readings) if text is not None]
    return next((text for text in found if text.id), found[0] if found else None)


def _network_error(value: bytes | None) -> str:
    """Return network_error_code (section 5.3.2.31): one octet network type, two octets code; or three ASCII digits."""
    if not value:
        return ""
    if value.isdigit():
        return value.decode("ascii")
    return str(int.from_bytes(value[1:3], "big"))


def spellings(carrier_id: str, base: IdBase) -> tuple[str, ...]:
    """Return the ways in which the submit_sm_resp may have spelt an id that a receipt spells ``carrier_id``.

    As it is first, then cases and leading zeros, then the other base. Empty for an empty id, and for one of over
    ``MOST_ID`` characters, which is nobody's.
    """
    if not carrier_id or len(carrier_id) > MOST_ID:
        return ()
    found = [carrier_id]
    if base in (IdBase.ANY, IdBase.SAME):
        found += [carrier_id.lower(), carrier_id.upper(), *_padded(carrier_id.lstrip("0"))]
    if base in (IdBase.ANY, IdBase.RECEIPT_DECIMAL) and _is_decimal(carrier_id):
        number = f"{int(carrier_id):x}"
        found += [number, number.upper(), number.zfill(8), number.upper().zfill(8)]
    if base in (IdBase.ANY, IdBase.RECEIPT_HEXADECIMAL) and _is_hexadecimal(carrier_id):
        found += _padded(str(int(carrier_id, 16)))
    return tuple(dict.fromkeys(found))


def _padded(digits: str) -> list[str]:
    """Return an id without leading zeros, and with those of a ten-digit counter."""
    if not digits:
        return []
    return [digits, digits.zfill(10)] if digits.isascii() and digits.isdigit() else [digits]


def _is_decimal(text: str) -> bool:
    return len(text) <= MOST_DIGITS and text.isascii() and text.isdigit()


def _is_hexadecimal(text: str) -> bool:
    return len(text) <= 16 and all(character in "0123456789abcdefABCDEF" for character in text)
