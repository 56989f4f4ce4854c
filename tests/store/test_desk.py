"""What the desk writes: audit, brakes, remembered answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.model.requests import Actor, Idempotency, Role
from gateway.model.views import BrakeRow
from gateway.store.desk import add_audit, forget_answers, keep_answer, lift_brake, put_brake
from gateway.store.queries import brakes, earlier_answer
from tests.kit.clock import FakeClock
from tests.kit.stores import Told, committer, look, migrated

pytestmark = pytest.mark.usefixtures("store_engine")

ACTOR = Actor("crm", Role.OPERATOR)


def perform(directory: Path, *runs: Any, clock: FakeClock | None = None) -> list[Any]:
    """Run functions of a transaction, each in its own; return results or errors."""
    made = committer(migrated(directory), clock)
    told = Told()
    for run in runs:
        told.deliver(made.run([told.job("desk", run)]))
    made.close()
    return [event[2] for event in told.events]


def test_an_audit_row_says_who_did_what_to_what(tmp_path: Path) -> None:
    first = perform(
        tmp_path,
        lambda tx: add_audit(tx, ACTOR, "pause", "line 85700", {"note": "façade"}),
        lambda tx: add_audit(tx, ACTOR, "resume", "line 85700"),
    )
    assert first == [1, 2]
    assert look(tmp_path, "select actor, role, verb, object, detail, at from audit order by id") == [
        ("crm", "operator", "pause", "line 85700", '{"note": "façade"}', 1_800_000_000.0),
        ("crm", "operator", "resume", "line 85700", "{}", 1_800_000_000.0),
    ]


def test_a_brake_is_put_once_and_lifted_once(tmp_path: Path) -> None:
    first = BrakeRow("line", "85700", 10.0, "crm", "flood")
    results = perform(
        tmp_path,
        lambda tx: put_brake(tx, BrakeRow("carrier", "acme", 5.0, "crm", "")),
        lambda tx: put_brake(tx, first),
        lambda tx: put_brake(tx, BrakeRow("line", "85700", 20.0, "somebody else", "again")),
        brakes,
        lambda tx: lift_brake(tx, "line", "85700"),
        lambda tx: lift_brake(tx, "line", "85700"),
        brakes,
    )
    assert results[3] == [BrakeRow("carrier", "acme", 5.0, "crm", ""), first]
    assert results[4:6] == [True, False]
    assert results[6] == [BrakeRow("carrier", "acme", 5.0, "crm", "")]


def test_an_answer_is_remembered_under_its_token_and_key(tmp_path: Path) -> None:
    request = Idempotency("crm", "k1", b"\x00\xff" * 16)
    none, _, found, other, _, grown = perform(
        tmp_path,
        lambda tx: earlier_answer(tx, "crm", "k1"),
        lambda tx: keep_answer(tx, request, 202, '{"id": 1}'),
        lambda tx: earlier_answer(tx, "crm", "k1"),
        lambda tx: earlier_answer(tx, "shop", "k1"),
        lambda tx: keep_answer(tx, request, 202, '{"id": 2}'),
        lambda tx: earlier_answer(tx, "crm", "k1"),
    )
    assert (none, other) == (None, None)
    assert found == (b"\x00\xff" * 16, 202, '{"id": 1}')
    assert grown == (b"\x00\xff" * 16, 202, '{"id": 2}')


def test_old_answers_are_forgotten_in_small_steps(tmp_path: Path) -> None:
    clock = FakeClock(wall_=0.0)

    def keep(tx: Any) -> None:
        for number in range(5):
            keep_answer(tx, Idempotency("crm", f"{tx.now}-{number}", b""), 202, "")

    def later(tx: Any) -> None:
        clock.advance(100)

    results = perform(
        tmp_path,
        keep,
        later,
        keep,
        lambda tx: forget_answers(tx, 100.0, 3),
        lambda tx: forget_answers(tx, 100.0, 3),
        lambda tx: forget_answers(tx, 100.0, 3),
        clock=clock,
    )
    assert results[3:] == [3, 2, 0]
    assert look(tmp_path, "select distinct created_at from idempotency") == [(100.0,)]
