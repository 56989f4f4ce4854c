"""From data_coding to text and from text to data_coding (SMPP 3.4 section 5.2.19, 3GPP TS 23.038 section 4).

Owns the table of what each data_coding value means. Must never raise on received octets and never drop them: whatever
a carrier declares, every octet ends up as some character, because the text may be a STOP. Where the octets themselves
prove the declared alphabet wrong, the likeliest other one is taken; the raw octets are kept elsewhere as evidence.

Sending knows two codings only: GSM where every character is in it, else UCS-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.sms.gsm import decode_gsm, encode_gsm

ALPHABETS: Final = ("gsm", "latin-1", "ascii", "utf-8", "ucs-2")
"""What data_coding 0 may mean on a carrier."""


class Encoding(IntEnum):
    """What we send; the value is the data_coding octet."""

    GSM = 0
    UCS2 = 8


@dataclass(frozen=True, slots=True)
class Encoded:
    """A whole text, ready to be cut. For GSM one septet per octet; for UCS2 big-endian 16 bit units."""

    encoding: Encoding
    octets: bytes


# SMPP 3.4 section 5.2.19. 0 is the SMSC's own alphabet; 2 and 4 are "octet unspecified", which in practice is Latin-1.
_DECLARED: Final = {
    1: "ascii",
    2: "latin-1",
    3: "latin-1",
    4: "latin-1",
    5: "shift_jis",
    6: "iso8859_5",
    7: "iso8859_8",
    8: "ucs-2",
    10: "iso2022_jp",
    14: "euc_kr",
}
# Bits 3 and 2 of the general data coding groups; the fourth value is reserved (23.038 section 4).
_GENERAL: Final = ("gsm", "latin-1", "ucs-2", "latin-1")


def alphabet_of(data_coding: int, default: str) -> str:
    """Return the alphabet that ``data_coding`` (one octet) declares; ``default`` is what 0 means on this carrier.

    0x10 to 0x7F and 0xC0 to 0xFF are read as GSM's data coding scheme; reserved values are Latin-1: it loses nothing.
    """
    if data_coding == 0:
        return default
    if data_coding < 0x10:
        return _DECLARED.get(data_coding, "latin-1")
    group = data_coding >> 4
    if group < 0x8:
        return "latin-1" if data_coding & 0xA0 == 0x20 else _GENERAL[data_coding >> 2 & 3]  # 0x20: compressed
    if group == 0xE:
        return "ucs-2"
    if group == 0xF:
        return "latin-1" if data_coding & 4 else "gsm"
    return "gsm" if group >= 0xC else "latin-1"


def decode_text(raw: bytes, data_coding: int, alphabet: str = "gsm") -> str:
    """Return the text of ``raw`` (user data without its header). Never raises, and every octet leaves a trace.

    ``alphabet`` is what data_coding 0 means on this carrier, one of ``ALPHABETS``.
    """
    declared = alphabet_of(data_coding, alphabet)
    if declared == "gsm":
        return decode_gsm(raw) if raw.isascii() else _guess(raw)
    if declared == "ucs-2":
        return decode_ucs2(raw)
    try:
        return raw.decode(declared)
    except UnicodeDecodeError:
        return _guess(raw)


def _guess(raw: bytes) -> str:
    """Read octets that cannot be what they were declared: UTF-8 is hardly ever valid by accident, Latin-1 always is."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def decode_ucs2(raw: bytes) -> str:
    """Return the text of UTF-16 octets, big-endian unless a byte order mark says otherwise. Never raises.

    Lone surrogates become U+FFFD, and so does a last odd octet, unless it is NUL: that is some system's end of string.
    """
    if len(raw) % 2 and raw[-1] == 0:
        raw = raw[:-1]
    if raw[:2] == b"\xff\xfe":
        return raw[2:].decode("utf-16-le", "replace")
    return raw.removeprefix(b"\xfe\xff").decode("utf-16-be", "replace")


def encode_ucs2(text: str) -> bytes:
    """Return ``text`` in big-endian UTF-16. Lone surrogates (which JSON can spell) become U+FFFD."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace").encode("utf-16-be")


def encode(text: str) -> Encoded:
    """Return ``text`` in the cheaper coding that can hold all of it: GSM, else UCS-2."""
    octets = encode_gsm(text)
    if octets is None:
        return Encoded(Encoding.UCS2, encode_ucs2(text))
    return Encoded(Encoding.GSM, octets)


def choose(text: str) -> Encoding:
    """Return the coding that ``encode`` takes for ``text``."""
    return encode(text).encoding
