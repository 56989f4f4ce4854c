"""A permit says how its message was cut, so that what was begun can be finished alike on any carrier."""

from __future__ import annotations

from typing import Any

from peewee import Database


def up(migrator: Any, db: Database) -> None:
    """Add the style and the coding; what is there already was cut in the usual way."""
    execute: Any = db.execute_sql
    execute('ALTER TABLE "permit" ADD COLUMN "style" TEXT NOT NULL DEFAULT \'udh8\'')
    execute('ALTER TABLE "permit" ADD COLUMN "data_coding" INTEGER NOT NULL DEFAULT 0')
