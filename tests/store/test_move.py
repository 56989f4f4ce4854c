"""A store that moves from SQLite to PostgreSQL: whole, resumable wherever it was cut, and refused while it is half."""

# ruff: noqa: S608 - table and column names of our own

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.store import move as moving
from gateway.store.engines import Engine
from gateway.store.errors import OutcomeUnknown, StoreMisconfigured, StoreUnavailable
from gateway.store.evidence import COLUMNS, add_evidence, verify
from gateway.store.jobs import Committer, Identity
from gateway.store.move import Move, Moved, MoveError
from gateway.store.options import StoreOptions
from gateway.store.postgresql.engine import PostgresqlEngine
from gateway.store.store import open_store
from gateway.store.tables import TABLES
from tests.kit import postgres
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults, Moment, every_point
from tests.kit.stores import SUBSCRIBER, Told, committer, look, migrated, opt_out, sqlite_engine
from tests.store.test_queries import fill

EVIDENCE = f"select {', '.join(COLUMNS)} from evidence order by node, incarnation, seq"


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "_STEP", 3)
    monkeypatch.setattr(moving, "_STEPS", {})


@pytest.fixture
def source(tmp_path: Path) -> Engine:
    """A SQLite store with something in most tables, and odd texts."""
    engine = migrated(tmp_path)
    made = committer(engine)
    told = Told()
    told.deliver(made.run([told.job("fill", fill)]))
    made.close()
    assert told.events == [("done", "fill", None)]
    look(
        tmp_path,
        "insert into audit (id, at, actor, role, verb, object, detail) values (7, 0.1, '', '', 'odd', ?, ?)",
        ("quotes \" ' \\ {a,b} ?", "nul \0 and \U0001f600"),
    )
    look(tmp_path, "insert into node (name, incarnation, life, started_at) values ('gw1', 1, 3, 0)")
    return engine


@pytest.fixture
def database() -> Iterator[str]:
    with postgres.database() as name:
        yield name


def target(name: str, faults: Faults | None = None) -> PostgresqlEngine:
    engine = PostgresqlEngine(StoreOptions(url=postgres.server().url(name), busy_timeout_s=2), Path())
    if faults is not None:
        engine.link_class = faults.link_class()
    return engine


def go(source: Engine, name: str, faults: Faults | None = None) -> Moved:
    done: list[int] = []
    with closing(Move(source, target(name, faults), FakeClock())) as move:
        moved = move.run(done.append)
    assert sum(done) == move.total
    return moved


def contents(rows: Any) -> dict[str, list[Any]]:
    found = {}
    for table in TABLES:
        meta: Any = table._meta
        if meta.table_name != "meta":
            found[meta.table_name] = rows(f"select {', '.join(meta.columns)} from {meta.table_name} order by 1, 2")
    return found


def test_everything_arrives_and_the_source_stays(source: Engine, tmp_path: Path, database: str) -> None:
    before = contents(lambda sql: look(tmp_path, sql))
    moved = go(source, database)
    assert contents(lambda sql: look(tmp_path, sql)) == before
    before["audit"] = [tuple(str(v).replace("\0", "\ufffd") if isinstance(v, str) else v for v in row)
                       for row in before["audit"]]  # fmt: skip
    assert contents(lambda sql: postgres.server().execute(sql, database=database)) == before
    assert moved.rows == {name: len(rows) for name, rows in before.items()}
    assert len(moved.digest) == 64


async def test_the_moved_store_goes_on(source: Engine, tmp_path: Path, database: str) -> None:
    go(source, database)
    options = StoreOptions(url=postgres.server().url(database))
    highest = look(tmp_path, "select max(id) from message")[0][0]
    async with open_store(options, tmp_path / "new", "gw1", FakeClock()) as store:
        assert store.migrated == []
        assert store.identity.life == 4
        assert store.identity.incarnation > 1, "the original may go on in its chain"
        assert await store.writer.run(lambda tx: tx.allocate("message"), "ids") > highest
        rows = await store.read(lambda reader: reader.rows(EVIDENCE))
        assert (len(rows), list(verify(rows))) == (3, [])
        facts = await store.read(lambda reader: reader.rows("select key from meta where key like 'moving%'"))
        assert facts == []
        restored = await store.read(lambda reader: reader.rows("select count(*) from brake where kind = 'store'"))
        assert restored == [(0,)]


def test_cut_at_every_point_it_goes_on_where_it_was(source: Engine, tmp_path: Path) -> None:
    """Each run fails once, at the next operation of the target; the run behind it ends what it began."""
    whole: set[str] = set()
    for number, faults in enumerate(every_point(sqlite3.SQLITE_FULL, Moment.BEFORE)):
        if number % 7 and faults.fail_at and faults.fail_at > 12:
            faults.fail_at = None  # every operation of the beginning, and each seventh behind it
            continue
        with postgres.database() as name:
            try:
                go(source, name, faults)
            except Exception:  # noqa: BLE001 - whichever the failing operation happens to give
                assert faults.reached()
                whole.add(go(source, name).digest)
    assert len(whole) == 1


