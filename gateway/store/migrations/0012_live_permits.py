"""One index finds the permits that are live: there are as many as the windows have slots, and it is small."""

from __future__ import annotations

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Drop the other one, in which each permit was entered and left for nothing."""
    execute: Any = db.execute_sql
    execute("DROP INDEX permit_live_node")
