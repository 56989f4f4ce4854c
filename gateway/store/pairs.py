"""The messages and the evidence of one (line, subscriber): from the newest to the one before it, and so on.

An index by pair would cost each text a page of its own, somewhere in the store. So the rows form a list instead, which
is written with what a text writes anyway: each says in ``previous`` which row of its pair came before it, and the
pair's consent row, locked and written by whoever adds to the list, says which is the last. ``previous`` is

* the id of the row before, which is lower; there may be no such row any more, and then none of the list behind it;
* 0 where there was none in the list;
* null in a row that is in no list: written before there were lists, or by somebody who does not write the pair's
  consent row. Such rows are in a small index by pair (``message_pair``, ``evidence_pair``).

So the rows of a pair are those of its list and those of the index, and no statement finds them in any other way.
Whoever deletes a row must take those behind it out of the list (``let_go``). See docs/decisions/0024.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import Final, Literal

from gateway.model.address import Msisdn
from gateway.store.chunks import chunks
from gateway.store.tx import Row, Source, Tx

Key = tuple[int, Msisdn]
"""A (line_id, subscriber) pair: the unit of consent, of locking and of order."""

Kind = Literal["message", "evidence"]

FIRST: Final = 0
"""What stands in ``previous`` of the first row of a list."""

STEP: Final = 200
"""Ids that are read at once."""

_WALK: Final = """
with recursive list (id, step) as (
    select cast(? as bigint), 1
    union all
    select (select previous from {kind} where {kind}.id = list.id), step + 1 from list where id > 0 and step <= ?
)
select id from list where id > 0 order by step
"""
WALKS: Final[dict[Kind, str]] = {"message": _WALK.format(kind="message"), "evidence": _WALK.format(kind="evidence")}
"""By kind: from a row (its id) so many steps along its list."""


class Heads:
    """The last rows of lists, of pairs whose consent row is read and will be written in this transaction."""

    __slots__ = ("evidence", "message")

    def __init__(self) -> None:
        self.message: dict[Key, int] = {}
        self.evidence: dict[Key, int] = {}

    def keep(self, keys: Iterable[Key]) -> None:
        """Forget all but those of these pairs: the consent of the others will not be written after all."""
        wanted = list(keys)
        self.message = {key: self.message.get(key, FIRST) for key in wanted}
        self.evidence = {key: self.evidence.get(key, FIRST) for key in wanted}


def linked(heads: MutableMapping[Key, int], rows: Iterable[tuple[int, Key]]) -> dict[int, int]:
    """Put new rows (id, pair) at the ends of their pairs' lists, as far as those are among ``heads``; return what the
    ``previous`` of each is, by id, of those that are in a list now.
    """
    previous: dict[int, int] = {}
    for id_, key in rows:
        head = heads.get(key)
        if head is not None and head < id_:  # ids rise; should one not, its row stays findable all the same
            previous[id_] = head
            heads[key] = id_
    return previous


def newest_first(source: Source, kind: Kind, keys: Iterable[Key], below: int | None = None) -> Iterator[int]:
    """Yield the ids of the rows of these pairs, falling, those below ``below``; some may not be there any more."""
    walks = (_listed, _unlisted)
    return merge(*(walk(source, kind, key, below) for key in keys for walk in walks), reverse=True)


def rows_of(
    source: Source, kind: Kind, key: Key, columns: str, where: str = "id > 0", params: Sequence[object] = ()
) -> Iterator[Row]:
    """Yield ``columns`` of the rows of a pair for which ``where`` holds, with its parameters; the newest first."""
    ids = newest_first(source, kind, [key])
    while some := list(islice(ids, STEP)):
        for marks, chunk in chunks(some):
            yield from source.rows(
                f"select {columns} from {kind} where id in ({marks}) and line_id = ? and subscriber = ? and {where}"  # noqa: S608 - our own names
                " order by id desc",
                (*chunk, *key, *params),
            )


def let_go(tx: Tx, act: Callable[[], int], ids: Collection[int]) -> int:
    """Run ``act``, which deletes some of these messages, and return what it returns; what stood behind them in a list
    is put into the index.
    """
    behind = _previous(tx, ids)
    result = act()
    while behind:
        rest = _previous(tx, behind)
        for marks, chunk in chunks(sorted(behind)):
            tx.execute(f"update message set previous = null where id in ({marks})", chunk)  # noqa: S608 - marks
        behind = rest
    return result


def _previous(tx: Tx, ids: Collection[int]) -> set[int]:
    """Return what stands right behind these messages, in the list."""
    return {
        row[0]
        for marks, chunk in chunks(sorted(ids))
        for row in tx.rows(f"select previous from message where id in ({marks}) and previous > 0", chunk)  # noqa: S608 - marks
    }


def _listed(source: Source, kind: Kind, key: Key, below: int | None) -> Iterator[int]:
    at = _entry(source, kind, key, below)
    while at:
        ids = [row[0] for row in source.rows(WALKS[kind], (at, STEP))]
        at = ids.pop() if len(ids) > STEP else 0
        yield from (id_ for id_ in ids if below is None or id_ < below)


def _entry(source: Source, kind: Kind, key: Key, below: int | None) -> int | None:
    """Return where to begin: behind the row ``below``, if that is in the list; else at the list's end."""
    if below is not None:
        known = source.rows(
            f"select previous from {kind}"  # noqa: S608 - one of two names
            " where id = ? and line_id = ? and subscriber = ? and previous is not null",
            (below, *key),
        )
        if known:
            return int(known[0][0])
    rows = source.rows(f"select last_{kind} from consent where line_id = ? and subscriber = ?", key)  # noqa: S608
    return rows[0][0] if rows else None


def _unlisted(source: Source, kind: Kind, key: Key, below: int | None) -> Iterator[int]:
    step = partial(
        source.rows,
        f"select id from {kind} where previous is null and line_id = ? and subscriber = ? and id < ?"  # noqa: S608
        " order by id desc limit ?",
    )
    at = (1 << 63) - 1 if below is None else below
    while ids := [row[0] for row in step((*key, at, STEP))]:
        yield from ids
        at = ids[-1]
        if len(ids) < STEP:
            return
