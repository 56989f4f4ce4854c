"""Cuts a stream into whole PDUs by their command_length (SMPP 3.4 section 3.2), and notices when that is absurd.

It never looks into a body and never tries to find the next PDU after a bad length: whatever follows would be guesswork,
and a body taken for a header is worse than a new connection. Memory is bounded by ``max_length`` and one read.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from gateway.smpp.constants import HEADER_LENGTH, Status
from gateway.smpp.errors import LostFraming

_LENGTH: Final = Struct(">I")
MAX_PDU: Final = 70_000
"""Octets of the longest PDU that is read. A message_payload may have 65,535 (section 5.3.2.32), and the mandatory
fields with their longest values under 500; nothing lawful is longer, and nobody can make us buffer more."""


class Framer:
    """The reading end of one connection. ``lost`` is set once framing is lost; it stays so."""

    def __init__(self, max_length: int = MAX_PDU) -> None:
        self._max_length = max_length
        self._held = bytearray()
        self._needed = 4
        self.lost: LostFraming | None = None

    @property
    def holding(self) -> int:
        """Octets held of a PDU that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read and return the PDUs that are whole now, in order.

        A bad length behind good PDUs sets ``lost``, and the good ones are returned; the next call, or this one where
        there are none, raises LostFraming. Ask ``lost`` after each call, or call until it raises.
        """
        if self.lost is not None:
            raise self.lost
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return []
            data = bytes(self._held)
            self._held.clear()
        pdus: list[bytes] = []
        at, size, least, most, unpack = 0, len(data), HEADER_LENGTH, self._max_length, _LENGTH.unpack_from
        last = size - 4  # where the last length can stand
        self._needed = 4
        while at <= last:
            (length,) = unpack(data, at)
            if length > most or length < least:
                self.lost = self._complaint(length)
                if pdus:
                    return pdus
                raise self.lost
            end = at + length
            if end > size:
                self._needed = length
                break
            pdus.append(data[at:end])
            at = end
        if at < size:
            self._held += data[at:]
        return pdus

    def _complaint(self, length: int) -> LostFraming:
        reason = f"command_length is {length}; it must be {HEADER_LENGTH} to {self._max_length}"
        return LostFraming(Status.ESME_RINVCMDLEN, reason)
