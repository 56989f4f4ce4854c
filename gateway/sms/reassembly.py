"""Joining the parts of a long text that came in.

Owns the question "are they all here, and what do they say?". Where parts wait, and for how long, is the store's and
the inbound flow's business. The octets of neighbouring parts of one coding are joined *before* they are decoded: a
handset may cut a surrogate pair or an escape pair in two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.sms.coding import decode_text


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it came: ``raw`` is its user data without the header, ``number`` counts from 1 up to ``total``."""

    number: int
    total: int
    raw: bytes
    data_coding: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A text put together. ``data_coding`` is the first part's; ``partial`` says that parts are missing."""

    text: str
    raw: bytes
    data_coding: int
    partial: bool


def join(parts: Sequence[Part], alphabet: str = "gsm") -> Joined | None:
    """Return the whole text once every part is there, else None.

    ``parts`` are those of one reference, in order of arrival. Of one number that came twice, the first counts. Of parts
    that disagree about the total, the first one's total counts, and parts beyond it are left out. ``alphabet`` is what
    data_coding 0 means.
    """
    kept = _kept(parts)
    if not kept or len(kept) < kept[0].total:
        return None
    return _joined(kept, alphabet, partial=False)


def join_what_came(parts: Sequence[Part], alphabet: str = "gsm") -> Joined | None:
    """Return what there is of the text, in order, marked ``partial`` if it is not all; None for no parts."""
    kept = _kept(parts)
    return _joined(kept, alphabet, partial=len(kept) < kept[0].total) if kept else None


def _kept(parts: Sequence[Part]) -> list[Part]:
    """Return one part per number, by number."""
    first: dict[int, Part] = {}
    for part in parts:
        if part.number <= parts[0].total:
            first.setdefault(part.number, part)
    return sorted(first.values(), key=lambda part: part.number)


def _joined(parts: Sequence[Part], alphabet: str, *, partial: bool) -> Joined:
    # A gap ends a run: what stands on both sides of a missing part is no pair.
    runs = groupby(enumerate(parts), key=lambda item: (item[1].data_coding, item[1].number - item[0]))
    text = "".join(
        decode_text(b"".join(part.raw for _, part in run), data_coding, alphabet) for (data_coding, _), run in runs
    )
    return Joined(text, b"".join(part.raw for part in parts), parts[0].data_coding, partial)
