"""Reads the rings of several binds as one stream: pages, cursors, and how many PDUs a slow reader missed.

The taking is quick and done where the rings live; the showing may take a while and is handed out as a function, so that
a thread can do it. A cursor names the next number of each ring, so that no ring has to know its readers and a reader
costs nothing while it is away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

from gateway.carriers.trace import Entry, Extract, Ring
from gateway.carriers.trace_showing import show
from gateway.model.refusal import Reason, Refusal
from gateway.model.trace import TracePage, TraceQuery

CURSOR: Final = re.compile(r"(?:[A-Za-z0-9_./-]+=[0-9]{1,18}(?:,|$))*")
"""What a cursor looks like."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A bind that can be traced: its name, its carrier's, the carrier's alphabet for data_coding 0, and its ring.

    ``gsm_coding``: the data_coding of what we send in GSM; it is read as ``spelling``.
    """

    name: str
    carrier: str
    alphabet: str
    ring: Ring | None
    gsm_coding: int = 0
    spelling: str = "gsm"


@dataclass(frozen=True, slots=True)
class _Taken:
    number: int
    entry: Entry
    bind: Traced


def read(binds: Sequence[Traced], query: TraceQuery) -> Callable[[], TracePage] | Refusal:
    """Take what ``query`` asks for out of the rings; the function that is returned decodes it, and may take its time.

    Refused where ``query.carrier`` names neither a carrier nor a bind.
    """
    chosen = [bind for bind in binds if query.carrier in (None, bind.carrier, bind.name)]
    if query.carrier is not None and not chosen:
        known = ", ".join(sorted({bind.carrier for bind in binds})) or "none"
        names = ", ".join(bind.name for bind in binds) or "none"
        detail = f"There is no carrier or bind {query.carrier!r}; carriers: {known}; binds: {names}."
        return Refusal(Reason.UNKNOWN_CARRIER, detail)
    kept = [(bind, bind.ring) for bind in chosen if bind.ring is not None]
    off = [bind.name for bind in chosen if bind.ring is None]
    unmask = query.unmask
    if query.cursor is None and query.last is not None:
        rows = list(_ordered([(bind, ring.latest(query.last)) for bind, ring in kept]))[-query.last :]
        ends = {bind.name: ring.end for bind, ring in kept}
        return lambda: _page(rows, ends, {}, off, more=False, unmask=unmask)
    at = _positions(query.cursor)
    extracts = [(bind, ring.after(at.get(bind.name), query.limit)) for bind, ring in kept]
    rows = list(islice(_ordered(extracts), query.limit))
    following = {bind.name: extract.first for bind, extract in extracts}
    following |= {taken.bind.name: taken.number + 1 for taken in rows}
    missed = {bind.name: extract.missed for bind, extract in extracts if extract.missed}
    more = any(ring.end > following[bind.name] for bind, ring in kept)
    return lambda: _page(rows, following, missed, off, more=more, unmask=unmask)


def _ordered(extracts: Sequence[tuple[Traced, Extract]]) -> Iterator[_Taken]:
    """Merge what the rings gave by time; each ring stays in its own order, whatever the clock did."""
    return merge(*(_numbered(*pair) for pair in extracts), key=lambda taken: taken.entry.at)


def _numbered(bind: Traced, extract: Extract) -> Iterator[_Taken]:
    for number, entry in enumerate(extract.entries, extract.first):
        yield _Taken(number, entry, bind)


def _positions(cursor: str | None) -> dict[str, int]:
    """Return the next number of each ring that a cursor names; it is one of ours, or looks like one."""
    pairs = (item.split("=") for item in (cursor or "").split(",") if item)
    return {name: int(number) for name, number in pairs}


def _page(
    rows: Sequence[_Taken],
    following: Mapping[str, int],
    missed: Mapping[str, int],
    off: Sequence[str],
    *,
    more: bool,
    unmask: bool,
) -> TracePage:
    shown = []
    for taken in rows:
        bind = taken.bind
        assert bind.ring is not None  # noqa: S101  the entry came out of it
        entry, secret = taken.entry, bind.ring.secret
        zero, own = (bind.alphabet, 0) if entry.incoming else (bind.spelling, bind.gsm_coding)
        shown.append(show(entry, bind.name, zero, secret, unmask=unmask, gsm_coding=own))
    cursor = ",".join(f"{name}={number}" for name, number in following.items())
    return TracePage(shown, cursor, more, missed, off)
