"""The other readings of octets that may have been declared wrongly (checklist F1, F3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import ALPHABETS, other_readings
from gateway.sms.doubt import LONGEST
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
        (pack(b"STOP"), 0, "gsm", ("STOP",)),
        (b"STOP", 0, "gsm", ()),
        (b"STOP", 3, "gsm", ()),
        (b"ARR\xcaT", 0, "latin-1", ()),
        (b" " * LONGEST + b"STOP", 8, "gsm", ()),
    ],
)
def test_what_octets_could_say_too(raw: bytes, coding: int, alphabet: str, others: tuple[str, ...]) -> None:
    assert other_readings(raw, coding, alphabet) == others


@given(st.binary(max_size=100), st.integers(0, 255), st.sampled_from(ALPHABETS))
def test_never_raises(raw: bytes, coding: int, alphabet: str) -> None:
    for text in other_readings(raw, coding, alphabet):
        text.encode("utf-8")
