"""What has been kept long enough: texts to be blanked, messages to be deleted, found by id and dated.

There is no index on dates: one more would cost each message that is ever stored, for something that happens once in its
life. Ids rise with time, so a walk by id comes to the old ones first; a mark in ``meta`` says how far it has come. What
is old and not finished is passed by, and its id noted, so that a later walk begins there.

Never touches evidence, which has texts and octets of its own, nor a message that is not finished. The newest message is
never deleted, so that no id is given twice: evidence names texts by their id.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from gateway.model.messages import MessageState
from gateway.store.chunks import chunks
from gateway.store.pairs import let_go
from gateway.store.tx import Source, Tx

S = MessageState
FINISHED: Final = frozenset(MessageState) - {S.QUEUED, S.SENDING, S.UNCERTAIN}
_STATES: Final = ", ".join(str(int(state)) for state in sorted(FINISHED))
_BLANK: Final = (
    f"update message set text = '', raw = null where state in ({_STATES}) and (text <> '' or raw is not null)"  # noqa: S608 - numbers
    " and id in "
)
_DELETE: Final = f"delete from message where state in ({_STATES}) and id in "  # noqa: S608 - numbers
_DELETE_PERMITS: Final = (
    f"delete from permit where message_id in (select id from message where state in ({_STATES}) and id in "  # noqa: S608 - numbers
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a walk has come: all up to id ``at`` is done, but from ``skipped`` on some is not; ``begun`` when."""

    at: int = 0
    skipped: int | None = None
    begun: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a walk: the ids that are due, where the walk is then, and whether it has come to what is too young."""

    due: Sequence[int]
    mark: Mark
    is_over: bool


def mark_of(source: Source, kind: str) -> Mark:
    """Return how far the walk of that kind has come."""
    rows = source.rows("select value from meta where key = ?", (f"retention {kind}",))
    return Mark(**json.loads(rows[0][0])) if rows else Mark()


def put_mark(tx: Tx, kind: str, mark: Mark) -> None:
    """Note how far the walk of that kind has come."""
    tx.execute(
        "insert into meta (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
        (f"retention {kind}", json.dumps(asdict(mark))),
    )


def find(source: Source, mark: Mark, before: float, limit: int) -> Found:
    """Look at the next ``limit`` messages; due is what is finished and last changed before that time (unix seconds)."""
    rows = source.rows(
        "select id, state, updated_at from message"
        " where id > ? and id < (select max(id) from message) order by id limit ?",
        (mark.at, limit),
    )
    due: list[int] = []
    young, skipped, at = False, mark.skipped, mark.at
    for id_, state, updated_at in rows:
        if updated_at > before:
            young = True  # what comes behind it is looked at again: several nodes' ids are not quite in order
        elif state in FINISHED:
            due.append(id_)
        elif skipped is None:
            skipped = id_
        if not young:
            at = id_
    return Found(due, Mark(at, skipped, mark.begun), young or len(rows) < limit)


def blank(tx: Tx, ids: Sequence[int]) -> int:
    """Blank the texts and octets of finished messages; return how many had any."""
    return sum(tx.execute(f"{_BLANK}({marks})", chunk) for marks, chunk in chunks(ids))


def delete(tx: Tx, ids: Sequence[int]) -> tuple[int, int]:
    """Delete finished messages with their permits; return how many of both.

    What stood behind them in their pairs' lists, because it is not finished, say, is taken out of these.
    """
    messages = permits = 0
    for marks, chunk in chunks(ids):
        permits += tx.execute(f"{_DELETE_PERMITS}({marks}))", chunk)
        messages += let_go(tx, partial(tx.execute, f"{_DELETE}({marks})", chunk), chunk)
    return messages, permits
