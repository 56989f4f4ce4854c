"""PostgreSQL's bulk statements, its ids, and its schema: the models', in its own words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store import tables
from gateway.store.bulk import Insert, Update
from gateway.store.dialects.postgresql import BLOCK, KEPT_S
from gateway.store.jobs import Committer, Job
from gateway.store.postgresql.values import NO_NUL
from gateway.store.schema import migrate
from gateway.store.tx import IDENTIFIED, Tx
from tests.kit.clock import FakeClock
from tests.kit.stores import committer, engine_at, look, migrated, on_engine

COLUMNS = ("id", "carrier", "bind", "session", "received_at", "status", "reason", "raw", "fingerprint", "times")
INSERT = Insert("quarantine", COLUMNS, (("last_at", "7"), ("size", "1")))
UPDATE = Update("quarantine", ("id", "added", "reason"), "times = quarantine.times + {added}, reason = {reason}",
                "{reason} <> ''")  # fmt: skip


@pytest.fixture(autouse=True)
def _here() -> Iterator[None]:
    with on_engine("postgresql"):
        yield


def run(made: Committer, fn: Any) -> Any:
    results: list[Any] = []
    failed: list[Exception] = []
    for completion in made.run([Job(fn, results.append, failed.append, "test")]).completions:
        completion.deliver()
    assert failed == []
    return results[0]


class EnoughError(Exception):
    """What was written is taken back."""


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["NULL", '"', "\\", "{,}", ""])
ROWS = st.lists(
    st.tuples(
        TEXTS,
        st.floats(allow_nan=False),
        st.integers(-(2**63), 2**63 - 1),
        st.binary(max_size=20),
        st.none() | st.binary(max_size=20),
    ),
    min_size=1,
    max_size=20,
)


def test_what_is_written_in_bulk_is_what_is_read(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))

    @settings(max_examples=60)
    @given(ROWS)
    def check(values: list[tuple[str, float, int, bytes, bytes | None]]) -> None:
        rows = [
            (number, text, text, "", at, status, text, raw, None if other is None else bytes([number]) + other, 1)
            for number, (text, at, status, raw, other) in enumerate(values, 1)
        ]
        found: list[Any] = []

        def write(tx: Tx) -> None:
            assert tx.bulk(INSERT, rows) == len(rows)
            found.extend(tx.rows(f"select {', '.join(COLUMNS)} from quarantine order by id"))  # noqa: S608 - ours
            assert tx.bulk(INSERT, []) == 0
            raise EnoughError

        with pytest.raises(AssertionError, match="EnoughError"):
            run(made, write)
        assert found == [tuple(v.replace("\0", NO_NUL) if isinstance(v, str) else v for v in row) for row in rows]

    check()
    made.close()


def test_an_update_in_bulk_finds_its_rows_by_the_first_column(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))

    def write(tx: Tx) -> Any:
        tx.bulk(INSERT, [(n, "acme", "", "", 0.5, 0, "", b"", bytes([n]), 1) for n in range(1, 6)])
        changed = tx.bulk(UPDATE, [(2, 10, "two"), (4, 20, "four"), (5, 30, ""), (9, 1, "nobody")])
        return changed, tx.rows("select id, times, reason from quarantine where times > 1 order by id")

    assert run(made, write) == (2, [(2, 11, "two"), (4, 21, "four")])
    made.close()


def test_ids_come_in_blocks_that_no_other_writer_gets(tmp_path: Path) -> None:
    migrated(tmp_path)
    clock = FakeClock()
    one, two = committer(engine_at(tmp_path), clock), committer(engine_at(tmp_path), clock)
    given_: list[int] = []
    for made, n in ((one, 3), (two, 3), (one, 3), (two, BLOCK), (one, 3 * BLOCK), (one, 1), (two, 1)):
        first = run(made, lambda tx, n=n: tx.allocate("message", n))
        given_ += range(first, first + n)
    assert len(set(given_)) == len(given_)
    assert run(one, lambda tx: tx.allocate("permit")) == 1, "each table counts for itself"
    for made in (one, two):
        made.close()


def test_ids_that_are_not_used_in_time_are_let_go_so_that_ids_rise_with_time(tmp_path: Path) -> None:
    migrated(tmp_path)
    clock = FakeClock()
    one, two = committer(engine_at(tmp_path), clock), committer(engine_at(tmp_path), clock)
    first = run(one, lambda tx: tx.allocate("message"))
    assert run(two, lambda tx: tx.allocate("message")) == first + BLOCK
    assert run(one, lambda tx: tx.allocate("message")) == first + 1
    clock.advance(KEPT_S + 0.1)
    assert run(one, lambda tx: tx.allocate("message")) == first + 2 * BLOCK
    for made in (one, two):
        made.close()


def test_where_the_blocks_of_many_ids_do_not_follow_one_another_others_are_taken(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))

    class Between:
        """A source between whose blocks another writer takes one, once."""

        def __init__(self, tx: Tx) -> None:
            self.tx, self.asked = tx, 0

        def rows(self, sql: str, params: Any) -> list[Any]:
            self.asked += 1
            rows = self.tx.rows(sql, params)
            if self.asked == 2:
                rows[-1] = (rows[-1][0] + BLOCK, BLOCK)
            return rows

    def take(tx: Tx) -> tuple[int, int, int]:
        source: Any = Between(tx)
        ids = tx.dialect.reserve(source, "message", 3 * BLOCK, 0.0)
        return source.asked, ids.first, ids.end - ids.first

    assert run(made, take) == (3, 4 * BLOCK + 1, 3 * BLOCK)
    made.close()


def test_ids_go_on_behind_rows_from_elsewhere(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    insert = "insert into audit (id, at, actor, role, verb, object) values (?, 0, '', '', '', '')"

    def write(tx: Tx) -> int:
        tx.execute(insert, (123_456,))
        tx.dialect.skip_ids(tx, "audit")
        tx.dialect.skip_ids(tx, "keyword")
        assert tx.allocate("keyword") == 1
        return tx.allocate("audit")

    assert run(made, write) > 123_456
    made.close()


def test_every_table_with_ids_has_a_sequence_of_blocks(tmp_path: Path) -> None:
    migrated(tmp_path)
    blocks = dict(look(tmp_path, "select sequencename::text, increment_by from pg_sequences"))
    others = {"account_id_seq", "schema_migration_id_seq"}
    assert {name: size for name, size in blocks.items() if name not in others} == {
        f"{table}_id_seq": BLOCK for table in IDENTIFIED
    }


SCHEMA = (
    "select table_name::text, column_name::text, data_type::text, is_nullable::text, column_default,"
    " collation_name::text from information_schema.columns"
    " where table_schema = 'public' and table_name <> 'schema_migration'",
    "select tablename::text, indexdef from pg_indexes where schemaname = 'public' and tablename <> 'schema_migration'",
)


def test_migrations_build_exactly_the_models(tmp_path: Path) -> None:
    models = tmp_path / "models"
    handle = engine_at(models).open_writer()
    with handle.database.bind_ctx(tables.TABLES):
        handle.database.create_tables(tables.TABLES, safe=False)
    migrated(tmp_path)
    for sql in SCHEMA:
        assert set(look(tmp_path, sql)) == set(look(models, sql))


def test_two_nodes_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    engines = [engine_at(tmp_path) for _ in range(2)]
    applied: list[list[str]] = []
    barrier = threading.Barrier(2)

    def start(engine: Any) -> None:
        handle = engine.open_writer()
        barrier.wait()
        applied.append(migrate(handle, "it"))
        engine.close(handle)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, applied)) == [False, True]
    assert look(tmp_path, "select count(*) from account") == [(1,)]
