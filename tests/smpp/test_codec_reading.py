"""What carriers get wrong in bodies, and what becomes of it: kept, understood, or refused with the status that fits."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from gateway.smpp.codec import decode, encode
from gateway.smpp.constants import CommandId, Status, Tag
from gateway.smpp.errors import BadBody, LostFraming
from gateway.smpp.framing import MAX_PDU, Framer
from gateway.smpp.pdu import (
    BindTransceiverResp,
    DataSm,
    DeliverSm,
    EnquireLink,
    Frame,
    Pdu,
    QuerySmResp,
    SubmitMultiResp,
    SubmitSmResp,
    Tlv,
    UnsuccessSme,
    text_of,
)

MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP")
MO_BODY = encode(MO, 1)[16:]


def whole(command_id: int, body: bytes, status: int = 0) -> bytes:
    """Return a PDU, which a stream gives back as it is: at once, octet by octet, and with the next one's beginning."""
    pdu = struct.pack(">IIII", 16 + len(body), command_id, status, 7) + body
    assert Framer(MAX_PDU).feed(pdu) == [pdu]
    slow = Framer(MAX_PDU)
    assert [found for n in range(len(pdu)) for found in slow.feed(pdu[n : n + 1])] == [pdu]
    assert Framer(MAX_PDU).feed(pdu + pdu[:5]) == [pdu]
    return pdu


def refused(command_id: int, body: bytes) -> BadBody:
    with pytest.raises(BadBody, match=r".") as caught:
        decode(whole(command_id, body))
    assert caught.value.header == (command_id, 0, 7)
    return caught.value


# E3: over-long fields shift nothing.


@pytest.mark.checklist("E3")
@pytest.mark.parametrize("name", ["service_type", "source_addr", "destination_addr"])
def test_e3_an_over_long_field_is_kept_and_shifts_nothing(name: str) -> None:
    plain = b"\0" + b"\0\0" + b"12125550101\0" + b"\0\0" + b"85700\0" + MO_BODY[-14:]
    assert decode(whole(5, plain)).pdu == MO
    long = {
        "service_type": plain.replace(b"\0", b"X" * 300 + b"\0", 1),
        "source_addr": plain.replace(b"12125550101", b"X" * 300),
        "destination_addr": plain.replace(b"85700", b"X" * 300),
    }[name]
    found = decode(whole(5, long)).pdu
    assert isinstance(found, DeliverSm)
    assert getattr(found, name) == "X" * 300
    assert found.short_message == b"STOP"


@pytest.mark.checklist("E7")
@pytest.mark.parametrize("name", ["schedule_delivery_time", "validity_period"])
def test_e7_times_in_an_mo_are_kept(name: str) -> None:
    at = len(MO_BODY) - 4 - 5 - (2 if name == "schedule_delivery_time" else 1)
    found = decode(whole(5, MO_BODY[:at] + b"Y" * 40 + MO_BODY[at:])).pdu
    assert isinstance(found, DeliverSm)
    assert getattr(found, name) == "Y" * 40
    assert found.short_message == b"STOP"


@pytest.mark.checklist("E2")
def test_octets_above_ascii_in_an_address_are_kept() -> None:
    body = MO_BODY.replace(b"12125550101", b"caf\xe9\xff")
    found = decode(whole(5, body)).pdu
    assert isinstance(found, DeliverSm)
    assert found.source_addr == "caf\xe9\xff"


# E4: lengths that lie, octets that stray.


@pytest.mark.checklist("E4")
@pytest.mark.parametrize("stray", [b"\0", b"\0\0", b"\0\x05\0"])
def test_e4_stray_octets_are_refused_and_the_message_can_be_salvaged(stray: bytes) -> None:
    bad = refused(5, MO_BODY + stray)
    assert bad.status == Status.ESME_RINVOPTPARSTREAM
    assert bad.reason == f"{len(stray)} octets after the last parameter are no TLV"
    assert bad.salvage == MO


@pytest.mark.checklist("E4")
def test_e4_sm_length_beyond_the_end_is_refused_and_what_there_is_can_be_salvaged() -> None:
    bad = refused(5, MO_BODY[:-5] + b"\x05STOP")
    assert bad.status == Status.ESME_RINVMSGLEN
    assert bad.reason == "sm_length is 5, and 4 octets follow"
    assert bad.salvage == replace(MO, short_message=b"STOP")
    assert refused(5, MO_BODY[:-5] + b"\x05").salvage == replace(MO, short_message=b"")
    assert refused(5, MO_BODY[:-5]).salvage is None, "there is no sm_length"


