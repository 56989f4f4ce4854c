"""What must never leave us: each field that does not fit raises, says which and why, by table and by fast path."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.smpp import pdu as p
from gateway.smpp.codec import decode, encode
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import Pdu, SmeAddress, SubmitMulti, Tlv, UnsuccessSme

BUSY = [p.SubmitSm, p.DeliverSm]
MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"service_type": "TOOBIG"}, "service_type may have 5 characters; this one has 6"),
    ({"source_addr": "1" * 21}, "source_addr may have 20 characters; this one has 21"),
    ({"destination_addr": "1" * 21}, "destination_addr may have 20"),
    ({"source_addr": "1\0"}, "source_addr must not contain NUL"),
    ({"destination_addr": "1\0"}, "destination_addr must not contain NUL"),
    ({"source_addr": "Łódź"}, "source_addr must be Latin-1"),
    ({"destination_addr": "Łódź"}, "destination_addr must be Latin-1"),
    ({"schedule_delivery_time": "1" * 17}, "schedule_delivery_time may have 16"),
    ({"validity_period": "1" * 17}, "validity_period may have 16"),
    ({"source_addr_ton": 256}, "source_addr_ton must be between 0 and 255; this one is 256"),
    ({"dest_addr_npi": -1}, "dest_addr_npi must be between 0 and 255; this one is -1"),
    ({"esm_class": 256}, "esm_class must be between"),
    ({"data_coding": -1}, "data_coding must be between"),
    ({"short_message": b"x" * 255}, "short_message may have 254 octets, this one has 255"),
    ({"tlvs": (Tlv(0x10000, b""),)}, "a TLV's tag must be between 0 and 65535; this one is 65536"),
    ({"tlvs": (Tlv(-1, b""),)}, "a TLV's tag must be"),
    ({"tlvs": (Tlv(0x0424, b"x" * 65_536),)}, "TLV 0x0424 has 65536 octets; 65535 is the most"),
]


@pytest.mark.parametrize("make", BUSY)
@pytest.mark.parametrize("fields, complaint", MISFITS)
def test_a_field_that_does_not_fit_is_refused(
    make: type[p.SubmitSm] | type[p.DeliverSm], fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        encode(make(**fields), 1)


@pytest.mark.parametrize(
    "pdu, complaint",
    [
        (p.SubmitSmResp("x" * 65), "message_id may have 64"),
        (p.SubmitSmResp("x\0"), "message_id must not contain NUL"),
        (p.DeliverSmResp("ł"), "message_id must be Latin-1"),
        (p.BindTransceiver(address_range="x" * 41), "address_range may have 40"),
        (p.BindTransceiver(system_type="x" * 13), "system_type may have 12"),
        (SubmitMulti(), "takes 1 to 254 destinations, not 0"),
        (SubmitMulti(dest_addresses=(SmeAddress(),) * 255), "takes 1 to 254 destinations, not 255"),
        (SubmitMulti(dest_addresses=(p.DistributionList("x" * 21),)), "dl_name may have 20"),
        (SubmitMulti(dest_addresses=(SmeAddress(dest_addr_ton=300),)), "dest_addr_ton must be"),
        (p.SubmitMultiResp(unsuccess_smes=(UnsuccessSme(),) * 256), "no_unsuccess must be between 0 and 255"),
        (p.SubmitMultiResp(unsuccess_smes=(UnsuccessSme(error_status_code=1 << 32),)), "error_status_code must be"),
    ],
)
def test_other_pdus_are_held_to_their_fields_too(pdu: Pdu, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        encode(pdu, 1)


@pytest.mark.parametrize("pdu", [p.SubmitSm(), p.SubmitSmResp(), p.SubmitSmResp("1"), p.EnquireLink(), p.Unbind()])
@pytest.mark.parametrize("sequence, status", [(-1, 0), (1 << 32, 0), (1, -1), (1, 1 << 32)])
def test_header_fields_are_32_bits(pdu: Pdu, sequence: int, status: int) -> None:
    with pytest.raises(LocalProtocolError, match="must be between 0 and 0xFFFFFFFF"):
        encode(pdu, sequence, status)


def test_b6_a_password_longer_than_8_and_a_system_id_of_16_are_sent_as_configured() -> None:
    bind = p.BindTransceiver(system_id="x" * 16, password="p" * 30)
    assert decode(encode(bind, 1)).pdu == bind


@pytest.mark.parametrize("make", BUSY)
def test_the_longest_lawful_fields_fit(make: type[p.SubmitSm] | type[p.DeliverSm]) -> None:
    pdu = make(
        "12345", 255, 255, "1" * 20, 255, 255, "2" * 20, 255, 255, 255, "3" * 16, "4" * 16, short_message=b"x" * 254
    )
    assert decode(encode(pdu, 0xFFFFFFFF, 0xFFFFFFFF)).pdu == pdu
    plain = dataclasses.replace(pdu, service_type="", schedule_delivery_time="", validity_period="")
    assert decode(encode(plain, 0)).pdu == plain


@pytest.mark.parametrize("count", [1, 254])
def test_submit_multi_takes_1_to_254_destinations(count: int) -> None:
    pdu = SubmitMulti(dest_addresses=(SmeAddress(1, 1, "12125550101"),) * count)
    assert decode(encode(pdu, 1)).pdu == pdu
