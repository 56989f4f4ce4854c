"""PostgreSQL's own ways: many rows as one array per column, and ids from sequences that count in blocks.

A bulk statement has one parameter a column, an array or the value of all rows, whatever their number, so there is one
text of it, prepared once a session; so is a question for many keys. The arrays go as literals of PostgreSQL's, which
cost far less to make than a parameter for every value
(https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). A column's type is that of its peewee field; a value of
an ``Update`` that is no column is a whole number.

A sequence is not part of a transaction, so that writers never wait for each other's ids. It advances by a block
(``BLOCK``, set when the schema is made; what the sequence itself says is what counts). What is left of a block after a
second is let go: ids rise with time over all nodes, but for that second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from gateway.store.bulk import Bulk, Insert
from gateway.store.lookup import Lookup
from gateway.store.tx import IDENTIFIED, Connection, Cursor, Dialect, Ids, Source

BLOCK: Final = 1000
"""Ids of one block of a sequence."""

_SCHEMA: Final = 0x67617465776179  # the advisory lock of whoever changes the schema: "gateway"

KEPT_S: Final = 1.0
"""Seconds for which a block is handed out."""

_TYPES: Final = {
    "BIGAUTO": "bigint",
    "BIGINT": "bigint",
    "INT": "integer",
    "DOUBLE": "double precision",
    "TEXT": "text",
    "BLOB": "bytea",
}
_OTHER: Final = "bigint"


def integers(values: Sequence[Any]) -> str:
    """Return an array of whole numbers as PostgreSQL writes it."""
    if None in values:
        return "{" + ",".join(["NULL" if value is None else f"{value:d}" for value in values]) + "}"
    return "{" + ",".join(map(int.__repr__, values)) + "}"  # also of what only counts as a number: an enum, a bool


def reals(values: Sequence[Any]) -> str:
    """Return an array of floating point numbers as PostgreSQL writes it."""
    if values.count(values[0]) == len(values):  # a time that all rows have
        return "{" + ",".join(["NULL" if values[0] is None else repr(values[0])] * len(values)) + "}"
    return "{" + ",".join(map(repr, values)).replace("None", "NULL") + "}"


def texts(values: Sequence[Any]) -> str:
    """Return an array of texts as PostgreSQL writes it."""
    if None in values:
        return "{" + ",".join(["NULL" if value is None else f'"{_escaped(value)}"' for value in values]) + "}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * len(values) - 2:
        joined = '","'.join(map(_escaped, values))
    return '{"' + joined + '"}'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"') if "\\" in value or '"' in value else value


def octets(values: Sequence[Any]) -> str:
    """Return an array of octets as PostgreSQL writes it."""
    return "{" + ",".join(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


_LITERALS: Final[dict[str, Callable[[Sequence[Any]], str]]] = {
    "bigint": integers,
    "integer": integers,
    "double precision": reals,
    "text": texts,
    "bytea": octets,
}


@lru_cache(maxsize=256)
def _statement(bulk: Bulk) -> tuple[str, tuple[Callable[[Sequence[Any]], str], ...]]:
    """Return the statement of a bulk, and for each column what makes its array."""
    fields = _columns()[bulk.table]
    types = [fields.get(name, _OTHER) for name in bulk.columns]
    arrays = ", ".join(f"?::{kind}[]" for kind in types)
    names = ", ".join(f'"{name}"' for name in bulk.columns)
    source = f"unnest({arrays}) as v ({names})"
    if bulk.common:
        shared = ", ".join(f'?::{fields.get(name, _OTHER)} as "{name}"' for name in bulk.common)
        source += f" cross join (select {shared}) as c"
    if isinstance(bulk, Insert):
        into = ", ".join((*bulk.columns, *bulk.common, *(name for name, _ in bulk.fixed)))
        own = (*(f'v."{name}"' for name in bulk.columns), *(f'c."{name}"' for name in bulk.common))
        values = ", ".join((*own, *(value for _, value in bulk.fixed)))
        text = f"insert into {bulk.table} ({into}) select {values} from {source} {bulk.conflict}"  # noqa: S608
    else:
        named = {name: f'v."{name}"' for name in bulk.columns} | {name: f'c."{name}"' for name in bulk.common}
        # In a case, so that rows are found by their key, and not by an index of all that are in such a state.
        where = f" and case when {bulk.where.format(**named)} then true end" if bulk.where else ""
        text = (
            f"update {bulk.table} set {bulk.changes.format(**named)} from {source}"  # noqa: S608 - our own names
            f" where {bulk.table}.{bulk.columns[0]} = {named[bulk.columns[0]]}{where}"
        )
    return text, tuple(_LITERALS[kind] for kind in types)


@lru_cache(maxsize=1)
def _columns() -> dict[str, dict[str, str]]:
    """Return the type of every column, by table and name."""
    from gateway.store.tables import TABLES

    return {
        table._meta.table_name: {name: _TYPES[field.field_type] for name, field in table._meta.columns.items()}
        for table in TABLES
    }


@lru_cache(maxsize=64)
def _question(lookup: Lookup, lock: str) -> tuple[str, Callable[[Sequence[Any]], str]]:
    """Return the statement of a lookup, and what makes the array of its keys.

    From key to key, by the whole of an index: ``offset 0`` keeps the planner from turning it round. Of a store that
    has grown faster than its statistics it would think that one line has few rows, and read all of them.
    """
    kind = _columns()[lookup.table][lookup.key]
    conditions = [*filter(None, (lookup.where,)), *(f"{name} = ?" for name in lookup.fixed)]
    where = " and ".join((*conditions, f"{lookup.table}.{lookup.key} = wanted.key"))
    return (
        f"select {'distinct ' if lookup.distinct else ''}found.* from unnest(?::{kind}[]) as wanted (key)"  # noqa: S608
        f" cross join lateral (select {lookup.columns} from {lookup.table} where {where} offset 0{lock}) as found"
    ), _LITERALS[kind]


class PostgresqlDialect:
    """See ``gateway.store.tx.Dialect``."""

    several = True

    def bulk(
        self, bulk: Bulk, rows: Sequence[Sequence[object]], common: Sequence[object]
    ) -> Iterable[tuple[str, Sequence[object]]]:
        """Return one statement, whatever the number of rows."""
        if not rows:
            return ()
        text, literals = _statement(bulk)
        arrays = [make(values) for make, values in zip(literals, zip(*rows, strict=True), strict=True)]
        return ((text, [*arrays, *common]),)

    def begin(self, connection: Connection, statements: Iterable[tuple[str, Sequence[object]]]) -> Sequence[Cursor]:
        """Send them, and leave the answers for later: the server works while the job goes on."""
        link: Any = connection
        return [link.send(sql, params) for sql, params in statements]

    def flush(self, connection: Connection) -> None:
        """Take the answers."""
        link: Any = connection
        link.flush()

    def abandon(self, connection: Connection) -> None:
        """Take the answers, whatever they are."""
        link: Any = connection
        link.abandon()

    def look_up(
        self, lookup: Lookup, fixed: Sequence[object], keys: Sequence[object], lock: str = ""
    ) -> Iterable[tuple[str, Sequence[object]]]:
        """Return one statement, which looks for each key by itself."""
        if not keys:
            return ()
        text, make = _question(lookup, lock)
        return ((text, (make(keys), *fixed)),)

    def by_index(self, name: str) -> str:
        """The planner knows: it has statistics."""
        return ""

    def reserve(self, source: Source, table: str, n: int, boot: float) -> Ids:
        """Take as many blocks as ``n`` asks for. They must follow one another: where another writer came between, the
        next ones are taken.
        """
        sequence = f"{table}_id_seq"
        wanted = 1
        while True:
            taken = source.rows(
                "select nextval(?::regclass), seqincrement from pg_sequence, generate_series(1, ?::integer)"
                " where seqrelid = ?::regclass",
                (sequence, wanted, sequence),
            )
            first, block = taken[0]
            if taken[-1][0] == first + (wanted - 1) * block:
                if wanted * block >= n:
                    return Ids(first, first + wanted * block, boot + KEPT_S)
                wanted = -(-n // block)

    def skip_ids(self, source: Source, table: str) -> None:
        """Set the sequence behind the highest stored one."""
        source.rows(
            f"select setval(?::regclass, coalesce(max(id), 1), max(id) is not null) from {table}",  # noqa: S608
            (f"{table}_id_seq",),
        )

    @contextmanager
    def changing_schema(self, connection: Connection) -> Iterator[None]:
        """One node at a time; in the end, let the sequences of ids count in blocks."""
        connection.execute("select pg_advisory_lock(?)", (_SCHEMA,))
        try:
            yield
            names = sorted(f"{table}_id_seq" for table in IDENTIFIED)
            small = connection.execute(
                "select sequencename from pg_sequences where schemaname = current_schema() and increment_by <> ?"
                " and sequencename = any (?::text[])",
                (BLOCK, texts(names)),
            )
            for (name,) in small.fetchall():
                connection.execute(f'alter sequence "{name}" increment by {BLOCK}')
        finally:
            connection.execute("select pg_advisory_unlock(?)", (_SCHEMA,))


POSTGRESQL: Final[Dialect] = PostgresqlDialect()
