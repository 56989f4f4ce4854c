"""How far long work has come: a bar on a terminal, a plain line now and then elsewhere. Written to stderr.

Owns only the showing: whoever works says how much there is and how much was done. Elsewhere than on a terminal a line
comes with each tenth, so that a log shows that something moves and holds few lines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

Advance = Callable[[int], None]
"""Is told how much more was done."""

_TENTHS: Final = 10


@contextmanager
def progress(label: str, total: int) -> Iterator[Advance]:
    """Show how ``label`` goes while the block runs; the block calls what it is given with each piece that is done."""
    if sys.stderr.isatty():
        with click.progressbar(length=max(total, 1), label=label, file=sys.stderr) as bar:
            yield bar.update
        return
    plain = _Plain(label, total)
    yield plain.advance


class _Plain:
    """Lines for a log."""

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = max(total, 1)
        self._done = 0
        self._shown = 0

    def advance(self, more: int) -> None:
        self._done += more
        tenth = min(_TENTHS, self._done * _TENTHS // self._total)
        if tenth > self._shown:
            self._shown = tenth
            click.echo(f"{self._label}: {tenth * 100 // _TENTHS} %", err=True)
