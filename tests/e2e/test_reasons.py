"""What carriers say of a message beyond its state, as the API shows it: in a refusal, in a receipt; and of a text that
came in part. A real daemon over a real socket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from tests.kit.daemon import Daemon, daemon, write_config
from tests.kit.raw_smsc import DELIVER, PATIENCE_S, RESP, SUBMIT, RawBind, listening, message, pdu, tlv

ANNE, BOB, CAROL = "12125550101", "12125550102", "12125550103"


async def _shown(gateway: Daemon, message_id: str) -> dict[str, Any]:
    """Return a message once nothing is under way for it."""
    with trio.fail_after(PATIENCE_S):
        while True:
            shown: dict[str, Any] = (await gateway.request("GET", f"/api/v1/messages/{message_id}")).json()
            if shown["state"] not in ("queued", "sending"):
                return shown


async def _answered(bind: RawBind, gateway: Daemon, number: str, body: bytes, status: int = 0) -> dict[str, Any]:
    """Send a text; return how it is shown after this answer to it."""
    bind.mute = True
    id_ = (await gateway.send("hi", f"+{number}")).json()["id"]
    await bind.until(lambda bind: bool(bind.open), number)
    await bind.send(pdu(SUBMIT | RESP, bind.open.pop(), body, status))
    bind.mute = False
    return await _shown(gateway, id_)


@pytest.mark.checklist("D2", "H10")
async def test_refusals_and_receipts_are_shown_with_their_reasons(tmp_path: Path) -> None:
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()

        tlvs = tlv(0x425, b"\2") + tlv(0x1D, b"number ported\0")
        refused = await _answered(bind, gateway, ANNE, b"\0" + tlvs, 0x0B)
        [segment] = refused["permits"]
        assert (refused["state"], refused["segments"], refused["partial"]) == ("failed", 1, False)
        assert (segment["fate"], segment["status"]) == ("rejected", 0x0B)
        assert segment["detail"].startswith("ESME_RINVDSTADR (0x0000000B): ")
        assert segment["detail"].endswith("; permanent network error: number ported")
        assert (segment["receipt_state"], segment["receipt_error"], segment["receipt_at"]) == (None, None, None)

        sent = await _answered(bind, gateway, BOB, b"id7\0")
        [segment] = sent["permits"]
        assert (sent["state"], segment["detail"], segment["receipt_at"]) == ("sent", "", None)
        receipt = message(
            esm=4, source=BOB.encode(), rest=tlv(0x1E, b"id7\0") + tlv(0x427, b"\5") + tlv(0x423, b"\3\0\x1b")
        )
        sequence = bind.next()
        await bind.send(pdu(DELIVER, sequence, receipt))
        assert (await bind.answer(sequence)).status == 0
        ended = await _shown(gateway, sent["id"])
        [segment] = ended["permits"]
        assert (ended["state"], segment["receipt_state"]) == ("undelivered", "undelivered")
        assert segment["receipt_error"] == "UNDELIV 27"
        assert segment["minted_at"] < segment["receipt_at"] <= ended["updated_at"]
        assert await gateway.terminate() == 0


@pytest.mark.checklist("G1")
async def test_a_text_that_came_in_part_is_shown_so(tmp_path: Path) -> None:
    """Its reference is used again while a part is missing, so what came of it is decided as it stands."""
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()

        async def part(number: int, words: bytes) -> None:
            header = bytes((5, 0, 3, 9, 2, number))
            assert (await bind.text(header + words, esm=0x40, source=CAROL.encode())).status == 0

        await part(1, b"a text that lost its end")
        await part(1, b"another, ")
        await part(2, b"whole")
        query = {"number": f"+{CAROL}", "direction": "mo"}
        came = (await gateway.request("GET", "/api/v1/messages", params=query)).json()["messages"]
        assert {(text["text"], text["segments"], text["partial"]) for text in came} == {
            ("a text that lost its end", 1, True),
            ("another, whole", 2, False),
        }
        assert await gateway.terminate() == 0
