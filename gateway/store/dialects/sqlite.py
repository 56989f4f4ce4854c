"""SQLite's own ways: several rows of ``VALUES``, indexes named in the statement, ids from memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import inf
from typing import Any, Final

from gateway.store.bulk import Bulk, statements
from gateway.store.lookup import Lookup
from gateway.store.lookup import statements as lookups
from gateway.store.tx import Connection, Cursor, Dialect, Ids, Source

_HIGHEST: Final = 2**63 - 1


class _Done:
    """A statement that was carried out, with its rows read: what is written later does not show in them."""

    def __init__(self, cursor: Cursor) -> None:
        self.rowcount = cursor.rowcount
        self._rows = cursor.fetchall()

    def fetchall(self) -> list[Any]:
        """All rows of the answer."""
        return self._rows


class SqliteDialect:
    """See ``gateway.store.tx.Dialect``."""

    several = False

    def bulk(
        self, bulk: Bulk, rows: Sequence[Sequence[object]], common: Sequence[object]
    ) -> Iterable[tuple[str, Sequence[object]]]:
        """Return statements with several rows each, of a few sizes."""
        return statements(bulk, rows, common)

    def begin(self, connection: Connection, statements: Iterable[tuple[str, Sequence[object]]]) -> Sequence[Cursor]:
        """Do it at once: nobody else would do it meanwhile."""
        return [_Done(connection.execute(sql, params)) for sql, params in statements]

    def flush(self, connection: Connection) -> None:
        """Nothing: all is written."""

    def abandon(self, connection: Connection) -> None:
        """Nothing: all is written."""

    def look_up(
        self, lookup: Lookup, fixed: Sequence[object], keys: Sequence[object], lock: str = ""
    ) -> Iterable[tuple[str, Sequence[object]]]:
        """Return statements with the keys as parameters; there is nobody to lock against."""
        return lookups(lookup, fixed, keys, self.by_index(lookup.index) if lookup.index else "")

    def by_index(self, name: str) -> str:
        """Name the index: without statistics, the planner may prefer one that finds far more rows."""
        return f" indexed by {name}"

    def reserve(self, source: Source, table: str, n: int, boot: float) -> Ids:
        """Return all ids above the highest stored one."""
        ((highest,),) = source.rows(f"select coalesce(max(id), 0) from {table}")  # noqa: S608 - a table's name
        return Ids(int(highest) + 1, _HIGHEST, inf)

    def skip_ids(self, source: Source, table: str) -> None:
        """Nothing: each start looks at the highest stored one."""

    def changing_schema(self, connection: Connection) -> AbstractContextManager[None]:
        """Nothing: there is one owner."""
        return nullcontext()


SQLITE: Final[Dialect] = SqliteDialect()
