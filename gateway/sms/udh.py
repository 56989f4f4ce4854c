"""The user data header: which part of a long text this is (3GPP TS 23.040 section 9.2.3.24).

Owns taking the header off, listing its information elements, and the two concatenation elements in both directions.
It believes no length: a header that is longer than the user data is no header, and an element that is longer than the
header ends the list. Nothing here raises on received octets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CONCAT_8: Final = 0x00
CONCAT_16: Final = 0x08


@dataclass(frozen=True, slots=True)
class Concat:
    """Where a part stands in a long text: 1 <= ``number`` <= ``total`` <= 255."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Element:
    """One information element: ``identifier`` is one octet (23.040 section 9.2.3.24 lists them)."""

    identifier: int
    data: bytes


def split_udh(user_data: bytes) -> tuple[bytes, bytes]:
    """Take the header off ``user_data``, whose esm_class says that it has one. Returns (header, text).

    The header keeps its length octet. If it claims to be longer than the user data, there is none and all is text:
    some SMSCs set the indicator on plain receipts.
    """
    if not user_data or user_data[0] + 1 > len(user_data):
        return b"", user_data
    end = user_data[0] + 1
    return user_data[:end], user_data[end:]


def elements(udh: bytes) -> tuple[Element, ...]:
    """List the information elements of a header with its length octet; a truncated last one is left out."""
    found: list[Element] = []
    at = 1
    while at + 2 <= len(udh):
        end = at + 2 + udh[at + 1]
        if end > len(udh):
            break
        found.append(Element(udh[at], udh[at + 2 : end]))
        at = end
    return tuple(found)


def is_sound(udh: bytes) -> bool:
    """Say whether the elements of a header with its length octet fill it to the end, as those of a true one do."""
    return sum(2 + len(element.data) for element in elements(udh)) == len(udh) - 1


def concat_of(udh: bytes) -> Concat | None:
    """Return the part that a header announces, wherever the element stands in it, or None.

    Of several, the last counts; one with total 0, number 0 or number above total is ignored (23.040 9.2.3.24.1).
    """
    concat: Concat | None = None
    for element in elements(udh):
        data = element.data
        if element.identifier == CONCAT_8 and len(data) == 3:
            concat = sar_concat(data[0], data[1], data[2]) or concat
        elif element.identifier == CONCAT_16 and len(data) == 4:
            concat = sar_concat(data[0] << 8 | data[1], data[2], data[3]) or concat
    return concat


def sar_concat(reference: int, total: int, number: int) -> Concat | None:
    """Return the part that three SAR values announce (SMPP 3.4 section 5.3.2.22 on); None if they are impossible."""
    if not 1 <= number <= total <= 0xFF:
        return None
    return Concat(reference, total, number)


def build_concat8(reference: int, total: int, number: int) -> bytes:
    """Return the six octets of a header with the 8 bit concatenation element alone; ``reference`` below 256."""
    return bytes((5, CONCAT_8, 3, reference, total, number))


def build_concat16(reference: int, total: int, number: int) -> bytes:
    """Return the seven octets of a header with the 16 bit concatenation element alone; ``reference`` below 65536."""
    return bytes((6, CONCAT_16, 4, reference >> 8, reference & 0xFF, total, number))
