"""The models, the migrated schema and docs/store.md say the same."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from gateway.store import tables
from tests.kit.stores import look, migrated

DOCS = Path(__file__).parents[2] / "docs" / "store.md"
SCHEMA = "select name, sql from sqlite_master where type in ('table', 'index') and name not like 'schema_migration%'"


def test_migrations_build_exactly_the_models(tmp_path: Path) -> None:
    migrated(tmp_path)
    database = SqliteDatabase(str(tmp_path / "models.db"))
    with database.bind_ctx(tables.TABLES):
        database.create_tables(tables.TABLES, safe=False)
    database.close()
    models = sqlite3.connect(tmp_path / "models.db")
    expected = sorted(models.execute(SCHEMA).fetchall())
    models.close()
    assert sorted(look(tmp_path, SCHEMA)) == expected


def test_every_table_is_listed_once(tmp_path: Path) -> None:
    migrated(tmp_path)
    names = look(tmp_path, "select name from sqlite_master where type = 'table' and name <> 'schema_migration'")
    assert sorted(name for (name,) in names) == sorted(table._meta.table_name for table in tables.TABLES)


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.__name__)
def test_every_column_is_documented_and_no_other(table: type[tables.Table], tmp_path: Path) -> None:
    migrated(tmp_path)
    name = table._meta.table_name
    section = re.search(rf"^### `{name}`\n(.*?)(?=^#|\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/store.md has no section on {name}"
    documented = [
        column
        for row in re.findall(r"^\| (`[^|]*) \|", section[1], re.MULTILINE)
        for column in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(documented) == sorted(row[1] for row in look(tmp_path, f"pragma table_info({name})"))


def test_octets_stay_octets_and_times_stay_exact(tmp_path: Path) -> None:
    migrated(tmp_path)
    raw, at = b"\x00STOP\xff", 1_800_000_000.123456
    look(
        tmp_path,
        "insert into quarantine (id, carrier, bind, session, received_at, status, reason, raw) "
        "values (1, 'acme', 'acme/0', 's', ?, 8, 'no reason', ?)",
        (at, raw),
    )
    assert look(tmp_path, "select raw, typeof(raw), received_at, typeof(received_at) from quarantine") == [
        (raw, "blob", at, "real")
    ]


def test_a_hot_statement_may_name_only_what_it_fills(tmp_path: Path) -> None:
    migrated(tmp_path)
    look(tmp_path, "insert into consent (line_id, subscriber) values (1, '+12125550101')")
    row = look(tmp_path, "select account_id, status, opt_outs, keywords, replies, latest_mo from consent")[0]
    assert row == (1, 0, 0, "{}", "[]", None)


def test_there_is_one_account(tmp_path: Path) -> None:
    migrated(tmp_path)
    assert look(tmp_path, "select id, name from account") == [(1, "default")]
