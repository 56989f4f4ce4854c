"""What may be seen of a PDU, and what may not: numbers, texts, passwords, and whatever nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.carriers.trace import Cut, Entry
from gateway.carriers.trace_showing import HIDDEN, show, status_name
from gateway.model.trace import TlvRow, TraceRow
from gateway.smpp import pdu as p
from gateway.smpp.codec import decode, encode, encode_header
from gateway.smpp.constants import CommandId, Status, Tag
from gateway.smpp.errors import BadBody
from tests.smpp.samples import PDUS, PLAIN_SAMPLES, SAMPLES

NUMBER = "12125550101"
TEXT = b"please JOIN!"
RECEIPT = b"id:9f01ab sub:001 dlvrd:001 submit date:2611220423 done date:2611220424 stat:DELIVRD err:000 text:my secret"
MO = p.DeliverSm(source_addr=NUMBER, destination_addr="85700", short_message=TEXT)
SECRET = b"hunter22"


def shown(octets: bytes, *, unmask: bool = False, cut: Cut = Cut.WHOLE, incoming: bool = True, **more: Any) -> TraceRow:
    entry = Entry(1_795_367_045.25, "s1", incoming, octets, cut)
    return show(entry, "acme/0", more.pop("alphabet", "gsm"), SECRET, unmask=unmask, **more)


def row_of(pdu: p.Pdu, *, unmask: bool = False, **more: Any) -> TraceRow:
    return shown(encode(pdu, 7), unmask=unmask, **more)


def test_a_text_masked_and_whole() -> None:
    masked, whole = row_of(MO), row_of(MO, unmask=True)
    assert (masked.command, masked.status, masked.status_name, masked.sequence) == ("deliver_sm", 0, "ESME_ROK", 7)
    assert (masked.fields["source_addr"], masked.fields["destination_addr"]) == ("12…0101", "85700")
    assert (masked.text, masked.hidden, masked.fields["sm_length"]) == (None, True, 12)
    assert "short_message" not in masked.fields
    assert (whole.text, whole.hidden, whole.fields["source_addr"]) == ("please JOIN!", False, NUMBER)
    assert whole.fields["short_message"] == TEXT.hex()
    assert whole.octets == encode(MO, 7)
    assert list(whole.fields)[:4] == ["service_type", "source_addr_ton", "source_addr_npi", "source_addr"]


@pytest.mark.parametrize("sample", SAMPLES + PLAIN_SAMPLES, ids=lambda sample: type(sample).__name__)
def test_masked_octets_are_the_same_pdu_without_anybody_in_it(sample: p.Pdu) -> None:
    row = row_of(sample)
    assert len(row.octets) == len(encode(sample, 7))
    assert type(decode(row.octets).pdu) is type(sample)
    said = repr(row).encode("latin-1", "replace") + row.octets
    for secret in (NUMBER.encode(), b"secret", b"JOIN", b"\x00S\x00T\x00O\x00P", b"other"):
        assert secret not in said
    assert row.fault is None


@settings(max_examples=150)
@given(PDUS, st.integers(0, 0xFFFFFFFF))
def test_whatever_the_pdu_masking_keeps_its_form(pdu: p.Pdu, status: int) -> None:
    octets = encode(pdu, 7, status)
    for unmask in (False, True):
        row = shown(octets, unmask=unmask)
        again = decode(row.octets)
        assert len(row.octets) == len(octets)
        assert (type(again.pdu), again.status, again.sequence) == (type(pdu), status, 7)
        assert [tlv.tag for tlv in row.tlvs] == [tlv.tag for tlv in getattr(pdu, "tlvs", ())]


@settings(max_examples=200)
@given(st.binary(max_size=80), st.sampled_from([int(c) for c in CommandId] + [0x77]), st.sampled_from(list(Cut)))
def test_whatever_the_octets_something_is_shown_and_nothing_of_the_body_where_it_cannot_be_read(
    body: bytes, command: int, cut: Cut
) -> None:
    octets = encode_header(command, 7, 0, body)
    for unmask in (False, True):
        row = shown(octets, unmask=unmask, cut=cut)
        assert len(row.octets) == len(octets)
    if cut is not Cut.WHOLE:
        assert set(shown(octets, cut=cut).octets[16:]) <= {ord("*")}
        assert row.fault is not None


@pytest.mark.parametrize("unmask", [False, True])
@pytest.mark.parametrize("make", [p.BindTransceiver, p.BindReceiver, p.BindTransmitter, p.Outbind])
def test_passwords_are_never_shown(make: type[p.Pdu], unmask: bool) -> None:
    values: dict[str, Any] = {"system_id": "demo", "password": SECRET.decode()}
    whole = encode(make(**values), 1)
    for octets, cut in [(whole, Cut.WHOLE), *((whole[:end], Cut.PART) for end in range(len(whole)))]:
        row = shown(octets, unmask=unmask, cut=cut, incoming=False)
        assert SECRET[:3] not in row.octets
        assert "hun" not in repr(row)
    row = shown(whole, unmask=unmask)
    assert (row.fields["system_id"], row.fields["password"]) == ("demo", HIDDEN)
    assert shown(encode(make(), 1), unmask=unmask).fields["password"] == ""
    bad = encode_header(make.command_id, 1, 0, b"demo\0" + SECRET)  # no NUL: it cannot be read
    assert SECRET not in shown(bad, unmask=unmask).octets


@pytest.mark.parametrize("unmask", [False, True])
def test_a_password_that_the_carrier_sends_back_is_not_shown(unmask: bool) -> None:
    echoes = [
        (encode(p.BindTransceiverResp(SECRET.decode()), 1), Cut.WHOLE),
        (encode_header(0x77, 1, 0, SECRET), Cut.WHOLE),
        (b"\xff" * 16 + b"demo\0" + SECRET + b"\0", Cut.LOST),
    ]
    for octets, cut in echoes:
        row = shown(octets, unmask=unmask, cut=cut)
        assert SECRET not in row.octets
        assert SECRET.decode() not in repr(row)


def test_what_is_no_pdu_is_wholly_hidden_unless_asked_for() -> None:
    lost = shown(b"my number is +12125550101", cut=Cut.LOST)
    assert (lost.command, set(lost.octets), lost.fault) == (None, {42}, "framing was lost: these octets are no PDU")
    assert shown(b"my number", cut=Cut.LOST, unmask=True).octets == b"my number"
    part = shown(encode(MO, 7)[:40], cut=Cut.PART)
    assert (part.command, part.sequence) == ("deliver_sm", 7)
    assert part.fault == f"the session ended after 40 of {len(encode(MO, 7))} octets"
    short = shown(b"\0\0\0\x10\0", cut=Cut.PART)
    assert (short.command, short.fault) == (None, "the session ended after 5 octets of a PDU")


def test_what_cannot_be_read_says_why() -> None:
    broken = encode(MO, 7)[:-3]
    broken = len(broken).to_bytes(4, "big") + broken[4:]
    with pytest.raises(BadBody, match="sm_length"):
        decode(broken)
    row = shown(broken)
    assert (row.command, row.fields, row.octets[16:]) == ("deliver_sm", {}, b"*" * (len(broken) - 16))
    assert row.fault == "sm_length is 12, and 9 octets follow (ESME_RINVMSGLEN)"
    assert shown(broken, unmask=True).octets == broken
    unknown = shown(encode_header(0x7777, 1, 0, b"who knows"))
    assert (unknown.command, unknown.fault) == ("0x00007777", "no command of SMPP 3.4")
    response = shown(encode_header(CommandId.QUERY_SM_RESP, 1, 0, b"77"))
    assert (response.command, response.fault) == ("query_sm_resp", "the body of this response cannot be read")
    assert shown(encode_header(CommandId.QUERY_SM_RESP, 1, 8)).status_name == "ESME_RSYSERR"


def test_a_body_that_should_not_be_there_is_hidden() -> None:
    assert shown(encode_header(CommandId.ENQUIRE_LINK, 1, 0, b"secret")).octets[16:] == b"******"
    assert shown(encode_header(CommandId.SUBMIT_SM_RESP, 1, 0, b"77\0\x01\x02rest")).octets[16:] == b"77\0" + b"*" * 6
    loose = encode_header(CommandId.SUBMIT_SM_RESP, 1, 0, b"77")  # without its NUL
    assert shown(loose).fields == {"message_id": "77"}


@pytest.mark.parametrize("esm_class", [0x04, 0x20])
def test_a_receipt_shows_its_fields_and_not_the_text_that_it_quotes(esm_class: int) -> None:
    receipt = replace(MO, esm_class=esm_class, short_message=RECEIPT)
    masked = row_of(receipt)
    assert masked.text is not None
    assert masked.text.startswith(
        "id:9f01ab sub:001 dlvrd:001 submit date:2611220423 done date:2611220424 stat:DELIVRD"
    )
    assert "secret" not in masked.text
    assert masked.hidden
    assert row_of(receipt, unmask=True).text == RECEIPT.decode()
    assert row_of(replace(MO, short_message=RECEIPT)).text is None  # a subscriber can type that


def test_a_header_shows_which_part_it_is_and_nothing_else() -> None:
    udh = b"\x05\x00\x03\x07\x02\x01"
    part = replace(MO, esm_class=0x40, short_message=udh + TEXT)
    assert udh in row_of(part).octets
    assert row_of(part, unmask=True).text == "please JOIN!"
    vendor = b"\x08\x70\x03abc\x24\x01\x02"
    assert b"\x08\x70\x03***\x24\x01\x02" in row_of(replace(part, short_message=vendor + TEXT)).octets
    pretended = row_of(replace(part, short_message=b"\x05HELLOX"))  # a text whose first octet could be a length
    assert b"HELLO" not in pretended.octets


def test_tlvs_have_names_and_only_harmless_ones_show_their_value() -> None:
    tlvs = (
        p.Tlv(Tag.RECEIPTED_MESSAGE_ID, b"9f01ab\0"),
        p.Tlv(Tag.MESSAGE_STATE, b"\x02"),
        p.Tlv(Tag.CALLBACK_NUM, b"\x01\x01\x0012125550101"),
        p.Tlv(Tag.ADDITIONAL_STATUS_INFO_TEXT, b"call +12125550101\0"),
        p.Tlv(Tag.SOURCE_PORT, b"12125550101"),  # too long to be a port
        p.Tlv(0x1400, b"12125550101"),
        p.Tlv(Tag.USER_MESSAGE_REFERENCE, b""),
    )
    masked, whole = (row_of(p.DeliverSm(tlvs=tlvs), unmask=unmask) for unmask in (False, True))
    assert b"12125550101" not in masked.octets
    assert [(tlv.name, tlv.value) for tlv in masked.tlvs] == [
        ("receipted_message_id", "9f01ab"),
        ("message_state", 2),
        ("callback_num", "14 octets, hidden"),
        ("additional_status_info_text", "18 octets, hidden"),
        ("source_port", "11 octets, hidden"),
        ("0x1400", "11 octets, hidden"),
        ("user_message_reference", ""),
    ]
    assert whole.tlvs[3] == TlvRow(Tag.ADDITIONAL_STATUS_INFO_TEXT, "additional_status_info_text", "call +12125550101")
    assert whole.tlvs[5].value == b"12125550101".hex()


@pytest.mark.parametrize("make", [p.DataSm, p.DeliverSm, p.SubmitSm])
def test_a_message_payload_is_a_text(make: Any) -> None:
    payload = make(data_coding=8, tlvs=(p.Tlv(Tag.MESSAGE_PAYLOAD, "Grüße".encode("utf-16-be")),))
    masked, whole = row_of(payload), row_of(payload, unmask=True)
    assert (masked.text, masked.hidden, masked.tlvs[0].value) == (None, True, "10 octets, hidden")
    assert (whole.text, whole.tlvs[0].value) == ("Grüße", "10 octets")


def test_data_coding_0_is_read_as_this_carrier_means_it() -> None:
    latin = replace(MO, short_message="Grüße".encode("latin-1"))
    assert row_of(latin, unmask=True, alphabet="latin-1").text == "Grüße"


def test_what_we_wrote_in_gsm_is_read_as_gsm_whatever_coding_the_carrier_has_for_it() -> None:
    ours = p.SubmitSm(short_message=b"\x00", data_coding=4)
    assert row_of(ours, unmask=True, incoming=False, gsm_coding=4).text == "@"
    assert row_of(ours, unmask=True, incoming=False).text == "\x00", "without it, 4 is octets that nobody explained"


def test_lists_of_destinations() -> None:
    multi = p.SubmitMulti(
        dest_addresses=(p.SmeAddress(1, 1, NUMBER), p.DistributionList("friends"), p.SmeAddress(0, 0, "")),
        short_message=TEXT,
    )
    assert row_of(multi).fields["dest_addresses"] == "12…0101, list friends, "
    assert row_of(multi, unmask=True).fields["dest_addresses"] == f"{NUMBER}, list friends, "
    failed = p.SubmitMultiResp("77", (p.UnsuccessSme(1, 1, NUMBER, 0x0B), p.UnsuccessSme(0, 0, "123456", 0x999)))
    assert row_of(failed).fields["unsuccess_smes"] == "12…0101: ESME_RINVDSTADR, 123456: 0x00000999"


def test_statuses_have_names() -> None:
    assert (status_name(Status.ESME_RTHROTTLED), status_name(0x400)) == ("ESME_RTHROTTLED", "0x00000400")
