"""Who waits, and which texts are incomplete, are found without reading past what cannot go, or was joined."""

from __future__ import annotations

from typing import Any

from peewee import Database

INDEXES = (
    "CREATE INDEX message_waiting ON message (lane, line_id, subscriber, id) WHERE state = 0",
    "CREATE INDEX part_open ON part (carrier, line_id, subscriber, reference, total) WHERE mo_id IS NULL",
)


def up(migrator: Any, db: Database) -> None:
    """Make the indexes."""
    execute: Any = db.execute_sql
    for statement in INDEXES:
        execute(statement)
