"""What a simulated carrier sees, as values: binds that come and go, submits, and texts that have arrived whole.

Watchers get these in the order in which they happened. The carrier makes them; prompt and script show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.smpp.constants import Ton
from gateway.smpp.pdu import SubmitSm

_SHORTEST_INTERNATIONAL: Final = 11
"""Digits from which on a number of unknown type is taken for one with its country code."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """One submit_sm as it came, with our answer: ``status`` and, if it was taken, ``message_id``.

    ``at`` in unix seconds. A status other than 0 means that it went no further.
    """

    bind: str
    sequence: int
    pdu: SubmitSm
    message_id: str
    status: int
    at: float

    @property
    def line(self) -> str:
        """Who sends: the source address, digits without a plus sign."""
        return self.pdu.source_addr.removeprefix("+")

    @property
    def subscriber(self) -> str:
        """Who shall get it, as on a telephone: with a plus sign where it is, or must be, an international number."""
        address = self.pdu.destination_addr.removeprefix("+")
        international = self.pdu.dest_addr_ton == Ton.INTERNATIONAL or len(address) >= _SHORTEST_INTERNATIONAL
        return f"+{address}" if international and address.isdigit() else address


@dataclass(frozen=True, slots=True)
class Arrived:
    """A text as a handset shows it, its parts joined. ``time`` (unix seconds) is that of the last part."""

    line: str
    subscriber: str
    text: str
    time: float
    segments: int
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BindUp:
    """A bind was accepted. ``mode`` is "transceiver", "receiver" or "transmitter"."""

    bind: str
    system_id: str
    mode: str


@dataclass(frozen=True, slots=True)
class BindDown:
    """A connection that was bound has ended."""

    bind: str
    reason: str


@dataclass(frozen=True, slots=True)
class BindRefused:
    """A bind was refused with ``status``."""

    bind: str
    system_id: str
    status: int


Happening = Submitted | Arrived | BindUp | BindDown | BindRefused
