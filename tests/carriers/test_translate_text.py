"""How the text of a deliver_sm is read: headers, national tables, packed septets, and what it might say instead."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.options import CarrierOptions
from gateway.carriers.quirks import Quirk, load
from gateway.model.messages import Concat
from gateway.smpp.pdu import Tlv
from gateway.sms import ALPHABETS
from gateway.sms.gsm import pack
from tests.carriers.test_translate import deliver, mo

PACKED = replace(load("standard"), name="packed", alphabet="gsm-packed")
LATIN = replace(load("standard"), name="latin", alphabet="latin-1")
PORTS = bytes((5, 4, 0x0B, 0x84, 0x23, 0xF0))
PART = bytes((0, 3, 7, 2, 1))
UDHI = 0x40


def udh(*elements: bytes) -> bytes:
    """A header of these elements."""
    body = b"".join(elements)
    return bytes((len(body),)) + body


@pytest.mark.checklist("F5")
@pytest.mark.parametrize(
    "header, raw, quirk, text, alphabet",
    [
        (udh(b"\x25\x01\x01"), b"ya\x1dl\x07", None, "yaşlı", "gsm locking=1"),
        (udh(b"\x24\x01\x02"), b"\x1baqu\x1bi", None, "áquí", "gsm single=2"),
        (udh(b"\x24\x01\x03\x25\x01\x03"), b"n\x7bo", None, "não", "gsm locking=3 single=3"),
        (udh(b"\x25\x01\x0e"), b"STOP", None, "STOP", "gsm locking=14"),
        (udh(PORTS), pack(b"STOP", 0), PACKED, "STOP", "gsm-packed"),
        (udh(b"\x25\x01\x01"), pack(b"STOP\x0c", 3), PACKED, "STOPğ", "gsm-packed locking=1 fill=3"),
        (udh(b"\x25\x01\x01"), b"ARR\xcaT", LATIN, "ARRÊT", "latin-1 locking=1"),
        (b"", pack(b"STOPALL"), PACKED, "STOPALL", "gsm-packed"),
    ],
)
def test_a_header_says_how_its_text_is_read(
    header: bytes, raw: bytes, quirk: Quirk | None, text: str, alphabet: str
) -> None:
    arrival = mo(deliver(header + raw, esm_class=UDHI if header else 0), quirk)
    assert (arrival.text, arrival.raw, arrival.alphabet) == (text, raw, alphabet)


@pytest.mark.checklist("F5", "G1")
def test_a_packed_part() -> None:
    arrival = mo(deliver(udh(PART) + pack(b"hello", 1), esm_class=UDHI), PACKED)
    assert (arrival.text, arrival.concat, arrival.alphabet) == ("hello", Concat(7, 2, 1), "gsm-packed fill=1")


@pytest.mark.checklist("G1")
@pytest.mark.parametrize("header", [udh(PORTS, PART), udh(PART, PORTS), udh(b"\x24\x01\x01", PART, PORTS)])
def test_the_part_is_found_beside_ports_and_tables(header: bytes) -> None:
    arrival = mo(deliver(header + b"ST", esm_class=UDHI))
    assert (arrival.text, arrival.concat) == ("ST", Concat(7, 2, 1))


@pytest.mark.checklist("G1")
@pytest.mark.parametrize("header", [udh(PART), b""])
def test_what_is_longer_than_any_part_is_whole(header: bytes) -> None:
    """A payload may have room for a whole text under a header that says "part 1 of 2"; it waits for nothing."""
    sar = (Tlv(0x20C, b"\0\7"), Tlv(0x20E, b"\2"), Tlv(0x20F, b"\1"))
    esm_class, placed = (UDHI, ()) if header else (0, sar)
    for octets, concat in ((255, Concat(7, 2, 1)), (256, None)):
        payload = Tlv(0x424, header + b"x" * octets)
        arrival = mo(deliver(b"", esm_class=esm_class, tlvs=(*placed, payload)))
        assert (len(arrival.text), arrival.concat) == (octets, concat)


@pytest.mark.checklist("F1", "F3")
@pytest.mark.parametrize(
    "raw, coding, text, others",
    [
        (b"STOP", 8, "協佐", ("STOP",)),
        (pack(b"STOP"), 0, "Sê\x13\n", ("STOP", ")j'(")),
        ("STOP".encode("utf-16-le"), 8, "STOP", ()),
        ("STOP".encode("utf-16-be"), 0, "STOP", ()),
        (b"STOP", 0, "STOP", ()),
    ],
)
def test_what_it_might_say_instead_goes_with_it(raw: bytes, coding: int, text: str, others: tuple[str, ...]) -> None:
    arrival = mo(deliver(raw, data_coding=coding))
    assert (arrival.text, arrival.other_readings) == (text, others)


@pytest.mark.checklist("E8", "G1")
@pytest.mark.parametrize(
    "user_data, text, others",
    [
        (b"STOP", "STOP", ()),  # 0x53: a header longer than the text is none
        (b"\nSTOP please, thanks", "e, thanks", ("\nSTOP please, thanks",)),
        (udh(PORTS) + b"STOP", "STOP", ()),
        (b"\x00STOP", "STOP", ()),
    ],
)
def test_a_header_that_is_none(user_data: bytes, text: str, others: tuple[str, ...]) -> None:
    arrival = mo(deliver(user_data, esm_class=UDHI))
    assert (arrival.text, arrival.other_readings) == (text, others)


@pytest.mark.checklist("F1", "F5")
def test_every_alphabet_can_be_configured() -> None:
    choices, _ = get_args(CarrierOptions.model_fields["alphabet"].annotation)
    assert get_args(choices) == ALPHABETS


@given(st.binary(max_size=160), st.integers(0, 255), st.sampled_from([0, UDHI]), st.sampled_from([PACKED, LATIN, None]))
def test_every_text_is_read(raw: bytes, coding: int, esm_class: int, quirk: Quirk | None) -> None:
    arrival = mo(deliver(b"x" + raw, data_coding=coding, esm_class=esm_class), quirk)
    assert arrival.raw in b"x" + raw
    arrival.text.encode("utf-8")
