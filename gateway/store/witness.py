"""The witness: a small file on this machine that says how far the store has come, so that an older one is noticed.

Owns the file beside the store. A backup carries a mark, but a file that was copied by other means does not, and neither
does a database server that was set back. What the store must have by now (this node's life, the end of its evidence
chain) is therefore written down outside of it: after it is durable in the store, so that a witness is never ahead of a
store that lost nothing.

It holds no personal data. Losing it costs nothing but this protection, except beside a SQLite file: there it belongs to
the file, and a file without its witness was copied alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Witness:
    """What a store had: its own id, a node's life, and the end of that node's chain (``seq`` 0: nothing yet)."""

    store: str
    node: str
    incarnation: int
    life: int
    seq: int
    hash: str


class WitnessFile:
    """The file, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: Witness | None = None

    def read(self) -> Witness | None:
        """Return what it says; None where there is none, or nothing that we would have written."""
        try:
            return Witness(**json.loads(self.path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, witness: Witness) -> None:
        """Replace it, in one step and for good; raises OSError. Does nothing where it says so already."""
        if witness == self._written:
            return
        fresh = self.path.with_name(self.path.name + ".new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, json.dumps(asdict(witness)).encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.rename(self.path)
        self._written = witness
