"""Where the daemon of a configuration file is to be found, even while somebody is half-way through editing that file.

A running gateway works with the configuration that it has read, and must stay within reach (the brake above all) while
the file on disk is none. So this reads one key, ``[gateway] state_dir``, and needs nothing else to be right. It never
guesses: where that key may be there and cannot be read for certain, there is no answer.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.config.options import state_directory

_HEADING: Final = re.compile(r"\s*\[")
_OURS: Final = re.compile(r"\s*\[\s*gateway\s*\]\s*(#.*)?")
_KEY: Final = re.compile(r"\s*state_dir\s*=")
_COMMENT: Final = re.compile(r"\s*#")


def state_folder(file: Path, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the state folder that ``file`` names, or its default; None where the file does not say for certain."""
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return None
    chosen = _chosen(text)
    return None if chosen is None else state_directory(chosen, file, environ)


def _chosen(text: str) -> str | None:
    """Return the value of the key, "" where it is not set, None where that is uncertain."""
    try:
        found = tomllib.loads(text)
    except ValueError:
        return _from_lines(text)
    return _from_tables(found)


def _from_tables(found: Mapping[str, Any]) -> str | None:
    table = found.get("gateway", {})
    value = table.get("state_dir", "") if isinstance(table, dict) else None
    return value if isinstance(value, str) else None


def _from_lines(text: str) -> str | None:
    """Read the key from its own line, in its own table; any other line that speaks of it makes it uncertain."""
    values: list[str | None] = []
    ours = False
    for line in text.splitlines():
        if _HEADING.match(line):
            ours = _OURS.fullmatch(line) is not None
        if "state_dir" not in line or _COMMENT.match(line):
            continue
        values.append(_value(line) if ours and _KEY.match(line) else None)
    if not values:
        return ""
    return values[0] if len(values) == 1 else None


def _value(line: str) -> str | None:
    try:
        value = tomllib.loads(line)["state_dir"]
    except ValueError:
        return None
    return value if isinstance(value, str) else None
