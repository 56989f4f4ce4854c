"""From deliver_sm and data_sm to the domain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.quirks import Quirk, load
from gateway.carriers.translate import Origin, Translator, fingerprint
from gateway.model.messages import Concat, MessageState, Mo, Receipt, Unreadable
from gateway.smpp.constants import Status
from gateway.smpp.pdu import DataSm, DeliverSm, Tlv

HERE = Origin("acme/0", "gw1-1-acme/0-1")
REGIONS = {"85700": "US", "60777": "DE"}


def translator(quirk: Quirk | None = None) -> Translator:
    return Translator("acme", quirk or load("standard"), lambda line: REGIONS.get(line, "US"))


def mo(pdu: DeliverSm | DataSm, quirk: Quirk | None = None) -> Mo:
    arrival = translator(quirk).read(pdu, 7, b"raw", HERE, 1_000.0)
    assert isinstance(arrival, Mo)
    return arrival


def deliver(text: bytes = b"JOIN", **fields: object) -> DeliverSm:
    values = {"source_addr": "12125550101", "destination_addr": "85700", "short_message": text} | fields
    return DeliverSm(**values)  # type: ignore[arg-type]  # tests name the fields that they mean


def test_a_plain_text() -> None:
    assert mo(deliver()) == Mo(
        carrier="acme",
        bind="acme/0",
        session="gw1-1-acme/0-1",
        sequence=7,
        line="85700",
        subscriber="+12125550101",  # type: ignore[arg-type]  # an Msisdn is a str
        text="JOIN",
        raw=b"JOIN",
        data_coding=0,
        fingerprint=fingerprint(b"JOIN", 0, 0, None),
        received_at=1_000.0,
    )


def test_text_and_receipt_hold_their_whole_pdu() -> None:
    """For quarantine, should we fail on them. What is in it has been read, so that two are compared without it."""
    text, receipt = deliver(), deliver(b"id:1 stat:DELIVRD", esm_class=4)
    for pdu in (text, receipt):
        arrival = translator().read(pdu, 7, b"the PDU", HERE, 1_000.0)
        assert isinstance(arrival, Mo | Receipt)
        assert arrival.pdu == b"the PDU"
        assert arrival == translator().read(pdu, 7, b"another", HERE, 1_000.0)


@pytest.mark.checklist("E2")
@pytest.mark.parametrize("source", ["+12125550101", "12125550101", "2125550101", "01112125550101", "(212) 555-0101"])
def test_one_subscriber_has_one_spelling(source: str) -> None:
    assert mo(deliver(source_addr=source)).subscriber == "+12125550101"


@pytest.mark.checklist("E2")
def test_national_numbers_are_read_in_the_lines_region() -> None:
    german = deliver(destination_addr="60777", source_addr="015112345678", source_addr_ton=2)
    assert mo(german).subscriber == "+4915112345678"


@pytest.mark.checklist("E1")
def test_a_text_without_a_source_is_a_text_all_the_same() -> None:
    assert mo(deliver(source_addr="")).subscriber == ""


@pytest.mark.checklist("E1", "E2")
@pytest.mark.parametrize(
    "field, address, status",
    [
        ("destination_addr", "", Status.ESME_RINVDSTADR),
        ("destination_addr", "8" * 65, Status.ESME_RINVDSTADR),
        ("source_addr", "1" * 65, Status.ESME_RINVSRCADR),
    ],
)
def test_an_address_that_can_be_nobodys_is_put_aside_with_a_final_status(field: str, address: str, status: int) -> None:
    facts: dict[str, object] = {field: address}
    arrival = translator().read(replace(deliver(), **facts), 7, b"raw", HERE, 1_000.0)  # type: ignore[arg-type]
    assert isinstance(arrival, Unreadable)
    assert (arrival.status, arrival.raw) == (status, b"raw")
    assert field in arrival.reason
    assert str(len(address)) in arrival.reason
    receipt = replace(deliver(b"id:7 stat:DELIVRD", esm_class=4), **facts)  # type: ignore[arg-type]
    assert isinstance(translator().read(receipt, 7, b"raw", HERE, 1_000.0), Receipt), "receipts need no addresses (H9)"


@pytest.mark.parametrize("octets, joined", [(255, True), (256, False)])
def test_a_part_is_no_longer_than_a_short_message(octets: int, joined: bool) -> None:
    sar = (Tlv(0x20C, b"\0\1"), Tlv(0x20E, b"\2"), Tlv(0x20F, b"\1"))
    long = deliver(b"", tlvs=(Tlv(0x424, b"x" * octets), *sar))
    assert mo(long).raw == b"x" * octets
    assert (mo(long).concat is not None) is joined


@pytest.mark.checklist("E2")
def test_an_alphanumeric_sender_stays_as_it_is() -> None:
    assert mo(deliver(source_addr="Bank 24", source_addr_ton=5)).subscriber == "Bank 24"


def test_a_header_is_taken_off_and_says_which_part_it_is() -> None:
    arrival = mo(deliver(b"\5\0\3\x2a\2\1ST", esm_class=0x40))
    assert (arrival.text, arrival.raw, arrival.concat) == ("ST", b"ST", Concat(42, 2, 1))


@pytest.mark.checklist("E8")
def test_a_header_longer_than_the_text_is_text() -> None:
    assert mo(deliver(b"\x40STOP", esm_class=0x40)).text.endswith("STOP")


SAR = (Tlv(0x020C, b"\1\2"), Tlv(0x020E, b"\3"), Tlv(0x020F, b"\2"))


@pytest.mark.checklist("E8")
def test_sar_says_which_part_it_is_and_the_header_outranks_it() -> None:
    assert mo(deliver(tlvs=SAR)).concat == Concat(0x0102, 3, 2)
    assert mo(deliver(b"\5\0\3\x2a\2\1ST", esm_class=0x40, tlvs=SAR)).concat == Concat(42, 2, 1)
    assert mo(deliver(b"\3\1\1\0ST", esm_class=0x40, tlvs=SAR)).concat == Concat(0x0102, 3, 2)


@pytest.mark.parametrize("tlvs", [SAR[:2], (*SAR[:2], Tlv(0x020F, b"")), (*SAR[:2], Tlv(0x020F, b"\0" * 9))])
def test_half_a_sar_is_none(tlvs: tuple[Tlv, ...]) -> None:
    assert mo(deliver(tlvs=tlvs)).concat is None


def test_a_sar_that_makes_no_sense_is_ignored() -> None:
    assert mo(deliver(tlvs=(*SAR[:2], Tlv(0x020F, b"\7")))).concat is None


@pytest.mark.checklist("E5")
def test_a_payload_is_the_text_where_there_is_no_short_message() -> None:
    payload = (Tlv(0x0424, b"long " * 100),)
    assert mo(deliver(b"", tlvs=payload)).text == "long " * 100
    assert mo(deliver(b"short", tlvs=payload)).text == "short"
    assert mo(deliver(b"\0", tlvs=payload)).text == "long " * 100
    assert mo(DataSm(source_addr="1", destination_addr="85700", tlvs=payload)).raw == b"long " * 100
    assert mo(DataSm(source_addr="1", destination_addr="85700")).text == ""


def test_the_quirk_says_what_coding_zero_is() -> None:
    assert mo(deliver(b"\0")).text == "@"
    latin = mo(deliver(b"caf\xe9"), Quirk("latin", "speaks Latin-1", alphabet="latin-1"))
    assert (latin.text, latin.alphabet) == ("café", "latin-1")


RECEIPT = b"id:7 sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 text:Hi"


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("kind", [0x04, 0x08, 0x20, 0x44, 0xC7])
def test_a_receipt_is_no_text(kind: int) -> None:
    arrival = translator().read(deliver(RECEIPT, esm_class=kind), 7, b"raw", HERE, 1_000.0)
    assert isinstance(arrival, Receipt)
    assert arrival.carrier_ids[0] == "7"
    assert arrival.state is (None if kind == 0x20 else MessageState.DELIVERED)
    assert (arrival.sequence, arrival.bind, arrival.session) == (7, *(HERE.bind, HERE.session))


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("kind", [0x00, 0x10, 0x18])
def test_a_text_that_looks_like_a_receipt_is_a_text(kind: int) -> None:
    assert mo(deliver(RECEIPT, esm_class=kind)).text.startswith("id:7")


def test_a_handsets_acknowledgement_that_is_no_receipt_is_a_text() -> None:
    assert mo(deliver(b"STOP", esm_class=8)).text == "STOP"


@pytest.mark.checklist("E4", "E6")
def test_broken_tlvs_do_not_lose_a_stop_unless_the_quirk_says_so() -> None:
    saved = translator().malformed(deliver(b"STOP"), 7, 0xC0, "bad TLV", b"raw", HERE, 0)
    assert isinstance(saved, Mo)
    assert saved.text == "STOP"
    strict = translator(Quirk("strict", "no mercy", salvage=False))
    for arrival in (
        strict.malformed(deliver(b"STOP"), 7, 0xC0, "bad TLV", b"raw", HERE, 0),
        translator().malformed(deliver(b""), 7, 0xC0, "bad TLV", b"raw", HERE, 0),
        translator().malformed(None, 7, 0xC0, "bad TLV", b"raw", HERE, 0),
    ):
        assert isinstance(arrival, Unreadable)
        assert (arrival.status, arrival.reason, arrival.raw) == (0xC0, "bad TLV", b"raw")


@pytest.mark.checklist("E4")
def test_what_there_is_of_a_text_that_is_cut_short_is_marked() -> None:
    whole = deliver(b"\x05\0\x03\x07\x02\x01STOP", esm_class=0x40)
    cut = translator().malformed(whole, 7, Status.ESME_RINVMSGLEN, "cut", b"raw", HERE, 0)
    assert isinstance(cut, Mo)
    assert (cut.text, cut.partial, cut.concat) == ("STOP", True, None)
    tlvs = translator().malformed(whole, 7, Status.ESME_RINVOPTPARSTREAM, "bad TLV", b"raw", HERE, 0)
    assert isinstance(tlvs, Mo)
    assert (tlvs.partial, tlvs.concat is None) == (False, False)


@pytest.mark.checklist("E4", "E5")
@pytest.mark.parametrize("pdu", [deliver(b""), deliver(b" "), deliver(b"\0"), DataSm(destination_addr="85700")])
def test_a_text_in_a_payload_is_taken_before_what_is_broken(pdu: DeliverSm | DataSm) -> None:
    whole = replace(pdu, tlvs=(Tlv(0x0424, b"STOP"), *SAR))
    saved = translator().malformed(whole, 7, Status.ESME_RINVOPTPARSTREAM, "stray", b"raw", HERE, 0)
    assert isinstance(saved, Mo)
    assert (saved.text, saved.partial, saved.concat) == ("STOP", False, Concat(0x0102, 3, 2))
    cut = translator().malformed(whole, 7, Status.ESME_RINVMSGLEN, "cut", b"raw", HERE, 0)
    assert isinstance(cut, Mo)
    assert (cut.text, cut.partial, cut.concat) == ("STOP", True, None)


@pytest.mark.checklist("E4", "H4")
def test_a_receipt_by_tlvs_is_one_before_what_is_broken() -> None:
    tlvs = (Tlv(0x001E, b"7\0"), Tlv(0x0427, b"\2"))
    for pdu in (deliver(b"", esm_class=4, tlvs=tlvs), DataSm(destination_addr="85700", esm_class=4, tlvs=tlvs)):
        found = translator().malformed(pdu, 7, Status.ESME_RINVOPTPARSTREAM, "stray", b"raw", HERE, 0)
        assert isinstance(found, Receipt)
        assert (found.carrier_ids[0], found.state) == ("7", MessageState.DELIVERED)
        assert translator().malformed(pdu, 7, Status.ESME_RINVMSGLEN, "cut", b"raw", HERE, 0) == found
    none = translator().malformed(deliver(b"", esm_class=4), 7, 0xC0, "stray", b"raw", HERE, 0)
    assert isinstance(none, Unreadable)
    assert (none.status, none.reason) == (0xC0, "stray")


@pytest.mark.checklist("E4", "H8")
def test_a_text_that_is_flagged_as_a_receipt_and_cut_is_marked_too() -> None:
    aside = translator().malformed(deliver(b"START", esm_class=4), 7, Status.ESME_RINVMSGLEN, "cut", b"raw", HERE, 0)
    assert isinstance(aside, Unreadable)
    assert aside.perhaps is not None
    assert (aside.perhaps.text, aside.perhaps.partial) == ("START", True)


def test_fingerprints_differ_where_the_duplicate_rule_must_see_a_difference() -> None:
    prints = [
        fingerprint(b"STOP", 0, 0, None),
        fingerprint(b"STOP", 8, 0, None),
        fingerprint(b"STOP", 0, 1, None),
        fingerprint(b"STOP", 0, 0, (0, 0, 0)),
        fingerprint(b"STOP", 0, 0, (1, 2, 1)),
        fingerprint(b"STOP", 0, 0, (1, 2, 2)),
        fingerprint(b"STOP ", 0, 0, None),
    ]
    assert len(set(prints)) == len(prints)
    assert {len(digest) for digest in prints} == {16}
    assert mo(deliver()).fingerprint == mo(deliver(source_addr="13125550199")).fingerprint


@given(
    octets=st.binary(max_size=160),
    esm_class=st.integers(0, 255),
    data_coding=st.integers(0, 255),
    tlvs=st.lists(st.tuples(st.sampled_from([0x020C, 0x020E, 0x020F, 0x0424, 0x001E, 0x0427, 0x0423]), st.binary())),
    source=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=24),
)
def test_nothing_that_a_carrier_delivers_makes_it_fail(
    octets: bytes, esm_class: int, data_coding: int, tlvs: list[tuple[int, bytes]], source: str
) -> None:
    pdu = deliver(
        octets,
        esm_class=esm_class,
        data_coding=data_coding,
        tlvs=tuple(Tlv(*tlv) for tlv in tlvs),
        source_addr=source,
    )
    assert translator().read(pdu, 7, b"raw", HERE, 0).sequence == 7
