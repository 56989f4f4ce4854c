"""How what we send is spelled where data_coding 0 is not GSM 03.38, and which texts can be spelled there.

On the air a text is GSM or UCS-2, whatever the carrier is told it in: the carrier's alphabet is a way of writing GSM
between it and us. So texts are measured and cut in septets and units for every carrier, and only the octets of a
segment differ. Two things follow. A text that GSM can hold but the alphabet cannot ("€" in Latin-1) goes as UCS-2: that
is decided over the whole text, before it is cut (``encode_for``). And a segment is spelled by itself, as it is written
(``spell``): no cut falls into an escape pair, so septets of a segment always are whole characters.

Writing is strict. Nothing is substituted, and what cannot be spelled is None, never a question mark.
"""

from __future__ import annotations

from typing import Final

from gateway.sms.coding import PACKED, Encoded, Encoding, encode
from gateway.sms.gsm import decode_gsm, fill_bits, pack
from gateway.sms.utf16 import encode_ucs2

_USER_DATA: Final = 140
_GSM_IS_WHOLE: Final = frozenset({"gsm", PACKED, "utf-8"})
"""Alphabets that have every character of GSM."""


def can_say(text: str, alphabet: str) -> bool:
    """Say whether a carrier that reads data_coding 0 as ``alphabet`` can be told ``text``, if GSM can hold it.

    In "ucs-2" nothing can be said: a carrier that is told UCS-2 sends UCS-2, which is no way of writing GSM.
    """
    if alphabet in _GSM_IS_WHOLE:
        return True
    if alphabet == "ucs-2":
        return False
    try:
        text.encode(alphabet)
    except UnicodeEncodeError:
        return False
    return True


def encode_for(text: str, alphabet: str) -> Encoded:
    """Return ``text`` as ``encode`` does, but as UCS-2 where ``alphabet`` cannot say it."""
    if alphabet == "gsm" or can_say(text, alphabet):
        return encode(text)
    return Encoded(Encoding.UCS2, encode_ucs2(text))


def spell(septets: bytes, alphabet: str, header: int = 0) -> bytes | None:
    """Return the octets of one segment's ``septets`` (one per octet) in ``alphabet``; None if it cannot say them.

    ``header`` is how many octets of user data header are before them, its length octet included: packed septets begin
    at a septet boundary behind it (23.040 section 9.2.3.24), after fill bits.
    """
    if alphabet == "gsm":
        return septets
    if alphabet == PACKED:
        packed = pack(septets, fill_bits(header))
        # Where a carriage return is the last septet that fits, there is no room for padding behind it.
        return packed if len(septets) != (_USER_DATA - header) * 8 // 7 else packed[: _USER_DATA - header]
    text = decode_gsm(septets)
    return text.encode(alphabet) if can_say(text, alphabet) else None
