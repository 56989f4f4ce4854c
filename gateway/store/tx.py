"""One transaction, as the jobs see it: statements in, rows out, and the few facts that every job needs.

Owns the hand-out of ids and the memory that belongs to the writer's connection. Must never begin, commit or roll back:
the writer does that, around all jobs of a batch, so a job neither knows nor decides what it shares its commit with. A
job may take back what it did itself (``attempt``), which is nobody else's business.
Nothing here hides a statement, and but for ``bulk`` nothing turns one into several; hot paths count them.

Ids come from memory, not from the database: a job that writes a message, its evidence and its permits must name them in
each other before any of them is stored, and one statement for many rows cannot ask for each row's id. The engine's
dialect says which ids are this writer's: where a store has one writer, all above the highest stored one; where it has
several, a block of a sequence. They only ever rise, and one whose use was rolled back is not used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar, cast

from peewee import Database, Node

from gateway.store.bulk import Bulk
from gateway.store.lookup import Lookup
from gateway.store.suppression import Notes

Params = Sequence[object] | Mapping[str, object]
Row = tuple[Any, ...]
T = TypeVar("T")

Answered = Callable[[], list[Row]]
"""A question that was asked: what gives its rows, and waits for them if need be. For the transaction it came from."""

IDENTIFIED: Final = frozenset(
    {"message", "permit", "evidence", "part", "parked_receipt", "quarantine", "audit", "line", "keyword", "optin_list"}
)
"""The tables whose rows have an id that ``Tx.allocate`` hands out."""


class Cursor(Protocol):
    """What we use of a DB-API cursor (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows of the answer."""
        ...


class Connection(Protocol):
    """What we use of a DB-API connection: statements straight on it, as sqlite3 and psycopg both offer."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Any, /) -> Cursor:
        """Run one statement once per row of parameters."""
        ...


@dataclass(slots=True)
class ChainHead:
    """The end of this node's evidence chain: the last row's ``seq`` (0: none yet) and its hash."""

    seq: int
    hash: bytes


@dataclass(slots=True)
class Ids:
    """The ids of a table that are this writer's to hand out: from ``first`` on, below ``end``.

    After ``until`` (boot clock) those that are left are let go, so that ids rise with time over all writers, nearly.
    """

    first: int
    end: int
    until: float


@dataclass(slots=True)
class WriterMemory:
    """What the writer remembers between transactions. ``forget`` drops what a rolled back transaction may have moved.

    ``ids`` are by table, and survive a roll back, because they only rise. ``chain`` is read again from the store
    whenever it is None.
    """

    ids: dict[str, Ids] = field(default_factory=dict)
    chain: ChainHead | None = None

    def forget(self) -> None:
        """A transaction was not committed: read the head of the evidence chain again."""
        self.chain = None


class Source(Protocol):
    """Where questions can be put: a ``Reader``, or a ``Tx``, which sees what it wrote itself."""

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one query in the engine's own SQL."""
        ...

    def fetch(self, query: Node) -> list[Row]:
        """Run a peewee query."""
        ...


class Dialect(Protocol):
    """Where the engines' SQL differs. Knows no table's meaning; what is common is plain SQL beside its callers."""

    several: bool
    """Whether several nodes may write here: whoever decides must lock what it rests on."""

    def bulk(
        self, bulk: Bulk, rows: Sequence[Sequence[object]], common: Sequence[object]
    ) -> Iterable[tuple[str, Sequence[object]]]:
        """Return the statements, with their parameters, that write ``rows`` as ``bulk`` says, all with ``common``."""
        ...

    def begin(self, connection: Connection, statements: Iterable[tuple[str, Sequence[object]]]) -> Sequence[Cursor]:
        """Begin with these statements; what becomes of them may come to light as late as at ``flush``."""
        ...

    def flush(self, connection: Connection) -> None:
        """Wait for all that was begun, and raise what it failed with."""
        ...

    def abandon(self, connection: Connection) -> None:
        """Wait for all that was begun, and pass over what it failed with: it is being taken back."""
        ...

    def look_up(
        self, lookup: Lookup, fixed: Sequence[object], keys: Sequence[object], lock: str = ""
    ) -> Iterable[tuple[str, Sequence[object]]]:
        """Return the statements, with their parameters, that find rows by keys, in the order of ``keys``.

        ``lock`` is what stands behind a select that locks its rows; only for engines with several writers.
        """
        ...

    def by_index(self, name: str) -> str:
        """Return what stands behind a table's name where a statement must walk this index, for engines that need it."""
        ...

    def reserve(self, source: Source, table: str, n: int, boot: float) -> Ids:
        """Return at least ``n`` ids of ``table`` that no other writer gets; ``boot`` is the time (boot clock)."""
        ...

    def skip_ids(self, source: Source, table: str) -> None:
        """Hand out no ids of ``table`` that are stored already: rows came with ids from elsewhere."""
        ...

    def changing_schema(self, connection: Connection) -> AbstractContextManager[None]:
        """Keep other nodes from changing the schema meanwhile; in the end, settle what the tables alone do not say."""
        ...


class Statements(Protocol):
    """A transaction as far as plain SQL goes: a ``Tx``, or a short one beside the writer (``gateway.store.side``)."""

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run one statement; return how many rows it changed."""
        ...

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one query; return its rows."""
        ...


class Reader:
    """One consistent look at the store, which cannot write. Valid until the reading function returns."""

    __slots__ = ("connection", "database")

    def __init__(self, connection: Connection, database: Database) -> None:
        self.connection = connection
        self.database = database

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one query in the engine's own SQL; return its rows, in order, as tuples."""
        return self.connection.execute(sql, params).fetchall()

    def fetch(self, query: Node) -> list[Row]:
        """Run a peewee query; return its rows as tuples of what the driver gives."""
        return self.rows(*compiled(self.database, query))


class Tx:
    """An open write transaction. Valid until the job returns; a job must not keep it.

    ``now`` is the wall clock (unix seconds) and ``boot`` the boot clock (seconds), both read once per transaction.
    ``node``, ``incarnation`` and ``life`` name the writer. ``notes`` gathers what the suppression log shall hold, None
    where none is kept. Errors of the driver pass through unchanged: the writer classifies them, and a job that swallows
    one breaks the batch.
    """

    __slots__ = (
        *("_is_ours", "boot", "connection", "database", "dialect", "incarnation", "life", "memory", "node", "notes"),
        "now",
    )

    def __init__(
        self,
        connection: Connection,
        database: Database,
        dialect: Dialect,
        memory: WriterMemory,
        *,
        node: str,
        incarnation: int,
        life: int,
        now: float,
        boot: float,
        is_ours: Callable[[Exception], bool],
        notes: Notes | None = None,
    ) -> None:
        self.connection = connection
        self.database = database
        self.dialect = dialect
        self.memory = memory
        self.node = node
        self.incarnation = incarnation
        self.life = life
        self.now = now
        self.boot = boot
        self.notes = notes
        self._is_ours = is_ours

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run one statement in the engine's own SQL; return how many rows it changed (-1 where that has no sense)."""
        return self.connection.execute(sql, params).rowcount

    def executemany(self, sql: str, rows: Iterable[Params]) -> int:
        """Run one statement for each of ``rows``; return how many rows were changed in all."""
        return self.connection.executemany(sql, rows).rowcount

    def bulk(self, bulk: Bulk, rows: Sequence[Sequence[object]], common: Sequence[object] = ()) -> int:
        """Write ``rows`` as ``bulk`` says, in as few statements as the engine needs; return how many it changed.

        ``common`` are the values that all rows have of the columns that ``bulk`` says are so.
        """
        return self.put(bulk, rows, common)()

    def put(self, bulk: Bulk, rows: Sequence[Sequence[object]], common: Sequence[object] = ()) -> Callable[[], int]:
        """Write ``rows`` as ``bulk`` does it; return what says how many it changed, for whoever needs to know.

        An engine that is elsewhere works on it while the job goes on. What it fails with comes with the next statement
        that has an answer, or with ``flush``: at the end of the transaction at the latest.
        """
        begun = self.dialect.begin(self.connection, self.dialect.bulk(bulk, rows, common))
        return lambda: sum(cursor.rowcount for cursor in begun)

    def ask(self, lookup: Lookup, fixed: Sequence[object], keys: Sequence[object], lock: str = "") -> Answered:
        """Begin with ``look_up``; return what gives its rows. Questions that are asked together share one way."""
        return self._asked(self.dialect.look_up(lookup, fixed, keys, lock))

    def ask_rows(self, sql: str, params: Params = ()) -> Answered:
        """Begin with ``rows``; return what gives them."""
        return self._asked(((sql, cast(Sequence[object], params)),))

    def _asked(self, statements: Iterable[tuple[str, Sequence[object]]]) -> Answered:
        begun = self.dialect.begin(self.connection, statements)
        return lambda: [row for cursor in begun for row in cursor.fetchall()]

    def flush(self) -> None:
        """See to it that all that was written is written. The writer does so behind the last job."""
        self.dialect.flush(self.connection)

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        """Run one query in the engine's own SQL; return its rows, in order, as tuples."""
        return self.connection.execute(sql, params).fetchall()

    def look_up(self, lookup: Lookup, fixed: Sequence[object], keys: Sequence[object], lock: str = "") -> list[Row]:
        """Return the rows that ``lookup`` describes, of these keys; with ``lock``, lock them in the order of keys."""
        return self.ask(lookup, fixed, keys, lock)()

    def fetch(self, query: Node) -> list[Row]:
        """Run a peewee query (a cold one); return its rows as tuples of what the driver gives."""
        return self.rows(*compiled(self.database, query))

    def change(self, query: Node) -> int:
        """Run a peewee insert, update or delete (a cold one); return how many rows it changed."""
        return self.execute(*compiled(self.database, query))

    def attempt(self, act: Callable[[], T], otherwise: Callable[[Exception], T]) -> T:
        """Return ``act()``; where it fails by our own fault, take back what it wrote and return ``otherwise(error)``.

        An error of the store, or of somebody in the way, passes through: the writer must see it. May be nested.
        """
        mark = 0 if self.notes is None else len(self.notes.events)
        self.execute("SAVEPOINT attempt")
        try:
            result = act()
            self.flush()
        except Exception as error:
            if not self._is_ours(error):
                raise
            self.dialect.abandon(self.connection)
            self.execute("ROLLBACK TO attempt")
            self.execute("RELEASE attempt")  # first, so that an attempt around this one finds its own
            self.memory.forget()
            if self.notes is not None:
                self.notes.forget(mark)
            return otherwise(error)
        self.execute("RELEASE attempt")
        return result

    def allocate(self, table: str, n: int = 1) -> int:
        """Hand out ``n`` consecutive ids of ``table`` (one of ``IDENTIFIED``), never one twice; return the first."""
        ids = self.memory.ids.get(table)
        if ids is None or ids.first + n > ids.end or self.boot > ids.until:
            if table not in IDENTIFIED:
                raise ValueError(f"table {table!r} has no ids to hand out; those that have: {sorted(IDENTIFIED)}")
            ids = self.memory.ids[table] = self.dialect.reserve(self, table, n, self.boot)
        first = ids.first
        ids.first += n
        return first


def compiled(database: Database, query: Node) -> tuple[str, Sequence[object]]:
    """Return the SQL and the parameters of a peewee query, in the dialect of ``database``."""
    context: Any = database.get_sql_context()
    sql, params = context.sql(query).query()
    return sql, params
