"""Counting what is queued: whatever the size of the steps, each message once, and none that came after the begin."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.model.messages import Lane
from gateway.store import backlog
from gateway.store.tx import Reader
from tests.kit.stores import Told, committer, migrated

pytestmark = pytest.mark.usefixtures("store_engine")

INSERT = (
    "insert into message (id, line_id, subscriber, direction, state, lane, route, text, created_at, updated_at)"
    " values (?, ?, '+12125550101', 1, ?, ?, ?, '', ?, ?)"
)


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[Reader, Callable[[], None], Counter[tuple[Lane, int]]]]:
    """300 messages in 3 lanes of 3 lines over 2 routes, some sent: a reader, what adds another, and what is queued."""
    made = committer(migrated(tmp_path))
    draw = random.Random(7)
    queued: Counter[tuple[Lane, int]] = Counter()
    rows: list[tuple[object, ...]] = []
    for id_ in range(1, 301):
        line_id, lane, state = draw.randint(1, 3), Lane(draw.randint(2, 4)), draw.choice((0, 0, 2))
        rows.append((id_, line_id, state, int(lane), draw.choice(("", "acme")), 1000.0 + id_, 0.0))
        if not state:
            queued[lane, line_id] += 1

    def put(*rows: tuple[object, ...]) -> None:
        told = Told()
        told.deliver(made.run([told.job("put", lambda tx: tx.executemany(INSERT, rows))]))
        assert [kind for kind, _, _ in told.events] == ["done"]

    put(*rows)
    handle = made.handle()
    yield Reader(handle.connection, handle.database), lambda: put((301, 1, 0, 3, "", 0.0, 0.0)), queued
    made.close()


@pytest.mark.parametrize("entries", [1, 2, 3, 20, 21, 22, 41, 64, 299, 20_000])
def test_each_message_is_counted_once_whatever_the_steps(
    stored: tuple[Reader, Callable[[], None], Counter[tuple[Lane, int]]], entries: int
) -> None:
    reader, put_another, queued = stored
    walk = backlog.begin(reader)
    put_another()
    steps = 0
    while not walk.over:
        before = sum(walk.counts.values())
        walk = backlog.go_on(reader, walk, entries)
        steps += 1
        assert sum(walk.counts.values()) - before <= entries
    assert +walk.counts == queued, "and 301 came after the beginning"
    assert steps == 1 or entries < 1000
    assert len(walk.places) == 18


def test_an_empty_queue_is_counted_at_once(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    handle = made.handle()
    reader = Reader(handle.connection, handle.database)
    walk = backlog.go_on(reader, backlog.begin(reader))
    assert (walk.over, dict(walk.counts)) == (True, {})
    assert backlog.oldest(reader, [(3, 1, "")]) == {}
    made.close()


def test_since_when_a_lane_waits(stored: tuple[Reader, Callable[[], None], Counter[tuple[Lane, int]]]) -> None:
    reader, _, _ = stored
    walk = backlog.go_on(reader, backlog.begin(reader))
    first: dict[int, float] = dict(
        reader.rows("select lane, min(created_at) from message where state = 0 group by lane")
    )
    assert backlog.oldest(reader, walk.places) == {Lane(lane): at for lane, at in first.items()}
