"""Which alphabet, and that no received octet makes it raise or vanish (checklist F1 to F4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import ALPHABETS, Encoding, choose, decode_text, encode
from gateway.sms.coding import alphabet_of
from gateway.sms.utf16 import decode_ucs2, encode_ucs2

UCS2_STOP = "STOP".encode("utf-16-be")


@pytest.mark.parametrize(
    "coding, alphabet",
    [
        *[(1, "ascii"), (2, "latin-1"), (3, "latin-1"), (4, "latin-1"), (5, "shift_jis"), (6, "iso8859_5")],
        *[(7, "iso8859_8"), (8, "ucs-2"), (9, "latin-1"), (10, "iso2022_jp"), (14, "euc_kr"), (15, "latin-1")],
        *[(0x10, "gsm"), (0x11, "gsm"), (0x14, "latin-1"), (0x18, "ucs-2"), (0x19, "ucs-2"), (0x1C, "latin-1")],
        *[(0x20, "latin-1"), (0x38, "latin-1"), (0x40, "gsm"), (0x48, "ucs-2"), (0x68, "latin-1"), (0x80, "latin-1")],
        *[(0xBF, "latin-1"), (0xC0, "gsm"), (0xDF, "gsm"), (0xE0, "ucs-2"), (0xEF, "ucs-2")],
        *[(0xF0, "gsm"), (0xF3, "gsm"), (0xF4, "latin-1"), (0xF7, "latin-1")],
    ],
)
def test_data_coding_declares_an_alphabet(coding: int, alphabet: str) -> None:
    assert alphabet_of(coding, "utf-8") == alphabet


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_zero_means_what_the_carrier_says(alphabet: str) -> None:
    assert alphabet_of(0, alphabet) == alphabet


@pytest.mark.parametrize(
    "raw, coding, alphabet, text",
    [
        (b"\x00 STOP", 0, "gsm", "@ STOP"),
        (b"\x00 STOP", 0, "latin-1", "\x00 STOP"),
        (b"ARR\xcaT", 0, "latin-1", "ARRÊT"),
        (b"ARR\xcaT", 0, "gsm", "ARRÊT"),
        (b"ARR\xcaT", 0, "ascii", "ARRÊT"),
        ("ARRÊT".encode(), 0, "gsm", "ARRÊT"),
        ("ARRÊT".encode(), 0, "ascii", "ARRÊT"),
        ("ARRÊT".encode(), 0, "utf-8", "ARRÊT"),
        (b"ARR\xcaT", 0, "utf-8", "ARRÊT"),
        (b"\xa7", 0, "gsm", "§"),
        (b"STOP", 1, "gsm", "STOP"),
        (b"STOP", 4, "gsm", "STOP"),
        (b"ARR\xcaT", 3, "gsm", "ARRÊT"),
        ("СТОП".encode("iso8859_5"), 6, "gsm", "СТОП"),
        ("עצור".encode("iso8859_8"), 7, "gsm", "עצור"),
        ("停止".encode("shift_jis"), 5, "gsm", "停止"),
        ("停止".encode("iso2022_jp"), 10, "gsm", "停止"),
        ("정지".encode("euc_kr"), 14, "gsm", "정지"),
        (UCS2_STOP, 8, "gsm", "STOP"),
        (UCS2_STOP, 0x19, "gsm", "STOP"),
        (UCS2_STOP, 0, "ucs-2", "STOP"),
        (b"\x1be", 0xF1, "latin-1", "€"),
    ],
)
def test_received_octets_become_text(raw: bytes, coding: int, alphabet: str, text: str) -> None:
    assert decode_text(raw, coding, alphabet) == text


@pytest.mark.parametrize(
    "raw, text",
    [
        (b"", ""),
        (UCS2_STOP, "STOP"),
        (b"\xfe\xff" + UCS2_STOP, "STOP"),
        (b"\xff\xfe" + "STOP".encode("utf-16-le"), "STOP"),
        (UCS2_STOP + b"\x00", "STOP"),
        (UCS2_STOP + b"\x41", "STOP\ufffd"),
        (b"S", "\ufffd"),
        (b"\x00", ""),
        (b"\xd8\x3d" + UCS2_STOP, "\ufffdSTOP"),
        (b"\xde\x00" + UCS2_STOP, "\ufffdSTOP"),
        (UCS2_STOP + b"\xd8\x3d", "STOP\ufffd"),
        (UCS2_STOP + b"\xd8\x3d\xde", "STOP\ufffd"),
        ("👩‍👩‍👧".encode("utf-16-be"), "👩‍👩‍👧"),
    ],
)
def test_ucs2_as_carriers_send_it(raw: bytes, text: str) -> None:
    assert decode_ucs2(raw) == text


@given(st.binary(), st.integers(0, 255), st.sampled_from(ALPHABETS))
def test_decoding_never_raises_and_gives_proper_text(raw: bytes, coding: int, alphabet: str) -> None:
    decode_text(raw, coding, alphabet).encode("utf-8")


@given(st.binary(min_size=1), st.integers(0, 255))
def test_something_is_left_of_every_text(raw: bytes, coding: int) -> None:
    empty = decode_text(raw, coding) == ""
    assert not empty or alphabet_of(coding, "gsm") in {"ucs-2", "iso2022_jp"}


@given(st.text())
def test_what_is_sent_reads_back(text: str) -> None:
    encoded = encode(text)
    assert encoded.encoding is choose(text)
    if not text.startswith("\ufeff"):
        assert decode_text(encoded.octets, encoded.encoding) == text


@pytest.mark.parametrize(
    "text, encoding",
    [("", Encoding.GSM), ("Hi {€}", Encoding.GSM), ("`", Encoding.UCS2), ("hi 👍", Encoding.UCS2)],
)
def test_gsm_where_it_fits(text: str, encoding: Encoding) -> None:
    assert choose(text) is encoding


@pytest.mark.parametrize(
    "text, sent",
    [("\ud83d", "\ufffd"), ("a\ude00b", "a\ufffdb"), ("\ud83d\ude00", "😀"), ("\ud83dé", "\ufffdé")],
)
def test_lone_surrogates_are_not_sent(text: str, sent: str) -> None:
    assert encode_ucs2(text).decode("utf-16-be") == sent
