"""A connection that fails where it is told to: the first operation, the second, ... until a run passes.

``Faults`` counts the operations (statements, BEGIN and COMMIT included) of all connections made from one
``connection_class()`` (SQLite) or ``link_class()`` (PostgreSQL) and raises once, at operation ``fail_at``.
``Moment.BEFORE`` raises instead of the operation; ``Moment.AFTER`` lets it happen and raises then, which is what an I/O
error of a commit can look like from outside. What it raises is named by SQLite's result code; on PostgreSQL it is the
error that means the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import psycopg

from gateway.store.postgresql.link import Answer, Answers, Link

STATES: Final = {
    sqlite3.SQLITE_BUSY: "55P03",
    sqlite3.SQLITE_CONSTRAINT: "23505",
    sqlite3.SQLITE_FULL: "53100",
    sqlite3.SQLITE_IOERR: "58030",
    sqlite3.SQLITE_IOERR_FSYNC: "XX000",
    sqlite3.SQLITE_READONLY_DBMOVED: "25006",
}
"""The SQLSTATE that means what a result code of SQLite means."""


class Moment(Enum):
    BEFORE = "before"
    AFTER = "after"


def sqlite_error(code: int, text: str = "made by the test") -> sqlite3.OperationalError:
    """Return the error that SQLite would raise with this result code."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def postgresql_error(code: int) -> psycopg.Error:
    """Return the error that PostgreSQL would raise where SQLite has this result code."""
    return psycopg.errors.lookup(STATES[code])("made by the test")


@dataclass
class Faults:
    """When to fail, and with which SQLite result code. ``fail_at`` counts from 0; None never fails.

    ``times`` is how many operations in a row fail. ``seen`` are the statements run so far.
    """

    code: int = sqlite3.SQLITE_IOERR
    moment: Moment = Moment.BEFORE
    fail_at: int | None = None
    times: int = 1
    seen: list[str] = field(default_factory=list)

    def reached(self) -> bool:
        """Say whether the failure has happened."""
        return self.fail_at is not None and len(self.seen) > self.fail_at

    def begin(self, sql: str) -> bool:
        """Count an operation; return whether it is one to fail."""
        self.seen.append(sql)
        at = len(self.seen) - 1
        return self.fail_at is not None and self.fail_at <= at < self.fail_at + self.times

    def connection_class(self) -> type[sqlite3.Connection]:
        """Return a connection class whose every operation passes here."""
        faults = self

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
                with _Operation(faults, sql):
                    super().execute(sql, parameters)
                return self

            def executemany(self, sql: str, rows: Any, /) -> Cursor:
                with _Operation(faults, sql):
                    super().executemany(sql, rows)
                return self

        class Connection(sqlite3.Connection):
            def cursor(self, factory: Any = Cursor) -> Any:
                return super().cursor(factory)

            def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
                cursor: sqlite3.Cursor = self.cursor()
                return cursor.execute(sql, parameters)

            def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
                cursor: sqlite3.Cursor = self.cursor()
                return cursor.executemany(sql, rows)

        return Connection

    def link_class(self) -> type[Link]:
        """Return a class of PostgreSQL connections whose every operation passes here."""
        faults = self

        class Faulty(Link):
            def send(self, sql: str, parameters: Any = (), /) -> Answer:
                with _Operation(faults, sql, postgresql_error) as operation:
                    answer = super().send(sql, parameters)
                    if operation.happens:
                        self.abandon()  # it has happened once the server has said so
                    return answer

            def executemany(self, sql: str, rows: Any, /) -> Answers:
                with _Operation(faults, sql, postgresql_error):
                    return super().executemany(sql, rows)

        return Faulty


class _Operation:
    def __init__(self, faults: Faults, sql: str, error: Callable[[int], Exception] = sqlite_error) -> None:
        self._faults = faults
        self._error = error
        self._fails = faults.begin(sql)

    @property
    def happens(self) -> bool:
        """Whether it is one that is let happen, and fails then."""
        return self._fails and self._faults.moment is Moment.AFTER

    def __enter__(self) -> _Operation:
        if self._fails and self._faults.moment is Moment.BEFORE:
            raise self._error(self._faults.code)
        return self

    def __exit__(self, *_: object) -> None:
        if self.happens:
            raise self._error(self._faults.code)


def every_point(code: int, moment: Moment) -> Iterator[Faults]:
    """Yield faults that fail at operation 0, 1, 2, ...; the last one yielded is the run that passed."""
    at = 0
    while True:
        faults = Faults(code, moment, fail_at=at)
        yield faults
        if not faults.reached():
            return
        at += 1
