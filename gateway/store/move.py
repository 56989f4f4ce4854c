"""A store moves from one engine to another: table by table, in steps that can be cut anywhere, verified at the end.

Owns the copy and what guards it. The source is only read, and owned meanwhile, so that nobody writes it. Each step is
one transaction of the target: some rows, and how far they come. So a move that was killed goes on where it was, and
until it has ended the target bears a mark by which a start refuses it: half a store would know half of the opt-outs.

At the end every table is read again on both sides, in the order of its key, counted and hashed. Then the target becomes
a store of its own: its nodes begin new evidence chains, because the original may be written to again, and two rows with
one place in one chain must never exist anywhere.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from gateway.base import Clock
from gateway.store.bulk import Insert
from gateway.store.engines import Engine, Handle
from gateway.store.errors import StoreError, StoreMisconfigured
from gateway.store.evidence import encode
from gateway.store.jobs import Committer, Job
from gateway.store.restored import EPOCH, IDENTITY, STORE_ID, WITNESSED, facts, set_fact
from gateway.store.schema import migrate, names
from gateway.store.tables import TABLES, Meta, Table
from gateway.store.tx import IDENTIFIED, Reader, Row, Source, Tx

T = TypeVar("T")
Advance = Callable[[int], None]

MOVING: Final = "moving"
"""The key in ``meta`` of a store that is being moved into: what from. It is gone at the end."""

_STEP: Final = 1000
_STEPS: Final = {"quarantine": 20, "idempotency": 20}  # their rows can be large
_OWN: Final = frozenset({"meta"})  # what ``finish`` writes itself
_NUL: Final = "\0"


class MoveError(StoreError):
    """The move cannot go on, or its result is not what it must be."""

    exit_code = 65  # EX_DATAERR


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows of each table, and the hash of all of them."""

    rows: dict[str, int]
    digest: str


def refuse_half(source: Source) -> None:
    """Raise StoreMisconfigured if the store is one that a move has not ended in."""
    if MOVING in facts(source):
        raise StoreMisconfigured(
            "a move into this store has not ended: it does not have everything yet. Give the same "
            "`gateway migrate --to` again, which goes on where it was"
        )


class _Form:
    """How the rows of a table are read and written."""

    def __init__(self, table: type[Table]) -> None:
        meta: Any = table._meta
        self.name: str = meta.table_name
        self.columns: tuple[str, ...] = tuple(meta.columns)
        key = meta.primary_key
        fields = [meta.fields[name] for name in key.field_names] if hasattr(key, "field_names") else [key]
        self.key = tuple(field.column_name for field in fields)
        self.places = [self.columns.index(name) for name in self.key]
        self.insert = Insert(self.name, self.columns)

    @cached_property
    def _select(self) -> str:
        return f"select {', '.join(self.columns)} from {self.name}"  # noqa: S608 - our own names

    def step(self, after: list[object] | None, source: Source) -> list[Row]:
        """Return the next rows behind a key, in the order of keys."""
        where, params = "", list(after or ())
        if after is not None:
            where = f" where ({', '.join(self.key)}) > ({', '.join('?' * len(self.key))})"
        order = f" order by {', '.join(self.key)} limit ?"
        return source.rows(self._select + where + order, (*params, _STEPS.get(self.name, _STEP)))

    def last(self, rows: list[Row]) -> list[object]:
        """Return the key of the last row."""
        return [rows[-1][place] for place in self.places]

    def count(self, source: Source) -> int:
        """Return the number of rows."""
        return int(source.rows(f"select count(*) from {self.name}")[0][0])  # noqa: S608 - our own name


_FORMS: Final = tuple(_Form(table) for table in TABLES if table._meta.table_name not in _OWN)


