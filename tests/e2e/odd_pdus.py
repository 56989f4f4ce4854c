"""What carriers have sent, and worse: PDUs laid octet by octet, each with the answer that it must get.

The names begin with the line of the table "What carriers do" (docs/carriers.md) that they are for. All but those of
``spoils the framing`` leave the session as it is; the test sends a good text behind each.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from tests.kit.raw_smsc import DATA, DELIVER, ENQUIRE, GENERIC_NACK, RESP, SUBMIT, message, pdu, tlv

ANYTHING: Final = -1
"""Some answer, whatever its status."""
NOTHING: Final = None
"""No answer at all."""

OK, INVMSGLEN, INVCMDLEN, INVCMDID, INVSRC, INVDST = 0, 1, 2, 3, 10, 11
INVSERTYP, INVSCHED, INVEXPIRY, BADTLVS, BADTLVLEN = 0x15, 0x61, 0x62, 0xC0, 0xC2


class Odd(NamedTuple):
    """A request of a carrier's: what it is, the status of our answer, and the status in its own header."""

    command: int
    body: bytes
    answer: int | None
    status: int = 0


def mo(*, answer: int = OK, **parts: object) -> Odd:
    """A deliver_sm; ``text`` and the other parts of ``message``."""
    return Odd(DELIVER, message(parts.pop("text", b"hi"), **parts), answer)  # type: ignore[arg-type]  # laid as named


def cut(size: int, answer: int) -> Odd:
    """A deliver_sm whose body ends after ``size`` octets; its source is 3, its destination 17 octets in."""
    return Odd(DELIVER, message(b"hi")[:size], answer)


STRANGER: Final = b"12125550109"
"""Whose texts may be a STOP; 12125550101, whose other texts are here, says nothing of the kind that can be read."""
SMUGGLED: Final = pdu(DELIVER, 0x666, message(b"STOP"))
"""A whole PDU that hides in another one: found by whoever looks for lengths inside bodies."""
RECEIPT: Final = b"id:%s sub:001 dlvrd:001 submit date:2001011200 done date:2001011200 stat:%s err:000 text:%s"
FROM_TO: Final = b"\0\1\x0112125550101\0\0\x0085700\0"
PAYLOAD: Final = 0x424
SAR: Final = tlv(0x20C, b"\0\1") + tlv(0x20E, b"\5") + tlv(0x20F, b"\4")

HEADERS: Final = {
    "A3 PDUs inside a PDU": mo(text=b"", rest=tlv(PAYLOAD, SMUGGLED * 900)),
    "A3 PDUs inside an unknown one": Odd(0x7777, b"x" * 3 + SMUGGLED * 900, INVCMDID),
    "A3 lengths of 16 inside a bad body": Odd(DELIVER, struct.pack(">IIII", 16, ENQUIRE, 0, 9) * 4_000, ANYTHING),
    "A6 unknown": Odd(0x7777, b"whatever", INVCMDID),
    "A6 no command": Odd(0, b"", INVCMDID),
    "A6 a command of SMPP 5": Odd(0x111, b"\0" * 40, INVCMDID),
    "A6 a vendor's": Odd(0x10200, b"vendor", INVCMDID),
    "A6 the highest": Odd(0x7FFFFFFF, b"", INVCMDID),
    "A9 enquire_link with a body": Odd(ENQUIRE, b"abcdef", OK),
    "A9 enquire_link of 70,000 octets": Odd(ENQUIRE, b"x" * 69_984, OK),
    "A9 enquire_link with a status": Odd(ENQUIRE, b"", OK, status=0xFFFFFFFF),
    "A9 deliver_sm with a status": Odd(DELIVER, message(b"hi"), OK, status=0x58),
    "A9 unknown with a status": Odd(0x7778, b"", INVCMDID, status=8),
    "B3 bind_transceiver to us": Odd(9, b"x\0y\0\0\x34\0\0\0", INVCMDID),
    "B3 bind_receiver to us": Odd(1, b"", INVCMDID),
    "B3 bind_transmitter to us, cut": Odd(2, b"x", INVCMDID),
    "B8 outbind": Odd(0x0B, b"x\0y\0", NOTHING),
    "B8 outbind without a body": Odd(0x0B, b"", NOTHING),
    "B8 outbind, cut": Odd(0x0B, b"smsc", NOTHING),
    "C8 query_sm": Odd(3, b"1\0\0\0x\0", INVCMDID),
    "C8 query_sm, cut": Odd(3, b"1", INVCMDID),
    "C8 cancel_sm": Odd(8, b"\x001\0\0\0a\0\0\0b\0", INVCMDID),
    "C8 replace_sm": Odd(7, b"1\0\0\0a\0\0\0\0\0\2hi", INVCMDID),
    "C8 submit_multi": Odd(0x21, b"", INVCMDID),
    "C8 submit_sm to us": Odd(SUBMIT, message(b"hi"), INVCMDID),
    "C8 submit_sm to us, cut": Odd(SUBMIT, message(b"hi")[:9], INVCMDID),
    "alert_notification": Odd(0x102, b"\1\x0112125550101\0\0\x0085700\0", NOTHING),
    "alert_notification, cut": Odd(0x102, b"\1\1", NOTHING),
}

