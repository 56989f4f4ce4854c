"""A traced PDU tells which part of a long text it is, by its header or its TLVs, whether its text is seen or not."""

from __future__ import annotations

import pytest

from gateway.carriers.trace import Cut, Entry
from gateway.carriers.trace_showing import show
from gateway.model.trace import PartRow
from gateway.smpp.codec import encode
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import DeliverSm, EnquireLink, Pdu, SubmitSm, Tlv
from gateway.sms.udh import build_concat8, build_concat16


def sar(reference: int, total: int, number: int) -> tuple[Tlv, ...]:
    return (
        Tlv(Tag.SAR_MSG_REF_NUM, reference.to_bytes(2, "big")),
        Tlv(Tag.SAR_TOTAL_SEGMENTS, bytes((total,))),
        Tlv(Tag.SAR_SEGMENT_SEQNUM, bytes((number,))),
    )


@pytest.mark.parametrize("unmask", [False, True])
@pytest.mark.parametrize(
    "pdu,part",
    [
        (DeliverSm(esm_class=0x40, short_message=build_concat8(31, 2, 1) + b"x"), PartRow(1, 2, 31)),
        (SubmitSm(esm_class=0x40, short_message=build_concat16(3100, 9, 2) + b"x"), PartRow(2, 9, 3100)),
        (DeliverSm(short_message=b"x", tlvs=sar(31, 2, 2)), PartRow(2, 2, 31)),
        (DeliverSm(tlvs=(*sar(31, 2, 2), Tlv(Tag.MESSAGE_PAYLOAD, b"x"))), PartRow(2, 2, 31)),
        (
            DeliverSm(esm_class=0x40, short_message=build_concat8(7, 3, 3) + b"x", tlvs=sar(31, 2, 2)),
            PartRow(3, 3, 7),
        ),
        (DeliverSm(esm_class=0x40, short_message=b"\x03\x24\x01\x01x"), None),
        (DeliverSm(short_message=build_concat8(31, 2, 1) + b"x"), None),
        (DeliverSm(short_message=b"x", tlvs=sar(31, 2, 3)), None),
        (DeliverSm(short_message=b"x", tlvs=(Tlv(Tag.SAR_MSG_REF_NUM, bytes(5)), *sar(1, 2, 1)[1:])), None),
        (DeliverSm(short_message=b"x", tlvs=sar(31, 2, 1)[1:]), None),
        (DeliverSm(short_message=b"x"), None),
        (EnquireLink(), None),
    ],
)
def test_which_part_it_is(pdu: Pdu, part: PartRow | None, unmask: bool) -> None:
    entry = Entry(1.0, "s", True, encode(pdu, 1), Cut.WHOLE)
    assert show(entry, "acme/0", "gsm", b"", unmask=unmask).part == part
