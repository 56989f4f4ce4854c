"""National language tables, against an independent package that was made from the specification (checklist F5)."""

from __future__ import annotations

import pytest
from gsmcodecs.charmaps import GSMCHARMAPS as THEIRS  # type: ignore[import-untyped]  # it ships no types
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import decode_gsm, decode_text, reading
from gateway.sms.gsm import BASIC, EXTENSION
from gateway.sms.national import LANGUAGES, decode_national

pytestmark = pytest.mark.checklist("F5")

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
INDIAN = range(4, 14)
LOCKING = [(number, code) for number, one in LANGUAGES.items() if one.locking for code in range(128) if code != 0x1B]
SINGLE = [(number, code) for number in LANGUAGES for code in range(128) if code != 0x1B]


def test_every_language_is_there() -> None:
    assert sorted(LANGUAGES) == list(range(1, 14))
    assert [number for number, one in LANGUAGES.items() if one.locking is None] == [2]  # Spanish: annex A.3.2 is void
    assert {number for number in THEIRS if "locking" in THEIRS[number]} - {0} == set(LANGUAGES) - {2}


def test_locking_shift_tables() -> None:
    """A comma is a comma: in the Indian languages' tables, theirs alone has an apostrophe at 2C, which is "'" at 27."""
    for number, code in LOCKING:
        theirs = THEIRS[number]["locking"]["decode"].get(code)
        expected = "," if number in INDIAN and code == 0x2C else UNKNOWN if theirs is None else chr(theirs)
        assert decode_national(bytes((code,)), number, 0) == expected, (number, hex(code))


def test_single_shift_tables() -> None:
    for number, code in SINGLE:
        theirs = THEIRS[number]["singleShift"]["decode"].get(code)
        expected = BASIC[code] if theirs is None else chr(theirs)
        assert decode_national(bytes((0x1B, code)), 0, number) == expected, (number, hex(code))


@pytest.mark.parametrize(
    "raw, locking, single, text",
    [
        (b"\x1bs\x1bi", 0, 1, "şı"),
        (b"Merhaba, g\x07r\x1dr\x1cz", 1, 0, "Merhaba, gırşrŞz"),
        (b"\x0b\x0c \x04", 1, 1, "Ğğ €"),
        (b"ma\x1bniana, \x1ba\x1be\x1bi", 0, 2, "maniana, á€í"),
        (b"n\x7bo \x1b\x7b", 3, 3, "não ã"),
        (b"\x1be", 3, 0, "€"),
        (b"STOP", 3, 3, "STOP"),
        (b"\x1bS\x1bT\x1bO\x1bP", 6, 6, "STOP"),
        (b"stop", 6, 6, "stop"),
        (b"\x1b", 1, 1, " "),
        (b"\x1b\x1b", 1, 1, " "),
        (b"\x1b\x1b\x1bs", 1, 1, " ş"),
        (b"\x1bA\xa7", 1, 1, "A" + UNKNOWN),
        (b"\x1b\xa7", 1, 1, UNKNOWN),
        (b"\x0c", 4, 0, UNKNOWN),
        (b"{\x1be", 99, 99, "ä€"),
        (b"\x09\x1b\x09", 2, 2, "Çç"),
    ],
)
def test_what_a_receiver_shows(raw: bytes, locking: int, single: int, text: str) -> None:
    assert decode_national(raw, locking, single) == text


@given(st.binary())
def test_without_a_language_it_is_the_default_alphabet(raw: bytes) -> None:
    assert decode_national(raw, 0, 0) == decode_national(raw, 99, 14) == decode_gsm(raw)


@given(st.binary(), st.integers(0, 255), st.integers(0, 255))
def test_never_raises_and_loses_no_character(raw: bytes, locking: int, single: int) -> None:
    text = decode_national(raw, locking, single)
    assert len(raw) - raw.count(b"\x1b") <= len(text) <= len(raw)


def test_latin_letters_are_the_same_everywhere() -> None:
    """Which is what a language that we do not know keeps of its text, and why a STOP is a STOP in all of them."""
    for number, one in LANGUAGES.items():
        assert decode_national(b"stop", number, 0) == "stop"
        capitals = b"\x1bS\x1bT\x1bO\x1bP" if number in INDIAN else b"STOP"
        assert decode_national(capitals, number, number) == "STOP"
        assert set(one.single.values()) >= set(EXTENSION.values()) - {"€"}


UDH_TURKISH = bytes((3, 0x25, 1, 1))


@pytest.mark.parametrize(
    "alphabet, udh, expected",
    [
        ("gsm", b"", "gsm"),
        ("gsm", bytes((5, 0, 3, 1, 2, 1)), "gsm"),
        ("gsm", UDH_TURKISH, "gsm locking=1"),
        ("latin-1", bytes((3, 0x24, 1, 2)), "latin-1 single=2"),
        ("gsm", bytes((6, 0x24, 1, 3, 0x25, 1, 3)), "gsm locking=3 single=3"),
        ("gsm", bytes((11, 0x24, 1, 3, 0, 3, 1, 2, 1, 0x24, 1, 2)), "gsm single=2"),
        ("gsm", bytes((3, 0x25, 1, 0)), "gsm"),
        ("gsm", bytes((4, 0x25, 2, 1, 1)), "gsm"),
        ("gsm", bytes((2, 0x25, 0)), "gsm"),
        ("gsm-packed", bytes((5, 0, 3, 1, 2, 1)), "gsm-packed fill=1"),
        ("gsm-packed", bytes((6, 8, 4, 0, 1, 2, 1)), "gsm-packed"),
        ("gsm-packed", UDH_TURKISH, "gsm-packed locking=1 fill=3"),
    ],
)
def test_a_header_says_how_to_read(alphabet: str, udh: bytes, expected: str) -> None:
    assert reading(alphabet, udh) == expected


@pytest.mark.parametrize(
    "data_coding, text", [(0, "\u011f"), (0xF0, "\u011f"), (0x11, "\u011f"), (3, "\x0c"), (8, "\ufffd")]
)
def test_only_gsm_has_national_tables(data_coding: int, text: str) -> None:
    assert decode_text(b"\x0c", data_coding, reading("gsm", UDH_TURKISH)) == text


def test_where_zero_is_something_else_the_gsm_groups_have_them_too() -> None:
    assert decode_text(b"\x0c", 0, reading("latin-1", UDH_TURKISH)) == "\x0c"
    assert decode_text(b"\x0c", 0xF1, reading("latin-1", UDH_TURKISH)) == "\u011f"


def test_octets_that_are_no_septets_are_not_read_by_national_tables() -> None:
    assert decode_text("ARRÊT".encode(), 0, reading("gsm", UDH_TURKISH)) == "ARRÊT"
