"""Several nodes: each has a heartbeat, and each bind has an owner."""

from __future__ import annotations

from typing import Any

from peewee import (
    SQL,
    BigIntegerField,
    CompositeKey,
    Database,
    DoubleField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)

TEXT = "TEXT NOT NULL DEFAULT ''"


class Lease(Model):
    """As it was made here; what it is by now is in ``gateway.store.tables_nodes``."""

    carrier = TextField()
    number = IntegerField()
    node = TextField(default="", constraints=[SQL("DEFAULT ''")])
    life = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    fence = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    sessions = TextField(default="", constraints=[SQL("DEFAULT ''")])
    since = DoubleField(default=0, constraints=[SQL("DEFAULT 0")])

    class Meta:
        """Peewee's own."""

        legacy_table_names = False
        table_name = "lease"
        primary_key = CompositeKey("carrier", "number")
        without_rowid = True


def up(migrator: Any, db: Database) -> None:
    """Add the heartbeat to ``node``; make ``lease``."""
    execute: Any = db.execute_sql
    number = "REAL" if isinstance(db, SqliteDatabase) else "DOUBLE PRECISION"
    for column, kind in (
        ("expires_at", f"{number} NOT NULL DEFAULT 0"),
        ("joined_at", f"{number} NOT NULL DEFAULT 0"),
        ("backend", TEXT),
    ):
        execute(f'ALTER TABLE "node" ADD COLUMN "{column}" {kind}')
    with db.bind_ctx([Lease]):
        db.create_tables([Lease], safe=False)
