"""Every PDU against octets laid out by hand from chapter 4 of the specification; the table against the vocabulary."""

from __future__ import annotations

import struct

import pytest

from gateway.smpp.codec import decode, decode_body, encode, encode_body, encode_header
from gateway.smpp.constants import RESPONSE_BIT, CommandId
from gateway.smpp.fast import DECODERS
from gateway.smpp.layouts import LAYOUTS, RESPONSES
from gateway.smpp.pdu import AlertNotification, EnquireLink, Frame, Header, Pdu, Tlv, tlv
from tests.smpp.samples import PLAIN_SAMPLES, SAMPLES

TLVS = bytes.fromhex("0427 0001 02  1400 0000  0427 0001 05")
SOURCE = b"\x01\x0212125550101\0"
DESTINATION = b"\x03\x0485700\0"
HANDLING = (
    b"\x40\x05\x09261122010203000+\x00000000010000000R\0\xff\x01\x08\x06"  # up to sm_default_msg_id
    b"\x08\0S\0T\0O\0P" + TLVS
)
BIND = b"demo\0secret\0VMA\0\x33\x01\x02^857\0"

BODIES: dict[CommandId, bytes] = {
    CommandId.BIND_TRANSMITTER: BIND,
    CommandId.BIND_TRANSMITTER_RESP: b"SMSC\0" + TLVS,
    CommandId.BIND_RECEIVER: BIND,
    CommandId.BIND_RECEIVER_RESP: b"SMSC\0" + TLVS,
    CommandId.BIND_TRANSCEIVER: BIND,
    CommandId.BIND_TRANSCEIVER_RESP: b"SMSC\0" + TLVS,
    CommandId.OUTBIND: b"SMSC\0secret\0",
    CommandId.UNBIND: b"",
    CommandId.UNBIND_RESP: b"",
    CommandId.ENQUIRE_LINK: b"",
    CommandId.ENQUIRE_LINK_RESP: b"",
    CommandId.GENERIC_NACK: b"",
    CommandId.SUBMIT_SM: b"CMT\0" + SOURCE + DESTINATION + HANDLING,
    CommandId.SUBMIT_SM_RESP: b"0a1b-2c\0" + TLVS,
    CommandId.DELIVER_SM: b"CMT\0" + SOURCE + DESTINATION + HANDLING,
    CommandId.DELIVER_SM_RESP: b"\0" + TLVS,
    CommandId.DATA_SM: b"CMT\0" + SOURCE + DESTINATION + b"\x04\x01\x03" + TLVS,
    CommandId.DATA_SM_RESP: b"0a1b-2c\0" + TLVS,
    CommandId.SUBMIT_MULTI: b"CMT\0" + SOURCE + b"\x02" + b"\x01\x01\x0112125550101\0" + b"\x02friends\0" + HANDLING,
    CommandId.SUBMIT_MULTI_RESP: b"77\0\x02\x01\x0112125550101\0\0\0\0\x0b" + b"\0\0\0\0\0\0\0" + TLVS,
    CommandId.QUERY_SM: b"77\0" + SOURCE,
    CommandId.QUERY_SM_RESP: b"77\x00261122010203000+\0\x02\x01",
    CommandId.CANCEL_SM: b"CMT\x0077\0" + SOURCE + DESTINATION,
    CommandId.CANCEL_SM_RESP: b"",
    CommandId.REPLACE_SM: b"77\0" + SOURCE + b"\x00000000010000000R\0\0\x01\x05other",
    CommandId.REPLACE_SM_RESP: b"",
    CommandId.ALERT_NOTIFICATION: SOURCE + DESTINATION + TLVS,
}


def named(pdu: Pdu) -> str:
    return pdu.command_id.name


def whole(command_id: int, body: bytes, sequence: int = 7, status: int = 0) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, status, sequence) + body


def test_every_command_of_the_specification_has_a_layout_a_sample_and_a_hand_laid_body() -> None:
    every = {int(command) for command in CommandId}
    assert set(LAYOUTS) == every
    assert {int(sample.command_id) for sample in SAMPLES} == every
    assert set(BODIES) == every


