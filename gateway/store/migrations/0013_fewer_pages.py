"""A text touches fewer pages: indexes that nobody needs go, and one keeps only what stays in it.

A receipt that names nobody finds its permit by the index that the others use. Nobody walks the members of a list. What
is being sent has a live permit, and is found by that; of states, only *uncertain* has an index of its own.

The messages and the evidence of a pair form a list, from each to the one ``previous`` to it, which begins in the pair's
consent row. Rows that are in none, as all are that are here already, stay in an index.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase

STATEMENTS = (
    "DROP INDEX permit_carrier_id",
    "DROP INDEX member_line_id_list_name_subscriber",
    "DROP INDEX message_open",
    "CREATE INDEX message_uncertain ON message (state, id) WHERE state = 10",
    'ALTER TABLE "consent" ADD COLUMN "last_message" BIGINT',
    'ALTER TABLE "consent" ADD COLUMN "last_evidence" BIGINT',
    'ALTER TABLE "message" ADD COLUMN "previous" BIGINT',
    'ALTER TABLE "evidence" ADD COLUMN "previous" BIGINT',
    "DROP INDEX message_pair",
    "CREATE INDEX message_pair ON message (line_id, subscriber, id) WHERE previous IS NULL",
    "DROP INDEX evidence_line_id_subscriber_id",
    "CREATE INDEX evidence_pair ON evidence (line_id, subscriber, id) WHERE previous IS NULL",
)


def up(migrator: Any, db: Database) -> None:
    """Drop them; make the small ones, and the columns of the lists."""
    execute: Any = db.execute_sql
    sqlite = isinstance(db, SqliteDatabase)  # whose integers have 64 bits anyway
    for statement in STATEMENTS:
        execute(statement.replace("BIGINT", "INTEGER") if sqlite else statement)
