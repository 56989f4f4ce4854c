"""Responses and receipts as carriers spell them, over a real socket against the real daemon.

Each case is a message that goes out, the octets of its submit_sm_resp, and the receipts that are brought for it; the
state that the API shows afterwards is what a sender gets to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.e2e.test_hostile_pdus import Joiners
from tests.kit.daemon import STOPPED, Daemon, daemon, write_config
from tests.kit.raw_smsc import DATA, DELIVER, PATIENCE_S, RESP, SUBMIT, RawBind, listening, message, pdu, tlv

TEXT: Final = b"id:%s sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:%s err:000 text:Hi"
ANNE: Final = "12125550101"


@dataclass(frozen=True)
class Brought:
    """A receipt, but for the number that it is about. ``swapped``: the line is its source; ``line`` may be missing."""

    text: bytes = b""
    esm: int = 4
    coding: int = 0
    rest: bytes = b""
    line: bytes = b"85700"
    swapped: bool = False
    data_sm: bool = False

    def pdu(self, sequence: int, number: str) -> bytes:
        source, line = (self.line, number.encode()) if self.swapped else (number.encode(), self.line)
        if self.data_sm:
            ends = b"\0\1\1" + source + b"\0\0\0" + line + b"\0"
            return pdu(DATA, sequence, ends + bytes((self.esm, 0, self.coding)) + self.rest)
        body = message(self.text, source=source, line=line, esm=self.esm, coding=self.coding, rest=self.rest)
        return pdu(DELIVER, sequence, body)


def told(carrier_id: bytes, stat: bytes = b"DELIVRD", **how: object) -> Brought:
    """The usual text."""
    return Brought(TEXT % (carrier_id, stat), **how)  # type: ignore[arg-type]  # the cases name the fields they mean


@dataclass(frozen=True)
class Case:
    """``early``: the receipts come before the response."""

    response: bytes
    receipts: Sequence[Brought] = ()
    state: str = "delivered"
    early: bool = False


def ids(carrier_id: bytes, state: int = 2) -> bytes:
    return tlv(0x1E, carrier_id) + tlv(0x427, bytes((state,)))


WIDE: Final = (TEXT % (b"h4d", b"DELIVRD")).decode().encode("utf-16-be")
CASES: Final[dict[str, Case]] = {
    "D1 no body": Case(b"", state="sent"),
    "D1 an empty id": Case(b"\0", state="sent"),
    "D1 an empty id, and a receipt without one": Case(b"\0", [told(b"")], "sent"),
    "D1 no NUL": Case(b"d1a", [told(b"d1a")]),
    "D1 64 characters": Case(b"d" * 64 + b"\0", [told(b"d" * 64)]),
    "D1 dashes and spaces": Case(b"d1-b c\0", [told(b"d1-b c")]),
    "H1 response hexadecimal, receipt decimal": Case(b"18ddd17a\0", [told(b"417190266")]),
    "H1 response decimal, receipt hexadecimal": Case(b"417190267\0", [told(b"18DDD17B")]),
    "H1 zeros in the receipt": Case(b"416342074\0", [told(b"0416342074")]),
    "H1 zeros in the response": Case(b"0416342075\0", [told(b"416342075")]),
    "H1 upper and lower case": Case(b"ABCDEF-01\0", [told(b"abcdef-01")]),
    "H1 64 bits": Case(b"ffffffffffffff01\0", [told(b"18446744073709551361")]),
    "H1 TLV hexadecimal, text decimal": Case(b"417190268\0", [told(b"417190268", rest=ids(b"18DDD17C\0"))]),
    "H1 TLV without NUL": Case(b"h1a\0", [Brought(rest=ids(b"h1a"))]),
    "H1 an empty TLV": Case(b"h1b\0", [told(b"h1b", rest=ids(b""))]),
    "H2 before the response": Case(b"h2a\0", [told(b"h2a")], early=True),
    "H2 before the response, in another base": Case(b"18ddd17d\0", [told(b"417190269")], early=True),
    "H2 twice before the response": Case(b"h2b\0", [told(b"h2b", b"UNDELIV")] * 2, "undelivered", early=True),
    "H3 id and stat alone": Case(b"h3a\0", [Brought(b"id:h3a stat:DELIVRD")]),
    "H3 a quoted receipt": Case(b"h3b\0", [Brought(TEXT % (b"h3b", b"DELIVRD") + b" id:h3a stat:UNDELIV")]),
    "H4 an id and a number": Case(b"362d9701\0", [Brought(b"362d9701 2")]),
    "H4 by TLV in data_sm": Case(b"h4a\0", [Brought(data_sm=True, rest=ids(b"h4a\0"))]),
    "H4 in a message_payload": Case(b"h4b\0", [Brought(rest=tlv(0x424, TEXT % (b"h4b", b"DELIVRD")))]),
    "H4 by TLV alone": Case(b"h4c\0", [Brought(rest=ids(b"h4c\0"))]),
    "H4 in UCS-2": Case(b"h4d\0", [Brought(WIDE, coding=8)]),
    "H4 in ASCII that says UCS-2": Case(b"h4e\0", [told(b"h4e", coding=8)]),
    "H5 a state that says nothing": Case(b"h5a\0", [told(b"h5a", b"REJECTD", rest=ids(b"h5a", 255))], "undelivered"),
    "H5 not final": Case(b"h5b\0", [told(b"h5b", stat) for stat in (b"ACCEPTD", b"ENROUTE", b"UNKNOWN")], "sent"),
    "H6 with UDHI": Case(b"h6a\0", [told(b"h6a", esm=0x44)]),
    "H6 by a handset": Case(b"h6b\0", [told(b"h6b", esm=0x08)]),
    "H6 an intermediate one": Case(b"h6c\0", [told(b"h6c", esm=0x20)], "sent"),
    "H6 forged as a text": Case(b"h6d\0", [told(b"h6d", esm=0)], "sent"),
    "H7 before and after": Case(b"h7a\0", [told(b"h7a", stat) for stat in (b"ENROUTE", b"DELIVRD", b"ENROUTE")]),
    "H7 one final state after the other": Case(b"h7b\0", [told(b"h7b"), told(b"h7b", b"UNDELIV")]),
    "H8 for nobody": Case(b"h8a\0", [told(b"nobody's")], "sent"),
    "H9 swapped": Case(b"h9a\0", [told(b"h9a", swapped=True)]),
    "H9 without the line": Case(b"h9b\0", [told(b"h9b", line=b"")]),
    "H9 swapped, without the line": Case(b"h9c\0", [told(b"h9c", line=b"", swapped=True)]),
    "H9 an id that was used before": Case(b"h9a\0", [told(b"h9a", b"EXPIRED")], "undelivered"),
    "H10 three octets": Case(b"h10a\0", [Brought(rest=ids(b"h10a", 5) + tlv(0x423, b"\3\0\x1b"))], "undelivered"),
    "H10 ASCII": Case(b"h10b\0", [Brought(rest=ids(b"h10b") + tlv(0x423, b"000"))]),
}  # fmt: skip


async def _bring(bind: RawBind, receipts: Sequence[Brought], number: str, name: str) -> None:
    for brought in receipts:
        sequence = bind.next()
        await bind.send(brought.pdu(sequence, number))
        assert (await bind.answer(sequence, name)).status == 0, name


async def _respond(bind: RawBind, body: bytes, name: str) -> None:
    await bind.until(lambda bind: bool(bind.open), name)
    await bind.send(pdu(SUBMIT | RESP, bind.open.pop(), body))


async def _until_settled(gateway: Daemon, message_id: str) -> str:
    """Return the state of a message once its response is recorded."""
    with trio.fail_after(PATIENCE_S):
        while (state := await gateway.state(message_id)) in ("queued", "sending"):
            await trio.lowlevel.checkpoint()
    return state


@pytest.mark.checklist("D1", "H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H9", "H10")
async def test_every_spelling_gives_the_message_its_state(tmp_path: Path) -> None:
    joiners = Joiners()
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()
        for count, (name, case) in enumerate(CASES.items()):
            number = f"1212777{count:04}"
            bind.mute = True
            id_ = (await gateway.send("hi", f"+{number}")).json()["id"]
            await bind.until(lambda bind: bool(bind.open), name)
            if case.early:
                await _bring(bind, case.receipts, number, name)
            await _respond(bind, case.response, name)
            await _until_settled(gateway, id_)
            if not case.early:
                await _bring(bind, case.receipts, number, name)
            assert await gateway.state(id_) == case.state, name
            bind.mute = False
            await joiners.join(bind, name)
        assert {submit.subscriber for submit in bind.submits if submit.subscriber.startswith("1212777")} == {
            f"1212777{count:04}" for count in range(len(CASES))
        }
        assert len(bind.submits) == 3 * len(CASES), "no receipt was answered by a text"
        assert not [line for line in gateway.log if "Traceback" in line]
        assert await gateway.terminate() == 0


@pytest.mark.checklist("H2")
@pytest.mark.parametrize("mode", ["binds = 2", 'mode = "transmitter+receiver"'])
async def test_a_receipt_on_another_bind_before_the_response(mode: str, tmp_path: Path) -> None:
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port, carrier=mode)) as gateway:
        both = [await smsc.bound(), await smsc.bound()]
        for bind in both:
            bind.mute = True
        id_ = (await gateway.send("hi")).json()["id"]
        with trio.fail_after(PATIENCE_S):
            while not any(bind.open for bind in both):
                await gateway.state(id_)
        submitting, other = both if both[0].open else reversed(both)
        await _bring(other, [told(b"18ddd17a")], ANNE, mode)
        assert await gateway.state(id_) == "sending"
        await _respond(submitting, b"417190266\0", mode)
        assert await _until_settled(gateway, id_) == "delivered"
        assert await gateway.terminate() == 0


@pytest.mark.checklist("H6", "H8")
async def test_a_stop_that_is_flagged_as_a_receipt_is_in_force(tmp_path: Path) -> None:
    """And what else is flagged so is put aside, acked, and answered by no text."""
    joiners = Joiners()
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()
        for esm in (0x04, 0x20, 0x44):
            for words in (b"Message delivered", b"HELP", b"START", b"id:7"):
                assert (await bind.text(words, esm=esm, source=b"12125550102")).status == 0
        for number, esm in ((ANNE, 0x04), ("12125550103", 0x20), ("12125550104", 0x44)):
            ack = await bind.text(b"STOP", esm=esm, source=number.encode())
            assert ack.status == 0
            assert await gateway.consent(f"+{number}") == "opted_out"
            assert (await gateway.send("news", f"+{number}")).status_code == 409
            await bind.until(lambda bind, number=number: bool(bind.to(number)))  # type: ignore[misc]
            await joiners.join(bind, "STOP")
            assert bind.to(number) == [STOPPED.encode()]
        assert bind.to("12125550102") == []
        shown = (await gateway.request("GET", "/api/v1/quarantine")).json()
        assert len(shown["pdus"]) == 12, shown
        assert await gateway.terminate() == 0
