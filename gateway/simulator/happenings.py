"""What a simulated carrier sees, as values: binds that come and go, submits, and texts that have arrived whole.

Watchers get these in the order in which they happened. The carrier makes them; prompt and script show them. A message
that came as data_sm is told as the submit_sm that it could have been: nobody behind the wire minds which it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.smpp.constants import CommandId, Ton
from gateway.smpp.pdu import DataSm, SubmitSm

_SHORTEST_INTERNATIONAL: Final = 11
"""Digits from which on a number of unknown type is taken for one with its country code."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """One message as it came, with our answer: ``status`` and, if it was taken, ``message_id``.

    ``command_id`` is what it came as, submit_sm or data_sm; ``at`` in unix seconds. A status other than 0 means that it
    went no further.
    """

    bind: str
    sequence: int
    pdu: SubmitSm
    message_id: str
    status: int
    at: float
    command_id: int = CommandId.SUBMIT_SM

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


def as_submit(pdu: SubmitSm | DataSm) -> SubmitSm:
    """Return the submit_sm that says what ``pdu`` says; its text stays in message_payload (SMPP 3.4 section 4.7.1)."""
    if isinstance(pdu, SubmitSm):
        return pdu
    return SubmitSm(
        service_type=pdu.service_type,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        source_addr=pdu.source_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        destination_addr=pdu.destination_addr,
        esm_class=pdu.esm_class,
        registered_delivery=pdu.registered_delivery,
        data_coding=pdu.data_coding,
        tlvs=pdu.tlvs,
    )


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


@dataclass(frozen=True, slots=True)
class TlsFailed:
    """A connection ended before it was agreed how to speak TLS; ``reason`` is as OpenSSL says it."""

    bind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to octets that were sent raw, or to nothing: ``command_id`` with its ``sequence`` and ``status``."""

    bind: str
    command_id: int
    sequence: int
    status: int


Happening = Submitted | Arrived | BindUp | BindDown | BindRefused | TlsFailed | Answered
