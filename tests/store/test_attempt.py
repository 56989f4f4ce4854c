"""A job that takes back a part of what it did: its own fault alone, and nothing else that the transaction holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.store.bulk import Insert
from gateway.store.errors import StoreUnavailable
from gateway.store.evidence import add_evidence
from gateway.store.tx import Tx
from tests.kit.faults import Faults
from tests.kit.stores import Told, committer, engine_at, look, migrated, note, noted, opt_out

pytestmark = pytest.mark.usefixtures("store_engine")


def fails(tx: Tx, key: str, error: Exception) -> Callable[[], str]:
    def act() -> str:
        note(key)(tx)
        raise error

    return act


def refused(error: Exception) -> str:
    return f"refused: {error}"


def run(tmp_path: Path, *jobs: Any) -> list[Any]:
    made, told = committer(migrated(tmp_path)), Told()
    events = told.deliver(made.run([told.job(str(at), job) for at, job in enumerate(jobs)]))
    made.close()
    return [result for _, _, result in events]


def test_what_is_attempted_well_stays(tmp_path: Path) -> None:
    assert run(tmp_path, lambda tx: tx.attempt(lambda: note("a")(tx), refused)) == ["a"]
    assert noted(tmp_path) == {"a": 2}


@pytest.mark.parametrize("error", [ValueError("no"), sqlite3.IntegrityError("no")])
def test_our_own_fault_is_taken_back_alone(tmp_path: Path, error: Exception) -> None:
    def job(tx: Tx) -> str:
        note("before")(tx)
        answer = tx.attempt(fails(tx, "bad", error), refused)
        note("after")(tx)
        return answer

    assert run(tmp_path, note("other"), job) == ["other", "refused: no"]
    assert noted(tmp_path) == {"other": 2, "before": 2, "after": 2}


@pytest.mark.parametrize("fails", [True, False])
def test_so_is_what_was_put_there(fails: bool, tmp_path: Path) -> None:
    """Whether it was known to fail when the attempt ended, or not yet."""

    def job(tx: Tx) -> str:
        def act() -> str:
            for value in ("1", "2"):
                tx.put(Insert("meta", ("key", "value")), [("bad/a", value)])
            if fails:
                raise ValueError("no")
            return "well"

        note("before")(tx)
        answer = tx.attempt(act, lambda error: type(error).__name__)
        note("after")(tx)
        return answer

    (result,) = run(tmp_path, job)
    assert result in {"ValueError", "IntegrityError", "UniqueViolation"}, "whichever came to light first"
    assert noted(tmp_path) == {"before": 2, "after": 2}


def test_an_attempt_around_another_takes_back_all_of_it(tmp_path: Path) -> None:
    """Also where what was to be done instead fails itself."""

    def job(tx: Tx) -> str:
        def worse(error: Exception) -> str:
            note("instead")(tx)
            raise RuntimeError("worse") from error

        def outer() -> str:
            note("outer")(tx)
            return tx.attempt(fails(tx, "inner", ValueError("no")), worse)

        return tx.attempt(outer, refused)

    assert run(tmp_path, job) == ["refused: worse"]
    assert noted(tmp_path) == {}


def test_evidence_that_is_taken_back_leaves_no_hole_in_the_chain(tmp_path: Path) -> None:
    def job(tx: Tx) -> None:
        def act() -> None:
            add_evidence(tx, [opt_out(), opt_out()])
            raise ValueError

        add_evidence(tx, [opt_out()])
        tx.attempt(act, lambda _error: None)
        add_evidence(tx, [opt_out()])

    run(tmp_path, job)
    assert look(tmp_path, "select seq from evidence order by id") == [(1,), (2,)]
    ((first,), (second,)) = look(tmp_path, "select hash from evidence order by id")
    assert first != second
    assert look(tmp_path, "select prev_hash from evidence where seq = 2") == [(first,)]


def test_the_stores_error_passes_through(tmp_path: Path) -> None:
    migrated(tmp_path)
    faults = Faults(sqlite3.SQLITE_FULL)
    made, told = committer(engine_at(tmp_path, faults)), Told()
    asked: list[Exception] = []

    def job(tx: Tx) -> str:
        def act() -> str:
            faults.fail_at = len(faults.seen)
            note("a")(tx)
            return "a"

        def otherwise(error: Exception) -> str:
            asked.append(error)
            return ""

        return tx.attempt(act, otherwise)

    ((kind, _, error),) = told.deliver(made.run([told.job("a", job)]))
    made.close()
    assert kind == "failed"
    assert isinstance(error, StoreUnavailable)
    assert asked == []
    assert noted(tmp_path) == {}
