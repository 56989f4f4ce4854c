"""Peewee's view of a psycopg connection: it builds cold queries, and runs migrations.

Migrations are written in words that SQLite knows, too. Here these are read as PostgreSQL's, and texts get the
collation "C": compared octet by octet, as everywhere else in the gateway, which makes indexes small and quick besides.
"""

from __future__ import annotations

import re
from typing import Any, Final

import psycopg
from peewee import PostgresqlDatabase

from gateway.store.postgresql.link import Link

_TEXT: Final = 'TEXT COLLATE "C"'
_WORDS: Final = {"BLOB": "BYTEA", "REAL": "DOUBLE PRECISION", "TEXT": _TEXT, "WITHOUT ROWID": ""}
_DEFINITION: Final = re.compile(r"\s*(ALTER TABLE\s.*\sADD COLUMN|CREATE TABLE)\s", re.IGNORECASE | re.DOTALL)
_TOKENS: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\b(?:BLOB|REAL|TEXT|WITHOUT ROWID)\b""")


def definition(sql: str) -> str:
    """Return a statement that defines columns in words that PostgreSQL knows; any other statement as it is."""
    return _TOKENS.sub(lambda found: _WORDS.get(found[0], found[0]), sql) if _DEFINITION.match(sql) else sql


class Database(PostgresqlDatabase):
    """A peewee database on a connection that is open already."""

    def __init__(self, link: Link) -> None:
        self._link = link
        super().__init__(link.raw.info.dbname, prefer_psycopg3=True, thread_safe=False)

    def _connect(self) -> psycopg.Connection[Any]:
        return self._link.raw

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run a statement that peewee or a migration made."""
        run: Any = super().execute_sql
        self._link.flush()
        # Peewee hands the driver an empty list for no parameters, and then a % would begin a placeholder.
        return run(definition(sql) if params else definition(sql).replace("%", "%%"), params)
