"""Typographic characters made plain, so that a curly quote does not double the price of a text.

Word processors and telephones put in what nobody asked for: curly quotes, long dashes, one-character ellipses, spaces
of all widths. None is in the GSM alphabet, and one of them is enough to send the whole text as UCS-2, at less than half
the length. Owns the table of what they become, and the rule when.

The table has punctuation, spaces, invisible characters and ligatures: what stays the same text to its reader. It has no
letters with accents, because another letter is another word: neither "sí" nor "łaska" may lose its mark, however dear
it is. And it is all or nothing: a text that needs UCS-2 anyway, for an emoji or a letter, keeps its typography.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from gateway.sms.gsm import encode_gsm
from gateway.sms.segments import count_segments

_TABLE: Final[tuple[tuple[str, str], ...]] = (
    ("'", "‘’‚‛′‵‹›ʹʻʼʽˈ`´"),
    ('"', "“”„‟″‶«»〝〞"),
    ("-", "‐‑‒–—―−⁃﹘﹣－"),
    ("...", "…"),
    ("*", "•‣◦∙▪●"),
    ("/", "⁄∕"),
    (" ", "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"),
    ("\n", "\u000b\u0085\u2028\u2029"),
    # Seen by nobody: soft hyphen, zero-width ones, marks of direction, variation selectors, byte order mark.
    ("", "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u2060\u2061\u2062\u2063\ufe0e\ufe0f\ufeff"),
    ("ff", "ﬀ"),
    ("fi", "ﬁ"),
    ("fl", "ﬂ"),
    ("ffi", "ﬃ"),
    ("ffl", "ﬄ"),
    ("oe", "œ"),
    ("OE", "Œ"),
    ("ij", "ĳ"),
    ("IJ", "Ĳ"),
)
PLAIN: Final[Mapping[str, str]] = MappingProxyType(
    {character: plain for plain, characters in _TABLE for character in characters}
)
"""Each typographic character and what it becomes."""

_TRANSLATION: Final = str.maketrans(dict(PLAIN))


def transliterate(text: str) -> str:
    """Return ``text`` with its typographic characters made plain, if it is then all GSM and no longer in segments.

    Otherwise, or if nothing would be left of it, it is returned as it is. Letters and accents that are written as two
    characters are put together first.
    """
    if encode_gsm(text) is not None or _heaps_marks(text):
        return text
    plain = unicodedata.normalize("NFC", text).translate(_TRANSLATION)
    if not plain.strip() or encode_gsm(plain) is None or count_segments(plain) > count_segments(text):
        return text
    return plain


def _heaps_marks(text: str) -> bool:
    """Say whether ``text`` has a letter with two marks over it, as no letter of GSM has.

    Putting many marks in order costs the square of their number, so nobody gets to ask for it.
    """
    marks = {character for character in set(text) if unicodedata.combining(character)}
    return bool(marks) and any(one in marks and other in marks for one, other in pairwise(text))
