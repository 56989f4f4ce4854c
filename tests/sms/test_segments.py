"""Cutting and joining: the boundaries, and that no pair is ever cut (checklist F4, G1, G3)."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import (
    Encoding,
    Part,
    Segment,
    TooManySegmentsError,
    concat_of,
    count_segments,
    decode_text,
    join,
    join_what_came,
    segment,
)
from gateway.sms.gsm import pack
from gateway.sms.segments import HEADER_16, split

LONG_GSM = st.text("abc €{}@\n", min_size=150, max_size=700)
LONG_UCS2 = st.text("aж😀👍", min_size=60, max_size=400)


def parts_of(segments: tuple[Segment, ...]) -> list[Part]:
    parts = []
    for one in segments:
        concat = concat_of(one.udh)
        assert concat is not None
        parts.append(Part(concat.number, concat.total, one.body, one.data_coding))
    return parts


@pytest.mark.checklist("F4")
@pytest.mark.parametrize(
    "text, sizes",
    [
        ("", [0]),
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 159 + "€", [153, 8]),
        ("a" * 158 + "€", [160]),
        ("a" * 306, [153, 153]),
        ("a" * 307, [153, 153, 1]),
        ("a" * 152 + "€" + "a" * 10, [152, 12]),
        ("a" * 151 + "€" + "a" * 10, [153, 10]),
        ("€" * 80, [160]),
        ("€" * 81, [152, 10]),
        ("ж" * 70, [140]),
        ("ж" * 71, [134, 8]),
        ("ж" * 134, [134, 134]),
        ("ж" * 135, [134, 134, 2]),
        ("ж" * 66 + "😀" + "жжж", [132, 10]),
        ("ж" * 65 + "😀" + "жжжж", [134, 8]),
        ("😀" * 35, [140]),
        ("😀" * 36, [132, 12]),
    ],
)
def test_boundaries(text: str, sizes: list[int]) -> None:
    segments = segment(text, 5)
    assert [len(one.body) for one in segments] == sizes
    assert count_segments(text) == len(sizes)
    assert all(bool(one.udh) == (len(sizes) > 1) for one in segments)


@pytest.mark.checklist("F4")
@pytest.mark.parametrize(
    "text, sizes",
    [
        ("a" * 160, [160]),
        ("a" * 161, [152, 9]),
        ("a" * 151 + "€" + "a" * 10, [151, 12]),
        ("ж" * 71, [132, 10]),
        ("ж" * 65 + "😀" + "жжжж", [130, 12]),
    ],
)
def test_a_longer_header_leaves_less(text: str, sizes: list[int]) -> None:
    _, bodies = split(text, HEADER_16)
    assert [len(body) for body in bodies] == sizes
    assert count_segments(text, HEADER_16) == len(sizes)


def test_a_header_counts_the_parts() -> None:
    segments = segment("a" * 310, 0x1FF)
    assert [one.udh for one in segments] == [bytes((5, 0, 3, 0xFF, 3, number)) for number in (1, 2, 3)]
    assert {one.data_coding for one in segments} == {Encoding.GSM}


@pytest.mark.checklist("G1")
def test_255_parts_and_no_more() -> None:
    assert len(segment("a" * 153 * 255, 1)) == 255
    assert count_segments("a" * (153 * 255 + 1)) == 256
    with pytest.raises(TooManySegmentsError, match="39016 characters takes 256 segments; a long text has 255 at most"):
        segment("a" * (153 * 255 + 1), 1)


@pytest.mark.checklist("F4")
@given(st.one_of(LONG_GSM, LONG_UCS2), st.integers(0, 255))
def test_every_part_reads_alone_and_all_join(text: str, reference: int) -> None:
    segments = segment(text, reference)
    assert count_segments(text) == len(segments)
    assert "".join(decode_text(one.body, one.data_coding) for one in segments) == text
    if len(segments) > 1:
        joined = join(parts_of(segments)[::-1])
        assert joined is not None
        assert joined.text == text
        assert not joined.partial


@pytest.mark.checklist("G1")
def test_parts_in_any_order_and_some_twice() -> None:
    parts = parts_of(segment("a" * 153 + "b" * 153 + "c", 9))
    for order in permutations(parts):
        assert join(order[:2]) is None
        joined = join([order[0], *order])
        assert joined is not None
        assert joined.text == joined.raw.decode() == "a" * 153 + "b" * 153 + "c"


def test_of_one_number_the_first_counts() -> None:
    joined = join([Part(1, 2, b"a", 0), Part(1, 2, b"X", 0), Part(2, 2, b"b", 0)])
    assert joined is not None
    assert joined.text == "ab"


@pytest.mark.checklist("G1")
def test_parts_that_disagree_about_the_total() -> None:
    joined = join([Part(1, 2, b"a", 0), Part(3, 3, b"X", 0), Part(2, 3, b"b", 0)])
    assert joined is not None
    assert joined.text == "ab"


@pytest.mark.checklist("G3")
def test_octets_are_joined_before_they_are_decoded() -> None:
    smile = "😀".encode("utf-16-be")
    joined = join([Part(1, 2, smile[:2], 8), Part(2, 2, smile[2:], 8)])
    assert joined is not None
    assert joined.text == "😀"
    joined = join([Part(1, 2, b"\x1b", 0), Part(2, 2, b"e", 0)])
    assert joined is not None
    assert joined.text == "€"


@pytest.mark.checklist("G3")
def test_parts_of_different_codings_are_decoded_apart() -> None:
    joined = join([Part(1, 3, b"a\x1b", 0), Part(2, 3, "ж".encode("utf-16-be"), 8), Part(3, 3, b"\xe9", 3)])
    assert joined is not None
    assert (joined.text, joined.data_coding) == ("a жé", 0)


@pytest.mark.checklist("G1", "G4")
def test_what_came_is_marked_when_it_is_not_all() -> None:
    parts = [Part(3, 3, b"e", 0), Part(1, 3, b"STOP\x1b", 0)]
    assert join(parts) is None
    partial = join_what_came(parts)
    assert partial is not None
    assert (partial.text, partial.raw, partial.partial) == ("STOP e", b"STOP\x1be", True)
    whole = join_what_came([*parts, Part(2, 3, b"(", 0)])
    assert whole is not None
    assert (whole.text, whole.partial) == ("STOP{e", False)


def test_nothing_joins_to_nothing() -> None:
    assert join([]) is None
    assert join_what_came([]) is None


@pytest.mark.checklist("G1")
def test_a_total_of_one_is_whole() -> None:
    joined = join([Part(1, 1, b"STOP", 0, "latin-1")])
    assert joined is not None
    assert joined.text == "STOP"


@pytest.mark.checklist("F5", "G3")
def test_packed_parts_have_fill_bits_of_their_own() -> None:
    """Each is unpacked before they are joined; an escape pair may still be cut in two."""
    first, second = b"S" * 152 + b"\x1b", b"e TOP"
    joined = join([Part(2, 2, pack(second, 1), 0, "gsm-packed fill=1"), Part(1, 2, pack(first), 0, "gsm-packed")])
    assert joined is not None
    assert joined.text == "S" * 152 + "€ TOP"
    assert joined.raw == pack(first) + pack(second, 1)
    assert joined.alphabet == "gsm-packed"


@pytest.mark.checklist("F5", "G3")
def test_parts_of_different_national_tables_are_decoded_apart() -> None:
    parts = [Part(1, 3, b"\x0c\x1b", 0, "gsm locking=1"), Part(2, 3, b"s", 0, "gsm single=1"), Part(3, 3, b"\x0c", 0)]
    joined = join(parts)
    assert joined is not None
    assert (joined.text, joined.alphabet) == ("ğ sø", "gsm locking=1")
    alike = join([Part(1, 2, b"\x0c\x1b", 0, "gsm single=1"), Part(2, 2, b"s", 0xF0, "gsm single=1")])
    assert alike is not None
    assert alike.text == "øş"


@pytest.mark.checklist("F1", "G4")
def test_a_joined_text_has_other_readings_too() -> None:
    joined = join([Part(1, 2, b"ST", 8), Part(2, 2, b"OP", 8)])
    assert joined is not None
    assert joined.others == ("STOP",)
    mixed = join([Part(1, 2, b"ST", 8), Part(2, 2, b"OP", 0)])
    assert mixed is not None
    assert mixed.others == ("STOP",)
    partial = join_what_came([Part(1, 2, b"STOP", 8)])
    assert partial is not None
    assert partial.others == ("STOP",)
