"""The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038 sections 6.2.1 and 6.2.1.1).

Owns the one table, and its two directions over *unpacked* septets: one septet per octet, as SMPP carries them. Packing
is the SMSC's business and does not happen here. Decoding follows what 23.038 tells a receiving entity to display, so
it has an answer for every octet string; encoding has none for a character outside the tables and says so with None.

Own table, not the ``gsm0338`` package: ``docs/decisions/0003-gsm-alphabet.md`` has the reasons. Both directions lean
on the interpreter's charmap codec, which runs the table in C.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

ESCAPE: Final = 0x1B

# Sixteen characters a row, in code order. The escape stands for itself here; decode_gsm replaces it afterwards.
BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_DECODING: Final = BASIC + "\N{REPLACEMENT CHARACTER}" * 128
_ENCODING: Final[dict[int, bytes]] = {
    **{ord(character): bytes((code,)) for code, character in enumerate(BASIC) if code != ESCAPE},
    **{ord(character): bytes((ESCAPE, code)) for code, character in EXTENSION.items()},
}
_ESCAPED: Final = re.compile("\x1b(.?)", re.DOTALL)
_SHOWN: Final = {"": " ", "\x1b": " ", **{BASIC[code]: character for code, character in EXTENSION.items()}}


def encode_gsm(text: str) -> bytes | None:
    """Return ``text`` as septets, one per octet, extension characters as escape pairs; None if it does not fit.

    Nothing is substituted: a backtick or a lower-case c with cedilla is not in the alphabet, so the answer is None.
    """
    try:
        return codecs.charmap_encode(text, "strict", _ENCODING)[0]
    except UnicodeEncodeError:
        return None


def decode_gsm(raw: bytes) -> str:
    """Return the text of ``raw``, one septet per octet. Never raises.

    As 23.038 has it: an escape before a code without an extension shows the code's basic character, two escapes show
    one space, a lone escape at the end a space. An octet above 0x7F is no septet and becomes U+FFFD.
    """
    text = codecs.charmap_decode(raw, "strict", _DECODING)[0]
    if "\x1b" not in text:
        return text
    return _ESCAPED.sub(lambda match: _SHOWN.get(match[1], match[1]), text)
