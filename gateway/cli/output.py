"""How commands show what they found: tables for people, JSON for machines. Writes to stdout and decides nothing."""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click

JOINERS: Final = "\u200c\u200d"
"""What Unicode calls format characters and a terminal only joins letters and emoji by (ZWNJ, ZWJ). Others of that kind
turn the direction of a line round, and are not let through."""


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
    widths = [max(len(heading), *(_width(row[i]) for row in cells)) for i, heading in enumerate(headings)]
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


def show_next(page: Mapping[str, Any]) -> None:
    """Tell, beside the output, how to go on where a page of the API has a next one."""
    if page["next"]:
        click.echo(f"more: --cursor {page['next']}", err=True)


def local_time(value: Any) -> str:
    """Return an ISO 8601 time from the API as local time to the second; anything else as it is."""
    return _local(value, "seconds")


def exact_time(value: Any) -> str:
    """Return the same to the millisecond, for what happens within one second."""
    return _local(value, "milliseconds")


def _local(value: Any, exactness: str) -> str:
    try:
        return datetime.fromisoformat(str(value)).astimezone().replace(tzinfo=None).isoformat(" ", exactness)
    except ValueError:
        return "" if value is None else str(value)


def plain(cell: object) -> str:
    """Return one line without control characters: a text may hold anything, and a terminal obeys some of it."""
    text = "" if cell is None else str(cell)
    return "".join(character if character.isprintable() or character in JOINERS else " " for character in text)


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    text = "  ".join(padded).rstrip()
    return text if room is None or _width(text) <= room else _cut(text, room - 1) + "…"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: none for what joins or accents, two for the wide."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if character in JOINERS or unicodedata.category(character) in ("Mn", "Me")
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def _cut(text: str, room: int) -> str:
    """Return as much of a text as fits; an emoji that is joined of several is not cut between them."""
    end = len(text)
    while end and (_width(text[:end]) > room or text[end - 1] in JOINERS or text[end : end + 1] == JOINERS[1]):
        end -= 1
    return text[:end]
