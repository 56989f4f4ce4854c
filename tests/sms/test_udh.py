"""User data headers: any element order, any lie about a length (checklist G1, E8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import (
    Concat,
    Element,
    build_concat8,
    build_concat16,
    concat_of,
    elements,
    is_sound,
    sar_concat,
    split_udh,
)

PORTS = b"\x05\x04\x0b\x84\x23\xf0"
OCTET = st.integers(0, 255)


@pytest.mark.checklist("E8", "G1")
@pytest.mark.parametrize(
    "user_data, udh, rest",
    [
        (b"", b"", b""),
        (b"\x00", b"\x00", b""),
        (b"\x00STOP", b"\x00", b"STOP"),
        (b"\x05\x00\x03\x01\x02\x01STOP", b"\x05\x00\x03\x01\x02\x01", b"STOP"),
        (b"\x05\x00\x03\x01\x02\x01", b"\x05\x00\x03\x01\x02\x01", b""),
        (b"\x06\x00\x03\x01\x02\x01", b"", b"\x06\x00\x03\x01\x02\x01"),
        (b"id:123 stat:DELIVRD", b"", b"id:123 stat:DELIVRD"),
    ],
)
def test_the_header_comes_off_only_where_it_fits(user_data: bytes, udh: bytes, rest: bytes) -> None:
    assert split_udh(user_data) == (udh, rest)


@pytest.mark.checklist("G1")
@pytest.mark.parametrize(
    "body, expected",
    [
        (b"\x00\x03\x01\x02\x01", Concat(1, 2, 1)),
        (b"\x08\x04\x12\x34\x03\x02", Concat(0x1234, 3, 2)),
        (PORTS + b"\x00\x03\x07\x02\x02", Concat(7, 2, 2)),
        (b"\x00\x03\x07\x02\x02" + PORTS, Concat(7, 2, 2)),
        (b"\x24\x01\x01" + PORTS + b"\x08\x04\x00\x07\xff\xff", Concat(7, 255, 255)),
        (b"\x00\x03\x01\x02\x01\x00\x03\x09\x02\x02", Concat(9, 2, 2)),
        (b"\x00\x03\x01\x02\x01\x00\x03\x09\x00\x02", Concat(1, 2, 1)),
        (b"\x00\x03\x01\x01\x01", Concat(1, 1, 1)),
        (b"\x00\x03\x01\x02\x00", None),
        (b"\x00\x03\x01\x02\x03", None),
        (b"\x00\x03\x01\x00\x00", None),
        (b"\x00\x02\x01\x02", None),
        (b"\x08\x03\x01\x02\x01", None),
        (b"\x00\x04\x01\x02\x01", None),
        (PORTS, None),
        (b"", None),
    ],
)
def test_the_concatenation_element_is_found_anywhere(body: bytes, expected: Concat | None) -> None:
    assert concat_of(bytes((len(body),)) + body) == expected


@pytest.mark.checklist("E8", "G1")
@pytest.mark.parametrize(
    "udh, sound",
    [
        (b"\x05\x00\x03\x01\x02\x01", True),
        (b"\x0b\x00\x03\x01\x02\x01" + PORTS, True),
        (b"\x00", True),
        (b"\x06\x00\x03\x01\x02\x01\x00", False),
        (b"\x04\x00\x03\x01\x02", False),
        (b"\nSTOP now, ", False),
    ],
)
def test_a_true_header_is_filled_by_its_elements(udh: bytes, sound: bool) -> None:
    assert is_sound(udh) is sound


def test_elements_end_where_one_is_truncated() -> None:
    assert elements(b"\x06\x70\x00\x71\x05\x01\x02") == (Element(0x70, b""),)
    assert elements(b"\x01\x70") == ()


@pytest.mark.checklist("G1")
@pytest.mark.parametrize("total, number", [(0, 0), (0, 1), (2, 0), (2, 3), (256, 1), (2, -1)])
def test_impossible_sar_values_are_no_part(total: int, number: int) -> None:
    assert sar_concat(1, total, number) is None


@given(st.integers(0, 0xFFFF), st.integers(1, 255), st.data(), st.binary())
def test_built_headers_read_back(reference: int, total: int, data: st.DataObject, text: bytes) -> None:
    number = data.draw(st.integers(1, total))
    for udh, expected in (
        (build_concat8(reference & 0xFF, total, number), reference & 0xFF),
        (build_concat16(reference, total, number), reference),
    ):
        assert split_udh(udh + text) == (udh, text)
        assert concat_of(udh) == Concat(expected, total, number) == sar_concat(expected, total, number)


@given(st.binary())
def test_no_octets_make_it_raise_or_vanish(user_data: bytes) -> None:
    udh, rest = split_udh(user_data)
    assert udh + rest == user_data
    concat_of(udh)
    assert sum(2 + len(element.data) for element in elements(udh)) <= max(len(udh) - 1, 0)
