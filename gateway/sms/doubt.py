"""What else the octets of a text could say, where their declared reading may be a mistake of somebody in between.

Owns the other readings. A text itself is always read as declared, because no rule tells "STOP" under UCS-2 from the two
ideographs that these four octets are; but whoever wrote STOP must not go unheard because of a wrong data_coding. So the
other readings travel beside the text, and ``gateway.policy`` looks at them for one thing alone: whether the *whole*
reading is an opt-out word. Nothing else ever follows from them.
"""

from __future__ import annotations

from typing import Final

from gateway.sms.coding import PACKED, charset_of, guess
from gateway.sms.gsm import decode_gsm, unpack

LONGEST: Final = 80
"""Octets of the longest text that has other readings: an opt-out word with the courtesy around it is no longer."""

_CONTROLS: Final = frozenset({*range(0x20), 0x7F} - {*b"\t\n\r"})


def other_readings(raw: bytes, data_coding: int, alphabet: str = "gsm") -> tuple[str, ...]:
    """Return what ``raw`` says otherwise; nothing where its declared reading leaves no doubt, which is the rule.

    Declared as UCS-2 or as packed GSM: one octet a character. Declared as GSM with octets that are no septets: packed
    GSM. ``alphabet`` is what ``decode_text`` takes.
    """
    if len(raw) > LONGEST:
        return ()
    declared = charset_of(data_coding, alphabet).alphabet
    if declared == "gsm":
        return () if raw.isascii() else (decode_gsm(unpack(raw)),)
    if declared in ("ucs-2", PACKED):
        text = raw.rstrip(b"\0")
        return () if not text or _CONTROLS.intersection(text) else (guess(text),)
    return ()
