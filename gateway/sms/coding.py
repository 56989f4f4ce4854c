"""From data_coding to text and from text to data_coding (SMPP 3.4 section 5.2.19, 3GPP TS 23.038 section 4).

Owns the table of what each data_coding value means. Must never raise on received octets and never drop them: whatever
a carrier declares, every octet ends up as some character, because the text may be a STOP. Where the octets themselves
prove the declared alphabet wrong, the likeliest other one is taken; where they merely could be another one, the text
stays as declared, and ``gateway.sms.doubt`` offers the other reading. The raw octets are kept elsewhere as evidence.

How octets are read depends on data_coding, on what the carrier means by 0, and on the user data header (national
tables, fill bits). The last two are one string, so that a part can wait in the store and be read later: ``reading``.

Sending knows two codings only: GSM where every character is in it, else UCS-2. How GSM is spelled for a carrier of
another alphabet is ``gateway.sms.spelling``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import Final

from gateway.base.value import value
from gateway.sms.gsm import decode_gsm, encode_gsm, fill_bits, unpack
from gateway.sms.national import LOCKING_SHIFT, SINGLE_SHIFT, decode_national
from gateway.sms.udh import elements
from gateway.sms.utf16 import decode_ucs2, encode_ucs2, utf16_in_disguise

PACKED: Final = "gsm-packed"
"""GSM with eight septets in seven octets, as on the air interface: what a few carriers hand on."""

ALPHABETS: Final = ("gsm", PACKED, "latin-1", "ascii", "utf-8", "ucs-2")
"""What data_coding 0 may mean on a carrier. With "gsm-packed", every coding that means GSM is packed."""


class Encoding(IntEnum):
    """What we send; the value is the data_coding octet."""

    GSM = 0
    UCS2 = 8


@value
class Encoded:
    """A whole text, ready to be cut. For GSM one septet per octet; for UCS2 big-endian 16 bit units."""

    encoding: Encoding
    octets: bytes


@dataclass(frozen=True, slots=True)
class Charset:
    """What octets are: an alphabet, the national languages of both shifts (0: none), and the fill bits of packed ones.

    Parts of equal ``joint`` form may be put together before they are decoded.
    """

    alphabet: str
    locking: int = 0
    single: int = 0
    fill: int = 0

    @property
    def joint(self) -> Charset:
        """The same without the fill bits, which each part has its own."""
        return replace(self, fill=0)

    def plain(self, raw: bytes) -> bytes:
        """Return ``raw`` with septets one per octet; of any other alphabet, as it is."""
        return unpack(raw, self.fill) if self.alphabet == PACKED else raw

    def decode(self, plain: bytes) -> str:
        """Return the text of octets that ``plain`` gave. Never raises."""
        if self.alphabet == "ucs-2":
            return decode_ucs2(plain)
        if self.alphabet == PACKED:
            return self._septets(plain)
        if (wide := utf16_in_disguise(plain)) is not None:
            return wide
        if self.alphabet == "gsm":
            return self._septets(plain) if plain.isascii() else guess(plain)
        try:
            return plain.decode(self.alphabet)
        except UnicodeDecodeError:
            return guess(plain)

    def _septets(self, plain: bytes) -> str:
        if self.locking or self.single:
            return decode_national(plain, self.locking, self.single)
        return decode_gsm(plain)


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


def reading(alphabet: str, udh: bytes) -> str:
    """Return ``alphabet`` (what data_coding 0 means) together with what the header ``udh`` says of reading the text.

    It is the ``alphabet`` that ``decode_text`` takes: "gsm", or with national tables "gsm locking=1 single=1", or
    "gsm-packed fill=1". Of several elements of a kind the last counts (23.040 section 9.2.3.24).
    """
    said = {
        element.identifier: element.data[0]
        for element in elements(udh)
        if element.identifier in (LOCKING_SHIFT, SINGLE_SHIFT) and len(element.data) == 1
    }
    found = {
        "locking": said.get(LOCKING_SHIFT, 0),
        "single": said.get(SINGLE_SHIFT, 0),
        "fill": fill_bits(len(udh)) if alphabet == PACKED else 0,
    }
    return " ".join([alphabet, *(f"{name}={value}" for name, value in found.items() if value)])


@lru_cache(maxsize=1024)
def charset_of(data_coding: int, alphabet: str = "gsm") -> Charset:
    """Return what ``data_coding`` (one octet) means where ``alphabet`` is what ``reading`` gave."""
    default, *words = alphabet.split(" ")
    changes = {name: int(value) for name, _, value in (word.partition("=") for word in words)}
    declared = alphabet_of(data_coding, default)
    if declared == "gsm" and default == PACKED:
        declared = PACKED
    return Charset(declared, changes.get("locking", 0), changes.get("single", 0), changes.get("fill", 0))


def decode_text(raw: bytes, data_coding: int, alphabet: str = "gsm") -> str:
    """Return the text of ``raw`` (user data without its header). Never raises, and every octet leaves a trace.

    ``alphabet`` is what data_coding 0 means on this carrier, one of ``ALPHABETS``, or what ``reading`` made of it.
    """
    charset = charset_of(data_coding, alphabet)
    return charset.decode(charset.plain(raw))


def guess(raw: bytes) -> str:
    """Read octets that cannot be what they were declared: UTF-8 is hardly ever valid by accident, Latin-1 always is."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def encode(text: str) -> Encoded:
    """Return ``text`` in the cheaper coding that can hold all of it: GSM, else UCS-2."""
    octets = encode_gsm(text)
    if octets is None:
        return Encoded(Encoding.UCS2, encode_ucs2(text))
    return Encoded(Encoding.GSM, octets)


def choose(text: str) -> Encoding:
    """Return the coding that ``encode`` takes for ``text``."""
    return encode(text).encoding
