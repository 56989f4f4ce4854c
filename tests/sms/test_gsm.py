"""GSM 03.38, against the specification's tables and against an independent package."""

from __future__ import annotations

import sys
import unicodedata

import gsm0338  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms.gsm import BASIC, EXTENSION, decode_gsm, encode_gsm, fill_bits, pack, unpack

OTHERS = gsm0338.Codec()
CHARACTERS = "".join(c for c in BASIC if c != "\x1b") + "".join(EXTENSION.values())


def test_the_table_has_128_different_characters() -> None:
    assert len(BASIC) == len(set(BASIC)) == 128


@pytest.mark.parametrize("code", [code for code in range(128) if code != 0x1B])
def test_every_basic_code_agrees_with_the_other_package(code: int) -> None:
    raw = bytes((code,))
    assert decode_gsm(raw) == OTHERS.decode(raw)[0]
    assert encode_gsm(decode_gsm(raw)) == raw


@pytest.mark.parametrize("code", sorted(EXTENSION))
def test_every_extension_code_agrees_with_the_other_package(code: int) -> None:
    raw = bytes((0x1B, code))
    assert decode_gsm(raw) == OTHERS.decode(raw)[0] == EXTENSION[code]
    assert encode_gsm(EXTENSION[code]) == raw


@pytest.mark.parametrize("code", [code for code in range(128) if code not in EXTENSION and code != 0x1B])
def test_an_escape_before_an_unknown_code_shows_the_basic_character(code: int) -> None:
    assert decode_gsm(bytes((0x1B, code, 0x41))) == BASIC[code] + "A"


@pytest.mark.checklist("F1", "F4")
@pytest.mark.parametrize(
    "raw, text",
    [
        (b"", ""),
        (b"\x1b", " "),
        (b"A\x1b", "A "),
        (b"\x1b\x1b", " "),
        (b"\x1b\x1be", " e"),
        (b"\x1b\x1b\x1be", " €"),
        (b"\x1b\x1b\x1b", "  "),
        (b"\x1b\x0a", "\f"),
        (b"\x1b\x0d", "\r"),
        (b"\x00STOP", "@STOP"),
        (b"\xa7", "\ufffd"),
        (b"\x1b\xa7A", "\ufffdA"),
        (b"\x60\x24", "¿¤"),
    ],
)
def test_what_a_receiver_shows(raw: bytes, text: str) -> None:
    assert decode_gsm(raw) == text


def test_exactly_the_characters_of_the_tables_can_be_sent() -> None:
    sendable = {c for c in map(chr, range(sys.maxunicode + 1)) if encode_gsm(c) is not None}
    assert sendable == set(CHARACTERS)


@pytest.mark.checklist("F4")
def test_near_misses_are_refused_not_replaced() -> None:
    for character in ("`", "ç", "\x1b", "Α", "\u00a0", "’", "á", "\ud800"):
        assert encode_gsm(character) is None, unicodedata.name(character, repr(character))


@given(st.text(CHARACTERS))
def test_what_was_encoded_decodes_to_itself(text: str) -> None:
    raw = encode_gsm(text)
    assert raw is not None
    assert decode_gsm(raw) == text
    assert OTHERS.decode(raw)[0] == text
    assert OTHERS.encode(text)[0] == raw


@given(st.binary())
def test_decoding_never_raises_and_loses_no_character(raw: bytes) -> None:
    text = decode_gsm(raw)
    assert len(raw) - raw.count(b"\x1b") <= len(text) <= len(raw)
    assert "\x1b" not in text


SEPTETS = st.binary(max_size=200).map(lambda raw: bytes(octet & 0x7F for octet in raw))


@pytest.mark.checklist("F5")
@pytest.mark.parametrize(
    "septets, fill, packed, back",
    [
        (b"hellohello", 0, "e8329bfd4697d9ec37", b"hellohello"),
        (b"STOP", 0, "53ea130a", b"STOP"),
        (b"STOP", 1, "a6d42714", b"STOP"),
        (b"", 0, "", b""),
        (b"", 3, "", b""),
        (b"STOPALL", 0, "53ea131a64321b", b"STOPALL"),  # seven bits are left: a carriage return
        (b"STOPALL", 1, "a6d42734c86402", b"STOPALL"),
        (b"abcdefg\r", 0, "61f1985c369f1b0d", b"abcdefg\r\r"),  # one that ends with an octet is doubled
    ],
)
def test_septets_are_packed(septets: bytes, fill: int, packed: str, back: bytes) -> None:
    assert pack(septets, fill).hex() == packed
    assert unpack(bytes.fromhex(packed), fill) == back


@pytest.mark.checklist("F5")
@pytest.mark.parametrize("last, text", [(0, b"STOPALL"), (0x0D, b"STOPALL"), (0x40, b"STOPALL@")])
def test_padding_is_no_text(last: int, text: bytes) -> None:
    """A zero there would read as "@". What is lost is an "@" or line break that ends a text of 8, 16, ... septets."""
    octets = pack(b"STOPALLA")
    assert unpack(octets[:-1] + bytes((octets[-1] & 1 | last << 1,))) == text


@given(SEPTETS, st.integers(0, 6))
def test_what_was_packed_unpacks(septets: bytes, fill: int) -> None:
    ends_with_octet = (fill + len(septets) * 7) % 8 == 0
    found = unpack(pack(septets, fill), fill)
    if ends_with_octet and len(septets) > 1 and septets[-1] == 0:
        assert found == septets[:-1]
    elif ends_with_octet and septets[-1:] == b"\r":
        assert found == septets + b"\r"
    else:
        assert found == septets


@given(st.binary(), st.integers(0, 6))
def test_unpacking_never_raises_and_gives_septets(raw: bytes, fill: int) -> None:
    septets = unpack(raw, fill)
    assert septets.isascii()
    assert len(raw) * 8 - fill - 7 - 7 < len(septets) * 7 <= max(len(raw) * 8 - fill, 0)


@pytest.mark.checklist("F5")
@pytest.mark.parametrize("header, fill", [(0, 0), (4, 3), (6, 1), (7, 0), (9, 5), (12, 2)])
def test_text_begins_at_a_septet_behind_a_header(header: int, fill: int) -> None:
    assert fill_bits(header) == fill
    assert (header * 8 + fill) % 7 == 0
