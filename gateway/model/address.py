"""Numbers: ours (short codes, long codes) and subscribers', brought to one spelling.

One spelling matters more than anything else here: if a STOP and a submit spelled one number differently, the gate
would look at the wrong row. So there is exactly one function for each side, and every entry point calls it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NewType

import phonenumbers

Msisdn = NewType("Msisdn", str)
"""A subscriber's address in its one spelling: E.164 with a plus sign, or, where the carrier sent no telephone number
(alphanumeric sender, short code), that address as it came without surrounding blanks."""

TON_INTERNATIONAL: Final = 1
TON_NATIONAL: Final = 2
_NANP: Final = re.compile(r"(\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})")
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
# Blanks and punctuation that people write, and the invisible direction marks that come with a pasted number.
_SEPARATORS: Final = re.compile(r"[\s().\-/\u00a0\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")


def is_number(address: str) -> bool:
    """Say whether ``address`` is a telephone number in its one spelling, that is, one that a text can be sent to."""
    return _E164.fullmatch(address) is not None


def is_region(code: str) -> bool:
    """Say whether ``code`` is a country whose national numbers can be read: ISO 3166 alpha-2, in capitals."""
    return code in phonenumbers.SUPPORTED_REGIONS


def read_msisdn(raw: str, region: str, ton: int = 0) -> Msisdn:
    """Bring a subscriber's address, as a carrier or an application spells it, to its one spelling.

    ``region`` (ISO 3166 alpha-2) is how national numbers are read; ``ton`` is the type of number that came with it
    (SMPP 3.4 section 5.2.5), 0 when unknown; "alphanumeric" is not believed of digits, because carriers set it wrongly,
    and a STOP must not land on another row. What is no possible telephone number comes back trimmed but unchanged: use
    ``is_number`` to tell. Leading ``+``, ``00``, ``011`` and national forms of one number give one result.
    """
    # Most carriers write most numbers so; remembering these would cost as much as reading them.
    return _north_american(raw, region, ton) or _read_msisdn(raw, region, ton)


def _north_american(text: str, region: str, ton: int) -> Msisdn | None:
    """Return what a bare number of the North American plan spells; None if ``text`` is none, or could be another."""
    match = _NANP.fullmatch(text)
    if match is None:
        return None
    international = ton == TON_INTERNATIONAL
    if (region == "US" or international or text[0] == "+") if match[1] else (region == "US" and not international):
        return Msisdn(f"+1{match[2]}")
    return None


@lru_cache(maxsize=65536)
def _read_msisdn(raw: str, region: str, ton: int) -> Msisdn:
    text = _SEPARATORS.sub("", raw.strip())
    if (found := _north_american(text, region, ton)) is not None:
        return found
    readings = [number for candidate in _readings(text, region, ton) if (number := _parse(candidate, region))]
    # A valid number before a merely possible one, whichever reading was the likelier.
    likeliest = next(filter(_is_valid, readings), readings[0] if readings else raw.strip())
    return Msisdn(likeliest)


def _parse(candidate: str, region: str) -> str | None:
    """Return the number that ``candidate`` spells, in E.164; None if none can exist, or if it lacks its area code.

    A number that does not read back as itself (a rest of a dialling prefix in the middle) is none either.
    """
    try:
        number = phonenumbers.parse(candidate, region)
        spelling = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        faithful = phonenumbers.parse(spelling) == number
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    return spelling if faithful and possible and len(str(number.national_number)) > 6 else None


def _is_valid(spelling: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(spelling))


def _readings(text: str, region: str, ton: int) -> tuple[str, ...]:
    """Return the spellings of ``text`` to try, likeliest first; none for what cannot be dialled."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return ()
    international = f"+{digits.removeprefix('00')}"
    if text.startswith("+"):
        return (international,)
    if ton == TON_INTERNATIONAL or digits.startswith("00"):
        return (international, digits)
    own = str(phonenumbers.country_code_for_region(region))
    national_first = ton == TON_NATIONAL or not digits.startswith(own)
    return (digits, international) if national_first else (international, digits)


@lru_cache(maxsize=1024)
def read_line(raw: str) -> str:
    """Bring one of our own addresses to its one spelling: digits alone, without ``+``, blanks or punctuation.

    An alphanumeric sender id is kept as it is, trimmed.
    """
    text = _SEPARATORS.sub("", raw.strip()).removeprefix("+")
    return text if text.isdigit() else raw.strip()
