"""What was kept long enough, on every engine: what is found, blanked, deleted and dropped, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.model.messages import Concat, MessageState, Mo, Receipt
from gateway.model.requests import Idempotency
from gateway.store import hot_parts
from gateway.store.desk import forget_answers, keep_answer
from gateway.store.hot_parts import PartKey
from gateway.store.retention import Mark, blank, delete, find, mark_of, put_mark
from gateway.store.tx import Tx
from tests.kit.stores import SUBSCRIBER, Told, committer, migrated

pytestmark = pytest.mark.usefixtures("store_engine")

T = TypeVar("T")
S = MessageState
MESSAGE = (
    "insert into message (id, line_id, subscriber, direction, state, text, raw, created_at, updated_at)"
    " values (?, 1, '+12125550101', 1, ?, 'hi', ?, 0, ?)"
)
PERMIT = (
    "insert into permit (id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds, opt_outs,"
    " minted_at, dies_at) values (?, ?, 1, 1, '', '', '', '', 0, 1, 0, 0, 0)"
)
Run = Callable[[Callable[[Tx], Any]], Any]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run a job on a store of its own, and return what it returned."""
    made = committer(migrated(tmp_path))

    def now(job: Callable[[Tx], T]) -> T:
        told = Told()
        ((kind, _, result),) = told.deliver(made.run([told.job("job", job)]))
        assert kind == "done", result
        return result  # type: ignore[no-any-return]  # what the job returned

    yield now
    made.close()


def test_a_walk_finds_what_is_finished_and_old(run: Run) -> None:
    states = (S.SENT, S.UNCERTAIN, S.RECEIVED, S.SENT, S.EXPIRED, S.QUEUED)
    ages = (1.0, 1.0, 1.0, 9.0, 1.0, 1.0)
    rows = [(n, int(state), b"hi", at) for n, (state, at) in enumerate(zip(states, ages, strict=True), 1)]
    run(lambda tx: tx.executemany(MESSAGE, rows))
    run(lambda tx: tx.executemany(PERMIT, [(n, n) for n in range(1, 7)]))
    found = run(lambda tx: find(tx, Mark(), 5.0, 10))
    assert (list(found.due), found.mark, found.is_over) == ([1, 3, 5], Mark(3, 2), True)
    assert run(lambda tx: blank(tx, [1, 2, 3])) == 2
    assert run(lambda tx: blank(tx, [1, 2, 3])) == 0
    assert run(lambda tx: delete(tx, [1, 2, 3])) == (2, 2)
    assert run(lambda tx: tx.rows("select id, text from message order by id")) == [(n, "hi") for n in (2, 4, 5, 6)]
    assert run(lambda tx: tx.rows("select id from permit order by id")) == [(2,), (4,), (5,), (6,)]


def test_where_a_walk_is_is_remembered(run: Run) -> None:
    assert run(lambda tx: mark_of(tx, "texts")) == Mark()
    for mark in (Mark(7, None, 1.5), Mark(9, 8, 1.5)):
        run(partial(put_mark, kind="texts", mark=mark))
        assert run(lambda tx: mark_of(tx, "texts")) == mark
    assert run(lambda tx: mark_of(tx, "messages")) == Mark()


def part(number: int, reference: int, at: float) -> tuple[PartKey, Mo, Concat]:
    mo = Mo("acme", "acme/0", "s", number, "85700", SUBSCRIBER, "hi", b"hi", 0, b"f", at)
    return PartKey("acme", 1, SUBSCRIBER, reference, 2), mo, Concat(reference, 2, number)


def test_joined_parts_go_the_oldest_first_and_those_that_wait_stay(run: Run) -> None:
    for reference in range(1, 5):
        for number in (1, 2):
            key, mo, concat = part(number, reference, float(reference))
            run(partial(hot_parts.add_part, key=key, mo=mo, concat=concat))
        if reference != 2:
            run(partial(hot_parts.mark_joined, key=key, mo_id=7))
    assert run(lambda tx: hot_parts.drop_joined_parts(tx, 4.0, 3)) == 3
    assert run(lambda tx: hot_parts.drop_joined_parts(tx, 4.0, 3)) == 1
    assert run(lambda tx: hot_parts.drop_joined_parts(tx, 4.0, 3)) == 0
    assert run(lambda tx: tx.rows("select distinct reference from part order by reference")) == [(2,), (4,)]


def test_receipts_that_waited_in_vain_go_in_steps(run: Run) -> None:
    for at in (1.0, 2.0, 3.0):
        waits = Receipt("acme", "acme/0", "s", 1, ("1", "01"), S.DELIVERED, "", at)
        run(partial(hot_parts.park_receipt, receipt=waits, state=S.DELIVERED, subscribers=[SUBSCRIBER]))
    assert run(lambda tx: hot_parts.drop_parked(tx, 3.0, 3)) == 3
    assert run(lambda tx: hot_parts.drop_parked(tx, 3.0, 3)) == 1
    assert run(lambda tx: hot_parts.drop_parked(tx, 3.0, 3)) == 0
    assert run(lambda tx: tx.rows("select distinct received_at from parked_receipt")) == [(3.0,)]


def test_old_answers_go_in_steps(run: Run) -> None:
    for number in range(3):
        request = Idempotency("crm", f"k{number}", b"f")
        run(partial(keep_answer, request=request, status=200, body="{}"))
    later = run(lambda tx: tx.now) + 1
    assert [run(lambda tx: forget_answers(tx, later, 2)) for _ in range(3)] == [2, 1, 0]


def test_what_was_added_to_the_quarantine_last(run: Run) -> None:
    assert run(hot_parts.newest_quarantined) == 0
