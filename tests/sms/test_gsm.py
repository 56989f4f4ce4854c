"""GSM 03.38, against the specification's tables and against an independent package."""

from __future__ import annotations

import sys
import unicodedata

import gsm0338  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms.gsm import BASIC, EXTENSION, decode_gsm, encode_gsm

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
