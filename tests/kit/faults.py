"""A SQLite connection that fails where it is told to: the first operation, the second, ... until a run passes.

``Faults`` counts the operations (statements, BEGIN and COMMIT included) of all connections made from one
``connection_class()`` and raises once, at operation ``fail_at``. ``Moment.BEFORE`` raises instead of the operation;
``Moment.AFTER`` lets it happen and raises then, which is what an I/O error of a commit can look like from outside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Moment(Enum):
    BEFORE = "before"
    AFTER = "after"


def sqlite_error(code: int, text: str = "made by the test") -> sqlite3.OperationalError:
    """Return the error that SQLite would raise with this result code."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


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


class _Operation:
    def __init__(self, faults: Faults, sql: str) -> None:
        self._faults = faults
        self._fails = faults.begin(sql)

    def __enter__(self) -> None:
        if self._fails and self._faults.moment is Moment.BEFORE:
            raise sqlite_error(self._faults.code)

    def __exit__(self, *_: object) -> None:
        if self._fails and self._faults.moment is Moment.AFTER:
            raise sqlite_error(self._faults.code)


def every_point(code: int, moment: Moment) -> Iterator[Faults]:
    """Yield faults that fail at operation 0, 1, 2, ...; the last one yielded is the run that passed."""
    at = 0
    while True:
        faults = Faults(code, moment, fail_at=at)
        yield faults
        if not faults.reached():
            return
        at += 1
