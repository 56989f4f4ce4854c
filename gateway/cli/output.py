"""How commands show what they found: tables for people, JSON for machines. Writes to stdout and decides nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click


def show_json(value: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Print aligned columns under ``headings``; ``nothing`` where there are no rows.

    On a terminal, the last column is cut to the terminal's width; elsewhere nothing is.
    """
    if not rows:
        click.echo(nothing)
        return
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(heading), *(len(row[i]) for row in cells)) for i, heading in enumerate(headings)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(click.style(_line(headings, widths, room), bold=True))
    for row in cells:
        click.echo(_line(row, widths, room))


def show_record(pairs: Mapping[str, object]) -> None:
    """Print one thing as ``key  value`` lines; empty values are left out."""
    shown = {key: plain(value) for key, value in pairs.items() if value not in (None, "", [], ())}
    width = max((len(key) for key in shown), default=0)
    for key, value in shown.items():
        click.echo(f"{click.style(key.ljust(width), bold=True)}  {value}")


def local_time(value: Any) -> str:
    """Return an ISO 8601 time from the API as local time to the second; anything else as it is."""
    try:
        return datetime.fromisoformat(str(value)).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return "" if value is None else str(value)


def plain(cell: object) -> str:
    """Return one line without control characters: a text may hold anything, and a terminal obeys some of it."""
    text = "" if cell is None else str(cell)
    return "".join(character if character.isprintable() else " " for character in text)


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
    return text if room is None or len(text) <= room else text[: room - 1] + "…"
