"""What a text costs, and why: for people who write texts.

Owns the account of one text: its coding, its segments, how full they are, and each character that is not in the GSM
alphabet, with what it would become if it were made plain. It only counts; cutting is ``gateway.sms.segments``'s.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from gateway.sms.coding import Encoding
from gateway.sms.gsm import encode_gsm
from gateway.sms.segments import HEADER_8, split
from gateway.sms.transliterate import PLAIN, transliterate

_UNIT_OCTETS = {Encoding.GSM: 1, Encoding.UCS2: 2}


@dataclass(frozen=True, slots=True)
class Dear:
    """A character that is not in the GSM alphabet. ``position`` counts characters from 1.

    ``plain`` is what transliteration makes of it, of an accent that is written apart the letter with it; empty where it
    is left out, None where it stays.
    """

    position: int
    character: str
    name: str
    plain: str | None


@dataclass(frozen=True, slots=True)
class Measure:
    """The account of a text. Units are septets in GSM and 16 bit units in UCS-2; an escape pair or an emoji takes two.

    ``used`` has the units in each segment; ``left`` is how many the last one could still take. ``plain`` is the text
    after transliteration, the same where that changes nothing.
    """

    encoding: Encoding
    characters: int
    used: tuple[int, ...]
    left: int
    dear: tuple[Dear, ...]
    plain: str

    @property
    def segments(self) -> int:
        """How many submit_sm the text takes."""
        return len(self.used)


def measure(text: str) -> Measure:
    """Return the account of ``text``, with the usual concatenation header of six octets where it is long."""
    encoding, bodies = split(text)
    used = tuple(len(body) // _UNIT_OCTETS[encoding] for body in bodies)
    octets = 140 - (HEADER_8 if len(used) > 1 else 0)
    most = octets * 8 // 7 if encoding is Encoding.GSM else octets // 2
    dear = tuple(
        Dear(at + 1, character, unicodedata.name(character, "no name"), _plain(text, at))
        for at, character in enumerate(text)
        if encode_gsm(character) is None
    )
    return Measure(encoding, len(text), used, most - used[-1], dear, transliterate(text))


def _plain(text: str, at: int) -> str | None:
    if (known := PLAIN.get(text[at])) is not None:
        return known
    letter = unicodedata.normalize("NFC", text[max(at - 1, 0) : at + 1])
    return letter if len(letter) == 1 and encode_gsm(letter) is not None else None
