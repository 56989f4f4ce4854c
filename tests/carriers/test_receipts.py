"""Delivery receipts: ids in every spelling, states that claim no more than they know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.quirks import IdBase, load
from gateway.carriers.receipts import ReceiptFacts, read_receipt, spellings
from gateway.model.messages import MessageState
from gateway.smpp.pdu import DataSm, DeliverSm, Tlv

STANDARD = load("standard")
TEXT = "id:{} sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:{} err:{} text:Hi"


def read(
    text: str = "", *, ids: bytes | None = None, state: int | None = None, error: bytes | None = None, kind: int = 4
) -> ReceiptFacts | None:
    tlvs = [(0x001E, ids), (0x0427, None if state is None else bytes((state,))), (0x0423, error)]
    pdu = DeliverSm(
        esm_class=kind,
        short_message=text.encode("latin-1"),
        tlvs=tuple(Tlv(tag, value) for tag, value in tlvs if value is not None),
    )
    return read_receipt(pdu, pdu.short_message, kind, STANDARD)


@pytest.mark.checklist("H5")
@pytest.mark.parametrize(
    "stat, state, error",
    [
        ("DELIVRD", MessageState.DELIVERED, "000"),
        ("delivrd", MessageState.DELIVERED, "000"),
        ("EXPIRED", MessageState.UNDELIVERED, "EXPIRED 000"),
        ("DELETED", MessageState.UNDELIVERED, "DELETED 000"),
        ("UNDELIV", MessageState.UNDELIVERED, "UNDELIV 000"),
        ("FAILED", MessageState.UNDELIVERED, "UNDELIV 000"),
        ("REJECTD", MessageState.UNDELIVERED, "REJECTD 000"),
        ("SKIPPED", MessageState.UNDELIVERED, "SKIPPED 000"),
        ("ACCEPTD", None, "ACCEPTD 000"),
        ("ENROUTE", None, "ENROUTE 000"),
        ("BUFFRED", None, "ENROUTE 000"),
        ("UNKNOWN", None, "UNKNOWN 000"),
        ("PECULIAR", None, "PECULIAR 000"),
    ],
)
def test_states_by_text(stat: str, state: MessageState | None, error: str) -> None:
    facts = read(TEXT.format("7", stat, "000"))
    assert facts is not None
    assert (facts.ids[0], facts.state, facts.error) == ("7", state, error)


@pytest.mark.checklist("H5")
@pytest.mark.parametrize("state", range(256))
def test_states_by_tlv(state: int) -> None:
    """0 to 9, as an octet or as an ASCII digit; 255 and every other value say nothing."""
    facts = read(ids=b"abc-1\0", state=state)
    if 0x30 <= state <= 0x39:
        state -= 0x30
    if state > 9:
        assert facts is None
        return
    assert facts is not None
    assert facts.ids[0] == "abc-1"
    assert facts.state is (
        MessageState.DELIVERED if state == 2 else MessageState.UNDELIVERED if state in (3, 4, 5, 8, 9) else None
    )


@pytest.mark.checklist("H1", "H5")
def test_the_tlv_is_the_better_witness_and_both_ids_count() -> None:
    facts = read(TEXT.format("417190266", "ENROUTE", "0"), ids=b"18DDD17A", state=2)
    assert facts is not None
    assert facts.state is MessageState.DELIVERED
    assert facts.ids[0] == "18DDD17A"
    assert "417190266" in facts.ids


@pytest.mark.checklist("H1", "H5")
def test_a_state_that_the_tlv_does_not_know_is_read_from_the_text() -> None:
    facts = read(TEXT.format("1", "DELIVRD", "0"), ids=b"", state=255)
    assert facts is not None
    assert facts.state is MessageState.DELIVERED


@pytest.mark.checklist("H6", "H7")
def test_an_intermediate_notification_is_never_final() -> None:
    facts = read(TEXT.format("1", "DELIVRD", "0"), kind=0x20)
    assert facts is not None
    assert facts.state is None


@pytest.mark.checklist("H10")
@pytest.mark.parametrize(
    "value, code", [(b"\3\0\x1b", "27"), (b"\3\0\0", "0"), (b"000", "000"), (b"00A\0", "00A"), (b"", ""), (b"\3", "")]
)
def test_network_error_codes(value: bytes, code: str) -> None:
    facts = read(ids=b"1", state=5, error=value)
    assert facts is not None
    assert facts.error == f"UNDELIV {code}".strip()


@pytest.mark.parametrize("text", ["", "hello", "id: stat:DELIVRD", "id:7"])
def test_what_names_no_message_or_no_state_is_no_receipt(text: str) -> None:
    assert read(text) is None


@pytest.mark.checklist("H6")
def test_a_header_indicator_on_a_plain_receipt_eats_nothing() -> None:
    text = TEXT.format("7", "DELIVRD", "000").encode()
    pdu = DeliverSm(esm_class=0x44, short_message=text)
    assert read_receipt(pdu, text, 4, STANDARD) is not None


@pytest.mark.checklist("H4", "H6")
def test_a_header_before_a_receipt_and_a_receipt_in_ucs2() -> None:
    wide = TEXT.format("7", "DELIVRD", "000").encode("utf-16-be")
    for esm_class, data in ((0x04, wide), (0x44, b"\5\0\3\1\1\1" + wide)):
        facts = read_receipt(DeliverSm(esm_class=esm_class, data_coding=8), data, 4, STANDARD)
        assert facts is not None
        assert facts.ids[0] == "7"


@pytest.mark.checklist("H4")
def test_a_receipt_by_data_sm() -> None:
    pdu = DataSm(esm_class=4, tlvs=(Tlv(0x001E, b"7\0"), Tlv(0x0427, b"\2")))
    facts = read_receipt(pdu, b"", 4, STANDARD)
    assert facts == ReceiptFacts(facts.ids if facts else (), MessageState.DELIVERED, "")


@pytest.mark.checklist("H1")
@pytest.mark.parametrize(
    "base, receipt, response",
    [
        (IdBase.ANY, "417190266", "18DDD17A"),
        (IdBase.ANY, "18ddd17a", "417190266"),
        (IdBase.ANY, "0416342074", "416342074"),
        (IdBase.ANY, "416342074", "0416342074"),
        (IdBase.ANY, "1a", "0000000026"),
        (IdBase.ANY, "26", "0000001a"),
        (IdBase.ANY, "26", "000000001A"),
        (IdBase.ANY, "26", "000000000000001a"),
        (IdBase.ANY, "0972660181", "39f99dd5"),
        (IdBase.ANY, "00AB", "ab"),
        (IdBase.ANY, "9223372036854775807", "7fffffffffffffff"),
        (IdBase.ANY, "AB-12", "ab-12"),
        (IdBase.SAME, "00ab", "ab"),
        (IdBase.RECEIPT_DECIMAL, "255", "ff"),
        (IdBase.RECEIPT_HEXADECIMAL, "FF", "255"),
        (IdBase.SAME, "000", "000"),
    ],
)
def test_every_spelling_is_tried(base: IdBase, receipt: str, response: str) -> None:
    assert response in spellings(receipt, base)


def test_a_known_base_tries_no_other() -> None:
    assert "255" not in spellings("ff", IdBase.SAME)
    assert "ff" not in spellings("255", IdBase.SAME)
    assert "255" not in spellings("ff", IdBase.RECEIPT_DECIMAL)
    assert spellings("", IdBase.ANY) == ()


@pytest.mark.parametrize("digits", [21, 255])
def test_an_id_of_many_digits_is_read_as_it_is_and_not_as_a_number(digits: int) -> None:
    assert spellings("9" * digits, IdBase.ANY) == ("9" * digits,)


@pytest.mark.checklist("H1")
@pytest.mark.parametrize("base", IdBase)
def test_an_endless_id_is_nobodys(base: IdBase) -> None:
    assert spellings("9" * 256, base) == ()


def test_an_endless_receipt_names_no_message() -> None:
    assert read("id:" + "9" * 5_000 + " stat:DELIVRD") is None
    assert read(ids=b"9" * 5_000, state=2) is None


def test_what_is_no_word_of_a_carriers_is_cut() -> None:
    facts = read("id:7 stat:" + "X" * 5_000 + " err:" + "9" * 5_000)
    assert facts is not None
    assert facts.error == "X" * 64 + " " + "9" * 64


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64), st.sampled_from(IdBase))
def test_an_id_is_always_found_as_it_is_and_first(carrier_id: str, base: IdBase) -> None:
    found = spellings(carrier_id, base)
    assert found[0] == carrier_id
    assert len(set(found)) == len(found) <= 16
