"""The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038 sections 6.2.1 and 6.2.1.1).

Owns the one table, and its two directions over *unpacked* septets: one septet per octet, as SMPP carries them. Decoding
follows what 23.038 tells a receiving entity to display, so it has an answer for every octet string; encoding has none
for a character outside the tables and says so with None. Packing is the SMSC's business, but a few carriers hand on the
packed octets of the air interface and want them: ``unpack`` and ``pack``.

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

_SEPTET: Final = 7
_RETURN: Final = b"\r"
_PADDING: Final = b"\0\r"
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


def unpack(packed: bytes, fill: int = 0) -> bytes:
    """Return the septets of ``packed`` (section 6.1.2.1), one per octet. Never raises.

    ``fill`` is the number of bits before the first septet, which bring it to a septet boundary behind a header: see
    ``fill_bits``. Where the last septet ends with the last octet, it may be padding, since nothing else says how many
    septets there are: a carriage return (section 6.1.2.3.1) or zero there, which would read as "@", is left out.
    """
    bits = int.from_bytes(packed, "little") >> fill
    count, rest = divmod(max(len(packed) * 8 - fill, 0), _SEPTET)
    groups = bits.to_bytes(len(packed) + _SEPTET, "little")
    septets = bytearray()
    for at in range(0, len(packed), _SEPTET):  # seven octets hold eight septets; one big number would cost its square
        group = int.from_bytes(groups[at : at + _SEPTET], "little")
        septets += bytes(group >> shift & 0x7F for shift in range(0, 8 * _SEPTET, _SEPTET))
    del septets[count:]
    if count > 1 and not rest and septets[-1] in _PADDING:
        del septets[-1:]
    return bytes(septets)


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Return ``septets`` packed behind ``fill`` zero bits, as ``unpack`` reads them.

    Seven spare bits at the end become a carriage return, and a carriage return that ends with an octet is doubled
    (section 6.1.2.3.1), so that neither zeros nor padding are read as text.
    """
    if not septets:
        return b""
    spare = -(fill + len(septets) * _SEPTET) % 8
    if spare == _SEPTET or (spare == 0 and septets[-1:] == _RETURN):
        septets += _RETURN
    groups = bytearray()
    for at in range(0, len(septets), 8):  # as in ``unpack``: seven octets at a time
        group = 0
        for place, septet in enumerate(septets[at : at + 8]):
            group |= septet << place * _SEPTET
        groups += group.to_bytes(_SEPTET, "little")
    return (int.from_bytes(groups, "little") << fill).to_bytes((fill + len(septets) * _SEPTET + 7) // 8, "little")


def fill_bits(header: int) -> int:
    """Return how many bits follow a user data header of ``header`` octets, its length octet included, before text."""
    return -header * 8 % _SEPTET
