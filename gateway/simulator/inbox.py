"""From submits to texts: what the subscriber's handset would show.

Owns joining the parts of long texts, by line, subscriber and reference. Pure but for the parts that wait; of those it
keeps a bounded number, since a sender that never sends the last part must not fill a carrier's memory.
"""

from __future__ import annotations

from typing import Final

from gateway.simulator.happenings import Arrived, Submitted
from gateway.smpp.constants import Tag
from gateway.smpp.pdu import SubmitSm, tlv
from gateway.sms import Concat, Part, concat_of, join, sar_concat, split_udh

UDHI: Final = 0x40
"""The bit of esm_class that announces a user data header (SMPP 3.4 section 5.2.12)."""
_MOST_WAITING: Final = 10_000

_Key = tuple[str, str, int, int]


class Inbox:
    """The handsets of all subscribers together."""

    def __init__(self) -> None:
        self._waiting: dict[_Key, list[tuple[Part, Submitted]]] = {}

    def take(self, submitted: Submitted) -> Arrived | None:
        """Return the text that ``submitted`` completes; None while parts are missing."""
        concat, body = _read(submitted.pdu)
        part = Part(concat.number, concat.total, body, submitted.pdu.data_coding)
        key = (submitted.line, submitted.subscriber, concat.reference, concat.total)
        parts = self._waiting.pop(key, [])
        parts.append((part, submitted))
        joined = join([one for one, _ in parts])
        if joined is None:
            while len(self._waiting) >= _MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            self._waiting[key] = parts
            return None
        ids = tuple(one.message_id for _, one in sorted(parts, key=lambda item: item[0].number))
        return Arrived(submitted.line, submitted.subscriber, joined.text, submitted.at, concat.total, ids)


def _read(pdu: SubmitSm) -> tuple[Concat, bytes]:
    """Return which part of which text this is (a text of one part: 1 of 1), and its octets without the header."""
    octets = pdu.short_message or tlv(pdu, Tag.MESSAGE_PAYLOAD) or b""
    udh, body = split_udh(octets) if pdu.esm_class & UDHI else (b"", octets)
    return concat_of(udh) or _sar(pdu) or Concat(-1, 1, 1), body


def _sar(pdu: SubmitSm) -> Concat | None:
    """Return the part that the SAR parameters announce, if all three are there (section 5.3.2.22 on)."""
    tags = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
    reference, total, number = (int.from_bytes(tlv(pdu, tag) or b"", "big") for tag in tags)
    return sar_concat(reference, total, number)
