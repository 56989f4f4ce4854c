"""The values that PDUs are made of: header, TLV, the destinations of submit_multi and its failures.

Apart from ``pdu`` only so that each file stays small; users import them from there.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.base.value import value


class Tlv(NamedTuple):
    """One optional parameter (section 3.2.4): its tag, known or not, and its octets without tag and length."""

    tag: int
    value: bytes


Tlvs = tuple[Tlv, ...]


class Header(NamedTuple):
    """What precedes every body (section 3.2), command_length left out."""

    command_id: int
    status: int
    sequence: int


@value
class SmeAddress:
    """One destination of a submit_multi that is an address (dest_flag 1, section 4.5.1.1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


@value
class DistributionList:
    """One destination of a submit_multi that is a list kept at the SMSC (dest_flag 2, section 4.5.1.2)."""

    dl_name: str = ""


Destination = SmeAddress | DistributionList


@value
class UnsuccessSme:
    """One destination that a submit_multi did not reach, and why (section 4.5.2.1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    error_status_code: int = 0