ADDRESSES: Final = {
    "E1 no source": mo(text=b"STOP", source=b""),
    "E1 no destination": mo(text=b"STOP", line=b"", answer=INVDST),
    "E1 neither": mo(text=b"STOP", source=b"", line=b"", answer=INVDST),
    "E1 no source in data_sm": Odd(DATA, b"\0\0\0\0\0\x0085700\0\0\0\0" + tlv(PAYLOAD, b"STOP"), OK),
    "E2 24 digits": mo(text=b"STOP", source=b"123456789012345678901234"),
    "E2 a name": mo(text=b"STOP", source=b"ACME", ton=5),
    "E2 a name that is said to be a number": mo(text=b"STOP", source=b"ACME", ton=1),
    "E2 type of number out of the table": mo(text=b"STOP", source=b"\xff\xfe\x01", ton=255),
    "E2 a short code": mo(text=b"HELP", source=b"4242"),
    "E2 blanks": mo(source=b" 1 212 555 0102 "),
    "E2 a blank alone": mo(text=b"STOP", source=b" "),
    "E2 a plus alone": mo(text=b"STOP", source=b"+"),
    "E2 an endless source": mo(source=b"1" * 60_000, answer=INVSRC),
    "E2 an endless destination": mo(line=b"8" * 60_000, answer=INVDST),
    "E2 65 characters": mo(source=b"1" * 65, answer=INVSRC),
    "E2 a line with a plus": mo(line=b"+85700"),
    "an unknown line": mo(text=b"STOP", line=b"99999"),
    "E3 service_type of 500": mo(service=b"x" * 500),
    "E3 service_type of 6": mo(service=b"123456"),
    "E3 a source of 30": mo(text=b"STOP", source=b"7" * 30),
    "E3 a destination of 30": mo(text=b"STOP", line=b"8" * 30),
    "E3 schedule_delivery_time of 200": mo(schedule=b"9" * 200),
    "E3 validity_period of 60,000": mo(validity=b"0" * 60_000),
    "E3 every field": mo(service=b"s" * 99, source=b"5" * 40, line=b"6" * 40, schedule=b"t" * 99, validity=b"v" * 99),
}

