"""SQLite adds evidence without a trigger.

Any trigger on INSERT makes SQLite put the rows of a statement into a table of its own first, and run a program for
each. This one forbade to replace a row. Our own connections are refused that by the trigger on DELETE, since a REPLACE
deletes and they have ``recursive_triggers`` on; that another program did it, the hashes show (docs/decisions/0027).
PostgreSQL's triggers are on UPDATE, DELETE and TRUNCATE, and stay.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase


def up(migrator: Any, db: Database) -> None:
    """Drop the trigger."""
    execute: Any = db.execute_sql
    if isinstance(db, SqliteDatabase):
        execute("DROP TRIGGER evidence_is_never_replaced")
