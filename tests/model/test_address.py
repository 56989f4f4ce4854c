"""One spelling for every number: a STOP and a submit must never look at two different rows (checklist E2)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.address import is_number, read_line, read_msisdn

NANP = st.from_regex(r"[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True)


@pytest.mark.parametrize(
    "raw, ton",
    [
        *[("+12125550101", 0), ("12125550101", 0), ("2125550101", 0), ("0012125550101", 0), ("01112125550101", 0)],
        *[("+12125550101", 1), ("12125550101", 1), ("0012125550101", 1), ("01112125550101", 1), ("2125550101", 2)],
        *[("12125550101", 2), ("+12125550101", 2), ("+0012125550101", 1), ("12125550101", 6), ("2125550101", 255)],
        *[("(212) 555-0101", 0), ("1-212-555-0101", 0), ("+1 212.555/0101", 0), ("212\u2011555\u20110101", 0)],
        *[("2125550101", 5), ("12125550101", 5), ("12125550101", 77)],  # a type of number that carriers set wrongly
        *[(" 12125550101 ", 1), ("\u202a+12125550101\u202c", 0), ("\u200e+1\u00a0212 555 0101", 0)],
    ],
)
def test_every_spelling_of_one_american_number(raw: str, ton: int) -> None:
    assert read_msisdn(raw, "US", ton) == "+12125550101"


@pytest.mark.parametrize(
    "raw, region, ton, expected",
    [
        ("442079460958", "US", 0, "+442079460958"),
        ("442079460958", "US", 1, "+442079460958"),
        ("447700900123", "US", 2, "+447700900123"),
        ("00442079460958", "US", 0, "+442079460958"),
        ("011442079460958", "US", 0, "+442079460958"),
        ("02079460958", "GB", 2, "+442079460958"),
        ("02079460958", "GB", 0, "+442079460958"),
        ("447700900123", "GB", 0, "+447700900123"),
        ("0033612345678", "FR", 0, "+33612345678"),
        ("612345678", "FR", 2, "+33612345678"),
        ("4915112345678", "DE", 0, "+4915112345678"),
        ("015112345678", "DE", 0, "+4915112345678"),
        ("15012345678", "CN", 0, "+8615012345678"),
        ("55987654321", "BR", 0, "+5555987654321"),
        ("5551987654321", "BR", 0, "+5551987654321"),
        ("14165550123", "CA", 0, "+14165550123"),
        ("12125550101", "GB", 0, "+12125550101"),
        ("12125550101", "GB", 1, "+12125550101"),
        ("12125550101", "XX", 0, "+12125550101"),
        ("06 6982 1234", "IT", 0, "+390669821234"),
    ],
)
def test_other_countries(raw: str, region: str, ton: int, expected: str) -> None:
    assert read_msisdn(raw, region, ton) == expected


@pytest.mark.parametrize(
    "raw, region, ton",
    [
        *[("", "US", 0), ("85700", "US", 0), ("857000", "US", 3), ("ACME", "US", 0), ("Acme Inc", "US", 5)],
        *[
            ("1" * 24, "US", 0),
            ("+" + "1" * 24, "US", 1),
            ("+1", "US", 0),
            ("++12125550101", "US", 0),
        ],
        *[
            ("5550101", "US", 0),
            ("2125550101", "XX", 0),
            ("12125550101;ext=5", "US", 0),
            ("１２１２５５５０１０１", "US", 0),
        ],
        *[("0001000000", "DE", 0), ("+", "US", 0), ("00", "US", 0), ("011", "US", 0), ("+ACME", "US", 5)],
    ],
)
def test_what_is_no_telephone_number_stays_as_it_is(raw: str, region: str, ton: int) -> None:
    assert read_msisdn(f"  {raw} ", region, ton) == raw
    assert not is_number(read_msisdn(raw, region, ton))


@settings(deadline=None)  # phonenumbers loads a country's table at its first number
@given(NANP, st.sampled_from(["{}", "1{}", "+1{}", "001{}", "0111{}"]), st.sampled_from([0, 1, 2]))
def test_all_american_numbers_have_one_spelling(digits: str, spelling: str, ton: int) -> None:
    raw = spelling.format(digits)
    if (raw, ton) != (digits, 1):
        assert read_msisdn(raw, "US", ton) == f"+1{digits}"
        assert is_number(read_msisdn(raw, "US", ton))


@settings(deadline=None)  # as above
@given(st.text(max_size=30), st.sampled_from(["US", "GB", "DE", "XX"]), st.integers(0, 255))
def test_any_address_reads_and_reading_again_changes_nothing(raw: str, region: str, ton: int) -> None:
    once = read_msisdn(raw, region, ton)
    assert read_msisdn(once, region, ton) == once


@settings(deadline=None)  # as above
@given(st.from_regex(r"\+?[0-9]{5,15}", fullmatch=True), st.sampled_from(["US", "GB", "DE", "BR"]), st.integers(0, 2))
def test_the_one_spelling_is_a_fixed_point_for_every_kind(raw: str, region: str, ton: int) -> None:
    once = read_msisdn(raw, region, ton)
    if is_number(once):
        assert {read_msisdn(once, region, other) for other in range(3)} == {once}
        assert {read_msisdn(once, other) for other in ("US", "GB", "XX")} == {once}


@pytest.mark.parametrize(
    "raw, line",
    [
        ("85700", "85700"),
        (" 85700 ", "85700"),
        ("+1 (212) 555-0100", "12125550100"),
        ("12125550100", "12125550100"),
        ("Acme Inc", "Acme Inc"),
        (" +Acme ", "+Acme"),
        ("", ""),
    ],
)
def test_lines_have_one_spelling_too(raw: str, line: str) -> None:
    assert read_line(raw) == line
