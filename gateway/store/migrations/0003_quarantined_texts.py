"""The quarantine says whose text it keeps, where that could be read and we failed on it."""

from __future__ import annotations

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Add the line and the subscriber; empty for what is there already."""
    execute: Any = db.execute_sql
    for column in ("line", "subscriber"):
        execute(f'ALTER TABLE "quarantine" ADD COLUMN "{column}" TEXT NOT NULL DEFAULT \'\'')
