"""How people write a time on the command line: ``2026-11-22T17:00``, with or without an offset, or ``2h`` for ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import click

from gateway.base import SystemClock

_AGO: Final = re.compile(r"(\d{1,6})(s|m|h|d)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def ago(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return an option's time as RFC 3339 with an offset, as the API wants it; ``2h`` is two hours ago."""
    return None if value is None else _read(value, -1)


def ahead(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return an option's time as RFC 3339 with an offset, as the API wants it; ``2h`` is two hours from now."""
    return None if value is None else _read(value, 1)


def _read(value: str, sign: int) -> str:
    short = _AGO.fullmatch(value)
    try:
        if short is not None:
            distance = int(short[1]) * _SECONDS[short[2]]
            moment = datetime.fromtimestamp(SystemClock().wall() + sign * distance, UTC)
        else:
            moment = datetime.fromisoformat(value).astimezone()  # without an offset, it is this machine's time
    except (ValueError, OverflowError, OSError) as error:
        raise click.BadParameter(
            f'"{value}" is no time; write 2026-11-22T17:00, 2026-11-22T17:00:00-05:00, or 30m, 2h, 3d'
        ) from error
    return moment.isoformat(timespec="seconds")
