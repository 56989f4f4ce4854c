"""Which alphabet, and that no received octet makes it raise or vanish (checklist F1 to F4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import ALPHABETS, Encoding, choose, decode_text, encode
from gateway.sms.coding import alphabet_of
from gateway.sms.gsm import pack
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
@pytest.mark.checklist("F2")
def test_data_coding_declares_an_alphabet(coding: int, alphabet: str) -> None:
    assert alphabet_of(coding, "utf-8") == alphabet


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_zero_means_what_the_carrier_says(alphabet: str) -> None:
    assert alphabet_of(0, alphabet) == alphabet


@pytest.mark.checklist("F1", "F2", "F3")
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
        # UCS-2 that was declared as something else, in either order.
        *[(UCS2_STOP, coding, alphabet, "STOP") for coding in (0, 1, 3, 4, 0xF0) for alphabet in ALPHABETS[2:]],
        (UCS2_STOP, 0, "gsm", "STOP"),
        ("STOP".encode("utf-16-le"), 0, "gsm", "STOP"),
        ("STOP".encode("utf-16-le"), 4, "gsm", "STOP"),
        ("ARRÊT 😀".encode("utf-16-be"), 0, "gsm", "ARRÊT 😀"),
        ("ARRÊT 😀".encode("utf-16-le"), 0, "latin-1", "ARRÊT 😀"),
        (b"\xfe\xff" + "стоп".encode("utf-16-be"), 0, "gsm", "стоп"),
        (b"\xff\xfe" + "стоп".encode("utf-16-le"), 3, "gsm", "стоп"),
        (UCS2_STOP + b"\0", 0, "gsm", "STOP"),
        (b"\0S\0T", 0, "gsm", "@S@T"),
        (b"\0S\0S\0S\0s", 0, "gsm", "@S@S@S@s"),
        (b"@A \0 @B \0 @C", 0, "gsm", "¡A @ ¡B @ ¡C"),
        # Packed: with such a carrier, every coding that is GSM; nothing else.
        (pack(b"STOP"), 0, "gsm-packed", "STOP"),
        (pack(b"STOPALL"), 0xF0, "gsm-packed", "STOPALL"),
        (pack(b"1 \x1be"), 0x11, "gsm-packed", "1 €"),
        (b"STOP", 3, "gsm-packed", "STOP"),
        (UCS2_STOP, 8, "gsm-packed", "STOP"),
        (pack(b"\x0b", 3), 0, "gsm-packed locking=1 fill=3", "Ğ"),
    ],
)
def test_received_octets_become_text(raw: bytes, coding: int, alphabet: str, text: str) -> None:
    assert decode_text(raw, coding, alphabet) == text


@pytest.mark.checklist("F3")
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
        ("STOP".encode("utf-16-le"), "STOP"),
        ("STOP".encode("utf-16-le")[:-1], "STOP"),
        ("STOP".encode("utf-16-le") + b"\0", "STOP"),
        ("ARRÊT!".encode("utf-16-le"), "ARRÊT!"),
        ("I’m done, STOP 😀".encode("utf-16-le"), "I’m done, STOP 😀"),
        ("中国".encode("utf-16-be"), "中国"),
        ("協佐".encode("utf-16-be"), "協佐"),  # the octets of "STOP" in ASCII
    ],
)
def test_ucs2_as_carriers_send_it(raw: bytes, text: str) -> None:
    assert decode_ucs2(raw) == text


HAN = st.characters(min_codepoint=0x3000, max_codepoint=0x9FFF)
KOREAN = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
# All that is common of what ends in 00: one, open, most, sword, love, hall, supply, wide space, ga.
ZERO = "一开最刀戀堀栀　가"


@pytest.mark.checklist("F3")
@given(st.text(st.one_of(HAN, KOREAN, st.sampled_from("，。！？　 1aA")), max_size=70))
def test_genuine_text_of_east_asia_is_never_turned_round(text: str) -> None:
    """The rule needs three different ideographs whose octets end in zero, to be most of the text."""
    seen = {character for character in text if ord(character) & 0xFF == 0}
    if len(seen) < 3 or 2 * sum(text.count(character) for character in seen) <= len(text):
        assert decode_text(text.encode("utf-16-be"), 8) == text


@pytest.mark.checklist("F3")
@given(st.text(ZERO + "中国人不的了我", max_size=40), st.sampled_from("，国中的人，是"))
def test_many_characters_that_end_in_zero_are_no_proof(text: str, more: str) -> None:
    mixed = "".join(character + more for character in text)
    assert decode_text(mixed.encode("utf-16-be"), 8) == mixed


@pytest.mark.checklist("F3")
@pytest.mark.parametrize(
    "text",
    ["一", "一一", "最最最最", "开开开", "一刀", "一刀一刀", "가가가", "　　　", "一开", "戀戀", "一最刀一最刀a"],
)
def test_short_texts_of_characters_that_end_in_zero(text: str) -> None:
    assert decode_text(text.encode("utf-16-be"), 8) == text


@pytest.mark.checklist("F3")
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=70))
def test_latin_text_is_read_in_either_order(text: str) -> None:
    assert decode_text(text.encode("utf-16-be"), 8) == text
    if len({character for character in text.lower() if character.isalpha()}) >= 3:
        assert decode_text(text.encode("utf-16-le"), 8) == text
        assert decode_text(text.encode("utf-16-le"), 0, "latin-1") == text


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
