"""smpplib as the oracle for well-formed PDUs: it reads what we write, we read what it writes, and the numbers agree."""

from __future__ import annotations

from typing import Any

import pytest
from smpplib import consts  # type: ignore[import-untyped]  # smpplib ships no type information
from smpplib.command import factory  # type: ignore[import-untyped]  # as above
from smpplib.command_codes import commands  # type: ignore[import-untyped]  # as above
from smpplib.smpp import parse_pdu  # type: ignore[import-untyped]  # as above

from gateway.smpp import pdu as p
from gateway.smpp.codec import decode, encode
from gateway.smpp.constants import CommandId, Npi, Status, Tag, Ton, command_name, describe
from gateway.smpp.layouts import LAYOUTS
from gateway.smpp.pdu import Frame, Pdu, Tlv

ADDRESSES: dict[str, Any] = {
    "source_addr_ton": 1,
    "source_addr_npi": 2,
    "source_addr": "12125550101",
    "dest_addr_ton": 3,
    "dest_addr_npi": 4,
    "destination_addr": "85700",
}
MESSAGE: dict[str, Any] = {
    "service_type": "CMT",
    **ADDRESSES,
    "esm_class": 0x40,
    "protocol_id": 1,
    "priority_flag": 2,
    "schedule_delivery_time": "",
    "validity_period": "000000010000000R",
    "registered_delivery": 1,
    "replace_if_present_flag": 1,
    "data_coding": 8,
    "sm_default_msg_id": 6,
    "short_message": b"\0S\0T\0O\0P",
}
BIND: dict[str, Any] = {
    "system_id": "demo",
    "password": "secret",
    "system_type": "VMA",
    "addr_ton": 1,
    "addr_npi": 2,
    "address_range": "857",
}
ALIKE: list[Pdu] = [
    p.BindTransmitter(**BIND),
    p.BindReceiver(**BIND),
    p.BindTransceiver(**BIND),
    p.SubmitSm(**MESSAGE),
    p.DeliverSm(**MESSAGE),
    p.SubmitSm(),
    p.DeliverSm(),
    p.SubmitSmResp("0a1b"),
    p.DeliverSmResp(""),
    p.DataSm("CMT", **ADDRESSES, esm_class=4, registered_delivery=1, data_coding=3),
    p.DataSmResp("0a1b"),
    p.QuerySm("77", 1, 2, "85700"),
    p.Unbind(),
    p.UnbindResp(),
    p.EnquireLink(),
    p.EnquireLinkResp(),
    p.GenericNack(),
    p.AlertNotification(1, 2, "12125550101", 3, 4, "85700"),
]
ALWAYS_COUNTS = {"submit_sm_resp", "unbind_resp", "enquire_link_resp", "generic_nack", "deliver_sm_resp"}


def mandatory(pdu: Pdu) -> dict[str, Any]:
    return {field.name: getattr(pdu, field.name) for field in LAYOUTS[pdu.command_id].fields}


def theirs(pdu: Pdu, **tlvs: object) -> Any:
    name = pdu.command_id.name.lower()
    options: dict[str, object] = {} if name in ALWAYS_COUNTS else {"need_sequence": False}
    command = factory(name, **options, **mandatory(pdu), **tlvs)
    command.sequence = 7
    return command


def parsed(data: bytes) -> Any:
    name = command_name(int.from_bytes(data[4:8], "big"))
    return parse_pdu(data) if name in ALWAYS_COUNTS else parse_pdu(data, need_sequence=False)


@pytest.mark.parametrize("pdu", ALIKE, ids=lambda pdu: pdu.command_id.name)
def test_we_write_the_same_octets(pdu: Pdu) -> None:
    assert encode(pdu, 7) == theirs(pdu).generate()


@pytest.mark.parametrize("pdu", ALIKE, ids=lambda pdu: pdu.command_id.name)
def test_we_read_what_it_writes(pdu: Pdu) -> None:
    assert decode(theirs(pdu).generate()) == Frame(pdu.command_id, 0, 7, pdu)


@pytest.mark.parametrize("pdu", ALIKE, ids=lambda pdu: pdu.command_id.name)
def test_it_reads_what_we_write(pdu: Pdu) -> None:
    read = parsed(encode(pdu, 7, 0x58))
    assert (read.command, read.status, read.sequence) == (pdu.command_id.name.lower(), 0x58, 7)
    for name, value in mandatory(pdu).items():
        expected = value.encode() if isinstance(value, str) else value
        assert (getattr(read, name) or type(expected)()) == expected, name  # it leaves an empty short_message None


def test_tlvs_agree() -> None:
    message = {**MESSAGE, "short_message": b""}
    ours = p.SubmitSm(
        **message,
        tlvs=(
            Tlv(Tag.SAR_MSG_REF_NUM, b"\x01\x02"),
            Tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x03"),
            Tlv(Tag.SAR_SEGMENT_SEQNUM, b"\x01"),
            Tlv(Tag.MESSAGE_PAYLOAD, b"hello"),
        ),
    )
    other = theirs(ours, sar_msg_ref_num=0x0102, sar_total_segments=3, sar_segment_seqnum=1, message_payload=b"hello")
    assert encode(ours, 7) == other.generate()
    assert decode(other.generate()).pdu == ours
    read = parsed(encode(ours, 7))
    assert (read.sar_msg_ref_num, read.sar_total_segments, read.message_payload) == (0x0102, 3, b"hello")


def test_vocabulary_is_whole() -> None:
    assert {command.name.lower(): int(command) for command in CommandId} == commands
    statuses = {name[5:]: value for name, value in vars(consts).items() if name.startswith("SMPP_ESME_")}
    assert {status.name: int(status) for status in Status} == statuses
    assert {tag.name.lower(): int(tag) for tag in Tag} == consts.OPTIONAL_PARAMS
    assert sorted(Ton) == sorted(v for name, v in vars(consts).items() if name.startswith("SMPP_TON_"))
    assert sorted(Npi) == sorted(v for name, v in vars(consts).items() if name.startswith("SMPP_NPI_"))


def test_numbers_that_the_specification_prints() -> None:
    assert (CommandId.DELIVER_SM, CommandId.GENERIC_NACK, CommandId.DATA_SM_RESP) == (5, 0x80000000, 0x80000103)
    assert (Status.ESME_RTHROTTLED, Status.ESME_RX_T_APPN, Status.ESME_RINVCMDLEN) == (0x58, 0x64, 2)
    assert (Tag.MESSAGE_PAYLOAD, Tag.RECEIPTED_MESSAGE_ID, Tag.SC_INTERFACE_VERSION) == (0x0424, 0x1E, 0x0210)


@pytest.mark.parametrize("status", [*Status, 0x22, 0x400, 0xFFFFFFFF])
def test_every_status_can_be_described(status: int) -> None:
    text = describe(status)
    assert f"0x{status:08X}" in text
    assert "Not Set" not in text
    assert ("not defined" in text) == (status not in list(Status))


def test_describe_says_name_number_and_meaning() -> None:
    assert describe(0x14) == "ESME_RMSGQFUL (0x00000014): Message Queue is full"
    assert describe(0x22) == "0x00000022: not defined by SMPP 3.4, the carrier's own"
    assert command_name(5) == "deliver_sm"
    assert command_name(0x99) == "0x00000099"