LENGTHS: Final = {
    "E4 no body": cut(0, INVSERTYP),
    "E4 service_type alone": cut(1, INVCMDLEN),
    "E4 cut in the source": cut(10, INVSRC),
    "E4 cut before the destination": cut(15, INVCMDLEN),
    "E4 cut in the destination": cut(19, INVDST),
    "E4 cut before esm_class": cut(23, INVCMDLEN),
    "E4 cut before the schedule": cut(26, INVSCHED),
    "E4 cut before the validity": cut(27, INVEXPIRY),
    "E4 cut before data_coding": cut(30, INVCMDLEN),
    "E4 cut before sm_length": cut(32, INVCMDLEN),
    "E4 cut in the text": cut(34, OK),
    "E4 one stray octet": mo(rest=b"z"),
    "E4 two stray octets": mo(rest=b"zz"),
    "E4 three stray octets": mo(rest=b"zzz"),
    "E4 four NULs": mo(rest=b"\0\0\0\0"),
    "E4 five stray octets": mo(rest=b"zzzzz"),
    "E4 sm_length too big by one": mo(length=3),
    "E4 sm_length much too big": mo(length=200),
    "E4 sm_length too small": mo(text=b"hello hello", length=2),
    "E4 sm_length 0 before a text": mo(text=b"hello hello", length=0, answer=BADTLVLEN),
    "E4 254 octets": mo(text=b"h" * 254),
    "E4 255 octets": mo(text=b"h" * 255),
    "E5 message_payload of 65,535 octets": mo(text=b"", rest=tlv(PAYLOAD, b"h" * 65_535)),
    "E5 message_payload of one octet": mo(text=b"", rest=tlv(PAYLOAD, b"h")),
    "E5 an empty message_payload": mo(text=b"", rest=tlv(PAYLOAD, b"")),
    "E5 both texts": mo(text=b"yo", rest=tlv(PAYLOAD, b"h" * 600)),
    "E5 two payloads": mo(text=b"", rest=tlv(PAYLOAD, b"one") + tlv(PAYLOAD, b"two")),
    "E4 stray octets behind a payload": mo(text=b"", rest=tlv(PAYLOAD, b"hello") + b"\0"),
    "E4 a broken TLV behind a payload": mo(text=b"", rest=tlv(PAYLOAD, b"hello") + tlv(0x1400, b"ab", length=9)),
    "E4 stray octets in data_sm": Odd(DATA, FROM_TO + b"\0\0\0" + tlv(PAYLOAD, b"hello") + b"zz", OK),
    "E4 a broken TLV in data_sm": Odd(
        DATA, FROM_TO + b"\0\0\0" + tlv(PAYLOAD, b"hello") + tlv(0x1400, b"ab", length=9), OK
    ),
    "E4 stray octets and no text": mo(text=b"", rest=b"z", answer=BADTLVS),
    "E4 stray octets and no text in data_sm": Odd(DATA, FROM_TO + b"\0\0\0z", BADTLVS),
    "E4 a receipt by TLV before stray octets": Odd(
        DATA, FROM_TO + b"\4\0\0" + tlv(0x1E, b"id4") + tlv(0x427, b"\2") + b"z", OK
    ),
    "E5 a payload that is cut": mo(text=b"", rest=tlv(PAYLOAD, b"hello", length=500)),
    "E5 a payload that is cut in data_sm": Odd(DATA, FROM_TO + b"\0\0\0" + tlv(PAYLOAD, b"hello", length=500), OK),
    "E5 a payload that is cut to nothing": mo(text=b"", rest=tlv(PAYLOAD, b"", length=500), answer=BADTLVLEN),
    "E5 a payload beside a blank": mo(text=b" ", rest=tlv(PAYLOAD, b"hello")),
    "E5 a payload beside a NUL": mo(text=b"\0", rest=tlv(PAYLOAD, b"hello")),
    "E5 no text": mo(text=b""),
    "E5 data_sm": Odd(DATA, FROM_TO + b"\0\0\0" + tlv(PAYLOAD, b"hello"), OK),
    "E5 data_sm of 60 KB": Odd(DATA, FROM_TO + b"\0\0\0" + tlv(PAYLOAD, b"h" * 60_000), OK),
    "E5 data_sm without a text": Odd(DATA, FROM_TO + b"\0\0\0", OK),
    "E5 data_sm that ends early": Odd(DATA, FROM_TO + b"\0", INVCMDLEN),
    "E5 data_sm without a body": Odd(DATA, b"", INVSERTYP),
}

