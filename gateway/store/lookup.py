"""Many keys in one question: the form that the hot reads have.

Owns the description of such a question (which table, which columns, what all rows have in common, which column has the
keys) and its SQL with the keys in an ``in (…)``. Must never know what the rows mean. An engine that has something
better for many keys, such as an array, renders the same description its own way (``dialects``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.store.chunks import chunks


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
    """Yield the statements (SQL with ``?``, parameters) that find the rows: as few as the keys allow."""
    head = _head(lookup, by_index)
    for marks, chunk in chunks(keys):
        yield f"{head}({marks})", [*fixed, *chunk]


@lru_cache(maxsize=128)
def _head(lookup: Lookup, by_index: str) -> str:
    """Return the question as far as it is the same for any keys."""
    conditions = [*filter(None, (lookup.where,)), *(f"{name} = ?" for name in lookup.fixed), f"{lookup.key} in "]
    head = f"select {'distinct ' if lookup.distinct else ''}{lookup.columns} from {lookup.table}{by_index}"  # noqa: S608
    return f"{head} where {' and '.join(conditions)}"
