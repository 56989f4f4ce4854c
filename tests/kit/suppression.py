"""Suppression logs for tests: records in few words, and a log that is written without a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from gateway.model.address import Msisdn
from gateway.store.suppression import BEGIN, Place, Record, write

LINE: Final = "85700"
ANNE: Final = Msisdn("+12125550101")
AT: Final = 1_800_000_000.0


def record(kind: str = "opt_out", seq: int = 1, *, node: str = "gw1", incarnation: int = 1, **changes: Any) -> Record:
    """Return a record of Anne's, by text, at second ``seq``."""
    fields: dict[str, Any] = {
        "kind": kind,
        "at": AT + seq,
        "place": Place(node, incarnation, seq),
        "head": max(0, seq - 1),
        "line": LINE,
        "subscriber": ANNE,
        "list_name": None,
        "method": "text",
        "hash": f"{seq:064x}",
    }
    if kind == BEGIN:
        fields |= {"line": "", "subscriber": Msisdn(""), "method": "", "hash": "", "place": Place(node, incarnation, 0)}
        fields |= {"head": seq}
    return Record(**fields | changes)


def lines_of(records: Sequence[Record], prev: str = "") -> list[str]:
    """Return records as the lines of one log, behind a line whose sum is ``prev``."""
    lines = []
    for each in records:
        line, prev = write(each, prev)
        lines.append(line)
    return lines


def write_log(path: Path, records: Sequence[Record], prev: str = "") -> str:
    """Write a log; return the sum of its last line."""
    lines = lines_of(records, prev)
    path.write_text("".join(lines))
    return lines[-1][-35:-3] if lines else prev
