"""What one session keeps to: how much may be under way, and how long each thing may take."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.smpp.framing import MAX_PDU


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The limits of one session. ``window`` in requests, times in seconds, ``max_pdu`` in octets."""

    window: int = 100
    enquire_link_s: float = 30.0
    response_timeout_s: float = 10.0
    bind_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    max_pdu: int = MAX_PDU
