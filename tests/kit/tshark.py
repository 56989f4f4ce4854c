"""tshark, asked three things of a capture: what it complains about, what it sees in each PDU, and its summary lines.

What it sees comes as octets by field (``-T jsonraw``), so that nothing is lost in the spelling of a value.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

NOTE: Final = 0x400000
"""The lowest severity that is a complaint: comments are ours, chats are the handshake of TCP."""


class Seen(NamedTuple):
    """One field: its name without ``smpp.``, its octets in hexadecimal, and the mask where it is part of an octet."""

    name: str
    hex: str
    mask: int

    @property
    def bits(self) -> int:
        """A part of an octet, in its place."""
        shift = (self.mask & -self.mask).bit_length() - 1
        return int(self.hex, 16) << shift


def run(capture: Path, *options: str) -> str:
    """Return what tshark prints about a capture; raise where it cannot read it."""
    program = shutil.which("tshark")
    assert program is not None, "tshark is missing; `make test` installs it"
    command = [program, "-n", "-r", str(capture), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def complaints(capture: Path) -> dict[int, str]:
    """Return what is wrong by sequence number; 0 where it is not a PDU that is wrong."""
    said = run(
        capture,
        *("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"),
        *("-Y", f"_ws.malformed || _ws.expert.severity >= {NOTE}"),
        *("-T", "fields", "-e", "smpp.sequence_number", "-e", "_ws.malformed", "-e", "_ws.expert.message"),
    )
    found = (line.split("\t") for line in said.splitlines())
    return {int(sequence or "0", 0): " ".join(filter(None, rest)) for sequence, *rest in found}


def dissect(capture: Path) -> list[tuple[int, list[Seen]]]:
    """Return the sequence number and the fields of each PDU, in tshark's order."""
    # -J: this layer with all that is below it. The other keys keep fields of one name apart.
    packets = json.loads(run(capture, "-Y", "smpp", "-T", "jsonraw", "-J", "smpp", "--no-duplicate-keys"))
    trees = (packet["_source"]["layers"]["smpp"] for packet in packets)
    return [(int(tree["smpp.sequence_number_raw"][0], 16), list(_walk(tree))) for tree in trees]


def _walk(tree: dict[str, Any]) -> Iterator[Seen]:
    for key, value in tree.items():
        if key.startswith("_ws."):
            continue  # what tshark says of the PDU, which is no field of it: ``complaints`` has that
        if key.endswith("_raw"):
            for octets, _position, _length, mask, _type in value if isinstance(value[0], list) else [value]:
                yield Seen(key.removeprefix("smpp.").removesuffix("_raw"), octets, mask)
        else:
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from _walk(inner)