PARAMETERS: Final = {
    "E6 a vendor's, empty": mo(rest=tlv(0x1400, b"")),
    "E6 a vendor's, the last": mo(rest=tlv(0x3FFF, b"\0" * 300)),
    "E6 reserved": mo(rest=tlv(0x0001, b"x") + tlv(0x4000, b"x") + tlv(0xFFFF, b"x")),
    "E6 ports, empty and wide": mo(rest=tlv(0x20A, b"") + tlv(0x20B, b"123")),
    "E6 a callback number of one octet": mo(rest=tlv(0x381, b"1")),
    "E6 callback mode and number apart": mo(rest=tlv(0x302, b"\1") + tlv(0x303, b"")),
    "E6 ussd": mo(rest=tlv(0x501, b"\1") + tlv(0x501, b"")),
    "E6 a reference of one octet": mo(rest=tlv(0x204, b"x")),
    "E6 a version in a text": mo(rest=tlv(0x210, b"\x34")),
    "E6 a state in a text": mo(rest=tlv(0x427, b"\2")),
    "E6 the same 300 times": mo(rest=tlv(0x1401, b"x") * 300),
    "E6 10,000 empty ones": mo(rest=tlv(0x1402, b"") * 10_000),
    "E6 past the end": mo(rest=tlv(0x1400, b"xx", length=500)),
    "E6 past the end by one": mo(rest=tlv(0x1400, b"xx", length=3)),
    "E6 the longest length": mo(rest=tlv(0x1400, b"xx", length=0xFFFF)),
    "E6 a good one and half a one": mo(rest=tlv(0x1400, b"xx") + b"\x14\0\0"),
    "E7 times and flags": mo(schedule=b"000001000000000R", validity=b"junk" * 10, odd=(9, 255, 255)),
    "E7 a time in the past": mo(schedule=b"990101000000000+", validity=b"990101000000000+"),
    "E7 a time that is none": mo(schedule=b"\xff\xfe", validity=b"tomorrow"),
    "E8 esm_class 0x01": mo(esm=0x01),
    "E8 esm_class 0x03": mo(esm=0x03),
    "E8 esm_class 0x80": mo(esm=0x80),
    "E8 esm_class 0xC3": mo(text=b"hi there", esm=0xC3),
    "E8 esm_class 0xFF": mo(text=b"hi there", esm=0xFF),
    "E8 conversation abort": mo(esm=0x18),
    "E8 a header longer than the text": mo(text=b"\xffhi", esm=0x40),
    "E8 an empty header": mo(text=b"\0hi", esm=0x40),
    "E8 a header alone": mo(text=b"\5\0\3\1\2\1", esm=0x40),
    "E8 a header flag and no text": mo(text=b"", esm=0x40),
    "E8 an element longer than its header": mo(text=b"\5\0\xff\1\2\1hi", esm=0x40),
    "E8 half an element": mo(text=b"\1\0hi", esm=0x40),
    "E8 header and SAR": mo(text=b"\5\0\3\1\2\1part", esm=0x40, rest=SAR),
    "E8 a header flag before a payload": mo(text=b"", esm=0x40, rest=tlv(PAYLOAD, b"\xff")),
}

