"""What is peculiar to PostgreSQL: addresses, refusals, names of nodes, sessions, and the meaning of its errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from pydantic import SecretStr

from gateway.store.engines import Engine, Verdict, find_engine
from gateway.store.errors import OutcomeUnknown, StoreInUse, StoreMisconfigured, StoreUnavailable
from gateway.store.jobs import Committer, Identity
from gateway.store.options import StoreOptions
from gateway.store.postgresql.address import parameters
from gateway.store.postgresql.database import definition
from gateway.store.postgresql.engine import PostgresqlEngine
from gateway.store.postgresql.values import NO_NUL, native
from gateway.store.store import open_store
from gateway.store.tx import Tx
from tests.kit import postgres
from tests.kit.clock import FakeClock
from tests.kit.stores import Told, committer, look, migrated, note, noted, on_engine, options_at


@pytest.fixture(autouse=True)
def _here() -> Iterator[None]:
    with on_engine("postgresql"):
        yield


def engine(url: str, **changes: Any) -> PostgresqlEngine:
    return PostgresqlEngine(StoreOptions(url=url, **changes), Path())


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("select ?, ? from t where a = %s", "select $1, $2 from t where a = $3"),
        (
            "select '?', '%s', 'it''s ?', \"a?b\", ? -- why?\n, ?",
            "select '?', '%s', 'it''s ?', \"a?b\", $1 -- why?\n, $2",
        ),
        ("select 7 % 2", "select 7 % 2"),
    ],
)
def test_placeholders_are_numbered(sql: str, expected: str) -> None:
    assert native(sql) == expected.encode()


@pytest.mark.parametrize(
    "sql, expected",
    [
        ('ALTER TABLE "t" ADD COLUMN "x" BLOB', 'ALTER TABLE "t" ADD COLUMN "x" BYTEA'),
        ("alter table t add column x REAL NOT NULL", "alter table t add column x DOUBLE PRECISION NOT NULL"),
        ("ALTER TABLE t ADD COLUMN \"TEXT\" TEXT DEFAULT 'TEXT'", "ALTER TABLE t ADD COLUMN \"TEXT\" TEXT COLLATE \"C\""
         " DEFAULT 'TEXT'"),
        ("CREATE TABLE t (x TEXT) WITHOUT ROWID", 'CREATE TABLE t (x TEXT COLLATE "C") '),
        ("SELECT x::TEXT FROM t", "SELECT x::TEXT FROM t"),
    ],
)  # fmt: skip
def test_definitions_are_read_in_its_own_words(sql: str, expected: str) -> None:
    assert definition(sql) == expected


def test_the_url_may_name_several_servers_and_what_it_says_counts() -> None:
    found = parameters(StoreOptions(url="postgresql://me@a:1,b:2/gw?target_session_attrs=any&sslmode=require"))
    assert (found["host"], found["port"], found["user"], found["dbname"]) == ("a,b", "1,2", "me", "gw")
    assert (found["target_session_attrs"], found["sslmode"]) == ("any", "require")
    assert parameters(StoreOptions(url="postgresql://me@a/gw"))["target_session_attrs"] == "read-write"


def test_the_password_comes_from_its_own_option() -> None:
    assert "password" not in parameters(StoreOptions(url="postgresql://me@a/gw"))
    assert parameters(StoreOptions(url="postgresql://me@a/gw", password=SecretStr("hush")))["password"] == "hush"


@pytest.mark.parametrize(
    "url, what",
    [
        ("postgresql://me:hush@a/gw", "has a password in it"),
        ("postgresql://me@a/gw?password=hush", "has a password in it"),
        ("postgresql://me@a/gw?sslpassword=hush", "has a sslpassword in it"),
        ("postgresql://me@a", "names no database"),
        ("postgresql://me@a/gw?colour=hush", "invalid URI query parameter"),
    ],
)
def test_a_url_that_will_not_do_is_refused_and_no_secret_shown(url: str, what: str) -> None:
    with pytest.raises(StoreMisconfigured, match=what) as refused:
        engine(url)
    assert "hush" not in str(refused.value).replace("colour=hush", "")


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gateway.store.postgresql.engine")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreMisconfigured, match=r"needs the driver psycopg .*\[postgres\]"):
        find_engine(StoreOptions(url="postgresql://me@a/gw"), Path())


def test_where_there_is_no_store_it_says_so(tmp_path: Path) -> None:
    empty = find_engine(options_at(tmp_path), tmp_path)
    assert empty.missing() == f'the database "{postgres_name(tmp_path)}" on 127.0.0.1'
    full = tmp_path / "full"
    migrated(full)
    assert find_engine(options_at(full), full).missing() == ""
    assert engine("postgresql://me@127.0.0.1:1/gw").missing() == "", "opening it will say why"


def postgres_name(directory: Path) -> str:
    return options_at(directory).url.rpartition("/")[2]


@pytest.fixture
def setting() -> Iterator[Any]:
    """Set something for the whole server, until the end of the test."""
    server = postgres.server()
    changed: list[str] = []

    def change(name: str, value: str) -> None:
        changed.append(name)
        server.execute(f"alter system set {name} = {value}")
        server.execute("select pg_reload_conf()")
        server.wait_for(f"select current_setting('{name}')", value)

    yield change
    for name in changed:
        server.execute(f"alter system reset {name}")
        server.execute("select pg_reload_conf()")
        server.wait_for(f"select current_setting('{name}')", "on")


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_would_not_survive_the_loss_of_power_is_refused(name: str, setting: Any, tmp_path: Path) -> None:
    store = migrated(tmp_path)
    setting(name, "off")
    told = Told()
    (event,) = told.deliver(committer(store).run([told.job("a", note("a"))]))
    assert isinstance(event[2], StoreUnavailable)
    assert f"{name} is off on the server" in str(event[2])
    with pytest.raises(StoreMisconfigured, match=f"{name} is off on the server"):
        Committer(store, FakeClock()).handle()


def test_an_encoding_that_lacks_characters_is_refused() -> None:
    server = postgres.server()
    server.execute(f"create database ascii template template0 encoding 'SQL_ASCII' owner {postgres.ROLE}")
    try:
        with pytest.raises(StoreMisconfigured, match="the database's encoding is SQL_ASCII"):
            Committer(engine(server.url("ascii")), FakeClock()).handle()
    finally:
        server.execute("drop database ascii with (force)")


async def test_a_name_belongs_to_one_node(tmp_path: Path) -> None:
    options = options_at(tmp_path)
    async with open_store(options, tmp_path, "gw1", FakeClock()) as store:
        async with open_store(options, tmp_path / "2", "gw2", FakeClock()) as other:
            assert (store.identity.node, other.identity.node) == ("gw1", "gw2")
        short = options.model_copy(update={"busy_timeout_s": 0.05})
        with pytest.raises(StoreInUse, match=r'has a node "gw1" already: connected from 127\.0\.0\.1 since .* process'):
            async with open_store(short, tmp_path / "3", "gw1", FakeClock()):
                pass
        await store.writer.run(note("a"), "note")
    async with open_store(options, tmp_path, "gw1", FakeClock()) as store:
        assert store.identity.life == 2


async def test_a_session_that_was_ended_is_made_anew_and_claims_its_name_again(tmp_path: Path) -> None:
    options = options_at(tmp_path)
    async with open_store(options, tmp_path, "gw1", FakeClock()) as store:
        await store.writer.run(note("a"), "note")
        await store.read(lambda reader: reader.rows("select 1"))
        end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gateway gw1'"
        assert postgres.server().execute(end, database=postgres_name(tmp_path)) == [(True,), (True,)]
        with pytest.raises(StoreUnavailable):
            await store.writer.run(note("b"), "note")
        assert await store.read(lambda reader: reader.rows("select 1")) == [(1,)]
        await store.writer.run(note("c"), "note")
        held = "select count(*) from pg_locks where locktype = 'advisory' and granted"
        assert await store.read(lambda reader: reader.rows(held)) == [(1,)]
    assert noted(tmp_path) == {"a": 2, "c": 2}


def test_a_reader_cannot_write_and_sees_one_state(tmp_path: Path) -> None:
    store = migrated(tmp_path)
    reader = store.open_reader()
    store.begin(reader)
    count = "select count(*) from meta"
    assert reader.connection.execute(count).fetchall() == [(0,)]
    look(tmp_path, "insert into meta (key, value) values ('a', '')")
    assert reader.connection.execute(count).fetchall() == [(0,)]
    store.rollback(reader)
    assert reader.connection.execute(count).fetchall() == [(1,)]
    with pytest.raises(errors.ReadOnlySqlTransaction):
        reader.connection.execute("delete from meta")
    store.close(reader)


def test_a_job_that_goes_on_after_an_error_is_not_taken_for_stored(tmp_path: Path) -> None:
    """COMMIT reports no error where it takes a failed transaction back."""

    def swallowing(tx: Tx) -> None:
        note("a")(tx)
        with pytest.raises(errors.UniqueViolation):
            note("a")(tx)

    made, told = committer(migrated(tmp_path)), Told()
    events = told.deliver(made.run([told.job("swallowing", swallowing)]))
    made.close()
    assert isinstance(events[0][2], OutcomeUnknown)
    assert noted(tmp_path) == {}


def test_a_text_with_the_one_character_that_it_has_not(tmp_path: Path) -> None:
    made, told = committer(migrated(tmp_path)), Told()
    insert = "insert into meta (key, value) values (?, ?)"
    told.deliver(made.run([told.job("nul", lambda tx: tx.execute(insert, ("k", "a\0b")))]))
    made.close()
    assert look(tmp_path, "select value from meta where value = ?", ("a\0b",)) == [(f"a{NO_NUL}b",)]


def test_evidence_cannot_be_emptied_either(tmp_path: Path) -> None:
    migrated(tmp_path)
    with pytest.raises(psycopg.IntegrityError, match="evidence is never deleted"):
        look(tmp_path, "truncate evidence")


STATES = [
    ("40001", Verdict.RETRY, Verdict.RETRY),  # serialization_failure
    ("40P01", Verdict.RETRY, Verdict.RETRY),  # deadlock_detected
    ("55P03", Verdict.RETRY, Verdict.RETRY),  # lock_not_available
    ("57014", Verdict.RETRY, Verdict.RETRY),  # query_canceled
    ("53100", Verdict.STORE, Verdict.UNKNOWN),  # disk_full
    ("53300", Verdict.STORE, Verdict.UNKNOWN),  # too_many_connections
    ("57P01", Verdict.STORE, Verdict.UNKNOWN),  # admin_shutdown
    ("58030", Verdict.STORE, Verdict.UNKNOWN),  # io_error
    ("08006", Verdict.STORE, Verdict.UNKNOWN),  # connection_failure
    ("25006", Verdict.STORE, Verdict.UNKNOWN),  # read_only_sql_transaction
    ("25P03", Verdict.STORE, Verdict.UNKNOWN),  # idle_in_transaction_session_timeout
    ("40003", Verdict.STORE, Verdict.UNKNOWN),  # statement_completion_unknown
    ("XX001", Verdict.STORE, Verdict.UNKNOWN),  # data_corrupted
    ("28P01", Verdict.STORE, Verdict.UNKNOWN),  # invalid_password
    ("23505", Verdict.JOB, Verdict.UNKNOWN),  # unique_violation
    ("22003", Verdict.JOB, Verdict.UNKNOWN),  # numeric_value_out_of_range
    ("25P02", Verdict.JOB, Verdict.UNKNOWN),  # in_failed_sql_transaction
    ("42P01", Verdict.JOB, Verdict.UNKNOWN),  # undefined_table
]


@pytest.mark.parametrize("state, inside, committing", STATES)
def test_what_an_error_means(state: str, inside: Verdict, committing: Verdict) -> None:
    made = engine("postgresql://me@a/gw")
    error = errors.lookup(state)("made by the test")
    assert made.classify(error, committing=False) is inside
    assert made.classify(error, committing=True) is committing


@pytest.mark.parametrize(
    "error, inside",
    [
        (psycopg.OperationalError("the connection is lost"), Verdict.STORE),
        (psycopg.InterfaceError("the cursor is closed"), Verdict.STORE),
        (psycopg.DataError("no such number"), Verdict.JOB),
        (ValueError("ours"), Verdict.JOB),
    ],
)
def test_what_an_error_without_a_state_means(error: Exception, inside: Verdict) -> None:
    made = engine("postgresql://me@a/gw")
    assert made.classify(error, committing=False) is inside
    assert made.classify(error, committing=True) is Verdict.UNKNOWN


def test_locks_are_waited_out_for_a_while(tmp_path: Path) -> None:
    store: Engine = migrated(tmp_path)
    look(tmp_path, "insert into meta (key, value) values ('k', '')")
    blocking = store.open_writer()
    store.begin(blocking)
    blocking.connection.execute("update meta set value = 'theirs'")
    options = options_at(tmp_path).model_copy(update={"busy_timeout_s": 0.05})
    made = Committer(PostgresqlEngine(options, tmp_path), FakeClock())
    made.identity = Identity("gw1", 1, 1)
    told = Told()
    events = told.deliver(made.run([told.job("a", lambda tx: tx.execute("update meta set value = 'ours'"))]))
    assert isinstance(events[0][2], StoreUnavailable)
    store.rollback(blocking)
    store.close(blocking)
    assert told.deliver(made.run([told.job("b", lambda tx: tx.execute("update meta set value = 'ours'"))])) == [
        ("done", "b", 1)
    ]
    made.close()