@pytest.mark.checklist("E4")
def test_e4_sm_length_too_small_leaves_octets_that_are_no_tlv() -> None:
    bad = refused(5, MO_BODY[:-5] + b"\x03STOP")
    assert bad.status == Status.ESME_RINVOPTPARSTREAM


@pytest.mark.checklist("E4")
def test_e4_255_octets_of_short_message_are_read() -> None:
    found = decode(whole(5, MO_BODY[:-5] + b"\xff" + b"x" * 255)).pdu
    assert isinstance(found, DeliverSm)
    assert found.short_message == b"x" * 255


# E5, E6: TLVs.


@pytest.mark.checklist("E5")
def test_e5_a_payload_of_60_kb_is_read_with_and_without_short_message() -> None:
    payload = Tlv(Tag.MESSAGE_PAYLOAD, b"x" * 60_000)
    for body in (MO_BODY, MO_BODY[:-5] + b"\0"):
        found = decode(whole(5, body + b"\x04\x24" + (60_000).to_bytes(2, "big") + payload.value)).pdu
        assert isinstance(found, DeliverSm)
        assert found.tlvs == (payload,)
    found_data = decode(encode(DataSm(tlvs=(payload,)), 1)).pdu
    assert found_data == DataSm(tlvs=(payload,))


@pytest.mark.checklist("E6")
def test_e6_any_tlv_is_kept_raw_and_in_order() -> None:
    tlvs = bytes.fromhex("1400 0000  0302 0001 01  0501 0001 02  020c 0003 000001  020c 0001 09  ffff 0002 0000")
    found = decode(whole(5, MO_BODY + tlvs)).pdu
    assert isinstance(found, DeliverSm)
    assert found.tlvs == (
        Tlv(0x1400, b""),
        Tlv(0x0302, b"\x01"),
        Tlv(0x0501, b"\x02"),
        Tlv(0x020C, b"\0\0\x01"),
        Tlv(0x020C, b"\x09"),
        Tlv(0xFFFF, b"\0\0"),
    )


@pytest.mark.checklist("E6")
def test_e6_a_tlv_that_runs_past_the_end_is_refused() -> None:
    bad = refused(5, MO_BODY + bytes.fromhex("0204 0001 01  0424 0005 4141"))
    assert bad.status == Status.ESME_RINVPARLEN
    assert bad.reason == "TLV 0x0424 says 5 octets, and 2 follow"
    assert bad.salvage == replace(MO, tlvs=(Tlv(0x0204, b"\x01"),)), "there is a text, so the cut one is not needed"


@pytest.mark.checklist("E4", "E6")
@pytest.mark.parametrize("broken", ["00", "000000", "1400 0002 61", "1400 ffff"])
@pytest.mark.parametrize("request_", [5, 0x103])
def test_e6_tlvs_before_a_broken_one_are_kept(request_: int, broken: str) -> None:
    whole_ones = (Tlv(0x0424, b"STOP"), Tlv(0x020C, b"\0\1"))
    pdu = DeliverSm(tlvs=whole_ones) if request_ == 5 else DataSm(tlvs=whole_ones)
    bad = refused(request_, encode(pdu, 1)[16:] + bytes.fromhex(broken))
    assert bad.salvage == pdu
    assert bad.status in (Status.ESME_RINVOPTPARSTREAM, Status.ESME_RINVPARLEN)


@pytest.mark.checklist("E5", "E6")
@pytest.mark.parametrize("short", [b"", b" ", b"\0"])
def test_e5_a_payload_that_is_cut_is_told_like_a_short_message_that_is_cut(short: bytes) -> None:
    pdu = DeliverSm(short_message=short, tlvs=(Tlv(0x020C, b"\0\1"),))
    bad = refused(5, encode(pdu, 1)[16:] + bytes.fromhex("0424 0200") + b"STOP")
    assert bad.status == Status.ESME_RINVMSGLEN
    assert bad.reason == "TLV 0x0424 says 512 octets, and 4 follow"
    assert bad.salvage == replace(pdu, tlvs=(*pdu.tlvs, Tlv(0x0424, b"STOP")))
    nothing = refused(5, encode(pdu, 1)[16:] + bytes.fromhex("0424 0200"))
    assert (nothing.status, nothing.salvage) == (Status.ESME_RINVPARLEN, pdu)


