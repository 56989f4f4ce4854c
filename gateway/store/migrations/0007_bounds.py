"""What a hostile carrier can pile up is found by a bounded number of rows, and the quarantine knows its size.

A receipt finds the newest permit by id and subscriber; one that waits is found by whom it names. Of an incomplete text
only the latest part is in the index of those that wait. A part remembers whether it was flagged as a receipt. Numbers
that carriers choose may have 32 bits without a sign, for which other engines than SQLite need a wider column.
"""

from __future__ import annotations

from typing import Any

from peewee import Database, SqliteDatabase

STATEMENTS = (
    "CREATE INDEX permit_told ON permit (carrier, carrier_id, subscriber) WHERE carrier_id <> ''",
    """ALTER TABLE "parked_receipt" ADD COLUMN "subscriber" TEXT NOT NULL DEFAULT ''""",
    "UPDATE parked_receipt SET subscriber = substr(addresses || ' ', 1, strpos(addresses || ' ', ' ') - 1)"
    " WHERE addresses LIKE '+%'",
    'ALTER TABLE "parked_receipt" DROP COLUMN "addresses"',
    "DROP INDEX parked_receipt_carrier_carrier_id",
    "CREATE INDEX parked_told ON parked_receipt (carrier, carrier_id, subscriber, place)",
    'ALTER TABLE "part" ADD COLUMN "flagged" INTEGER NOT NULL DEFAULT 0',
    'ALTER TABLE "part" ADD COLUMN "newest" INTEGER NOT NULL DEFAULT 1',
    "UPDATE part SET newest = 0 WHERE EXISTS (SELECT 1 FROM part AS later WHERE later.carrier = part.carrier"
    " AND later.line_id = part.line_id AND later.subscriber = part.subscriber AND later.reference = part.reference"
    " AND later.total = part.total AND later.id > part.id)",
    "DROP INDEX part_open",
    "CREATE INDEX part_due ON part (received_at, newest, mo_id) WHERE mo_id IS NULL AND newest = 1",
    "CREATE INDEX part_pair ON part (carrier, line_id, subscriber, received_at) WHERE mo_id IS NULL AND newest = 1",
    'ALTER TABLE "quarantine" ADD COLUMN "size" INTEGER NOT NULL DEFAULT 0',
    "UPDATE quarantine SET size = length(raw) + 512",
    "DROP INDEX quarantine_last",
    "CREATE INDEX quarantine_last ON quarantine (last_at, size)",
)
WIDER = (("message", "status"), ("part", "reference"), ("permit", "status"), ("quarantine", "status"))


def up(migrator: Any, db: Database) -> None:
    """Add the columns, make the indexes, and widen what is too narrow; SQLite's integers have 64 bits anyway."""
    execute: Any = db.execute_sql
    sqlite = isinstance(db, SqliteDatabase)
    for statement in STATEMENTS:
        execute(statement.replace("strpos(", "instr(") if sqlite else statement)
    for table, column in () if sqlite else WIDER:
        execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE BIGINT')
