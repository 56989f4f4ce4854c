"""Receipts as they stand in PDUs: every dialect, coding and field that they come in, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.carriers.quirks import Quirk, load
from gateway.model.messages import MessageState, Mo, Receipt, Unreadable
from gateway.smpp.pdu import DataSm, DeliverSm, Tlv
from tests.carriers.test_translate import HERE, deliver, mo, translator

ID = "0416342074"
TEXT = f"id:{ID} sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 text:Hi"
BY_TEXT = Quirk("bare", "sends receipts as texts", receipt_by_text=True)
FLAGGED = (0x04, 0x20, 0x44, 0xC7)


def read(pdu: DeliverSm | DataSm, quirk: Quirk | None = None) -> Mo | Receipt | Unreadable:
    return translator(quirk).read(pdu, 7, b"raw", HERE, 1_000.0)


def receipt(pdu: DeliverSm | DataSm, quirk: Quirk | None = None) -> Receipt:
    arrival = read(pdu, quirk)
    assert isinstance(arrival, Receipt)
    return arrival


def tlvs(**named: bytes) -> tuple[Tlv, ...]:
    tags = {"id": 0x1E, "state": 0x427, "error": 0x423, "payload": 0x424}
    return tuple(Tlv(tags[name], value) for name, value in named.items())


@pytest.mark.checklist("H3")
@pytest.mark.parametrize(
    "text",
    [
        f"id:{ID} submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 text:no sub, no dlvrd",
        f"id:{ID} sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000",
        f"stat:DELIVRD id:{ID} done date:2611221201 submit date:2611221200",
        f"id: {ID} sub: 001 dlvrd: 001 stat: DELIVRD err: 0 Text: Hi",
        f"ID:{ID} SUB:1 STAT:DELIVRD ERR:0 TEXT:",
        *(
            f"id:{ID} stat:DELIVRD err:{err} text:Hi"
            for err in ("0", "00", "000", "0000", "00000", "000000", "2F", "E1a")
        ),
        f"id:{ID} submit date:20261122120000 done date:20261122120100 stat:DELIVRD err:000 text:",
        f"id:{ID} submit date:261122120000 done date:261122120100 stat:DELIVRD err:000 text:",
        f"id:{ID} sub: dlvrd: submit date: done date: stat:DELIVRD err: text:",
        TEXT + "\0",
        f"id:{ID}\0 stat:DELIVRD\0",
        TEXT + "two\nlines\r\n",
        f"id:{ID}\nsub:001\nstat:DELIVRD\nerr:000\n",
        TEXT + " caf\xe9 \xfc\xdf",
        TEXT + " id:77 stat:UNDELIV",
        f"id:{ID} stat:DELIVRD text:id:77 stat:UNDELIV",
        f"id:{ID} stat:2 err:000",
        f"  {TEXT}",
    ],
)
@pytest.mark.parametrize("esm_class", [0x04, 0x44, 0x08])
def test_fields_missing_reordered_padded_and_quoted(text: str, esm_class: int) -> None:
    arrival = receipt(deliver(text.encode("latin-1"), esm_class=esm_class))
    assert (arrival.carrier_ids[0], arrival.state) == (ID, MessageState.DELIVERED)
    assert "77" not in arrival.carrier_ids


@pytest.mark.checklist("H3")
def test_a_quoted_text_stands_in_for_no_field_that_is_missing() -> None:
    no_stat, no_id = f"id:{ID} err:000 text:our stat:DELIVRD".encode(), b"stat:DELIVRD err:000 text: id:77"
    by_tlv = receipt(deliver(no_stat, esm_class=4, tlvs=tlvs(state=b"\5")))
    assert (by_tlv.carrier_ids[0], by_tlv.state) == (ID, MessageState.UNDELIVERED)
    by_tlv = receipt(deliver(no_id, esm_class=4, tlvs=tlvs(id=ID.encode())))
    assert (by_tlv.carrier_ids[0], by_tlv.state) == (ID, MessageState.DELIVERED)
    assert "77" not in by_tlv.carrier_ids
    for text in (no_stat, no_id):
        assert not isinstance(read(deliver(text, esm_class=4)), Receipt), text


@pytest.mark.checklist("H4")
@pytest.mark.parametrize(
    "pdu",
    [
        deliver(b"", esm_class=4, tlvs=tlvs(id=b"416342074\0", state=b"\2")),
        DataSm(esm_class=4, tlvs=tlvs(id=b"416342074\0", state=b"\2")),
        DataSm(esm_class=4, tlvs=tlvs(payload=TEXT.encode())),
        deliver(b"", esm_class=4, tlvs=tlvs(payload=TEXT.encode())),
        deliver(b" ", esm_class=4, tlvs=tlvs(payload=TEXT.encode())),
        deliver(b"416342074 2", esm_class=4),
        deliver("416342074 2".encode("utf-16-be"), esm_class=0x04, data_coding=8),
        deliver(b"416342074 5", esm_class=4, tlvs=tlvs(state=b"\2")),
        *(
            deliver(TEXT.encode(encoding), esm_class=4, data_coding=coding)
            for encoding in ("utf-16-be", "utf-16-le", "utf-16", "ascii", "utf-8-sig")
            for coding in (8, 0, 4, 0xF5)
        ),
        deliver(b"\5\0\3\1\1\1" + TEXT.encode("utf-16-be"), esm_class=0x44, data_coding=8),
    ],
)
def test_wherever_and_in_whatever_coding_it_stands(pdu: DeliverSm | DataSm) -> None:
    arrival = receipt(pdu)
    assert "416342074" in arrival.carrier_ids
    assert arrival.state is MessageState.DELIVERED
    assert arrival.perhaps is None


@pytest.mark.checklist("H4", "H8")
@pytest.mark.parametrize("kind", [0x00, 0x08])
def test_an_id_and_a_number_are_a_text_where_nothing_says_receipt(kind: int) -> None:
    for quirk in (load("standard"), BY_TEXT):
        assert mo(deliver(b"VOTE2 1", esm_class=kind), quirk).text == "VOTE2 1"


@pytest.mark.checklist("H1")
@pytest.mark.parametrize(
    "by_tlv, by_text, answered",
    [
        (b"18DDD17A\0", "417190266", ("18DDD17A", "18ddd17a", "417190266")),
        (b"18DDD17A", "417190266", ("18ddd17a", "417190266")),
        (b"417190266\0", "18ddd17a", ("417190266", "18DDD17A")),
        (b"", "0416342074", ("0416342074", "416342074", "18d0e03a")),
        (b"\0", "0416342074", ("416342074",)),
        (b"  \0", "abc", ("abc", "ABC")),
        (b"18446744073709551615\0", "x", ("18446744073709551615", "ffffffffffffffff")),
        (b"6BA7B810-9DAD-11D1\0", "6ba7b810-9dad-11d1", ("6ba7b810-9dad-11d1",)),
    ],
)
def test_ids_of_both_witnesses_in_every_spelling(by_tlv: bytes, by_text: str, answered: tuple[str, ...]) -> None:
    text = TEXT.replace(ID, by_text).encode()
    found = receipt(deliver(text, esm_class=4, tlvs=tlvs(id=by_tlv, state=b"\2"))).carrier_ids
    assert set(answered) <= set(found)
    assert found[0] == (by_tlv.strip(b"\0 ").decode() or by_text)


@pytest.mark.checklist("H5")
@pytest.mark.parametrize(
    "state, stat, expected",
    [
        (b"\2", "UNDELIV", MessageState.DELIVERED),
        (b"2", "UNDELIV", MessageState.DELIVERED),
        (b"\0\2", "UNDELIV", MessageState.DELIVERED),
        (b"\0\0\0\5", "DELIVRD", MessageState.UNDELIVERED),
        (b"\xff", "DELIVRD", MessageState.DELIVERED),
        (b"", "DELIVRD", MessageState.DELIVERED),
        (b"9" * 5_000, "DELIVRD", MessageState.DELIVERED),
        (b"\1", "DELIVRD", None),
        (None, "UNDELIV", MessageState.UNDELIVERED),
    ],
)
def test_the_state_of_the_tlv_counts_if_it_is_one(
    state: bytes | None, stat: str, expected: MessageState | None
) -> None:
    named = {"id": b"1\0"} | ({} if state is None else {"state": state})
    text = TEXT.replace("DELIVRD", stat).encode()
    assert receipt(deliver(text, esm_class=4, tlvs=tlvs(**named))).state is expected


@pytest.mark.checklist("H10")
@pytest.mark.parametrize("value, code", [(b"\3\0\x1b", "27"), (b"000", "000"), (b"027\0", "027"), (b"\3\1\x0b", "267")])
def test_the_networks_code_is_kept_for_people(value: bytes, code: str) -> None:
    assert receipt(deliver(b"", esm_class=4, tlvs=tlvs(id=b"1", state=b"\5", error=value))).error == f"UNDELIV {code}"
    told = deliver(b"id:1 stat:UNDELIV err:E1a", esm_class=4, tlvs=tlvs(error=value))
    assert receipt(told).error == "UNDELIV E1a", "the text's own code goes first"


# What only looks like a receipt, and what only fails to.


@pytest.mark.checklist("H6", "H8")
def test_a_receipt_by_its_words_alone_brings_the_text_that_it_may_be() -> None:
    arrival = receipt(deliver(TEXT.encode()), BY_TEXT)
    assert arrival.carrier_ids[0] == ID
    assert arrival.perhaps == mo(deliver(TEXT.encode()))
    assert mo(deliver(b"STOP"), BY_TEXT).text == "STOP"


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("words", [b"STOP", b"id:7", b"stat:DELIVRD", b"stat:DELIVRD STOP"])
def test_tlvs_make_no_receipt_of_other_words(words: bytes) -> None:
    assert isinstance(read(deliver(words, tlvs=tlvs(id=b"7", state=b"\2")), BY_TEXT), Mo)


@pytest.mark.checklist("H4", "H6")
def test_tlvs_without_words_cannot_be_typed() -> None:
    pdu = deliver(b"", tlvs=tlvs(id=b"7", state=b"\2"))
    assert receipt(pdu, BY_TEXT).perhaps is None
    assert isinstance(read(pdu), Mo), "unless the quirk says so, type 0 is a text"


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("esm_class", FLAGGED)
def test_what_is_flagged_and_reads_as_no_receipt_brings_the_text_that_it_may_be(esm_class: int) -> None:
    arrival = read(deliver(b"STOP", esm_class=esm_class))
    assert isinstance(arrival, Unreadable)
    assert (arrival.status, arrival.reason) == (0, "a delivery receipt that names no message, or no state")
    assert arrival.perhaps == mo(deliver(b"STOP", esm_class=esm_class & 0xC3))


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize(
    "pdu",
    [
        deliver(b"", esm_class=4),
        deliver(b"STOP", esm_class=4, tlvs=tlvs(id=b"7")),
        deliver(b"STOP", esm_class=4, destination_addr=""),
        deliver(b"STOP", esm_class=4, source_addr="1" * 65),
    ],
)
def test_what_is_no_text_either_brings_none(pdu: DeliverSm) -> None:
    arrival = read(pdu)
    assert isinstance(arrival, Unreadable)
    assert (arrival.status, arrival.perhaps) == (0, None)


@pytest.mark.checklist("H6")
def test_a_quirk_can_say_that_its_carrier_flags_texts() -> None:
    assert mo(deliver(b"JOIN", esm_class=4), replace(load("standard"), receipt_types=frozenset())).text == "JOIN"
