"""How a text is cut for a carrier, and what holds the cut of a message once a part of it may have gone out.

Pure. Carriers differ in how they take long texts, and a handset joins only segments that were cut and numbered alike.
So a message is cut for the carrier that it goes to, anew at each claim, as long as nothing of it was written. Once a
segment was accepted, or was written and nobody knows, every later permit of the message keeps that cut and that style,
on whichever carrier it goes (docs/decisions/0012). It also keeps the account right: the segments that were accepted
are counted by number, which is only true within one cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.messages import Mt
from gateway.model.permit import Fate, SegmentStyle
from gateway.model.refusal import Reason, Refusal
from gateway.sms.coding import encode
from gateway.sms.segments import HEADER_8, HEADER_16, MOST_SEGMENTS, count_segments, split
from gateway.store.hot_messages import PermitRow

Styles = Mapping[str, SegmentStyle]
"""How each carrier, by name, gets long texts. One that is not named gets them in the usual style, UDH8."""

_HEADERS: Final = {SegmentStyle.UDH8: HEADER_8, SegmentStyle.SAR: HEADER_8, SegmentStyle.UDH16: HEADER_16}
"""Octets of user data that each segment loses. With SAR the SMSC makes the header, and most make one of 8 bits."""

_BEGUN: Final = frozenset({Fate.ACCEPTED, Fate.UNCERTAIN})
_SURELY_SHORT: Final = 35
"""Characters that fit into one short message whatever they are: each takes two UCS-2 units at most."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The bodies of a text's segments, in order, their data_coding (0 GSM, 8 UCS-2), and how they are numbered."""

    style: SegmentStyle
    data_coding: int
    bodies: tuple[bytes, ...]


def cut(text: str, style: SegmentStyle) -> Cut:
    """Return ``text`` cut in ``style``, into as many segments as it takes: ``too_long`` says whether that may be."""
    if style is SegmentStyle.PAYLOAD:
        encoded = encode(text)
        return Cut(style, encoded.encoding, (encoded.octets,))
    return Cut(style, *split(text, _HEADERS[style]))


def count(text: str, style: SegmentStyle) -> int:
    """Return how many short messages the handset gets. The SMSC cuts a message_payload as SAR and UDH8 are cut."""
    return count_segments(text, _HEADERS.get(style, HEADER_8))


def has_a_cut(mt: Mt) -> bool:
    """Say whether permits may have been minted for several segments of this message, or for a text that may be cut."""
    if not mt.attempts:
        return False
    return mt.segments > 1 or (len(mt.text) > _SURELY_SHORT and count(mt.text, SegmentStyle.UDH8) > 1)


def bound_style(mt: Mt, permits: Iterable[PermitRow], styles: Styles, present: SegmentStyle) -> SegmentStyle | None:
    """Return the style that the message must keep; None where nothing of it may have gone out.

    It is that of the carrier on which the message was begun. If that carrier is gone or has changed, it is the first
    that cuts the text into as many segments as were minted, the ``present`` carrier's style before others.
    """
    begun = [permit for permit in permits if permit.fate in _BEGUN]
    if not begun:
        return None
    before = styles.get(begun[-1].bind.partition("/")[0])  # a bind is named after its carrier: acme/0
    fitting = [style for style in SegmentStyle if len(_bodies(mt.text, style)) == mt.segments]
    return next((style for style in (before, present, *fitting) if style in fitting), present)


def _bodies(text: str, style: SegmentStyle) -> tuple[bytes, ...]:
    return (b"",) if style is SegmentStyle.PAYLOAD else split(text, _HEADERS[style])[1]


def too_long(text: str, made: Cut, most: int) -> Refusal | None:
    """Return why a text may not go as ``made``: the handset would get more than ``most`` short messages, or 255."""
    takes = len(made.bodies)
    if made.style is SegmentStyle.PAYLOAD and len(text) > _SURELY_SHORT:
        takes = count(text, made.style)
    limit = min(most, MOST_SEGMENTS)
    if takes <= limit:
        return None
    return Refusal(Reason.TOO_LONG, f"The text takes {takes} segments on this carrier; the limit is {limit}.")
