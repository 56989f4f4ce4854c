"""The reading end of a connection: octets to PDUs, and how long an unfinished PDU has been on its way.

Between ``framing`` and ``codec`` on one side and the session on the other, so that the session sees PDUs, frames and
faults only. It answers nothing and knows no state.
"""

from __future__ import annotations

from gateway.smpp.codec import decode
from gateway.smpp.errors import BadBody, LostFraming
from gateway.smpp.framing import Framer
from gateway.smpp.pdu import Frame


class Reader:
    """What has been read of one connection. ``max_length`` in octets."""

    def __init__(self, max_length: int) -> None:
        self._framer = Framer(max_length)
        self._partial_since: float | None = None

    @property
    def lost(self) -> LostFraming | None:
        """Why nothing more can be read; None while all is well."""
        return self._framer.lost

    @property
    def partial_since(self) -> float | None:
        """When the PDU that is not whole yet began; None if there is none."""
        return self._partial_since

    def feed(self, data: bytes, now: float) -> list[bytes]:
        """Take what was read at ``now`` and return the PDUs that are whole, in order. Ask ``lost`` afterwards."""
        try:
            pdus = self._framer.feed(data)
        except LostFraming:
            return []
        if not self._framer.holding:
            self._partial_since = None
        elif pdus or self._partial_since is None:
            self._partial_since = now
        return pdus


def read(raw: bytes) -> Frame | BadBody:
    """Return what one PDU of ``Reader.feed`` holds: a frame, or why its body cannot be read."""
    try:
        return decode(raw)
    except BadBody as bad:
        return bad
