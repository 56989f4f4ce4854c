"""Cutting a text into what single short messages carry (3GPP TS 23.040 section 9.2.3.24.1, 23.038 section 6.2.1).

A short message has 140 octets of user data: 160 packed septets or 70 UCS-2 units. With a concatenation header of six
octets, 153 septets or 67 units are left. A cut never falls inside an escape pair or a surrogate pair, so a part may be
one short of full; hence the number of parts is found by cutting, not by dividing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.base import GatewayError
from gateway.sms.coding import Encoding, encode
from gateway.sms.gsm import ESCAPE
from gateway.sms.udh import build_concat8

MOST_SEGMENTS: Final = 255
# In octets as SMPP carries them: a septet takes one, a UCS-2 unit two.
_WHOLE: Final = {Encoding.GSM: 160, Encoding.UCS2: 140}
_PART: Final = {Encoding.GSM: 153, Encoding.UCS2: 134}


class TooManySegmentsError(GatewayError):
    """A text that takes more than the 255 parts that a concatenation header can count."""

    exit_code = 65  # EX_DATAERR


@dataclass(frozen=True, slots=True)
class Segment:
    """What one submit_sm carries: header (empty in a text of one segment), encoded text, and its data_coding."""

    udh: bytes
    body: bytes
    data_coding: int


def segment(text: str, reference: int) -> tuple[Segment, ...]:
    """Cut ``text`` into segments, in order; one without a header if it fits, an empty text included.

    ``reference`` joins the parts at the handset; its low octet is used. Raises TooManySegmentsError above 255 parts.
    """
    encoded = encode(text)
    if len(encoded.octets) <= _WHOLE[encoded.encoding]:
        return (Segment(b"", encoded.octets, encoded.encoding),)
    bodies = tuple(_cut(encoded.octets, encoded.encoding))
    total = len(bodies)
    if total > MOST_SEGMENTS:
        raise TooManySegmentsError(
            f"a text of {len(text)} characters takes {total} segments; a long text has {MOST_SEGMENTS} at most"
        )
    return tuple(
        Segment(build_concat8(reference & 0xFF, total, number), body, encoded.encoding)
        for number, body in enumerate(bodies, 1)
    )


def count_segments(text: str) -> int:
    """Return how many segments ``text`` takes; a number above 255 means that it cannot be sent."""
    encoded = encode(text)
    if len(encoded.octets) <= _WHOLE[encoded.encoding]:
        return 1
    return sum(1 for _ in _cut(encoded.octets, encoded.encoding))


def _cut(octets: bytes, encoding: Encoding) -> Iterator[bytes]:
    """Yield ``octets`` in parts as full as may be without a pair cut in two."""
    size, at = _PART[encoding], 0
    while at < len(octets):
        end = at + size
        if end < len(octets):
            if encoding is Encoding.GSM and octets[end - 1] == ESCAPE:
                end -= 1
            elif encoding is Encoding.UCS2 and 0xD8 <= octets[end - 2] <= 0xDB:
                end -= 2
        yield octets[at:end]
        at = end
