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
TON_ALPHANUMERIC: Final = 5
_NANP: Final = re.compile(r"\+?1([2-9]\d{2}[2-9]\d{6})")
_SEPARATORS: Final = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")


def is_number(address: str) -> bool:
    """Say whether ``address`` is a telephone number in its one spelling, that is, one that a text can be sent to."""
    return address.startswith("+")


@lru_cache(maxsize=65536)
def read_msisdn(raw: str, region: str, ton: int = 0) -> Msisdn:
    """Bring a subscriber's address, as a carrier or an application spells it, to its one spelling.

    ``region`` (ISO 3166 alpha-2) is how national numbers are read; ``ton`` is the type of number that came with it
    (SMPP 3.4 section 5.2.5), 0 when unknown. What is no possible telephone number comes back trimmed but unchanged:
    use ``is_number`` to tell. Leading ``+``, ``00``, ``011`` and national forms of one number give one result.
    """
    text = _SEPARATORS.sub("", raw.strip())
    if ton == TON_ALPHANUMERIC:
        return Msisdn(raw.strip())
    if (match := _NANP.fullmatch(text)) and (region == "US" or ton == TON_INTERNATIONAL or text[0] == "+"):
        return Msisdn(f"+1{match[1]}")
    for candidate in _readings(text, region, ton):
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number) and len(str(number.national_number)) > 6:
            return Msisdn(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return Msisdn(raw.strip())


def _readings(text: str, region: str, ton: int) -> tuple[str, ...]:
    """Return the spellings of ``text`` to try, likeliest first; none for what cannot be dialled."""
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return ()
    if text.startswith("+"):
        return (text,)
    if ton == TON_INTERNATIONAL:
        return (f"+{digits.removeprefix('00')}", digits)
    if ton == TON_NATIONAL:
        return (digits,)
    if digits.startswith("00"):
        return (f"+{digits[2:]}", digits)
    national_first = len(digits) <= 10 or region not in ("US", "CA")
    return (digits, f"+{digits}") if national_first else (f"+{digits}", digits)


def read_line(raw: str) -> str:
    """Bring one of our own addresses to its one spelling: digits alone, without ``+``, blanks or punctuation.

    An alphanumeric sender id is kept as it is, trimmed.
    """
    text = _SEPARATORS.sub("", raw.strip()).removeprefix("+")
    return text if text.isdigit() else raw.strip()
