"""The short way reads what the long way reads, of any octets and for every carrier; and it is taken where it may be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.carriers.quick_text import PLAIN, QuickText
from gateway.carriers.quirks import Quirk, load, names
from gateway.carriers.translate import MOST_ADDRESS, Origin, Translator
from gateway.model.messages import Mo
from gateway.smpp.codec import decode, encode, encode_body, encode_header
from gateway.smpp.constants import CommandId
from gateway.smpp.errors import BadBody
from gateway.smpp.pdu import DeliverSm, Tlv

HERE = Origin("acme/0", "gw1-1-acme/0-1")
MO = DeliverSm(
    source_addr_ton=1,
    source_addr="12125550101",
    destination_addr="85700",
    short_message=b"Please JOIN,\r\nwill you? 100%",
)


def both(pdu: bytes, quirk: Quirk | None = None) -> tuple[Mo | None, object]:
    """Return what the short way reads, and what the long one does."""
    translator = Translator("acme", quirk or load("standard"), lambda line: "DE" if line == "60777" else "US")
    texts = QuickText(translator, HERE)
    texts.wall = 1_000.0
    quick = texts.read(pdu, 7)
    try:
        found = decode(pdu).pdu
    except BadBody:
        return quick, None
    assert isinstance(found, DeliverSm)
    return quick, translator.read(found, 7, pdu, HERE, 1_000.0)


def deliver(**fields: object) -> bytes:
    return encode(replace(MO, **fields), 7)  # type: ignore[arg-type]  # tests name the fields that they mean


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"short_message": b""},
        {"short_message": b"x" * 254},
        {"service_type": "CMT"},
        {"source_addr": "(212) 555-0101"},
        {"source_addr": "AcmeCo", "source_addr_ton": 5},
        {"source_addr": ""},
        {"source_addr": "4915112345678", "destination_addr": "60777"},
        {"destination_addr": "+1 857-00"},
        {"data_coding": 1},
        {"data_coding": 3},
        {"data_coding": 0xF0},
        {"data_coding": 0x0B},
        {"protocol_id": 1, "priority_flag": 2, "registered_delivery": 3, "replace_if_present_flag": 4},
        {"sm_default_msg_id": 5},
    ],
)
def test_a_plain_text_is_read(fields: dict[str, object]) -> None:
    pdu = deliver(**fields)
    quick, slow = both(pdu)
    assert quick is not None
    assert quick == slow
    assert quick.pdu == pdu


@pytest.mark.parametrize(
    "fields",
    [
        {"short_message": b"caf\x05"},
        {"short_message": b"\0J\0O\0I\0N"},
        {"short_message": b"$5"},
        {"short_message": b"what\tnow"},
        {"data_coding": 8},
        {"data_coding": 5},
        {"esm_class": 4},
        {"esm_class": 0x40, "short_message": b"\5\0\3\1\2\1JOIN"},
        {"tlvs": (Tlv(0x1400, b"x"),)},
        {"schedule_delivery_time": "261122010203000+"},
        {"validity_period": "261122010203000+"},
        {"destination_addr": ""},
    ],
)
def test_what_is_not_plain_is_declined(fields: dict[str, object]) -> None:
    assert both(deliver(**fields))[0] is None


@pytest.mark.parametrize("name", ["source_addr", "destination_addr"])
@pytest.mark.parametrize("length", [MOST_ADDRESS, MOST_ADDRESS + 1])
def test_addresses_are_as_long_as_they_may_be(name: str, length: int) -> None:
    long = encode_header(5, 7, 0, encode_body(MO).replace(getattr(MO, name).encode(), b"1" * length))
    quick, slow = both(long)
    assert (quick is not None) == (length <= MOST_ADDRESS)
    assert quick is None or quick == slow


@pytest.mark.parametrize("end", range(len(deliver()) + 1))
def test_what_is_cut_short_is_declined(end: int) -> None:
    whole = deliver()
    cut = encode_header(5, 7, 0, whole[16:end]) if end >= 16 else whole[:end]
    assert (QuickText(Translator("acme", load("standard"), str), HERE).read(cut, 7) is None) == (end < len(whole))


@pytest.mark.parametrize(
    "quirk",
    [
        replace(load("standard"), receipt_by_text=True),
        replace(load("standard"), receipt_types=frozenset({0, 4})),
        replace(load("standard"), alphabet="ucs-2"),
        replace(load("standard"), alphabet="gsm-packed"),
    ],
)
def test_where_a_plain_text_may_be_something_else_it_is_declined(quirk: Quirk) -> None:
    assert both(deliver(), quirk)[0] is None


QUIRKS = [load(name) for name in sorted(names())]
TEXTS = st.one_of(
    st.text(st.sampled_from(PLAIN.decode()), max_size=30).map(str.encode),
    st.text(max_size=20).map(lambda text: text.encode("utf-16-be", "replace")),
    st.binary(max_size=90),
)
RARE = st.sampled_from([0, 0, 0, 0, 0, 0, 1, 4, 0x40, 0xFF])
PDUS = st.builds(
    DeliverSm,
    service_type=st.sampled_from(["", "", "CMT"]),
    source_addr_ton=st.integers(0, 6),
    source_addr_npi=st.integers(0, 255),
    source_addr=st.from_regex(r"\+?[0-9]{0,15}", fullmatch=True)
    | st.text(st.characters(max_codepoint=255), max_size=9),
    dest_addr_ton=st.integers(0, 6),
    destination_addr=st.sampled_from(["85700", "60777", "+12125550000", "", "ac me"]),
    esm_class=RARE,
    protocol_id=RARE,
    registered_delivery=RARE,
    validity_period=st.sampled_from(["", "", "", "x"]),
    data_coding=st.sampled_from([0, 0, 0, 1, 3, 8]) | st.integers(0, 255),
    short_message=TEXTS,
    tlvs=st.sampled_from([(), (), (), (Tlv(0x0424, b"HELP"),), (Tlv(0x1400, b""),)]),
)


@settings(max_examples=400, deadline=None)
@given(pdu=PDUS, quirk=st.sampled_from(QUIRKS), alphabet=st.sampled_from([None, "gsm", "latin-1", "ascii", "utf-8"]))
@example(pdu=MO, quirk=QUIRKS[0], alphabet=None)
def test_it_reads_as_the_long_way_does(pdu: DeliverSm, quirk: Quirk, alphabet: str | None) -> None:
    body = encode_header(CommandId.DELIVER_SM, 7, 0, _body(pdu))
    quick, slow = both(body, quirk if alphabet is None else replace(quirk, alphabet=alphabet))
    assert quick is None or quick == slow


@settings(max_examples=200, deadline=None)
@given(at=st.integers(16, len(deliver()) - 1), octet=st.integers(0, 255))
def test_it_reads_any_octet_in_any_place_as_the_long_way_does(at: int, octet: int) -> None:
    pdu = bytearray(deliver())
    pdu[at] = octet
    quick, slow = both(bytes(pdu))
    assert quick is None or quick == slow


def _body(pdu: DeliverSm) -> bytes:
    """Carriers send NULs inside of what we would not: they end a field early, and shift the rest."""
    return encode_body(replace(pdu, source_addr="@")).replace(b"@", pdu.source_addr.encode("latin-1"), 1)
