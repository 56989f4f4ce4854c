"""What else the octets of a text could say, where their declared reading may be a mistake of somebody in between.

Owns the other readings. A text itself is always read as declared, because no rule tells "STOP" under UCS-2 from the two
ideographs that these four octets are; but whoever wrote STOP must not go unheard because of a wrong data_coding. So the
other readings travel beside the text, and ``gateway.policy`` looks at them for one thing alone: whether the *whole*
reading is an opt-out word. Nothing else ever follows from them. Must never read a long text: an opt-out is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.sms.coding import PACKED, charset_of, decode_text, guess
from gateway.sms.gsm import decode_gsm, unpack

LONGEST: Final = 80
"""Octets of the longest text that has other readings: an opt-out word with the courtesy around it is no longer."""

_FILLS: Final = (0, 1)
"""Bits before the first of packed septets: behind no header or one of seven octets, and behind one of six."""

_CONTROLS: Final = frozenset({*range(0x20), 0x7F} - {*b"\t\n\r"})
_NOT_TYPED: Final = _CONTROLS - {0}
"""What is rare in GSM: Greek capitals, and signs. 0 is "@"."""


def other_readings(raw: bytes, data_coding: int, alphabet: str = "gsm") -> tuple[str, ...]:
    """Return what ``raw`` says otherwise; nothing where its declared reading leaves no doubt, which is the rule.

    Declared as UCS-2 or as packed GSM: one octet a character. Declared as GSM with octets that are no septets, or that
    nobody types: packed GSM, from its first bit, and behind the one fill bit that the usual header of a long text
    leaves; behind one of seven octets there is none. ``alphabet`` is what ``decode_text`` takes.
    """
    if len(raw) > LONGEST:
        return ()
    declared = charset_of(data_coding, alphabet).alphabet
    if declared == "gsm":
        if raw.isascii() and not _NOT_TYPED.intersection(raw):
            return ()
        return tuple(decode_gsm(unpack(raw, fill)) for fill in _FILLS)
    if declared in ("ucs-2", PACKED):
        text = raw.rstrip(b"\0")
        return () if not text or _CONTROLS.intersection(text) else (guess(text),)
    return ()


def readings_of_parts(parts: Sequence[tuple[bytes, int, str]]) -> tuple[str, ...]:
    """Return what the parts of one text say otherwise together. A part is its octets, data_coding and ``alphabet``.

    Parts of one coding are read as one text, and any parts each by itself, as it is declared where that leaves no
    doubt: one part may be declared wrongly and the other not, and packed septets begin anew in each.
    """
    raw = b"".join(part[0] for part in parts)
    if len(raw) > LONGEST:
        return ()
    _, coding, alphabet = parts[0]
    found: list[str] = []
    if all(part[1] == coding for part in parts):
        found += other_readings(raw, coding, alphabet)
    each = [other_readings(*part) for part in parts]
    if len(parts) > 1 and any(each):
        columns = [_as_many(others or (decode_text(*part),)) for others, part in zip(each, parts, strict=True)]
        found += map("".join, zip(*columns, strict=True))
    return tuple(dict.fromkeys(found))


def _as_many(readings: tuple[str, ...]) -> tuple[str, ...]:
    """Return as many readings as there are fills, the last one again and again."""
    return readings + readings[-1:] * (len(_FILLS) - len(readings))