KILLED = """
import sys
from pathlib import Path
from gateway.base import SystemClock
from gateway.store import move
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.options import StoreOptions
from gateway.store.postgresql.engine import PostgresqlEngine
move._STEP = 3
made = move.Move(
    SqliteEngine(StoreOptions(), Path(sys.argv[1])),
    PostgresqlEngine(StoreOptions(url=sys.argv[2]), Path(sys.argv[1])),
    SystemClock(),
)
made.run(lambda rows: print(rows, flush=True))
"""


@pytest.mark.parametrize("steps", [1, 9, 25])
def test_killed_in_the_middle(steps: int, source: Engine, tmp_path: Path, database: str) -> None:
    url = postgres.server().url(database)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), url], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with process:
        assert process.stdout is not None
        for _ in range(steps):
            process.stdout.readline()
        process.kill()

    async def start() -> list[Any]:
        async with open_store(StoreOptions(url=url), tmp_path / "new", "gw1", FakeClock()) as store:
            return await store.read(lambda reader: reader.rows(EVIDENCE))

    with pytest.raises(StoreMisconfigured, match="a move into this store has not ended"):
        trio.run(start)
    go(source, database)
    assert list(verify(trio.run(start))) == []


def test_a_foreign_database_is_refused_untouched(source: Engine, database: str) -> None:
    postgres.server().execute("create table recipes (title text)", database=database)
    with pytest.raises(StoreMisconfigured, match="not one of the gateway's"):
        go(source, database)
    tables = "select tablename::text from pg_tables where schemaname = 'public'"
    assert postgres.server().execute(tables, database=database) == [("recipes",)]


def test_a_target_that_has_a_store_is_refused(source: Engine, database: str) -> None:
    go(source, database)
    with pytest.raises(MoveError, match="the target holds a store already"):
        go(source, database)


def half(source: Engine, name: str) -> None:
    """Begin a move, and fail in its middle."""
    with closing(Move(source, target(name), FakeClock())) as move, pytest.raises(RuntimeError):
        move.run(_fail)


def _fail(rows: int) -> None:
    if rows:
        raise RuntimeError


def test_a_source_that_was_started_since_is_refused(source: Engine, tmp_path: Path, database: str) -> None:
    half(source, database)
    look(tmp_path, "update node set life = life + 1")
    with pytest.raises(MoveError, match="a gateway has written to the source since"):
        go(source, database)


def test_a_source_that_changed_is_found_at_the_end(source: Engine, tmp_path: Path, database: str) -> None:
    with closing(Move(source, target(database), FakeClock())) as move:
        seen: list[int] = []

        def advance(rows: int) -> None:
            seen.append(rows)
            if sum(seen) == move.total // 3:
                look(tmp_path, "update consent set opt_outs = opt_outs + 1")

        with pytest.raises(MoveError, match="the table consent differs"):
            move.run(advance)


def test_half_a_store_is_moved_nowhere(source: Engine, database: str) -> None:
    half(source, database)
    with postgres.database() as other, pytest.raises(MoveError, match="itself one that a move has not ended in"):
        go(target(database), other)


def test_a_source_of_another_version_is_refused(source: Engine, tmp_path: Path, database: str) -> None:
    look(tmp_path, "delete from schema_migration where name = '0008_cuts'")
    with pytest.raises(MoveError, match="run `gateway migrate` without --to first"):
        go(source, database)


def test_evidence_that_would_not_arrive_to_the_letter_stays(source: Engine, tmp_path: Path, database: str) -> None:
    made = Committer(source, FakeClock())
    made.identity = Identity("gw9", 1, 1)
    told = Told()
    told.deliver(made.run([told.job("odd", lambda tx: add_evidence(tx, [opt_out()]))]))
    made.close()
    look(tmp_path, "drop trigger evidence_is_only_erased")
    look(tmp_path, "update evidence set text = ? where node = 'gw9'", ("ST\0OP",))
    with pytest.raises(MoveError, match=r"holds the character U\+0000"):
        go(source, database)


def test_a_target_that_fails_says_so(source: Engine, database: str) -> None:
    faults = Faults(sqlite3.SQLITE_FULL)
    engine = target(database, faults)
    with closing(Move(source, engine, FakeClock())) as move:
        faults.fail_at = len(faults.seen) + 9
        with pytest.raises((StoreUnavailable, OutcomeUnknown)):
            move.run(lambda rows: None)


def test_it_also_goes_back(source: Engine, tmp_path: Path, database: str) -> None:
    go(source, database)
    back = tmp_path / "back"
    back.mkdir()
    with closing(Move(target(database), sqlite_engine(back), FakeClock())) as move:
        move.run(lambda rows: None)
    assert look(back, "select subscriber from consent order by subscriber")[0][0] <= SUBSCRIBER
    assert list(verify(look(back, EVIDENCE))) == []