class Move:
    """One move, for one thread. ``total`` is how much is to be done, in rows that are read or written."""

    def __init__(self, source: Engine, target: Engine, clock: Clock) -> None:
        """Look at both. Raises StoreError where the source cannot be moved, or the target is not empty."""
        self._source_engine, self._target_engine = source, target
        self._clock = clock
        self._committer = Committer(target, clock)
        self._source = source.open_reader()
        try:
            self._facts = self._read(self._source, source, self._look)
            self._counts = self._read(self._source, source, lambda s: {form.name: form.count(s) for form in _FORMS})
            self._begin()
        except BaseException:
            self.close()
            raise
        self.total = 3 * sum(self._counts.values())

    def close(self) -> None:
        """Close both; what was moved stays."""
        self._source_engine.close(self._source)
        self._committer.close()

    def run(self, advance: Advance) -> Moved:
        """Copy what is not there yet, verify all of it, and let the target become a store of its own."""
        for form in _FORMS:
            self._copy(form, advance)
        whole = hashlib.sha256()
        reading = self._target_engine.open_reader()
        try:
            for form in _FORMS:
                whole.update(self._verify(form, reading, advance))
        finally:
            self._target_engine.close(reading)
        self._finish()
        return Moved(self._counts, whole.hexdigest())

    def _look(self, source: Source) -> dict[str, str]:
        """Return the facts of the source, or say why it cannot be moved."""
        applied = {row[0] for row in source.rows("select name from schema_migration")}
        if applied != set(names()):
            raise MoveError("the store has another schema than this version; run `gateway migrate` without --to first")
        known = facts(source)
        if MOVING in known:
            raise MoveError("this store is itself one that a move has not ended in")
        return known

    def _begin(self) -> None:
        """Make the target's schema and mark it, or find the mark of this same move."""
        handle = self._committer.handle()
        migrate(handle, "the target")
        mine = json.dumps({"store": self._facts.get(STORE_ID, ""), "lives": self._lives()}, sort_keys=True)

        def begin(tx: Tx) -> None:
            said = facts(tx).get(MOVING)
            if said is None:
                if any(form.count(tx) for form in _FORMS if form.name != "account"):
                    raise MoveError("the target holds a store already; name an empty database")
                tx.execute("delete from account")
                set_fact(tx, MOVING, mine)
            elif said != mine:
                raise MoveError(
                    "another move into the target has begun, or a gateway has written to the source since; "
                    "make the target's database anew, and begin again"
                )

        self._write(begin)

    def _lives(self) -> dict[str, int]:
        nodes = self._read(self._source, self._source_engine, lambda s: s.rows("select name, life from node"))
        return {str(name): int(life) for name, life in nodes}

    def _copy(self, form: _Form, advance: Advance) -> None:
        key = f"{MOVING}/{form.name}"
        after, done = self._write(lambda tx: json.loads(facts(tx).get(key, "[null, 0]")))
        advance(done)
        while rows := self._read(self._source, self._source_engine, partial(form.step, after)):
            after, done = form.last(rows), done + len(rows)
            _check_texts(form.name, rows)

            def put(tx: Tx, rows: list[Row] = rows, after: list[object] = after, done: int = done) -> None:
                tx.put(form.insert, rows)
                set_fact(tx, key, json.dumps([after, done]))

            self._write(put)
            advance(len(rows))

    def _verify(self, form: _Form, reading: Handle, advance: Advance) -> bytes:
        """Compare a table on both sides; return the hash of its rows."""
        ours, theirs = hashlib.sha256(form.name.encode()), hashlib.sha256(form.name.encode())
        count = 0
        for digest, handle, engine in (
            (ours, self._source, self._source_engine),
            (theirs, reading, self._target_engine),
        ):
            count = 0
            for rows in self._steps(form, handle, engine):
                for row in rows:
                    digest.update(encode(_stored(value) for value in row))
                count += len(rows)
                advance(len(rows))
        if ours.digest() != theirs.digest():
            raise MoveError(
                f"the table {form.name} differs: {count} rows arrived of {self._counts[form.name]}, or not as they "
                "were. Make the target's database anew, and begin again"
            )
        return ours.digest()

    def _steps(self, form: _Form, handle: Handle, engine: Engine) -> Iterator[list[Row]]:
        after: list[object] | None = None
        while rows := self._read(handle, engine, partial(form.step, after)):
            yield rows
            after = form.last(rows)

    def _finish(self) -> None:
        """Take away the marks; the store has a name and an epoch of its own, and goes on with free ids."""
        epoch = max(int(self._facts.get(EPOCH, "0")) + 1, int(self._clock.wall()))

        def finish(tx: Tx) -> None:
            tx.change(Meta.delete())
            kept = {key: value for key, value in self._facts.items() if key not in (IDENTITY, WITNESSED)}
            for key, value in {**kept, EPOCH: str(epoch), STORE_ID: secrets.token_hex(16)}.items():
                set_fact(tx, key, value)
            for table in sorted(IDENTIFIED):
                tx.dialect.skip_ids(tx, table)

        self._write(finish)

    def _write(self, run: Callable[[Tx], T]) -> T:
        """Run one transaction of the target; raise what it fails with."""
        results: list[T] = []
        failed: list[Exception] = []
        for completion in self._committer.run([Job(run, results.append, failed.append, "move")]).completions:
            completion.deliver()
        if failed:
            raise failed[0]
        return results[0]

    def _read(self, handle: Handle, engine: Engine, run: Callable[[Source], T]) -> T:
        engine.begin(handle)
        try:
            return run(Reader(handle.connection, handle.database))
        finally:
            engine.rollback(handle)


def _stored(value: Any) -> Any:
    """Return a value as any engine stores it: no text of PostgreSQL's has the character U+0000."""
    return value.replace(_NUL, "\ufffd") if isinstance(value, str) and _NUL in value else value


def _check_texts(table: str, rows: list[Row]) -> None:
    """Evidence is hashed as it was written, so it must arrive to the letter."""
    if table == "evidence" and any(isinstance(value, str) and _NUL in value for row in rows for value in row):
        raise MoveError("a piece of evidence holds the character U+0000, which no other engine stores: it stays here")
