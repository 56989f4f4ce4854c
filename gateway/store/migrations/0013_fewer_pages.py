"""A text touches fewer pages: indexes that nobody needs go, and one keeps only what stays in it.

A receipt that names nobody finds its permit by the index that the others use. Nobody walks the members of a list. What
is being sent has a live permit, and is found by that; of states, only *uncertain* has an index of its own.
"""

from __future__ import annotations

from typing import Any

from peewee import Database

STATEMENTS = (
    "DROP INDEX permit_carrier_id",
    "DROP INDEX member_line_id_list_name_subscriber",
    "DROP INDEX message_open",
    "CREATE INDEX message_uncertain ON message (state, id) WHERE state = 10",
)


def up(migrator: Any, db: Database) -> None:
    """Drop them; make the one for what is uncertain."""
    execute: Any = db.execute_sql
    for statement in STATEMENTS:
        execute(statement)
