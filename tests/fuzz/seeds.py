"""What fuzzing begins with: a PDU of every kind, all that the transcripts of the quirks hold, and how one is spoilt.

Nothing here is random but by the ``Random`` that is handed in: a failure can be had again from its seed.
"""

from __future__ import annotations

import random
import struct
import tomllib
from pathlib import Path
from typing import Final

from gateway.smpp.codec import encode
from tests.smpp.samples import PLAIN_SAMPLES, SAMPLES

TRANSCRIPTS: Final = Path(__file__).parents[1] / "carriers" / "transcripts"
HEADER: Final = 16


def _from_transcripts() -> list[bytes]:
    found: list[bytes] = []
    for file in sorted(TRANSCRIPTS.glob("*.toml")):
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        entries = [entry for table in tables.values() if isinstance(table, list) for entry in table]
        found += [bytes.fromhex("".join(entry["hex"].split())) for entry in entries if "hex" in entry]
    return found


SEEDS: Final = tuple(dict.fromkeys([*(encode(pdu, 7) for pdu in SAMPLES + PLAIN_SAMPLES), *_from_transcripts()]))
"""Each once. Nearly all are well-formed; the transcripts hold what carriers send."""

_FAVOURITES: Final = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
_SPLICE: Final = 24


def framed(data: bytes) -> bytes:
    """Return ``data`` with its command_length put right, so that what is wrong with it is behind the header."""
    return struct.pack(">I", len(data)) + data[4:]


def spoilt(chance: random.Random) -> bytes:
    """Return one seed with up to five changes behind its command_length, or cut short; its length put right."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(HEADER, len(data)) if len(data) > HEADER else len(data)
        kind = chance.randrange(8)
        if kind < 3:
            data[at : at + 1] = bytes((chance.choice(_FAVOURITES) if kind else chance.randrange(256),))
        elif kind == 3:
            del data[at : at + chance.randrange(1, 9)]
        elif kind == 4:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 5:
            del data[at:]
        elif kind == 6:
            other = chance.choice(SEEDS)
            begin = chance.randrange(HEADER, len(other) + 1)
            data[at:at] = other[begin : begin + chance.randrange(1, _SPLICE)]
        else:
            data[4 + chance.randrange(12)] = chance.randrange(256)
    return framed(bytes(data))
