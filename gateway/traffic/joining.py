"""Long MOs: a part is stored as it comes, and what is complete goes on as one text.

Parts are joined across binds and restarts, because they wait in the store. A part that is there already is a
redelivery; one with the same number and other octets means that the handset uses its reference again, and what had
come under it is decided as it stands. A ``concat`` that makes no sense (total 0 or 1, number 0 or above the total) is
that of a whole text.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import field, replace
from hashlib import blake2b
from typing import Final

from gateway.base.value import value
from gateway.model.messages import Concat, Mo
from gateway.sms.reassembly import Joined, Part, join, join_what_came
from gateway.store.hot_parts import (
    PartKey,
    StoredPart,
    add_part,
    crowded_out,
    forget_parts,
    mark_joined,
    part_key,
    parts_of,
)
from gateway.store.tx import Tx

MOST_OF_ONE: Final = 32
"""So many texts of one subscriber to one line wait for parts at most. A handset sends one after the other."""

DUPLICATE: Final = "duplicate"
WAITING: Final = "waiting"


@value
class Whole:
    """A text that is to be decided, and the parts that it was put together from, if any.

    ``flagged``: one of them was flagged as a receipt, and only an opt-out is taken from such a text.
    """

    mo: Mo
    parts: int = 1
    key: PartKey | None = None
    flagged: bool = False

    def claim(self, tx: Tx, mo_id: int) -> None:
        """Mark the parts as those of MO ``mo_id``."""
        if self.key is not None:
            mark_joined(tx, self.key, mo_id)

    def discard(self, tx: Tx) -> None:
        """Delete the parts: they are kept elsewhere."""
        if self.key is not None:
            forget_parts(tx, self.key)


@value
class Admitted:
    """What a part led to: a whole text, or the reason why there is none yet; and what its arrival ended."""

    whole: Whole | None
    reason: str = ""
    superseded: tuple[Whole, ...] = field(default=())


def is_part(mo: Mo) -> bool:
    """Say whether a text is a part of a longer one: its ``concat``, if it has one, makes sense."""
    return mo.concat is not None and 1 <= mo.concat.number <= mo.concat.total != 1


def admit(
    tx: Tx,
    line_id: int,
    mo: Mo,
    concat: Concat,
    *,
    latest: int | None,
    disturbed: bool,
    alive: Container[str],
    flagged: bool = False,
) -> Admitted:
    """Store a part; return the whole text if it was the last one missing.

    Where ``MOST_OF_ONE`` texts of that subscriber wait already, the oldest is ended: it is decided as it stands.

    The same part of a text that was joined already is a redelivery if that text is still the subscriber's ``latest``
    (its id) and its ack was ``disturbed`` or its session is not ``alive`` any more; otherwise the handset uses the
    reference again, for the same words.
    """
    if not is_part(mo):
        return Admitted(Whole(replace(mo, concat=None)))
    key = part_key(line_id, mo, concat)
    stored = parts_of(tx, key)
    same = next((part for part in stored if part.number == concat.number), None)
    superseded: tuple[Whole, ...] = ()
    if same is not None:
        is_waiting = same.mo_id is None
        if same.fingerprint == mo.fingerprint and (
            is_waiting or (same.mo_id == latest and (disturbed or same.session not in alive))
        ):
            return Admitted(None, DUPLICATE)
        open_ = [part for part in stored if part.mo_id is None]
        forget_parts(tx, key)
        superseded = tuple(replace(whole, key=None) for whole in [what_came(key, open_, mo.line)] if whole)
        stored = []
    add_part(tx, key, mo, concat, flagged=flagged)
    parts = [part for part in parts_of(tx, key) if part.mo_id is None]
    joined = join(_pure(parts, key))
    if joined is None:
        if (oldest := crowded_out(tx, key, MOST_OF_ONE)) is not None:
            ended = what_came(oldest, [part for part in parts_of(tx, oldest) if part.mo_id is None], mo.line)
            superseded += (ended,) if ended is not None else ()
        return Admitted(None, WAITING, superseded)
    return Admitted(Whole(_mo(mo, joined, parts), len(parts), key, _flagged(parts)), superseded=superseded)


def what_came(key: PartKey, parts: Sequence[StoredPart], line: str) -> Whole | None:
    """Return what there is of a long text as an MO that is marked partial; None where nothing is.

    It belongs to no live session: nobody waits for its ack, which was given part by part.
    """
    if not parts:
        return None
    joined = join_what_came(_pure(parts, key))
    if joined is None:
        return None
    latest = parts[-1]
    mo = Mo(
        carrier=key.carrier,
        bind="",
        session=latest.session,
        sequence=0,
        line=line,
        subscriber=key.subscriber,
        text="",
        raw=b"",
        data_coding=0,
        fingerprint=b"",
        received_at=latest.received_at,
    )
    return Whole(_mo(mo, joined, parts), len(parts), key, _flagged(parts))


def _flagged(parts: Sequence[StoredPart]) -> bool:
    return any(part.flagged for part in parts)


def _pure(parts: Sequence[StoredPart], key: PartKey) -> list[Part]:
    return [Part(part.number, key.total, part.raw, part.data_coding, part.alphabet) for part in parts]


def _mo(mo: Mo, joined: Joined, parts: Sequence[StoredPart]) -> Mo:
    digest = blake2b(b"".join(part.fingerprint for part in parts), digest_size=16).digest()
    return replace(
        mo,
        text=joined.text,
        raw=joined.raw,
        data_coding=joined.data_coding,
        alphabet=joined.alphabet,
        fingerprint=digest,
        concat=None,
        partial=joined.partial,
        pdu=b"",
        other_readings=joined.others,
    )
