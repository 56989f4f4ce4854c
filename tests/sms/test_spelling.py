"""How GSM is spelled for carriers whose data_coding 0 is something else (checklist F1, F5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import ALPHABETS, Encoding, can_say, count_segments, encode, encode_for, encode_gsm, spell
from gateway.sms.gsm import BASIC, ESCAPE, EXTENSION
from gateway.sms.segments import HEADER_8, HEADER_16, split

EVERY = BASIC.replace("\x1b", "") + "".join(EXTENSION.values())
TEXTS = st.one_of(
    st.text("abc @$_[]{}\n", max_size=400), st.text(EVERY, max_size=400), st.text("aé€Ωж😀`", max_size=200)
)


def septets_of(packed: bytes, fill: int) -> bytes:
    """Unpack bit by bit, as many septets as there is room for; padding is left in."""
    bits = [octet >> place & 1 for octet in packed for place in range(8)][fill:]
    return bytes(
        sum(bit << place for place, bit in enumerate(bits[at : at + 7])) for at in range(0, len(bits) // 7 * 7, 7)
    )


@pytest.mark.checklist("F1")
@pytest.mark.parametrize(
    "text, said",
    [
        ("me@x.com costs $5", {"latin-1", "ascii", "utf-8"}),
        ("[a] {b} ~ \\ ^ | _", {"latin-1", "ascii", "utf-8"}),  # escapes in GSM, but one octet there
        ("£5 für Ørsted à §1", {"latin-1", "utf-8"}),
        ("5 €", {"utf-8"}),
        ("ΔΦΓΛΩΠΨΣΘΞ", {"utf-8"}),
        ("", {"latin-1", "ascii", "utf-8"}),
    ],
)
def test_what_each_alphabet_can_say(text: str, said: set[str]) -> None:
    septets = encode_gsm(text)
    assert septets is not None
    for alphabet in ALPHABETS:
        goes = alphabet in said | {"gsm", "gsm-packed"}
        assert can_say(text, alphabet) == goes
        assert encode_for(text, alphabet).encoding is (Encoding.GSM if goes else Encoding.UCS2)
        assert (spell(septets, alphabet) is not None) == goes
        if alphabet in said:
            assert spell(septets, alphabet) == text.encode(alphabet)


def test_every_character_of_gsm_is_right_or_is_ucs2() -> None:
    for character in EVERY:
        septets = encode_gsm(character)
        assert septets is not None
        for alphabet in ("latin-1", "ascii", "utf-8"):
            spelled = spell(septets, alphabet)
            assert spelled is None or spelled.decode(alphabet) == character
            assert (spelled is None) == (encode_for(character, alphabet).encoding is Encoding.UCS2)


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("text", ["ж", "`", "don\u2019t 😀", "ç"])
def test_what_gsm_cannot_hold_is_ucs2_whatever_the_alphabet_has(text: str, alphabet: str) -> None:
    assert encode_for(text, alphabet) == encode(text)
    assert encode(text).encoding is Encoding.UCS2


@pytest.mark.checklist("F1", "F4")
@pytest.mark.parametrize(
    "text, alphabet, segments",
    [
        ("a" * 160, "latin-1", 1),
        ("a" * 161, "latin-1", 2),
        ("é" * 160, "utf-8", 1),  # 320 octets, and 160 septets on the air
        ("[" * 80, "ascii", 1),  # 80 octets, and 160 septets
        ("[" * 81, "ascii", 2),
        ("a" * 70 + "€", "latin-1", 2),
        ("a" * 70 + "é", "ascii", 2),
        ("a" * 70, "ucs-2", 1),
        ("a" * 71, "ucs-2", 2),
        ("a" * 160, "gsm-packed", 1),
        ("€" * 80, "gsm-packed", 1),
    ],
)
def test_segments_are_counted_as_the_handset_gets_them(text: str, alphabet: str, segments: int) -> None:
    assert count_segments(text, alphabet=alphabet) == segments


@pytest.mark.checklist("F1", "F4")
@given(TEXTS, st.sampled_from(ALPHABETS), st.sampled_from([HEADER_8, HEADER_16]))
def test_what_the_carrier_reads_is_the_text(text: str, alphabet: str, header: int) -> None:
    coding, bodies = split(text, header, alphabet)
    if coding is Encoding.UCS2:
        assert "".join(body.decode("utf-16-be") for body in bodies) == text
        assert encode_gsm(text) is None or alphabet in ("latin-1", "ascii", "ucs-2")
        return
    before = header if len(bodies) > 1 else 0
    found = [spell(body, alphabet, before) for body in bodies]
    assert None not in found
    octets = [one for one in found if one is not None]
    if alphabet == "gsm":
        assert octets == list(bodies)
    elif alphabet == "gsm-packed":
        fill = -before * 8 % 7
        for body, packed in zip(bodies, octets, strict=True):
            read = septets_of(packed, fill)
            assert read[: len(body)] == body
            assert read[len(body) :] in (b"", b"\r"), "padding, which no handset shows"
            assert len(packed) <= 140 - before
            assert not packed or int.from_bytes(packed, "little") & (1 << fill) - 1 == 0
    else:
        assert "".join(one.decode(alphabet) for one in octets) == text


@pytest.mark.checklist("F5")
@pytest.mark.parametrize("header, most", [(0, 160), (6, 153), (7, 152)])
def test_a_full_packed_segment_that_ends_in_a_carriage_return_stays_within_its_room(header: int, most: int) -> None:
    body = b"x" * (most - 1) + b"\r"
    packed = spell(body, "gsm-packed", header)
    assert packed is not None
    assert len(packed) == 140 - header
    assert septets_of(packed, -header * 8 % 7) == body


def test_no_segment_ends_in_an_escape() -> None:
    for alphabet in ALPHABETS:
        coding, bodies = split("a" * 152 + "[]" * 200, HEADER_8, alphabet)
        if coding is Encoding.GSM:
            assert not any(body[-1] == ESCAPE for body in bodies)
