"""The quarantine keeps the same PDU once, says how often it came, and lets go of what is old.

What is there already keeps a row each: it came once, and has no fingerprint to be known by.
"""

from __future__ import annotations

from typing import Any

from peewee import Database

STATEMENTS = (
    'ALTER TABLE quarantine ADD COLUMN "fingerprint" BLOB',
    'ALTER TABLE quarantine ADD COLUMN "times" INTEGER NOT NULL DEFAULT 1',
    'ALTER TABLE quarantine ADD COLUMN "last_at" REAL NOT NULL DEFAULT 0',
    "UPDATE quarantine SET last_at = received_at",
    "CREATE UNIQUE INDEX quarantine_same ON quarantine (carrier, fingerprint)",
    "CREATE INDEX quarantine_last ON quarantine (last_at)",
)


def up(migrator: Any, db: Database) -> None:
    """Add the columns, and make the indexes."""
    execute: Any = db.execute_sql
    for statement in STATEMENTS:
        execute(statement)