CONTENTS: Final = {
    "F2 a coding that nobody defined": mo(text=b"\x80\xff\0hi", coding=0xE3),
    "F3 lone surrogates": mo(text=b"\xd8\0\0S\xdc\0\xd8\0", coding=8),
    "F3 half a unit": mo(text=b"\0H\0", coding=8),
    "F4 a lone escape": mo(text=b"hi\x1b"),
    "NULs alone": mo(text=b"\0" * 100, coding=4),
    "G1 SAR values of four octets": mo(
        rest=tlv(0x20C, b"\xff" * 4) + tlv(0x20E, b"\xff" * 4) + tlv(0x20F, b"\0\0\0\1"),
    ),
    "G1 part 0 of 0": mo(text=b"\5\0\3\1\0\0hi", esm=0x40),
    "G1 part 9 of 2": mo(text=b"\5\0\3\1\2\x09hi", esm=0x40),
    "G1 parts of 64 KB": mo(text=b"", esm=0x40, rest=tlv(PAYLOAD, b"\5\0\3\1\2\1" + b"x" * 60_000)),
    "H1 an id of 5,000 digits": mo(text=b"", esm=4, rest=tlv(PAYLOAD, RECEIPT % (b"9" * 5_000, b"DELIVRD", b""))),
    "H1 an id of 5,000 digits as TLV": mo(text=b"", esm=4, rest=tlv(0x1E, b"9" * 5_000) + tlv(0x427, b"\2")),
    "H3 a receipt that quotes one": mo(text=RECEIPT % (b"no", b"DELIVRD", b"id:1 stat:UNDELIV"), esm=4),
    "H4 a receipt by TLV in data_sm": Odd(DATA, FROM_TO + b"\4\0\0" + tlv(0x1E, b"id3") + tlv(0x427, b"\2"), OK),
    "H5 a state that nobody knows": mo(text=b"", esm=4, rest=tlv(0x1E, b"x\0") + tlv(0x427, b"\xff")),
    "H6 a receipt with UDHI": mo(text=RECEIPT % (b"no", b"DELIVRD", b""), esm=0x44),
    "H8 a receipt that is a STOP": mo(text=b"STOP", esm=4, source=STRANGER),
    "H8 a receipt forged as a text": mo(text=RECEIPT % (b"id1", b"UNDELIV", b"")),
}

ODD: Final[dict[str, Odd]] = HEADERS | ADDRESSES | LENGTHS | PARAMETERS | CONTENTS

RESPONSES: Final[dict[str, bytes]] = {
    "A6 a response that nobody knows": pdu(0x80007777, 6),
    "A6 one of a vendor's, with a body": pdu(0x80010200, 6, b"vendor" * 99),
    "B1 a second bind_transceiver_resp": pdu(9 | RESP, 1, b"SMSC\0"),
    "B1 a refusal after the bind": pdu(9 | RESP, 1, b"", 13),
    "B1 the answer to another bind": pdu(1 | RESP, 1, b"SMSC\0"),
    "C1 an answer to no link check": pdu(ENQUIRE | RESP, 0xFFFFFFFF),
    "C1 an answer to no link check, with a body": pdu(ENQUIRE | RESP, 0, b"x" * 500),
    "C2 an answer to no unbind": pdu(6 | RESP, 0x7777),
    "C3 an answer to no submit": pdu(SUBMIT | RESP, 0xFFFFFFFF, b"x\0"),
    "C3 an answer to no submit, number 0": pdu(SUBMIT | RESP, 0, b"x\0"),
    "C3 an answer to a text": pdu(DELIVER | RESP, 7, b"\0"),
    "C3 an answer to data_sm": pdu(DATA | RESP, 7),
    "C3 an answer to query_sm, cut": pdu(3 | RESP, 7, b"7"),
    "C3 an answer to submit_multi, cut": pdu(0x21 | RESP, 7, b"7\0\xff"),
    "C4 generic_nack, number 0": pdu(GENERIC_NACK, 0, status=3),
    "C4 generic_nack for nothing": pdu(GENERIC_NACK, 0xFFFFFFFF, status=3),
    "C4 generic_nack with a body": pdu(GENERIC_NACK, 0, b"why" * 99, status=2),
    "C4 generic_nack without a status": pdu(GENERIC_NACK, 0),
    "C3 a thousand guesses": b"".join(pdu(SUBMIT | RESP, guess, b"guess\0") for guess in range(0x100, 0x4E8)),
}
"""PDUs that are answered by nothing and change nothing."""
