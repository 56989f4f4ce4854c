"""The other readings of octets that may have been declared wrongly (checklist F1, F3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import ALPHABETS, other_readings
from gateway.sms.doubt import LONGEST, readings_of_parts
from gateway.sms.gsm import pack

pytestmark = pytest.mark.checklist("F1", "F3")


@pytest.mark.parametrize(
    "raw, coding, alphabet, others",
    [
        (b"STOP", 8, "gsm", ("STOP",)),
        (b"STOPALL", 8, "gsm", ("STOPALL",)),
        (b"STOP\0", 8, "gsm", ("STOP",)),
        (b"STOP\r\n", 0x19, "gsm", ("STOP\r\n",)),
        (b"STOP", 0, "ucs-2", ("STOP",)),
        ("ARRÊT".encode(), 8, "gsm", ("ARRÊT",)),
        (b"ARR\xcaT", 8, "gsm", ("ARRÊT",)),
        ("STOP".encode("utf-16-be"), 8, "gsm", ()),
        ("стоп".encode("utf-16-be"), 8, "gsm", ()),
        (b"\0\0", 8, "gsm", ()),
        (b"", 8, "gsm", ()),
        (b"STOP", 0, "gsm-packed", ("STOP",)),
        (pack(b"STOP"), 0, "gsm", ("STOP", ")j'(")),
        (pack(b"STOP", 1), 0, "gsm", ("&)É!", "STOP")),
        (pack(b"END"), 0, "gsm", ("END", '"\'"')),
        (b"me@x.com", 0, "gsm", ()),
        (b"me\x11x", 0xF0, "gsm", ("mJE¡", '6e"¿')),
        (b"STOP", 0, "gsm", ()),
        (b"STOP", 3, "gsm", ()),
        (b"ARR\xcaT", 0, "latin-1", ()),
        (b" " * LONGEST + b"STOP", 8, "gsm", ()),
    ],
)
def test_what_octets_could_say_too(raw: bytes, coding: int, alphabet: str, others: tuple[str, ...]) -> None:
    assert other_readings(raw, coding, alphabet) == others


@pytest.mark.checklist("F1", "G1")
@pytest.mark.parametrize(
    "parts, others",
    [
        ([(b"ST", 0, "gsm"), (b"OP", 8, "gsm")], {"STOP"}),
        ([(b"ST", 8, "gsm"), ("OP".encode("utf-16-be"), 8, "gsm")], {"STOP"}),
        ([(b"STO", 8, "gsm"), (b"P", 8, "gsm")], {"STOP"}),
        ([(pack(b"STOP", 1), 0, "gsm"), (pack(b" ALL", 1), 0, "gsm")], {"STOP ALL"}),
        ([(pack(b"STOP", 0), 0, "gsm"), (b" ALL", 8, "gsm")], {"STOP ALL"}),
        ([(b"ST", 0, "gsm"), (b"OP", 0, "gsm")], set()),
        ([(b"ST", 0, "gsm"), ("OP".encode("utf-16-be"), 8, "gsm")], set()),
        ([(b"S" * 40, 0, "gsm"), (b"TOP" * 40, 8, "gsm")], set()),
    ],
)
def test_what_parts_could_say_too(parts: list[tuple[bytes, int, str]], others: set[str]) -> None:
    found = readings_of_parts(parts)
    assert others <= set(found)
    assert bool(found) == bool(others)


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 255), st.sampled_from(ALPHABETS)), min_size=1))
def test_parts_never_raise(parts: list[tuple[bytes, int, str]]) -> None:
    for text in readings_of_parts(parts):
        text.encode("utf-8")


@given(st.binary(max_size=100), st.integers(0, 255), st.sampled_from(ALPHABETS))
def test_never_raises(raw: bytes, coding: int, alphabet: str) -> None:
    for text in other_readings(raw, coding, alphabet):
        text.encode("utf-8")
