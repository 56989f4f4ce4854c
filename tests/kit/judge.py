"""The recording of ``tests.kit.recording`` as a capture, and what tshark must have seen in it.

Each PDU gets a sequence number of its own, by which it is found again; whatever it had is not part of what is judged.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.carriers.capture import Capture
from gateway.smpp.constants import HEADER_LENGTH, CommandId, Status
from tests.kit.tshark import Seen

STATUSES: Final = frozenset(Status)

WIDTHS: Final = {"error_status_code": 4}
# What tshark knows of an octet. The rest of it has no meaning in SMPP 3.4, and it shows none.
SHOWN_BITS: Final = {"registered_delivery": 0x1F, "replace_if_present_flag": 0x01}
NAMES: Final = {"short_message": "message"}
BLANK: Final = ("", "00")
"""How an empty octet string and an empty C-octet string look."""

WITHOUT_TLVS: Final = frozenset(
    int(command)
    for command in (
        CommandId.BIND_RECEIVER,
        CommandId.BIND_TRANSMITTER,
        CommandId.BIND_TRANSCEIVER,
        CommandId.OUTBIND,
        CommandId.QUERY_SM,
        CommandId.QUERY_SM_RESP,
        CommandId.CANCEL_SM,
        CommandId.REPLACE_SM,
    )
)
"""SMPP 3.4 defines no TLVs for these, and tshark looks for none. We send none but in tests of the codec."""

TIMES: Final = ("schedule_delivery_time", "validity_period", "final_date")
PARTS: Final = {"esm_class": "esm.", "registered_delivery": "regdel.", "replace_if_present_flag": "replace_if_present"}


@dataclass(frozen=True)
class Recorded:
    """One PDU: the tests that made it, its octets, and the value that was meant (None for a bare header)."""

    tests: tuple[str, ...]
    octets: bytes
    meant: dict[str, Any] | None


def load(folder: Path) -> tuple[list[Recorded], int]:
    """Return what is to be judged, each PDU once, and how many processes recorded.

    tshark reads no body of a response that has a status, and sees no SMPP at all under a status that SMPP 3.4 does not
    define. So bodies are judged under status 0, and each status of SMPP 3.4 on a bare header of each response.
    """
    tests: dict[bytes, set[str]] = defaultdict(set)
    meant: dict[bytes, dict[str, Any] | None] = {}
    files = sorted(folder.glob("*.jsonl"))
    for file in files:
        for line in file.read_bytes().split(b"\n")[:-1]:  # the last one of a killed process may be half a line
            entry = json.loads(line)
            for octets, value in _as_judged(bytes.fromhex(entry["octets"]), entry["meant"]):
                tests[octets].add(entry["test"])
                meant[octets] = value or meant.get(octets)
    return [
        Recorded(tuple(sorted(tests[octets])), octets[:12] + number.to_bytes(4, "big") + octets[16:], meant[octets])
        for number, octets in enumerate(tests, 1)
    ], len(files)


def _as_judged(octets: bytes, meant: dict[str, Any] | None) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    command, status = octets[4:8], int.from_bytes(octets[8:12], "big")
    response = command[0] & 0x80
    bare = len(octets) == HEADER_LENGTH
    if response and status:
        known = status if status in STATUSES else Status.ESME_RUNKNOWNERR
        yield b"\0\0\0\x10" + command + int(known).to_bytes(4, "big") + bytes(4), None
    if not (response and status and bare):
        yield octets[:8] + bytes(8) + octets[HEADER_LENGTH:], meant


def write(recorded: Iterable[Recorded], file: Path) -> None:
    """Write a capture in which each PDU is a packet of its own."""
    capture = Capture()
    with file.open("wb") as out:
        out.write(capture.head())
        for number, item in enumerate(recorded):
            out.write(capture.packets(1_795_367_045 + number / 1_000, "tests/0", "run", number % 2 == 0, item.octets))


def differences(item: Recorded, seen: Sequence[Seen]) -> Iterator[str]:
    """Compare what was meant with what tshark read, field by field; yield a sentence for each that is not the same."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for field in seen:
        found[field.name].append(field)
    if found["command_id"][0].hex != item.octets[4:8].hex():
        yield f"command_id: {found['command_id'][0].hex}"
    if item.octets[4] & 0x80 and found["command_status"][0].hex != item.octets[8:12].hex():
        yield f"command_status: {found['command_status'][0].hex}"
    for name, value in (item.meant or {}).items():
        if name == "tlvs" and int.from_bytes(item.octets[4:8], "big") in WITHOUT_TLVS:
            continue
        if name in PARTS:
            bits = SHOWN_BITS.get(name, 0xFF)
            shown = sum(field.bits for field in seen if field.name.startswith(PARTS[name]))
            if shown != value & bits:
                yield f"{name}: {shown:#x} instead of {value:#x}"
            continue
        for key, octets, blank in _expected(name, value):
            spelt = NAMES.get(key, key)
            read = [field.hex for field in found[spelt] + (found[spelt + "_r"] if key in TIMES else [])]
            if [item for item in read if item not in blank] != [item for item in octets if item not in blank]:
                yield f"{key}: {read} instead of {octets}"


_Expected = tuple[str, list[str], Sequence[str]]


def _expected(name: str, value: Any) -> Iterator[_Expected]:
    """Return the octets that tshark must have found, by the names of the fields; some it leaves out where blank."""
    if name == "tlvs":
        yield "opt_param", [_tlv(tag, octets["hex"]) for tag, octets in value], ()
    elif isinstance(value, list):
        for key in dict.fromkeys(key for element in value for key in element):
            values = [element[key] for element in value if key in element]
            yield key, [_octets(key, item) for item in values], BLANK if isinstance(values[0], str) else ()
    elif name == "short_message":
        yield name, [value["hex"]], BLANK[:1]
        yield "sm_length", [f"{len(value['hex']) // 2:02x}"], ()
    else:
        yield name, [_octets(name, value)], BLANK if isinstance(value, str) else ()


def _octets(name: str, value: Any) -> str:
    if isinstance(value, str):
        return (value.encode("latin-1") + b"\0").hex()
    return int(value).to_bytes(WIDTHS.get(name, 1), "big").hex()


def _tlv(tag: int, octets: str) -> str:
    return f"{tag:04x}{len(octets) // 2:04x}{octets}"
