"""Texts through the real daemon to a carrier whose data_coding 0 is not GSM 03.38, as such an SMSC reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.simulator.carrier import SimulatedCarrier
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import SubmitSm, tlv
from gateway.sms import decode_text, reading, split_udh
from tests.kit.daemon import PATIENCE_S, daemon, write_config

TEXTS = ("me@x.com costs $5", "Too long for one: [é_£] " * 10, "5 €", "Smiles 😀")


def read(pdu: SubmitSm, alphabet: str) -> str:
    """Return the text of one segment, strictly by what data_coding 0 means here."""
    octets = pdu.short_message or tlv(pdu, Tag.MESSAGE_PAYLOAD) or b""
    udh, body = split_udh(octets) if pdu.esm_class & 0x40 else (b"", octets)
    if pdu.data_coding == 8:
        return body.decode("utf-16-be")
    assert pdu.data_coding == 0
    if alphabet == "gsm-packed":
        return decode_text(body, 0, reading(alphabet, udh))
    return body.decode(alphabet)


@pytest.mark.checklist("F1", "F5")
@pytest.mark.parametrize(
    "alphabet, wide",
    [("latin-1", 2), ("utf-8", 1), ("gsm-packed", 1), ("ucs-2", 7)],
)
async def test_texts_are_written_in_the_carriers_alphabet(tmp_path: Path, alphabet: str, wide: int) -> None:
    """``wide`` segments go as UCS-2: what the alphabet lacks, and the emoji on every carrier."""
    keys = f'alphabet = "{alphabet}"'
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        port = await nursery.start(carrier.serve)
        async with daemon(write_config(tmp_path, port, carrier=keys)) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                for text in TEXTS:
                    before = len(carrier.submitted)
                    answer = await gateway.send(text)
                    assert answer.status_code == 202, answer.text
                    id_ = answer.json()["id"]
                    while await gateway.state(id_) in ("queued", "sending"):
                        await trio.lowlevel.checkpoint()
                    pdus = [one.pdu for one in carrier.submitted][before:]
                    assert "".join(read(pdu, alphabet) for pdu in pdus) == text
                    shown = (await gateway.request("GET", f"/api/v1/messages/{id_}")).json()
                    assert shown["segments"] == len(pdus)
            assert [one.pdu.data_coding for one in carrier.submitted].count(8) == wide
        nursery.cancel_scope.cancel()
