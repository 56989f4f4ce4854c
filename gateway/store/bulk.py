"""Many rows in one statement: the form that the hot writes have.

Owns the description of such a write (which table, which columns, what happens to rows that are there) and its SQL with
several rows of ``VALUES``. Must never know what the rows mean. An engine that has something better for many rows, such
as arrays, renders the same description its own way (``engines``).

Why not ``executemany``: it is a call of the database for each row. The sqlite3 module gives up the interpreter's lock
in each of them, and a loop that reads a carrier's PDUs meanwhile keeps it for milliseconds; a hundred rows in one
statement ask for the lock once, and cost a third less besides. Statements come in a few sizes, so that an engine's
cache of prepared ones holds them all. A description is a constant, equal to itself alone: so it is found quickly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

T = TypeVar("T")

SIZES: Final = (64, 32, *range(16, 0, -1))
"""Rows of one statement. With 30 columns, the largest stays far below SQLite's limit of 32,766 parameters."""

_MOST: Final = max(SIZES)
_FITTING: Final = tuple(max((size for size in SIZES if size <= rows), default=0) for rows in range(_MOST))
"""By how many rows there are: the most of them that one statement takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """New rows. ``fixed`` are columns that are the same in every row, with their SQL; ``conflict`` is an upsert's.

    ``common`` are columns of which a call gives one value for all of its rows: to hand one over costs as much as to
    store it. In ``conflict``, ``excluded`` is the row that was to be inserted. No two rows of a call may conflict with
    each other: some engines refuse to change a row twice in one statement.
    """

    table: str
    columns: tuple[str, ...]
    fixed: tuple[tuple[str, str], ...] = ()
    conflict: str = ""
    common: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """Changes of rows, each found by the first of ``columns``. In ``changes``, ``{name}`` is a column's new value.

    ``where`` is a further condition of the same form. ``common`` are further new values, of which a call gives one for
    all of its rows. The table's own columns are written with the table's name where they are read: ``attempts =
    message.attempts + {added}``. No row may be named twice in a call.
    """

    table: str
    columns: tuple[str, ...]
    changes: str
    where: str = ""
    common: tuple[str, ...] = ()


Bulk = Insert | Update


def statements(
    bulk: Bulk, rows: Sequence[Sequence[object]], common: Sequence[object] = ()
) -> list[tuple[str, list[Any]]]:
    """Return the statements (SQL with ``?``, parameters) that write ``rows``, in order: as few as ``SIZES`` allows.

    ``common`` are the values that all rows have. They are the first parameters, and are named by their numbers.
    """
    made: list[tuple[str, list[Any]]] = []
    for part in parts(rows):
        params = list(common)
        for row in part:
            params += row  # a row at once: five times as fast as value by value, as ``chain`` has them
        made.append((sql(bulk, len(part)), params))
    return made


def parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut rows into as few pieces as ``SIZES`` allows."""
    at, left = 0, len(rows)
    while left:
        size = _FITTING[left] if left < _MOST else _MOST
        yield rows if size == len(rows) else rows[at : at + size]
        at += size
        left -= size


@lru_cache(maxsize=512)
def sql(bulk: Bulk, size: int) -> str:
    """Return the statement for ``size`` rows."""
    first = [f"?{number}" for number in range(1, len(bulk.common) + 1)]
    if isinstance(bulk, Insert):
        names = ", ".join((*bulk.common, *bulk.columns, *(name for name, _ in bulk.fixed)))
        row = ", ".join((*first, *("?" for _ in bulk.columns), *(value for _, value in bulk.fixed)))
        text = f"insert into {bulk.table} ({names}) values {', '.join([f'({row})'] * size)}"  # noqa: S608 - our names
        return f"{text} {bulk.conflict}" if bulk.conflict else text
    width = len(bulk.columns)
    own = [f"?{number}" for number in range(len(first) + 1, len(first) + 1 + width * size)]
    named = {name: f"v.column{number}" for number, name in enumerate(bulk.columns, 1)}
    named |= dict(zip(bulk.common, first, strict=True))
    where = f" and ({bulk.where.format(**named)})" if bulk.where else ""
    change = f"update {bulk.table} set {bulk.changes.format(**named)}"  # noqa: S608
    key = f"{bulk.table}.{bulk.columns[0]}"
    if width == 1:  # the same for all of them: a list of keys costs two thirds of what a table of them does
        return f"{change} where {key} in ({', '.join(own)}){where}"
    rows = ", ".join([f"({', '.join(own[at : at + width])})" for at in range(0, len(own), width)])
    return f"{change} from (values {rows}) as v where {key} = v.column1{where}"
