"""How a text is cut for a carrier, and what holds the cut of a message once a part of it may have gone out.

Pure. Carriers differ in how they take long texts, and a handset joins only segments that were cut and numbered alike.
So a message is cut for the carrier that it goes to, anew at each claim, as long as nothing of it was written. Once a
segment was accepted, or was written and nobody knows, every later permit of the message keeps that cut and that style,
on whichever carrier it goes (docs/decisions/0012). It also keeps the account right: the segments that were accepted
are counted by number, which is only true within one cut.

A cut is in GSM septets or UCS-2, as the handset gets it. Which of the two depends on the carrier's alphabet too: what
cannot be said in it goes as UCS-2. The octets of GSM are the composer's (``gateway.sms.spelling``), so that carriers of
several alphabets finish each other's messages, as long as they can say what is left.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Final

from gateway.base.value import value
from gateway.model.messages import Mt
from gateway.model.permit import Fate, SegmentStyle, Writing
from gateway.model.refusal import Reason, Refusal
from gateway.sms.coding import Encoding
from gateway.sms.gsm import decode_gsm
from gateway.sms.segments import HEADER_8, HEADER_16, MOST_SEGMENTS, count_segments, split
from gateway.sms.spelling import can_say, encode_for
from gateway.sms.utf16 import encode_ucs2
from gateway.store.hot_permits import PermitRow

Writings = Mapping[str, Writing]
"""How each carrier, by name, gets texts. One that is not named gets them in the usual way, UDH8 and GSM."""

_HEADERS: Final = {SegmentStyle.UDH8: HEADER_8, SegmentStyle.SAR: HEADER_8, SegmentStyle.UDH16: HEADER_16}
"""Octets of user data that each segment loses. With SAR the SMSC makes the header, and most make one of 8 bits."""

_BEGUN: Final = frozenset({Fate.ACCEPTED, Fate.UNCERTAIN})
_SURELY_SHORT: Final = 35
"""Characters that fit into one short message whatever they are: each takes two UCS-2 units at most."""
_SHORT_OCTETS: Final = 140
_OFTEN: Final = 320
"""Characters of a text that may be a reply; a longer one is rarely sent twice."""


@value
class Cut:
    """The bodies of a text's segments, in order, their data_coding (0 GSM, 8 UCS-2), and how they are numbered."""

    style: SegmentStyle
    data_coding: int
    bodies: tuple[bytes, ...]


def cut(text: str, writing: Writing) -> Cut:
    """Return ``text`` cut as ``writing`` says, into as many segments as it takes: ``too_long`` says if that may be."""
    style = writing.style
    if style is SegmentStyle.PAYLOAD:
        encoded = encode_for(text, writing.alphabet)
        return Cut(style, encoded.encoding, (encoded.octets,))
    return Cut(style, *split(text, _HEADERS[style], writing.alphabet))


def fitting(text: str, writing: Writing, most: int) -> Cut | Refusal:
    """Return the cut of a text, or why it may not go so (``too_long``). The same replies go out again and again."""
    if len(text) > _OFTEN:
        return _fitting(text, writing.style, writing.alphabet, most)
    return _remembered(text, writing.style, writing.alphabet, most)


def _fitting(text: str, style: SegmentStyle, alphabet: str, most: int) -> Cut | Refusal:
    made = cut(text, Writing(style, alphabet))
    return too_long(text, made, alphabet, most) or made


_remembered = lru_cache(maxsize=1024)(_fitting)


def count(text: str, writing: Writing) -> int:
    """Return how many short messages the handset gets. The SMSC cuts a message_payload as SAR and UDH8 are cut."""
    return count_segments(text, _HEADERS.get(writing.style, HEADER_8), writing.alphabet)


def has_a_cut(mt: Mt) -> bool:
    """Say whether permits may have been minted for several segments of this message, or for a text that may be cut."""
    if not mt.attempts:
        return False
    return mt.segments > 1 or (len(mt.text) > _SURELY_SHORT and len(encode_ucs2(mt.text)) > _SHORT_OCTETS)


def bound_cut(mt: Mt, permits: Iterable[PermitRow]) -> Cut | None:
    """Return the cut that the message must keep; None where nothing of it may have gone out."""
    first = next((permit for permit in permits if permit.fate in _BEGUN), None)
    if first is None:
        return None
    return cut(mt.text, Writing(first.style, "ucs-2" if first.data_coding == Encoding.UCS2 else "gsm"))


def finished(text: str, bound: Cut, alphabet: str, done: Container[int]) -> Cut | Refusal:
    """Return how a carrier of ``alphabet`` finishes what was begun in the cut ``bound``; ``done`` segments are over.

    A text of one segment may change its coding, since nothing is joined to it. One of several cannot: its septets would
    not fit as UCS-2, and a handset may not join codings. What the carrier cannot be told is then refused.
    """
    if bound.data_coding != Encoding.GSM:
        return bound
    left = b"".join(body for number, body in enumerate(bound.bodies, 1) if number not in done)
    if can_say(decode_gsm(left), alphabet):
        return bound
    anew = cut(text, Writing(bound.style, alphabet))
    if len(bound.bodies) == len(anew.bodies) == 1:
        return anew
    return Refusal(
        Reason.NOT_IN_ALPHABET,
        f"The text was begun as GSM on another carrier; this one cannot be told the rest of it in {alphabet}.",
    )


def too_long(text: str, made: Cut, alphabet: str, most: int) -> Refusal | None:
    """Return why a text may not go as ``made``: the handset would get more than ``most`` short messages, or 255."""
    takes = len(made.bodies)
    if made.style is SegmentStyle.PAYLOAD and len(text) > _SURELY_SHORT:
        takes = count(text, Writing(made.style, alphabet))
    limit = min(most, MOST_SEGMENTS)
    if takes <= limit:
        return None
    return Refusal(Reason.TOO_LONG, f"The text takes {takes} segments on this carrier; the limit is {limit}.")
