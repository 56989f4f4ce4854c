"""Cutting a text into what single short messages carry (3GPP TS 23.040 section 9.2.3.24.1, 23.038 section 6.2.1).

A short message has 140 octets of user data: 160 packed septets or 70 UCS-2 units. A concatenation header takes six of
them, or seven with a reference of 16 bits; 153 or 152 septets are left, 67 or 66 units. A cut never falls inside an
escape pair or a surrogate pair, so a part may be one short of full; hence the number of parts is found by cutting, not
by dividing. How a part says where it belongs is not decided here: ``split`` returns bodies, ``segment`` adds the usual
header.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.base import GatewayError
from gateway.sms.coding import Encoding
from gateway.sms.gsm import ESCAPE
from gateway.sms.spelling import encode_for
from gateway.sms.udh import build_concat8

MOST_SEGMENTS: Final = 255

HEADER_8: Final = 6
"""Octets of a header with the 8 bit concatenation element alone."""

HEADER_16: Final = 7
"""Octets of a header with the 16 bit concatenation element alone."""

_USER_DATA: Final = 140
_OFTEN: Final = 320
"""Characters of a text that may be a reply: the same one goes out again and again."""

# In octets as SMPP carries them: a septet takes one, a UCS-2 unit two.
_WHOLE: Final = {Encoding.GSM: _USER_DATA * 8 // 7, Encoding.UCS2: _USER_DATA}


class TooManySegmentsError(GatewayError):
    """A text that takes more than the 255 parts that a concatenation header can count."""

    exit_code = 65  # EX_DATAERR


@dataclass(frozen=True, slots=True)
class Segment:
    """What one submit_sm carries: header (empty in a text of one segment), encoded text, and its data_coding."""

    udh: bytes
    body: bytes
    data_coding: int


def split(text: str, header: int = HEADER_8, alphabet: str = "gsm") -> tuple[Encoding, tuple[bytes, ...]]:
    """Return the coding of ``text`` and its octets in as few bodies as may be; one if it fits, an empty text included.

    ``header`` is how many octets of each of several bodies' user data are taken by a concatenation header. ``alphabet``
    is what the carrier reads GSM as: see ``gateway.sms.spelling``. Bodies in GSM are septets whatever it is.
    """
    return _remembered(text, header, alphabet) if len(text) <= _OFTEN else _split(text, header, alphabet)


def _split(text: str, header: int, alphabet: str) -> tuple[Encoding, tuple[bytes, ...]]:
    encoded = encode_for(text, alphabet)
    if len(encoded.octets) <= _WHOLE[encoded.encoding]:
        return encoded.encoding, (encoded.octets,)
    return encoded.encoding, tuple(_cut(encoded.octets, encoded.encoding, header))


_remembered = lru_cache(maxsize=1024)(_split)


def segment(text: str, reference: int) -> tuple[Segment, ...]:
    """Cut ``text`` into segments, in order; one without a header if it fits, an empty text included.

    ``reference`` joins the parts at the handset; its low octet is used. Raises TooManySegmentsError above 255 parts.
    """
    encoding, bodies = split(text)
    total = len(bodies)
    if total == 1:
        return (Segment(b"", bodies[0], encoding),)
    if total > MOST_SEGMENTS:
        raise TooManySegmentsError(
            f"a text of {len(text)} characters takes {total} segments; a long text has {MOST_SEGMENTS} at most"
        )
    return tuple(
        Segment(build_concat8(reference & 0xFF, total, number), body, encoding) for number, body in enumerate(bodies, 1)
    )


def count_segments(text: str, header: int = HEADER_8, alphabet: str = "gsm") -> int:
    """Return how many segments ``text`` takes; a number above 255 means that it cannot be sent.

    ``header`` and ``alphabet`` as for ``split``.
    """
    _, bodies = (_remembered if len(text) <= _OFTEN else _split)(text, header, alphabet)
    return len(bodies)


def _cut(octets: bytes, encoding: Encoding, header: int) -> Iterator[bytes]:
    """Yield ``octets`` in parts as full as may be without a pair cut in two."""
    left = _USER_DATA - header
    size, at = (left * 8 // 7 if encoding is Encoding.GSM else left & ~1), 0
    while at < len(octets):
        end = at + size
        if end < len(octets):
            if encoding is Encoding.GSM and octets[end - 1] == ESCAPE:
                end -= 1
            elif encoding is Encoding.UCS2 and 0xD8 <= octets[end - 2] <= 0xDB:
                end -= 2
        yield octets[at:end]
        at = end
