"""A queued message knows the carrier that it shall go over, so that each carrier finds its own and reads no others."""

from __future__ import annotations

from typing import Any

from peewee import Database

STATEMENTS = (
    """ALTER TABLE "message" ADD COLUMN "route" TEXT NOT NULL DEFAULT ''""",
    "DROP INDEX message_queued",
    "DROP INDEX message_waiting",
    "CREATE INDEX message_queued ON message (lane, line_id, route, id, subscriber) WHERE state = 0",
    "CREATE INDEX message_waiting ON message (lane, line_id, route, subscriber, id) WHERE state = 0",
    "CREATE INDEX message_routed ON message (line_id, subscriber, route) WHERE state = 0",
)


def up(migrator: Any, db: Database) -> None:
    """Add the column, and make the indexes."""
    execute: Any = db.execute_sql
    for statement in STATEMENTS:
        execute(statement)
