"""A carrier that sends nonsense: every piece of it is answered or ignored, and the next good text is served.

One daemon, one session: each attack is followed by a subscriber who joins, whose text is acked and whose two answers
arrive over the same connection. What may not survive (lost framing, a stalled PDU) is in ``test_hostile_links``.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

from tests.kit.daemon import Daemon, daemon, write_config
from tests.kit.raw_smsc import (
    DATA,
    DELIVER,
    ENQUIRE,
    GENERIC_NACK,
    RESP,
    SUBMIT,
    RawBind,
    RawSmsc,
    listening,
    message,
    pdu,
    tlv,
)

ANYTHING: Final = -1
"""Some answer, whatever its status."""
NOTHING: Final = None
RECEIPT: Final = b"id:%s sub:001 dlvrd:001 submit date:2001011200 done date:2001011200 stat:%s err:000 text:%s"
SAR: Final = tlv(0x20C, b"\0\1") + tlv(0x20E, b"\5") + tlv(0x20F, b"\4")
ODD_TLVS: Final = tlv(0x1400, b"") + tlv(0x20A, b"") + tlv(0x20A, b"123") + tlv(0x381, b"1") + tlv(0x501, b"\1")
FROM_TO: Final = b"\0\1\x0112125550101\0\0\x0085700\0"

REQUESTS: Final[dict[str, tuple[int, bytes, int | None]]] = {
    "A6 unknown command": (0x7777, b"whatever", 3),
    "A6 no command": (0, b"", 3),
    "A9 enquire_link with a body": (ENQUIRE, b"abcdef", 0),
    "A9 enquire_link of 70,000 octets": (ENQUIRE, b"x" * 69_984, 0),
    "B3 the carrier binds to us": (9, b"x\0y\0\0\x34\0\0\0", 3),
    "B8 outbind": (0x0B, b"x\0y\0", NOTHING),
    "alert_notification without its body": (0x102, b"\1\1", NOTHING),
    "C8 query_sm": (3, b"1\0\0\0x\0", 3),
    "C8 submit_multi": (0x21, b"", 3),
    "submit_sm to us": (SUBMIT, message(b"hi"), 3),
    "E1 no source": (DELIVER, message(b"STOP", source=b""), 0),
    "E1 no destination": (DELIVER, message(b"STOP", line=b""), 11),
    "E2 24 digits": (DELIVER, message(b"STOP", source=b"123456789012345678901234"), 0),
    "E2 alphanumeric": (DELIVER, message(b"STOP", source=b"ACME", ton=5), 0),
    "E2 type of number out of the table": (DELIVER, message(b"STOP", source=b"\xff\xfe\x01", ton=255), 0),
    "E2 a short code": (DELIVER, message(b"HELP", source=b"4242"), 0),
    "E2 an endless source": (DELIVER, message(b"hi", source=b"1" * 60_000), 10),
    "E2 an endless destination": (DELIVER, message(b"hi", line=b"8" * 60_000), 11),
    "an unknown line": (DELIVER, message(b"STOP", line=b"99999"), 0),
    "E3 a long service_type": (DELIVER, message(b"hi", service=b"x" * 500), 0),
    "E4 one stray octet": (DELIVER, message(b"hi", rest=b"z"), 0),
    "E4 three stray octets": (DELIVER, message(b"hi", rest=b"zzz"), 0),
    "E4 sm_length too big": (DELIVER, message(b"hi", length=200), 1),
    "E4 sm_length too small": (DELIVER, message(b"hello hello", length=2), ANYTHING),
    "E4 255 octets": (DELIVER, message(b"h" * 255), 0),
    "E4 cut short": (DELIVER, message(b"hi")[:10], ANYTHING),
    "E4 no body": (DELIVER, b"", ANYTHING),
    "E5 message_payload of 65,535 octets": (DELIVER, message(rest=tlv(0x424, b"h" * 65_535)), 0),
    "E5 both texts": (DELIVER, message(b"yo", rest=tlv(0x424, b"h" * 600)), 0),
    "E5 data_sm": (DATA, FROM_TO + b"\0\0\0" + tlv(0x424, b"hello"), 0),
    "E5 no text": (DELIVER, message(), 0),
    "E6 odd TLVs": (DELIVER, message(b"hi", rest=ODD_TLVS), 0),
    "E6 a TLV past the end": (DELIVER, message(b"hi", rest=tlv(0x1400, b"xx", length=500)), 0),
    "E7 times and flags": (
        DELIVER,
        message(b"hi", schedule=b"000001000000000R", validity=b"junk" * 10, odd=(9, 255, 255)),
        0,
    ),
    "E8 esm_class 0xC3": (DELIVER, message(b"hi there", esm=0xC3), 0),
    "E8 esm_class 0xFF": (DELIVER, message(b"hi there", esm=0xFF), 0),
    "E8 a header longer than the text": (DELIVER, message(b"\xffhi", esm=0x40), 0),
    "E8 header and SAR": (DELIVER, message(b"\5\0\3\1\2\1part", esm=0x40, rest=SAR), 0),
    "G1 SAR values of four octets": (
        DELIVER,
        message(b"hi", rest=tlv(0x20C, b"\xff" * 4) + tlv(0x20E, b"\xff" * 4) + tlv(0x20F, b"\0\0\0\1")),
        0,
    ),
    "G1 parts of 64 KB": (DELIVER, message(esm=0x40, rest=tlv(0x424, b"\5\0\3\1\2\1" + b"x" * 60_000)), 0),
    "H1 an id of 5,000 digits": (
        DELIVER,
        message(esm=4, rest=tlv(0x424, RECEIPT % (b"9" * 5_000, b"DELIVRD", b""))),
        0,
    ),
    "H1 an id of 5,000 digits as TLV": (
        DELIVER,
        message(esm=4, rest=tlv(0x1E, b"9" * 5_000) + tlv(0x427, b"\2")),
        0,
    ),
    "H3 a receipt that quotes one": (
        DELIVER,
        message(RECEIPT % (b"no", b"DELIVRD", b"id:1 stat:UNDELIV"), esm=4),
        0,
    ),
    "H4 a receipt by TLV in data_sm": (DATA, FROM_TO + b"\4\0\0" + tlv(0x1E, b"id3") + tlv(0x427, b"\2"), 0),
    "H5 a state that nobody knows": (DELIVER, message(esm=4, rest=tlv(0x1E, b"x\0") + tlv(0x427, b"\xff")), 0),
    "H6 a receipt with UDHI": (DELIVER, message(RECEIPT % (b"no", b"DELIVRD", b""), esm=0x44), 0),
    "H8 a receipt for nothing": (DELIVER, message(b"STOP", esm=4), 0),
    "H8 a receipt forged as a text": (DELIVER, message(RECEIPT % (b"id1", b"UNDELIV", b"")), 0),
    "F3 lone surrogates": (DELIVER, message(b"\xd8\0\0S\xdc\0\xd8\0", coding=8), 0),
    "NULs alone": (DELIVER, message(b"\0" * 100, coding=4), 0),
    "E9 poison": (DELIVER, message(b"STOP", length=250), 1),
    "E9 poison again": (DELIVER, message(b"STOP", length=250), 1),
    "E9 poison for ever": (DELIVER, message(b"STOP", length=250), 1),
}
"""What is tried, the command and the body that try it, and the status of the answer."""


class Joiners:
    """Subscribers who each join once; who is answered proves that the session serves."""

    def __init__(self) -> None:
        self._numbers = (f"1646555{n:04}" for n in itertools.count())

    async def join(self, bind: RawBind, after: str) -> None:
        number = next(self._numbers)
        answer = await bind.text(b"JOIN", source=number.encode())
        assert answer.status == 0, after
        await bind.until(lambda bind: len(bind.to(number)) == 2, after)


async def test_one_session_survives_every_piece_of_nonsense(tmp_path: Path) -> None:
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.accept()
        await bind.login()
        response = bind.bind_resp(b"UNTERMINATED" + tlv(0x210, b"\x34") + tlv(0x1500, b"x"))
        for octet in response:  # A1
            await bind.send(bytes((octet,)))
        joiners = Joiners()
        await joiners.join(bind, "a bind_resp in pieces")
        for name, (command, body, status) in REQUESTS.items():
            sequence = bind.next()
            await bind.send(pdu(command, sequence, body))
            if status is not NOTHING:
                answer = await bind.answer(sequence, name)
                assert status in (ANYTHING, answer.status), name
                assert answer.command & ~RESP in (command, 0), name
            await joiners.join(bind, name)
            if status is NOTHING:
                assert bind.answers(sequence) == [], name
        await _sequence_numbers(bind, joiners)
        await _responses(bind, joiners)
        await _many(bind, joiners)
        await _nothing_else_changed(smsc, gateway)
        assert await gateway.terminate() == 0


async def _sequence_numbers(bind: RawBind, joiners: Joiners) -> None:
    """A7: any 32 bits come back, and one number may be used twice."""
    for sequence in (0, 0x80000000, 0xFFFFFFFF):
        await bind.send(pdu(DELIVER, sequence, message(b"hello")))
        assert (await bind.answer(sequence)).status == 0
        await joiners.join(bind, f"sequence number {sequence:#x}")
    await bind.send(pdu(DELIVER, 7, message(b"one")) + pdu(DATA, 7, FROM_TO + b"\0\0\0" + tlv(0x424, b"two")))
    await bind.until(lambda bind: len(bind.answers(7)) == 2)
    assert [answer.command for answer in bind.answers(7)] == [DELIVER | RESP, DATA | RESP]


async def _responses(bind: RawBind, joiners: Joiners) -> None:
    """C3, C4: responses that nobody awaits."""
    for octets in (
        bind.bind_resp(),
        bind.bind_resp(b"", 13),
        pdu(0x80007777, 6),
        pdu(ENQUIRE | RESP, 0xFFFFFFFF),
        pdu(SUBMIT | RESP, 0xFFFFFFFF, b"x\0"),
        pdu(GENERIC_NACK, 0, status=3),
        pdu(GENERIC_NACK, 0xFFFFFFFF, status=3),
        b"".join(pdu(SUBMIT | RESP, guess, b"guess\0") for guess in range(1_000)),
    ):
        await bind.send(octets)
        await joiners.join(bind, octets[:20].hex())


async def _many(bind: RawBind, joiners: Joiners) -> None:
    """A1: fifty texts in one segment, each answered once."""
    await bind.send(*(pdu(DELIVER, 0x5000 + n, message(b"text %d" % n)) for n in range(50)))
    await bind.answer(0x5031)
    assert [[answer.status for answer in bind.answers(0x5000 + n)] for n in range(50)] == [[0]] * 50
    await joiners.join(bind, "fifty in one segment")


async def _nothing_else_changed(smsc: RawSmsc, gateway: Daemon) -> None:
    assert len(smsc.binds) == 1, "the session was never restarted"
    assert await gateway.consent() == "not_defined", "no STOP of hers could be read"
    assert not [line for line in gateway.log if "Traceback" in line]
