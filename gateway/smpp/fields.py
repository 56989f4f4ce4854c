"""How each kind of field is read from octets and written to them (SMPP 3.4 sections 3.1 and 3.2.4).

Reading is strict about where things are, never about what they say: a C-octet string ends at its NUL however long the
field may be by the specification, so that an over-long one shifts nothing and loses no message; a missing NUL, a length
that runs past the end and a fragment of a TLV are errors, each with the command_status that fits. Writing is strict
about both: what we send keeps to the specification. One exception: ``limit`` None, for what a carrier hands out and
wants back as it is (a password longer than 8).

``layouts`` arranges these kinds into PDUs, ``codec`` walks them. Nothing here knows a header.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, NamedTuple, Protocol

from gateway.smpp.constants import Status, Tag
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.parts import Destination, DistributionList, SmeAddress, Tlv, Tlvs, UnsuccessSme

_TLV_HEADER: Final = Struct(">HH")
_SME_ADDRESS: Final = 1
_DISTRIBUTION_LIST: Final = 2
MAX_SHORT_MESSAGE: Final = 254
"""Octets of short_message that we send (section 5.2.22); 255 are read, since some carriers send them."""


class Unreadable(Exception):  # noqa: N818  # never leaves the codec, which turns it into BadBody
    """A field cannot be read. ``status`` is what to answer; ``left`` is what there is of a text that is cut short.

    ``tlvs`` are those before the broken one, which are whole.
    """

    def __init__(self, status: int, reason: str, left: bytes | None = None, tlvs: Tlvs = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.left = left
        self.tlvs = tlvs


class Field(Protocol):
    """A kind of field under its name."""

    @property
    def name(self) -> str:
        """The field's name in the specification and in the PDU."""
        ...

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """Return the value that starts at offset ``at``, and the offset behind it; raise Unreadable."""
        ...

    def write(self, value: Any) -> bytes:
        """Return the octets of ``value``; raise LocalProtocolError where it does not fit."""
        ...


class Text(NamedTuple):
    """A C-octet string. ``limit`` is the most characters that we send, its NUL not counted; None means any number."""

    name: str
    limit: int | None
    status: int

    def read(self, data: bytes, at: int) -> tuple[str, int]:
        """Read up to the NUL, whatever the length."""
        end = data.find(0, at)
        if end < 0:
            raise Unreadable(self.status, f"{self.name} has no NUL at its end")
        return data[at:end].decode("latin-1"), end + 1

    def write(self, value: str) -> bytes:
        """Write Latin-1 and a NUL."""
        if self.limit is not None and len(value) > self.limit:
            raise LocalProtocolError(f"{self.name} may have {self.limit} characters; this one has {len(value)}")
        if "\0" in value:
            raise LocalProtocolError(f"{self.name} must not contain NUL, which would end it there")
        try:
            return value.encode("latin-1") + b"\0"
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"{self.name} must be Latin-1, one octet a character") from error


class Number(NamedTuple):
    """An unsigned integer of ``width`` octets, most significant first."""

    name: str
    width: int = 1

    def read(self, data: bytes, at: int) -> tuple[int, int]:
        """Read ``width`` octets."""
        end = at + self.width
        if end > len(data):
            raise Unreadable(Status.ESME_RINVCMDLEN, f"the body ends before {self.name}")
        return int.from_bytes(data[at:end], "big"), end

    def write(self, value: int) -> bytes:
        """Write ``width`` octets."""
        try:
            return value.to_bytes(self.width, "big")
        except OverflowError as error:
            top = (1 << 8 * self.width) - 1
            raise LocalProtocolError(f"{self.name} must be between 0 and {top}; this one is {value}") from error


class Message(NamedTuple):
    """sm_length and the octets of short_message that it counts (sections 5.2.21 and 5.2.22)."""

    name: str = "short_message"

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        """Read the length, then so many octets."""
        length, begin = Number("sm_length").read(data, at)
        end = begin + length
        if end > len(data):
            left = data[begin:]
            raise Unreadable(
                Status.ESME_RINVMSGLEN, f"sm_length is {length}, and {len(left)} octets follow", bytes(left)
            )
        return data[begin:end], end

    def write(self, value: bytes) -> bytes:
        """Write the length and the octets."""
        if len(value) > MAX_SHORT_MESSAGE:
            raise LocalProtocolError(
                f"{self.name} may have {MAX_SHORT_MESSAGE} octets, this one has {len(value)}: "
                "use the TLV message_payload or segments"
            )
        return bytes((len(value),)) + value