@pytest.mark.checklist("E5")
def test_e5_the_text_is_the_payload_where_short_message_is_blank() -> None:
    payload = (Tlv(0x0424, b"STOP"),)
    assert [text_of(DeliverSm(short_message=short, tlvs=payload)) for short in (b"", b" ", b"\0", b"\0 \0\r\n")] == [
        b"STOP"
    ] * 4
    assert text_of(DeliverSm(short_message=b"HI", tlvs=payload)) == b"HI"
    assert text_of(DeliverSm(short_message=b" ", tlvs=(Tlv(0x0424, b""),))) == b" "
    assert text_of(DataSm(tlvs=payload)) == b"STOP"
    assert text_of(DataSm()) == b""


# Truncation: every request, cut at every octet, is whole or refused with a status.


TRUNCATED = {
    0: Status.ESME_RINVSERTYP,
    1: Status.ESME_RINVCMDLEN,
    2: Status.ESME_RINVCMDLEN,
    3: Status.ESME_RINVSRCADR,
    14: Status.ESME_RINVSRCADR,
    15: Status.ESME_RINVCMDLEN,
    17: Status.ESME_RINVDSTADR,
    23: Status.ESME_RINVCMDLEN,
    26: Status.ESME_RINVSCHED,
    27: Status.ESME_RINVEXPIRY,
    28: Status.ESME_RINVCMDLEN,
    32: Status.ESME_RINVCMDLEN,
    33: Status.ESME_RINVMSGLEN,
}


@pytest.mark.checklist("E4")
@pytest.mark.parametrize("length", range(len(MO_BODY)))
def test_a_body_that_ends_early_is_refused_by_the_field_that_is_missing(length: int) -> None:
    expected = TRUNCATED[max(known for known in TRUNCATED if known <= length)]
    assert refused(5, MO_BODY[:length]).status == expected


@pytest.mark.parametrize(
    "command_id, body, status",
    [
        (CommandId.BIND_TRANSCEIVER, b"demo", Status.ESME_RINVSYSID),
        (CommandId.BIND_TRANSCEIVER, b"demo\0pw", Status.ESME_RINVPASWD),
        (CommandId.BIND_TRANSCEIVER, b"demo\0pw\0VMA", Status.ESME_RINVSYSTYP),
        (CommandId.QUERY_SM, b"77", Status.ESME_RINVMSGID),
        (CommandId.SUBMIT_MULTI, b"\0\0\x0085700\0\x01\x03", Status.ESME_RINVDESTFLAG),
        (CommandId.SUBMIT_MULTI, b"\0\0\x0085700\0\x01\x02friends", Status.ESME_RINVDLNAME),
        (CommandId.SUBMIT_MULTI, b"\0\0\x0085700\0\x02\x01\0\x0012\0", Status.ESME_RINVCMDLEN),
    ],
)
def test_other_requests_are_refused_with_the_status_that_fits(command_id: int, body: bytes, status: int) -> None:
    assert refused(command_id, body).status == status


# B1, D1, D2: responses are understood as far as can be.


@pytest.mark.checklist("B1")
@pytest.mark.parametrize(
    "body, system_id, version",
    [
        (b"", "", None),
        (b"\0", "", None),
        (b"SMSC", "SMSC", None),
        (b"SMSC\0", "SMSC", None),
        (b"SMSC\0\x02\x10\0\x01\x33", "SMSC", b"\x33"),
        (b"SMSC\x02\x10\0\x01\x34", "SMSC", b"\x34"),  # no NUL before the TLV
        (b"SMSC\x14\x01\0\x01\x34\x02\x10\0\x01\x34", "SMSC", b"\x34"),  # vendor TLV first
        (b"SMSC\0\0\x1d\0\x02ab", "SMSC", None),
        (b"SMSC\0\x1d\0\x02ab", "SMSC", None),  # the tag's own first octet is NUL
        (b"SMSC\0x", "SMSC", None),
        (b"SMSC\0\x02\x10\0\x09\x34", "SMSC", None),
    ],
)
@pytest.mark.parametrize("status", [0, Status.ESME_RBINDFAIL])
def test_b1_a_bind_resp_is_understood_however_it_is_spelt(
    body: bytes, system_id: str, version: bytes | None, status: int
) -> None:
    frame = decode(whole(CommandId.BIND_TRANSCEIVER_RESP, body, status))
    assert frame.status == status
    assert isinstance(frame.pdu, BindTransceiverResp)
    assert frame.pdu.system_id == system_id
    assert dict(frame.pdu.tlvs).get(Tag.SC_INTERFACE_VERSION) == version


