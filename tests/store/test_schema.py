"""Migrating: fresh, again, from a newer version, somebody else's file, and failing at every statement."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.store.errors import StoreMisconfigured, StoreTooNew
from gateway.store.schema import MIGRATIONS, migrate
from tests.kit.faults import Moment, every_point
from tests.kit.stores import look, migrated, sqlite_engine

ALL = sorted(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))


def test_a_fresh_store_gets_every_migration_and_then_none(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    assert migrate(handle, "it") == ALL
    assert migrate(handle, "it") == []
    engine.close(handle)


def test_a_store_from_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    engine = migrated(tmp_path)
    look(tmp_path, "insert into schema_migration (name, applied) values ('9999_far_ahead', '2030-01-01')")
    look(tmp_path, "delete from schema_migration where name = ?", (ALL[-1],))
    before = look(tmp_path, "select name, sql from sqlite_master")
    handle = engine.open_writer()
    with pytest.raises(StoreTooNew, match=r"newer version of the gateway .*9999_far_ahead"):
        migrate(handle, "gateway.db")
    engine.close(handle)
    assert look(tmp_path, "select name, sql from sqlite_master") == before
    assert ALL[-1] not in {name for (name,) in look(tmp_path, "select name from schema_migration")}


def test_a_database_that_is_not_ours_is_refused_untouched(tmp_path: Path) -> None:
    look(tmp_path, "create table recipes (title)")
    engine = sqlite_engine(tmp_path)
    handle = engine.open_writer()
    with pytest.raises(StoreMisconfigured, match="not one of the gateway's"):
        migrate(handle, "gateway.db")
    engine.close(handle)
    assert look(tmp_path, "select name from sqlite_master") == [("recipes",)]


def test_a_migration_that_fails_anywhere_is_finished_by_the_next_start(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    migrated(whole)
    schema = "select name, sql from sqlite_master order by name"
    for number, faults in enumerate(every_point(sqlite3.SQLITE_FULL, Moment.BEFORE)):
        directory = tmp_path / str(number)
        directory.mkdir()
        engine = sqlite_engine(directory, faults)
        try:
            handle = engine.open_writer()
        except sqlite3.OperationalError:
            continue  # the connection itself could not be set up
        try:
            migrate(handle, "it")
        except Exception:  # noqa: BLE001 - whichever the failing statement happens to give
            assert faults.reached()
        engine.close(handle)
        migrated(directory)
        assert look(directory, schema) == look(whole, schema)
        assert look(directory, "select count(*) from account") == [(1,)]
