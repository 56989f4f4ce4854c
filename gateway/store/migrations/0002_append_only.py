"""Evidence becomes append-only, by triggers of the database itself.

No row is deleted or replaced, and an update may only blank the personal columns of a row: once, all of them, dated by
``erased_at``. The hash chain survives that, because it runs over a salted digest of those columns, and the salt goes
with them. Each engine has triggers of its own that say the same.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase

FIXED = (
    "id",
    "account_id",
    "node",
    "incarnation",
    "seq",
    "kind",
    "line_id",
    "list_name",
    "status_before",
    "status_after",
    "method",
    "actor",
    "mo_id",
    "rule",
    "rule_version",
    "config_hash",
    "disclosure",
    "occurred_at",
    "recorded_at",
    "digest",
    "prev_hash",
    "hash",
)
PERSONAL_TEXT = ("subscriber", "text", "ip", "user_agent", "note")
PERSONAL_OCTETS = ("raw", "salt")

SQLITE_TRIGGERS = (
    "CREATE TRIGGER evidence_is_never_deleted BEFORE DELETE ON evidence "
    "BEGIN SELECT RAISE(ABORT, 'evidence is never deleted'); END",
    "CREATE TRIGGER evidence_is_never_replaced BEFORE INSERT ON evidence WHEN "
    "EXISTS (SELECT 1 FROM evidence WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM evidence "
    "WHERE node = NEW.node AND incarnation = NEW.incarnation AND seq = NEW.seq) "
    "BEGIN SELECT RAISE(ABORT, 'evidence is never replaced'); END",
    "CREATE TRIGGER evidence_is_never_changed BEFORE UPDATE ON evidence WHEN "
    + " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED)
    + " BEGIN SELECT RAISE(ABORT, 'evidence is never changed'); END",
    "CREATE TRIGGER evidence_is_only_erased BEFORE UPDATE ON evidence WHEN "
    "OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL"
    + "".join(f" OR NEW.{column} <> ''" for column in PERSONAL_TEXT)
    + "".join(f" OR NEW.{column} <> x''" for column in PERSONAL_OCTETS)
    + " BEGIN SELECT RAISE(ABORT, 'evidence is only erased: once, whole, and dated'); END",
)


# A row is never replaced anyway: there is no statement for that, and the keys are unique.
POSTGRESQL_TRIGGERS = (
    "CREATE FUNCTION evidence_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF TG_OP <> 'UPDATE' THEN RAISE EXCEPTION 'evidence is never deleted'"
    " USING ERRCODE = 'integrity_constraint_violation'; END IF; IF "
    + " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIXED)
    + " THEN RAISE EXCEPTION 'evidence is never changed' USING ERRCODE = 'integrity_constraint_violation'; END IF; IF "
    "OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL"
    + "".join(f" OR NEW.{column} <> ''" for column in (*PERSONAL_TEXT, *PERSONAL_OCTETS))
    + " THEN RAISE EXCEPTION 'evidence is only erased: once, whole, and dated'"
    " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER evidence_is_append_only BEFORE UPDATE OR DELETE ON evidence "
    "FOR EACH ROW EXECUTE FUNCTION evidence_is_append_only()",
    "CREATE TRIGGER evidence_is_never_emptied BEFORE TRUNCATE ON evidence "
    "FOR EACH STATEMENT EXECUTE FUNCTION evidence_is_append_only()",
)


def up(migrator: Any, db: Database) -> None:
    """Make the triggers."""
    execute: Any = db.execute_sql
    for statement in SQLITE_TRIGGERS if isinstance(db, SqliteDatabase) else POSTGRESQL_TRIGGERS:
        execute(statement)