@pytest.mark.checklist("D1")
@pytest.mark.parametrize(
    "body, message_id",
    [
        (b"", ""),
        (b"\0", ""),
        (b"0a1b", "0a1b"),  # without its NUL
        (b"0a1b\0", "0a1b"),
        (b"x" * 64 + b"\0", "x" * 64),
        (b"x" * 200 + b"\0", "x" * 200),
        (b"12-34 56\0", "12-34 56"),
        (b"0a1b\0\0", "0a1b"),
        (b"0a1b\0\x04\x25\0", "0a1b"),
    ],
)
@pytest.mark.parametrize("status", [0, Status.ESME_RTHROTTLED])
def test_d1_an_id_is_understood_however_it_is_spelt(body: bytes, message_id: str, status: int) -> None:
    frame = decode(whole(CommandId.SUBMIT_SM_RESP, body, status))
    assert frame == Frame(CommandId.SUBMIT_SM_RESP, status, 7, SubmitSmResp(message_id))


@pytest.mark.checklist("D2")
@pytest.mark.parametrize("start", [b"", b"\0", b"77\0", b"77", b"7 7"])
def test_d2_a_refusal_keeps_its_tlvs(start: bytes) -> None:
    frame = decode(whole(CommandId.SUBMIT_SM_RESP, start + b"\x04\x25\0\x01\x02", Status.ESME_RSYSERR))
    assert isinstance(frame.pdu, SubmitSmResp)
    assert frame.pdu.message_id == start.rstrip(b"\0").decode()
    assert frame.pdu.tlvs == (Tlv(Tag.DELIVERY_FAILURE_REASON, b"\x02"),)


def unreadable_responses() -> list[tuple[int, bytes, Pdu | None]]:
    return [
        (CommandId.QUERY_SM_RESP, b"", QuerySmResp()),
        (CommandId.QUERY_SM_RESP, b"77", None),
        (CommandId.QUERY_SM_RESP, b"77\0\0\x02", None),
        (CommandId.QUERY_SM_RESP, b"77\0\0\x02\0x", QuerySmResp("77", "", 2)),
        (CommandId.SUBMIT_MULTI_RESP, b"", SubmitMultiResp()),
        (CommandId.SUBMIT_MULTI_RESP, b"77\0\x01\0\0\0\0\0\0", None),
        (
            CommandId.SUBMIT_MULTI_RESP,
            b"77\0\x01\0\0\0\0\0\0\x0b\0",
            SubmitMultiResp("77", (UnsuccessSme(0, 0, "", 11),)),
        ),
    ]


@pytest.mark.parametrize("command_id, body, pdu", unreadable_responses())
def test_a_response_never_raises(command_id: int, body: bytes, pdu: Pdu | None) -> None:
    assert decode(whole(command_id, body)) == Frame(command_id, 0, 7, pdu)


@pytest.mark.checklist("A9")
def test_a9_a_body_where_none_belongs_is_passed_over() -> None:
    assert decode(whole(CommandId.ENQUIRE_LINK, b"hello")).pdu == EnquireLink()
    assert decode(whole(CommandId.UNBIND, b"\0")).pdu is not None


@pytest.mark.parametrize("data", [b"", b"\0" * 15, b"\0\0\0\x11" + b"\0" * 12, b"\0\0\0\x10" + b"\0" * 13])
def test_a_length_that_is_not_the_pdus_is_lost_framing(data: bytes) -> None:
    with pytest.raises(LostFraming, match=r"command_length is|at least 16 octets") as caught:
        decode(data)
    assert caught.value.status == Status.ESME_RINVCMDLEN
