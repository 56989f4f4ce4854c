"""Lists of pairs: whatever is linked, left out, or deleted, every row of a pair is found, in order, page by page."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.model.address import Msisdn
from gateway.model.messages import MessageState
from gateway.model.requests import MessageQuery
from gateway.store import queries, retention
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import save_standings, standings
from gateway.store.lines import LineSpec, sync_lines
from gateway.store.pairs import STEP, Heads, linked, newest_first, rows_of
from gateway.store.tx import Tx
from tests.kit.stores import SUBSCRIBER, Told, committer, migrated, opt_out

pytestmark = pytest.mark.usefixtures("store_engine")

OTHER = Msisdn("+12125550102")
PAIRS = [(1, SUBSCRIBER), (2, SUBSCRIBER), (1, OTHER)]
Pair = tuple[int, Msisdn]
Run = Callable[[Callable[[Tx], Any]], Any]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run a job on a store with two lines, and return what it returned."""
    made = committer(migrated(tmp_path))

    def now(job: Callable[[Tx], Any]) -> Any:
        told = Told()
        ((kind, _, result),) = told.deliver(made.run([told.job("job", job)]))
        assert kind == "done", result
        return result

    now(lambda tx: sync_lines(tx, [LineSpec("85700"), LineSpec("85701")]))
    yield now
    made.close()


def put(tx: Tx, pair: Pair, *, listed: bool, count: int = 1, state: MessageState = MessageState.SENT) -> None:
    """Store so many messages of a pair, in its list or not, as one transaction does."""
    heads = Heads()
    before = standings(tx, [pair], heads)[pair]
    heads.keep([pair] if listed else [])
    for _ in range(count):
        id_ = tx.allocate("message")
        tx.execute(
            "insert into message (id, line_id, subscriber, direction, state, text, created_at, updated_at, previous)"
            " values (?, ?, ?, 1, ?, 'hi', 0, 0, ?)",
            (id_, *pair, int(state), linked(heads.message, [(id_, pair)]).get(id_)),
        )
    if listed:
        save_standings(tx, [(before, before)], heads)


def all_of(tx: Tx, table: str, pair: Pair) -> list[int]:
    rows = tx.rows(f"select id from {table} where line_id = ? and subscriber = ? order by id desc", pair)  # noqa: S608
    return [row[0] for row in rows]


def paged(tx: Tx, limit: int, **query: Any) -> list[int]:
    """Read all pages."""
    found: list[int] = []
    page = queries.messages(tx, MessageQuery(limit=limit, **query))
    while True:
        found += [row.id for row in page.rows]
        if page.next_before_id is None:
            return found
        page = queries.messages(tx, MessageQuery(limit=limit, before_id=page.next_before_id, **query))


def everything_is_found(tx: Tx, *limits: int) -> None:
    lines = {1: "85700", 2: "85701"}
    for pair in PAIRS:
        expected = all_of(tx, "message", pair)
        for limit in limits or (2, 9):
            assert paged(tx, limit, line=lines[pair[0]], number=pair[1]) == expected
        assert [row[0] for row in rows_of(tx, "message", pair, "id")] == expected
    both = sorted(all_of(tx, "message", PAIRS[0]) + all_of(tx, "message", PAIRS[1]), reverse=True)
    assert paged(tx, 50, number=SUBSCRIBER) == both
    queued = [row[0] for row in rows_of(tx, "message", PAIRS[0], "id", "state = ?", (0,))]
    assert paged(tx, 9, number=SUBSCRIBER, line="85700", state=MessageState.QUEUED) == queued
    assert queries.matching_ids(tx, MessageQuery(number=SUBSCRIBER, limit=4)) == both[:4]
    assert paged(tx, 3, number=SUBSCRIBER, line="12345") == []


@pytest.mark.parametrize("seed", range(3))
def test_every_row_of_a_pair_is_found(run: Run, seed: int) -> None:
    """Finished ones are deleted, in no order; those that stay, and those that come after, are found all the same."""
    chance = random.Random(seed)

    def some(tx: Tx) -> None:
        for _ in range(40):
            finished = chance.random() < 0.7
            state = MessageState.SENT if finished else MessageState.QUEUED
            put(tx, chance.choice(PAIRS), listed=chance.random() < 0.7, count=chance.randint(1, 3), state=state)

    for _ in range(3):
        run(some)
        run(everything_is_found)
        ids = [row[0] for row in run(lambda tx: tx.rows("select id from message order by id"))]
        run(partial(retention.delete, ids=chance.sample(ids, len(ids) // 3)))
        run(everything_is_found)


def test_a_long_list_is_read_step_by_step(run: Run) -> None:
    for count in (STEP - 1, 1, 1, STEP, 2 * STEP):
        run(partial(put, pair=PAIRS[0], listed=True, count=count))
        run(lambda tx: everything_is_found(tx, 150, 1000))
    few = run(lambda tx: list(newest_first(tx, "message", [PAIRS[0]], STEP)))
    assert few == list(range(STEP - 1, 0, -1)), "it begins behind the row that the page before ended with"


def test_only_what_is_in_no_list_is_in_the_index(run: Run) -> None:
    run(lambda tx: put(tx, PAIRS[0], listed=True, count=3))
    run(lambda tx: put(tx, PAIRS[0], listed=False))
    run(lambda tx: put(tx, PAIRS[0], listed=True))
    rows = run(lambda tx: tx.rows("select previous from message order by id"))
    assert [row[0] is None for row in rows] == [False, False, False, True, False]
    assert rows[0] == (0,)


def test_an_id_that_is_not_above_the_last_stays_out_of_the_list() -> None:
    heads = {PAIRS[0]: 7}
    rows = [(7, PAIRS[0]), (6, PAIRS[0]), (9, PAIRS[1]), (8, PAIRS[0]), (10, PAIRS[0])]
    assert linked(heads, rows) == {8: 7, 10: 8}
    assert heads == {PAIRS[0]: 10}


def test_evidence_is_found_whether_listed_or_not(run: Run) -> None:
    def one(tx: Tx, listed: bool) -> None:
        heads = Heads()
        known = standings(tx, PAIRS, heads)
        heads.keep(PAIRS if listed else [])
        add_evidence(tx, [opt_out(line, who) for line, who in (*PAIRS, PAIRS[0])], heads)
        if listed:
            save_standings(tx, [(known[pair], known[pair]) for pair in PAIRS], heads)

    for listed in (False, True, True, False, True):
        run(partial(one, listed=listed))

    def found(tx: Tx) -> None:
        for (line_id, who), line in zip(PAIRS, ("85700", "85701", "85700"), strict=True):
            ids = [row.id for row in queries.evidence(tx, line, who)]
            assert ids == all_of(tx, "evidence", (line_id, who))[::-1]
            assert len(ids) == (10 if (line_id, who) == PAIRS[0] else 5)
        assert queries.evidence(tx, "12345", SUBSCRIBER) == []

    run(found)


def test_whose_heads_are_not_given_keeps_them(run: Run) -> None:
    """Whoever changes a consent and lists nothing leaves the lists as they are."""
    run(lambda tx: put(tx, PAIRS[0], listed=True, count=2))

    def save(tx: Tx) -> None:
        standing = standings(tx, [PAIRS[0]])[PAIRS[0]]
        save_standings(tx, [(standing, standing)])

    run(save)
    assert run(lambda tx: tx.rows("select last_message from consent where line_id = 1")) == [(2,)]
    run(everything_is_found)
