"""Masking, clocks and the error root."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.base import Clock, GatewayError, SystemClock, mask


@pytest.mark.parametrize(
    "number, shown",
    [
        ("+12125550101", "+12…0101"),
        ("12125550101", "12…0101"),
        ("+4420794609", "+44…4609"),
        ("123456789", "12…6789"),
        ("12345678", "12…78"),
        ("1234567", "12…67"),
        ("+123456", "+12…56"),
        ("85700", "85700"),
        ("123456", "123456"),
        ("", ""),
    ],
)
def test_masks(number: str, shown: str) -> None:
    assert mask(number) == shown


@given(st.from_regex(r"\+?[0-9]{7,24}", fullmatch=True))
def test_a_number_is_never_shown_whole(number: str) -> None:
    shown = mask(number)
    hidden = len(number) - len(shown) + 1
    assert hidden >= 2
    assert number not in shown
    assert re.sub(r"\D", "", shown) != re.sub(r"\D", "", number)
    assert len(re.sub(r"\D", "", shown)) <= 6


def test_the_system_clocks_are_the_systems() -> None:
    clock: Clock = SystemClock()
    assert clock.wall() >= 1_700_000_000
    assert clock.monotonic() <= time.monotonic()
    assert clock.boot() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_errors_tell_what_to_do_with_them() -> None:
    error = GatewayError("what, where, what would be right")
    assert (error.exit_code, error.transient) == (70, False)
