"""PDUs as a capture file that Wireshark and tshark open, and dissect as SMPP without being told.

Owns the pcapng format as far as it is needed here (sections 4.1 to 4.4 of the IETF draft), and the TCP connection that
each session is given: made up, since what is traced are PDUs and not packets, but with a handshake, sequence numbers
and checksums that hold. The carrier's end is always port 2775, whatever port it really has: by that the dissector knows
SMPP. Addresses are of the ranges kept for documentation (RFC 5737), and a comment on each packet names bind and
session. Octets in, octets out; no file is touched here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

PORT: Final = 2775
SEGMENT_OCTETS: Final = 32_000
"""A longer PDU goes in several packets: an IP packet ends at 65,535 octets."""

_LINKTYPE_RAW: Final = 101  # each packet begins with its IP header
_SECTION: Final = 0x0A0D0D0A
_BYTE_ORDER: Final = 0x1A2B3C4D
_OPT_COMMENT: Final = 1
_EPB_FLAGS: Final = 2
_OUR_ADDRESS: Final = int(IPv4Address("192.0.2.1"))
_FIRST_CARRIER: Final = int(IPv4Address("198.51.100.1"))
_FIRST_PORT: Final = 49_152
_SYN: Final = 0x02
_ACK: Final = 0x10
_PUSH: Final = 0x08


@dataclass
class _Connection:
    """The TCP connection of one session: its address and port, and the next sequence number of each side."""

    address: int
    port: int
    ours: int = 1
    theirs: int = 1


@dataclass
class Capture:
    """A capture that grows: write ``head()`` first, then what each ``packets`` gives. Knows each session for ever."""

    _binds: dict[str, int] = field(default_factory=dict)
    _sessions: dict[tuple[str, str], _Connection] = field(default_factory=dict)

    def head(self) -> bytes:
        """Return what a capture begins with."""
        section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)
        interface = struct.pack("<HHI", _LINKTYPE_RAW, 0, 0)  # no limit on a packet; times in microseconds
        return _block(_SECTION, section) + _block(1, interface)

    def packets(self, at: float, bind: str, session: str, incoming: bool, octets: bytes) -> bytes:
        """Return the packets that carry ``octets``, one PDU as a rule. ``at`` in unix seconds."""
        out = b""
        connection = self._sessions.get((bind, session))
        if connection is None:
            address = _FIRST_CARRIER + self._binds.setdefault(bind, len(self._binds))
            connection = _Connection(address, _FIRST_PORT + len(self._sessions) % (65_536 - _FIRST_PORT))
            self._sessions[(bind, session)] = connection
            out = _handshake(at, connection, f"{bind}, session {session}")
        for begin in range(0, len(octets), SEGMENT_OCTETS):
            piece = octets[begin : begin + SEGMENT_OCTETS]
            out += _packet(at, connection, incoming, _ACK | _PUSH, piece, f"{bind}, session {session}")
            if incoming:
                connection.theirs = connection.theirs + len(piece) & 0xFFFFFFFF
            else:
                connection.ours = connection.ours + len(piece) & 0xFFFFFFFF
        return out


def _handshake(at: float, connection: _Connection, comment: str) -> bytes:
    before = _Connection(connection.address, connection.port, 0, 0)
    out = _packet(at, before, False, _SYN, b"", comment)
    before.ours = 1
    out += _packet(at, before, True, _SYN | _ACK, b"", comment)
    return out + _packet(at, connection, False, _ACK, b"", comment)


def _packet(at: float, connection: _Connection, incoming: bool, flags: int, payload: bytes, comment: str) -> bytes:
    """Return one packet as a block of the file."""
    here, there = (_OUR_ADDRESS, connection.port), (connection.address, PORT)
    numbers = connection.ours, connection.theirs
    if incoming:
        here, there, numbers = there, here, (numbers[1], numbers[0])
    acknowledged = numbers[1] if flags & _ACK else 0
    tcp = struct.pack(">HHIIBBHHH", here[1], there[1], numbers[0], acknowledged, 5 << 4, flags, 65_535, 0, 0)
    pseudo = struct.pack(">IIBBH", here[0], there[0], 0, 6, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo + tcp + payload)) + tcp[18:]
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(tcp) + len(payload), 0, 0x4000, 64, 6, 0, here[0], there[0])
    head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
    data = head + tcp + payload
    moment = int(at * 1_000_000)
    body = struct.pack("<IIIII", 0, moment >> 32, moment & 0xFFFFFFFF, len(data), len(data)) + _padded(data)
    options = _option(_OPT_COMMENT, comment.encode()) + _option(_EPB_FLAGS, struct.pack("<I", 1 if incoming else 2))
    return _block(6, body + options + struct.pack("<HH", 0, 0))


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    # The sum of 16 bit words in ones' complement is the whole number modulo 0xFFFF.
    return -int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xFFFF
