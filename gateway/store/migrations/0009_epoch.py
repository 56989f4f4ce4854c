"""A node knows in which epoch of the store it registered: after a restore, each begins a new evidence chain."""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase


def up(migrator: Any, db: Database) -> None:
    """Add the epoch; what is there was never restored since."""
    execute: Any = db.execute_sql
    kind = "INTEGER" if isinstance(db, SqliteDatabase) else "BIGINT"
    execute(f'ALTER TABLE "node" ADD COLUMN "epoch" {kind} NOT NULL DEFAULT 0')
