"""Joined parts are found by their age: they are dropped every few seconds, and what waits for its other parts stays."""

from __future__ import annotations

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Make the index; a part is in it from when it is joined until it is dropped, a quarter of an hour later."""
    execute: Any = db.execute_sql
    execute("CREATE INDEX part_joined ON part (received_at) WHERE mo_id IS NOT NULL")
