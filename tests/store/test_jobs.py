"""Group commit, every case: whose error, at which place, and what the others are told."""

from __future__ import annotations

import sqlite3
from itertools import combinations, product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.store.bulk import Insert
from gateway.store.errors import OutcomeUnknown, StoreUnavailable
from gateway.store.jobs import RETRIES, Committer
from gateway.store.tx import Tx
from tests.kit.faults import Faults, Moment, every_point
from tests.kit.stores import IntegrityErrors, Told, committer, engine_at, migrated, note, noted

pytestmark = pytest.mark.usefixtures("store_engine")

NAMES = ("a", "b", "c", "d")


def spoiled(key: str) -> Any:
    """Return a job's function that writes and then fails by its own fault."""

    def run(tx: Tx) -> str:
        note(key)(tx)
        raise ValueError(key)

    return run


def test_all_jobs_of_a_batch_share_one_commit(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    batch = made.run([told.job(name, note(name)) for name in NAMES])
    assert told.deliver(batch) == [("done", name, name) for name in NAMES]
    assert [commit.jobs for commit in batch.commits] == [4]
    assert batch.failures == []
    assert noted(tmp_path) == dict.fromkeys(NAMES, 2)
    made.close()


@pytest.mark.parametrize("bad", [bad for size in range(5) for bad in combinations(NAMES, size)], ids="".join)
def test_jobs_that_fail_do_so_alone_and_the_others_keep_their_order(bad: tuple[str, ...], tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    batch = made.run([told.job(name, spoiled(name) if name in bad else note(name)) for name in NAMES])
    events = told.deliver(batch)
    assert [name for _, name, _ in events] == list(NAMES)
    assert {name for kind, name, _ in events if kind == "failed"} == set(bad)
    assert all(type(result) is ValueError for kind, _, result in events if kind == "failed")
    assert noted(tmp_path) == {name: 2 for name in NAMES if name not in bad}
    assert sum(commit.jobs for commit in batch.commits) == 4 - len(bad)
    assert set(batch.failures) <= {"job"}
    made.close()


def test_a_job_that_failed_in_company_gets_a_transaction_that_begins_with_it(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    runs: list[str] = []

    def unsociable(tx: Tx) -> str:
        runs.append("b")
        if len(runs) == 1:
            raise ValueError("not with them")
        return "b"

    batch = made.run([told.job("a", note("a")), told.job("b", unsociable), told.job("c", note("c"))])
    assert told.deliver(batch) == [("done", name, name) for name in "abc"]
    assert [commit.jobs for commit in batch.commits] == [1, 2]
    made.close()


def test_a_constraint_is_the_jobs_own_fault(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    batch = made.run([told.job("a", note("a")), told.job("again", note("a")), told.job("b", note("b"))])
    events = told.deliver(batch)
    assert [event[:2] for event in events] == [("done", "a"), ("failed", "again"), ("done", "b")]
    assert isinstance(events[1][2], IntegrityErrors)
    made.close()


META = Insert("meta", ("key", "value"))


def twice(tx: Tx) -> str:
    """Write one key twice, without asking what becomes of it."""
    tx.put(META, [("twice/a", "1")])
    tx.put(META, [("twice/a", "2")])
    return "twice"


def test_what_a_job_put_is_its_own_fault_too(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    batch = made.run([told.job("a", note("a")), told.job("twice", twice), told.job("b", note("b"))])
    events = told.deliver(batch)
    assert [event[:2] for event in events] == [("done", "a"), ("failed", "twice"), ("done", "b")]
    assert isinstance(events[1][2], IntegrityErrors)
    assert noted(tmp_path) == {"a": 2, "b": 2}
    made.close()


def test_what_was_put_before_a_job_failed_is_taken_back(tmp_path: Path) -> None:
    def fails(tx: Tx) -> None:
        twice(tx)
        raise ValueError("mine")

    made = committer(migrated(tmp_path))
    told = Told()
    events = told.deliver(made.run([told.job("fails", fails), told.job("b", note("b"))]))
    assert [event[:2] for event in events] == [("failed", "fails"), ("done", "b")]
    assert noted(tmp_path) == {"b": 2}
    made.close()


def test_what_was_put_is_there_for_whoever_asks_next(tmp_path: Path) -> None:
    def asks(tx: Tx) -> Any:
        tx.put(META, [("k/a", "1")])
        tx.put(META, [])
        return tx.rows("select value from meta where key = 'k/a'")

    made = committer(migrated(tmp_path))
    told = Told()
    assert told.deliver(made.run([told.job("asks", asks)])) == [("done", "asks", [("1",)])]
    made.close()


class FailOnce:
    """A committer whose connections fail at the first statement that contains ``where``."""

    def __init__(self, directory: Path, where: str, code: int, moment: Moment, times: int = 1) -> None:
        self.faults = Faults(code, moment)
        self.made = committer(engine_at(directory, self.faults))
        self._where, self._times = where, times

    def run(self, told: Told, names: str) -> list[tuple[str, str, Any]]:
        self.made.handle()
        dry = len(self.faults.seen)
        statements = ["BEGIN IMMEDIATE", *(["insert", "insert"] * len(names)), "COMMIT"]
        self.faults.fail_at = dry + statements.index(self._where)
        self.faults.times = self._times
        return told.deliver(self.made.run([told.job(name, note(name)) for name in names]))


STORE_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_READONLY_DBMOVED)


@pytest.mark.parametrize("code", STORE_CODES)
@pytest.mark.parametrize("where", ["BEGIN IMMEDIATE", "insert"])
def test_a_stores_error_fails_the_batch_once_and_the_next_one_gets_a_new_connection(
    code: int, where: str, tmp_path: Path
) -> None:
    migrated(tmp_path)
    fails = FailOnce(tmp_path, where, code, Moment.BEFORE)
    told = Told()
    old = fails.made.handle()
    events = fails.run(told, "ab")
    assert [event[:2] for event in events] == [("failed", "a"), ("failed", "b")]
    assert all(type(error) is StoreUnavailable and error.transient for _, _, error in events)
    assert noted(tmp_path) == {}
    assert [event[0] for event in told.deliver(fails.made.run([told.job("c", note("c"))]))] == ["done"]
    assert fails.made.handle() is not old
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
        old.connection.execute("select 1")
    fails.made.close()


@pytest.mark.parametrize("moment", Moment)
def test_a_commit_that_fails_leaves_the_outcome_unknown(moment: Moment, tmp_path: Path) -> None:
    migrated(tmp_path)
    fails = FailOnce(tmp_path, "COMMIT", sqlite3.SQLITE_IOERR, moment)
    told = Told()
    events = fails.run(told, "ab")
    assert [type(error) for _, _, error in events] == [OutcomeUnknown, OutcomeUnknown]
    assert noted(tmp_path) == ({} if moment is Moment.BEFORE else {"a": 2, "b": 2})
    fails.made.close()


@pytest.mark.parametrize("times", range(1, RETRIES + 1))
def test_a_lock_is_waited_out_a_few_times(times: int, tmp_path: Path) -> None:
    migrated(tmp_path)
    fails = FailOnce(tmp_path, "BEGIN IMMEDIATE", sqlite3.SQLITE_BUSY, Moment.BEFORE, times)
    told = Told()
    events = fails.run(told, "ab")
    expected = "done" if times < RETRIES else "failed"
    assert [event[0] for event in events] == [expected, expected]
    assert set(noted(tmp_path)) == (set("ab") if times < RETRIES else set())
    fails.made.close()


def test_a_serialization_failure_of_the_commit_runs_the_batch_again(tmp_path: Path) -> None:
    migrated(tmp_path)
    fails = FailOnce(tmp_path, "COMMIT", sqlite3.SQLITE_BUSY, Moment.BEFORE)
    assert [event[0] for event in fails.run(Told(), "ab")] == ["done", "done"]
    assert noted(tmp_path) == {"a": 2, "b": 2}
    fails.made.close()


def test_what_was_committed_before_the_store_failed_stays_told_as_done(tmp_path: Path) -> None:
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_FULL)
    made = committer(engine_at(tmp_path, faults))
    told = Told()

    def spoil_and_arm(tx: Tx) -> str:
        if faults.fail_at is None:  # first run: the prefix (a) commits, then the disk is full
            faults.fail_at = len(faults.seen) + len(["ROLLBACK", "BEGIN", "insert", "insert", "COMMIT", "BEGIN"])
        raise ValueError("spoiled")

    batch = made.run([told.job("a", note("a")), told.job("b", spoil_and_arm), told.job("c", note("c"))])
    events = told.deliver(batch)
    assert events[0] == ("done", "a", "a")
    assert {name for kind, name, _ in events if kind == "failed"} == {"b", "c"}
    assert noted(tmp_path) == {"a": 2}
    assert [event[0] for event in told.deliver(made.run([told.job("d", note("d"))]))] == ["done"]
    made.close()


FAULT_CODES = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT)
# SQLITE_BUSY is a promise that nothing happened, so it never comes after the fact.
POINTS = [pair for pair in product(FAULT_CODES, Moment) if pair != (sqlite3.SQLITE_BUSY, Moment.AFTER)]


@pytest.mark.parametrize("code, moment", POINTS)
def test_at_every_point_of_failure_what_is_told_is_what_is_stored(code: int, moment: Moment, tmp_path: Path) -> None:
    migrated(tmp_path)
    for number, faults in enumerate(every_point(code, moment)):
        told = Told()
        made = committer(engine_at(tmp_path, faults))
        keys = [f"{name}{number}" for name in NAMES[:3]]
        events = told.deliver(made.run([told.job(key, note(key)) for key in keys]))
        stored = noted(tmp_path)
        assert sorted(name for _, name, _ in events) == keys
        for kind, key, result in events:
            if kind == "done":
                assert stored.get(key) == 2
            elif isinstance(result, OutcomeUnknown):
                assert stored.get(key, 0) in (0, 2)
            else:
                assert key not in stored
        if not faults.reached():
            faults.fail_at = None
        later = f"later{number}"
        assert [event[0] for event in told.deliver(made.run([told.job(later, note(later))]))] == ["done"]
        assert noted(tmp_path)[later] == 2
        made.close()


def test_a_rollback_that_fails_is_the_stores_error(tmp_path: Path) -> None:
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_IOERR)
    made = committer(engine_at(tmp_path, faults))
    told = Told()

    def spoil(tx: Tx) -> str:
        faults.fail_at = len(faults.seen)
        raise ValueError("spoiled")

    events = told.deliver(made.run([told.job("a", spoil), told.job("b", note("b"))]))
    assert [type(error) for _, _, error in events] == [StoreUnavailable, StoreUnavailable]
    assert noted(tmp_path) == {}
    made.close()


def test_a_connection_that_cannot_even_be_closed_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrated(tmp_path)
    fails = FailOnce(tmp_path, "insert", sqlite3.SQLITE_IOERR, Moment.BEFORE)
    engine = fails.made._engine
    handles: list[Any] = []

    def refuse(handle: Any) -> None:
        handles.append(handle)
        raise sqlite3.OperationalError("unable to close")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "close", refuse)
        assert [type(error) for _, _, error in fails.run(Told(), "a")] == [StoreUnavailable]
    engine.close(handles[0])
    told = Told()
    assert [event[0] for event in told.deliver(fails.made.run([told.job("b", note("b"))]))] == ["done"]
    fails.made.close()


def test_ids_are_never_handed_out_twice_even_if_the_first_use_was_taken_back(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    given: list[int] = []

    def allocate(tx: Tx, spoil: bool) -> None:
        given.append(tx.allocate("message", 3))
        if spoil:
            raise ValueError("spoiled")

    for spoil in (True, False):
        told.deliver(made.run([told.job("ids", lambda tx, spoil=spoil: allocate(tx, spoil))]))
    made.close()
    assert given == [1, 4]


def test_a_table_without_ids_has_none_to_hand_out(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    told = Told()
    ((_, _, error),) = told.deliver(made.run([told.job("ids", lambda tx: tx.allocate("consent"))]))
    assert "has no ids to hand out" in str(error)
    made.close()


def test_a_transaction_knows_the_time_and_the_writer(tmp_path: Path) -> None:
    made: Committer = committer(migrated(tmp_path))
    told = Told()
    facts = told.job("facts", lambda tx: (tx.now, tx.boot, tx.node, tx.incarnation, tx.life))
    assert told.deliver(made.run([facts])) == [("done", "facts", (1_800_000_000.0, 5_000.0, "gw1", 1, 1))]
    made.close()