_TON = Number("dest_addr_ton")
_NPI = Number("dest_addr_npi")
_ADDRESS = Text("destination_addr", 20, Status.ESME_RINVDSTADR)
_LIST_NAME = Text("dl_name", 20, Status.ESME_RINVDLNAME)
_FLAG = Number("dest_flag")
_ERROR = Number("error_status_code", 4)


def _read_address(data: bytes, at: int) -> tuple[int, int, str, int]:
    ton, at = _TON.read(data, at)
    npi, at = _NPI.read(data, at)
    address, at = _ADDRESS.read(data, at)
    return ton, npi, address, at


def _write_address(address: SmeAddress | UnsuccessSme) -> bytes:
    head = _TON.write(address.dest_addr_ton) + _NPI.write(address.dest_addr_npi)
    return head + _ADDRESS.write(address.destination_addr)


class Destinations(NamedTuple):
    """number_of_dests and the destinations of submit_multi (section 4.5.1)."""

    name: str = "dest_addresses"

    def read(self, data: bytes, at: int) -> tuple[tuple[Destination, ...], int]:
        """Read the count, then so many addresses or list names, each behind its flag."""
        count, at = Number("number_of_dests").read(data, at)
        found: list[Destination] = []
        for _ in range(count):
            flag, at = _FLAG.read(data, at)
            if flag == _SME_ADDRESS:
                ton, npi, address, at = _read_address(data, at)
                found.append(SmeAddress(ton, npi, address))
            elif flag == _DISTRIBUTION_LIST:
                name, at = _LIST_NAME.read(data, at)
                found.append(DistributionList(name))
            else:
                raise Unreadable(Status.ESME_RINVDESTFLAG, f"dest_flag is {flag}; 1 and 2 are defined")
        return tuple(found), at

    def write(self, value: tuple[Destination, ...]) -> bytes:
        """Write the count and the destinations; 1 to 254 of them."""
        if not 1 <= len(value) <= 254:
            raise LocalProtocolError(f"submit_multi takes 1 to 254 destinations, not {len(value)}")
        out = bytes((len(value),))
        for destination in value:
            if isinstance(destination, SmeAddress):
                out += b"\x01" + _write_address(destination)
            else:
                out += b"\x02" + _LIST_NAME.write(destination.dl_name)
        return out


class Failures(NamedTuple):
    """no_unsuccess and the destinations that submit_multi did not reach (section 4.5.2)."""

    name: str = "unsuccess_smes"

    def read(self, data: bytes, at: int) -> tuple[tuple[UnsuccessSme, ...], int]:
        """Read the count, then so many addresses, each with its status."""
        count, at = Number("no_unsuccess").read(data, at)
        found = []
        for _ in range(count):
            ton, npi, address, at = _read_address(data, at)
            error, at = _ERROR.read(data, at)
            found.append(UnsuccessSme(ton, npi, address, error))
        return tuple(found), at

    def write(self, value: tuple[UnsuccessSme, ...]) -> bytes:
        """Write the count and the failures; at most 255."""
        out = Number("no_unsuccess").write(len(value))
        return out + b"".join(_write_address(sme) + _ERROR.write(sme.error_status_code) for sme in value)


def read_tlvs(data: bytes, at: int) -> Tlvs:
    """Read TLVs from offset ``at`` to the end of the PDU.

    Raises Unreadable where the last one is not whole, with those before it, and with what there is of message_payload
    if it is that one.
    """
    found: list[Tlv] = []
    size = len(data)
    while at < size:
        if at + 4 > size:
            reason = f"{size - at} octets after the last parameter are no TLV"
            raise Unreadable(Status.ESME_RINVOPTPARSTREAM, reason, tlvs=tuple(found))
        tag, length = _TLV_HEADER.unpack_from(data, at)
        end = at + 4 + length
        if end > size:
            reason = f"TLV 0x{tag:04X} says {length} octets, and {size - at - 4} follow"
            left = data[at + 4 :] if tag == Tag.MESSAGE_PAYLOAD else None
            raise Unreadable(Status.ESME_RINVPARLEN, reason, left, tuple(found))
        found.append(Tlv(tag, data[at + 4 : end]))
        at = end
    return tuple(found)


def write_tlvs(tlvs: Tlvs) -> bytes:
    """Return the octets of ``tlvs``, in their order; raise LocalProtocolError where tag or length need over 16 bits."""
    out = []
    for tag, octets in tlvs:
        if not 0 <= tag <= 0xFFFF:
            raise LocalProtocolError(f"a TLV's tag must be between 0 and 65535; this one is {tag}")
        if len(octets) > 0xFFFF:
            raise LocalProtocolError(f"TLV 0x{tag:04X} has {len(octets)} octets; 65535 is the most")
        out.append(_TLV_HEADER.pack(tag, len(octets)) + octets)
    return b"".join(out)
