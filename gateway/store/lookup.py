"""Many keys in one question: the form that the hot reads have.

Owns the description of such a question (which table, which columns, what all rows have in common, which column has the
keys) and its SQL with the keys as ``VALUES``. Must never know what the rows mean. An engine that has something
better for many keys, such as an array, renders the same description its own way (``dialects``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.store.bulk import parts


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """The rows of ``table`` in which each of ``fixed`` has a given value, and ``key`` one of many.

    ``where`` is a further condition. ``index`` is the one that finds them. ``distinct`` rows are given once.
    """

    columns: str
    table: str
    fixed: tuple[str, ...]
    key: str
    where: str = ""
    index: str = ""
    distinct: bool = False


def statements(
    lookup: Lookup, fixed: Sequence[object], keys: Sequence[object], by_index: str
) -> Iterator[tuple[str, list[object]]]:
    """Yield the statements (SQL with ``?``, parameters) that find the rows: as few as the sizes of bulks allow."""
    for part in parts(keys):
        yield _question(lookup, by_index, len(part)), [*part, *fixed]


@lru_cache(maxsize=256)
def _question(lookup: Lookup, by_index: str, count: int) -> str:
    """Return the question for so many keys: from key to key, which needs no table of them, as ``in`` does."""
    wanted = f"(values {', '.join(['(?)'] * count)}) as wanted"
    conditions = [*filter(None, (lookup.where,)), *(f"{name} = ?" for name in lookup.fixed)]
    where = " and ".join((*conditions, f"{lookup.table}.{lookup.key} = wanted.column1"))
    head = f"select {'distinct ' if lookup.distinct else ''}{lookup.columns} from"
    return f"{head} {wanted} cross join {lookup.table}{by_index} where {where}"