def test_every_request_but_two_has_a_response() -> None:
    requests = {command for command in CommandId if not command & RESPONSE_BIT}
    assert requests - set(RESPONSES) == {CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION}
    assert all(make.command_id == command | RESPONSE_BIT for command, make in RESPONSES.items())


@pytest.mark.parametrize("sample", SAMPLES, ids=named)
def test_pdu_is_written_as_the_specification_lays_it_out(sample: Pdu) -> None:
    expected = whole(sample.command_id, BODIES[sample.command_id], status=0x58)
    assert encode(sample, 7, 0x58) == expected
    assert encode_header(sample.command_id, 7, 0x58, encode_body(sample)) == expected


@pytest.mark.parametrize("sample", SAMPLES, ids=named)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_pdu_is_read_back_from_any_kind_of_octets(
    sample: Pdu, kind: type[bytes] | type[bytearray] | type[memoryview]
) -> None:
    data = whole(sample.command_id, BODIES[sample.command_id])
    assert decode(kind(data)) == Frame(sample.command_id, 0, 7, sample)
    assert decode_body(data, Header(sample.command_id, 0, 7)) == sample


@pytest.mark.parametrize("sample", SAMPLES, ids=named)
def test_defaults_are_what_the_specification_calls_not_set(sample: Pdu) -> None:
    make = type(sample)
    if sample.command_id == CommandId.SUBMIT_MULTI:
        return  # it has no lawful default: at least one destination
    assert decode(encode(make(), 1)).pdu == make()


@pytest.mark.parametrize("sequence", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_any_sequence_number_and_status_is_read_as_it_came(sequence: int) -> None:
    data = whole(CommandId.ENQUIRE_LINK, b"", sequence=sequence, status=sequence)
    assert decode(data) == Frame(CommandId.ENQUIRE_LINK, sequence, sequence, EnquireLink())


PLAIN_BODY = b"\x01\x0212125550101\0\x03\x0485700\0\x41\x05\x06\0\0\x07\x08\x09\x0a\x0cplease JOIN!"
PLAIN_BODIES = [
    b"\0" + PLAIN_BODY,
    b"\0" + PLAIN_BODY,
    b"CMT\0" + PLAIN_BODY + TLVS,
    b"CMT\0" + PLAIN_BODY + TLVS,
    b"0a1b-2c\0",
    b"\0",
]


@pytest.mark.parametrize("sample, body", list(zip(PLAIN_SAMPLES, PLAIN_BODIES, strict=True)))
def test_the_plain_shapes_of_the_busy_pdus_are_laid_out_alike_on_every_path(sample: Pdu, body: bytes) -> None:
    data = whole(sample.command_id, body)
    assert encode(sample, 7) == encode_header(sample.command_id, 7, 0, encode_body(sample)) == data
    assert decode(data).pdu == decode_body(data, Header(sample.command_id, 0, 7)) == sample
    assert DECODERS[sample.command_id](data) == sample  # the fast path does take it


def test_unknown_command_is_a_frame_without_pdu() -> None:
    assert decode(whole(0x99, b"whatever")) == Frame(0x99, 0, 7, None)
    assert decode(whole(0x80000099, b"whatever")) == Frame(0x80000099, 0, 7, None)


def test_values_are_hashable_comparable_and_distinct_by_class() -> None:
    assert len(set(SAMPLES)) == len(SAMPLES)
    kinds = {make: make() for make in (layout.make for layout in LAYOUTS.values())}
    assert len(set(map(repr, kinds.values()))) == len(kinds)
    assert kinds[LAYOUTS[4].make] != kinds[LAYOUTS[5].make]


def test_a_password_never_shows_in_a_repr() -> None:
    assert all("secret" not in repr(sample) for sample in SAMPLES)


def test_first_of_several_tlvs_is_found_and_absence_is_none() -> None:
    notification = AlertNotification(tlvs=(Tlv(0x0427, b"\x02"), Tlv(0x1400, b""), Tlv(0x0427, b"\x05")))
    assert tlv(notification, 0x0427) == b"\x02"
    assert tlv(notification, 0x1400) == b""
    assert tlv(notification, 0x0001) is None
