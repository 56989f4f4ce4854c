"""Joining the parts of a long text that came in.

Owns the question "are they all here, and what do they say?". Where parts wait, and for how long, is the store's and
the inbound flow's business. The octets of neighbouring parts of one charset are joined *before* they are decoded: a
handset may cut a surrogate pair or an escape pair in two. Packed septets are unpacked before that, since each part has
fill bits of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.sms.coding import charset_of
from gateway.sms.doubt import readings_of_parts


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it came: ``raw`` is its user data without the header, ``number`` counts from 1 up to ``total``.

    ``alphabet`` says how it is read: what ``gateway.sms.coding.reading`` made of the carrier's and the part's header.
    """

    number: int
    total: int
    raw: bytes
    data_coding: int
    alphabet: str = "gsm"


@dataclass(frozen=True, slots=True)
class Joined:
    """A text put together. ``data_coding`` and ``alphabet`` are the first part's; ``partial``: parts are missing.

    ``others`` is what the text could say if its octets were declared wrongly (``gateway.sms.doubt``).
    """

    text: str
    raw: bytes
    data_coding: int
    alphabet: str
    partial: bool
    others: tuple[str, ...] = ()


def join(parts: Sequence[Part]) -> Joined | None:
    """Return the whole text once every part is there, else None.

    ``parts`` are those of one reference, in order of arrival. Of one number that came twice, the first counts. Of parts
    that disagree about the total, the first one's total counts, and parts beyond it are left out.
    """
    kept = _kept(parts)
    if not kept or len(kept) < kept[0].total:
        return None
    return _joined(kept, partial=False)


def join_what_came(parts: Sequence[Part]) -> Joined | None:
    """Return what there is of the text, in order, marked ``partial`` if it is not all; None for no parts."""
    kept = _kept(parts)
    return _joined(kept, partial=len(kept) < kept[0].total) if kept else None


def _kept(parts: Sequence[Part]) -> list[Part]:
    """Return one part per number, by number."""
    first: dict[int, Part] = {}
    for part in parts:
        if part.number <= parts[0].total:
            first.setdefault(part.number, part)
    return sorted(first.values(), key=lambda part: part.number)


def _joined(parts: Sequence[Part], *, partial: bool) -> Joined:
    # A gap ends a run: what stands on both sides of a missing part is no pair.
    runs = groupby(
        enumerate(parts),
        key=lambda item: (charset_of(item[1].data_coding, item[1].alphabet).joint, item[1].number - item[0]),
    )
    text = "".join(
        charset.decode(b"".join(charset_of(part.data_coding, part.alphabet).plain(part.raw) for _, part in run))
        for (charset, _), run in runs
    )
    raw, first = b"".join(part.raw for part in parts), parts[0]
    others = readings_of_parts([(part.raw, part.data_coding, part.alphabet) for part in parts])
    return Joined(text, raw, first.data_coding, first.alphabet, partial, others)
