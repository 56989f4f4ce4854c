"""Text as it travels: alphabets, user data headers, segments, and the text of delivery receipts.

Pure functions over octets and strings. Nothing here knows a PDU, a subscriber or a table; ``gateway.carriers`` brings
the octets and ``gateway.traffic`` the texts. Reading is lenient, because the other side is a handset behind a carrier
behind an aggregator and its text must not be lost; writing is strict, because a wrong octet of ours reaches a person.
"""

from gateway.sms.coding import ALPHABETS, Encoded, Encoding, choose, decode_text, encode, reading
from gateway.sms.doubt import other_readings
from gateway.sms.gsm import decode_gsm, encode_gsm
from gateway.sms.measure import Dear, Measure, measure
from gateway.sms.reassembly import Joined, Part, join, join_what_came
from gateway.sms.receipt import ReceiptText, message_state, parse_bare, parse_receipt
from gateway.sms.segments import Segment, TooManySegmentsError, count_segments, segment
from gateway.sms.spelling import can_say, encode_for, spell
from gateway.sms.transliterate import transliterate
from gateway.sms.udh import (
    Concat,
    Element,
    build_concat8,
    build_concat16,
    concat_of,
    elements,
    is_sound,
    sar_concat,
    split_udh,
)

__all__ = [
    "ALPHABETS",
    "Concat",
    "Dear",
    "Element",
    "Encoded",
    "Encoding",
    "Joined",
    "Measure",
    "Part",
    "ReceiptText",
    "Segment",
    "TooManySegmentsError",
    "build_concat8",
    "build_concat16",
    "can_say",
    "choose",
    "concat_of",
    "count_segments",
    "decode_gsm",
    "decode_text",
    "elements",
    "encode",
    "encode_for",
    "encode_gsm",
    "is_sound",
    "join",
    "join_what_came",
    "measure",
    "message_state",
    "other_readings",
    "parse_bare",
    "parse_receipt",
    "reading",
    "sar_concat",
    "segment",
    "spell",
    "split_udh",
    "transliterate",
]
