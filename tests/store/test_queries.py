"""What people can ask, and that every question walks an index."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState, Unreadable
from gateway.model.requests import MessageQuery
from gateway.model.views import ConsentRow, ListRow, SegmentRow
from gateway.store import backlog, queries
from gateway.store.engines import Engine
from gateway.store.evidence import add_evidence
from gateway.store.hot_parts import quarantine
from gateway.store.lines import LineSpec, sync_lines
from gateway.store.tx import Reader, Row, compiled
from tests.kit.stores import SUBSCRIBER, Told, committer, migrated, opt_out
from tests.store.plans import large, plan

pytestmark = pytest.mark.usefixtures("store_engine")

OTHER = "+12125550102"
MESSAGE = (
    "insert into message (id, line_id, subscriber, direction, state, lane, claim, text, created_at, updated_at, ref,"
    " list_name, outcome, keyword) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
PERMIT = (
    "insert into permit (id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds, opt_outs,"
    " minted_at, dies_at, fate, status, carrier_id, detail, receipt_state, receipt_error, receipt_at)"
    " values (?, 11, ?, 1, ?, 'acme', 'acme/0', 'gw1', 1, 1, 0, ?, 0, ?, ?, ?, ?, ?, ?, ?)"
)


def mt(number: int, line: int, subscriber: str, state: int, lane: int, **more: Any) -> tuple[Any, ...]:
    at = float(number)
    return (
        number,
        line,
        subscriber,
        1,
        state,
        lane,
        1,
        f"text {number}",
        at,
        at,
        more.get("ref"),
        more.get("list"),
    ) + (None,) * 2


def mo(number: int, line: int, subscriber: str) -> tuple[Any, ...]:
    at = float(number)
    return (number, line, subscriber, 0, 20, None, None, "JOIN", at, at, None, None, "keyword", "JOIN")


STORED = [
    mo(10, 1, SUBSCRIBER),
    mt(11, 1, SUBSCRIBER, 2, 2),
    mt(12, 1, OTHER, 0, 3, ref="order 7"),
    mt(13, 2, SUBSCRIBER, 0, 4, list="alerts"),
    mt(14, 1, SUBSCRIBER, 10, 3),
    mt(15, 2, OTHER, 0, 4),
    mt(16, 1, OTHER, 10, 1),
    mt(17, 1, SUBSCRIBER, 1, 3),
]


def fill(tx: Any) -> None:
    """Two lines, some messages, one of them in two segments of which the second was tried twice, one in part."""
    sync_lines(tx, [LineSpec("85700"), LineSpec("85701")])
    tx.executemany(MESSAGE, STORED)
    tx.execute("update message set partial = 1 where id = 10")
    tx.execute("update message set carrier = 'acme', status = 88 where id in (11, 14)")
    tx.executemany(
        PERMIT,
        [
            (1, 1, SUBSCRIBER, 1.0, 1, 0, "id-1", "", 3, "000", 4.5),
            (2, 2, SUBSCRIBER, 2.0, 2, 0x58, "", "slow down", None, None, None),
            (3, 2, SUBSCRIBER, 3.0, 2, 0x0B, "", "number ported", None, None, None),
        ],
    )
    tx.execute(
        "insert into consent (line_id, subscriber, status, since, source, opt_outs, held_since, held_mo)"
        " values (1, ?, 1, 5.0, 'text', 2, 6.0, 10)",
        (SUBSCRIBER,),
    )
    tx.executemany(
        "insert into member (line_id, list_name, subscriber, status, since, suspended) values (1, ?, ?, ?, 5.0, ?)",
        [("news", SUBSCRIBER, 2, 0), ("alerts", SUBSCRIBER, 1, 1)],
    )
    tx.execute(
        "insert into account_opt_out (account_id, subscriber, since, source) values (1, ?, 8.0, 'text')", (OTHER,)
    )
    tx.executemany(
        "insert into quarantine (id, carrier, bind, session, received_at, status, reason, raw)"
        " values (?, 'acme', 'acme/0', 's', 1.0, 8, 'no NUL', ?)",
        [(number, bytes([number])) for number in range(1, 6)],
    )
    add_evidence(tx, [opt_out(), opt_out(line_id=2), opt_out()])


def filled(directory: Path) -> Engine:
    engine = migrated(directory)
    made = committer(engine)
    told = Told()
    told.deliver(made.run([told.job("fill", fill)]))
    assert told.events == [("done", "fill", None)]
    made.close()
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Reader]:
    handle = engine.open_reader()
    yield Reader(handle.connection, handle.database)
    engine.close(handle)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with reading(filled(tmp_path)) as made:
        yield made


@pytest.mark.checklist("D2", "H10")
def test_a_message_is_shown_with_the_last_permit_of_each_segment(reader: Reader) -> None:
    row = queries.message(reader, 11)
    assert row is not None
    assert (row.line, row.number, row.direction, row.state) == ("85700", SUBSCRIBER, "mt", MessageState.SENT)
    assert (row.lane, row.claim, row.outcome) == (Lane.REPLY, "consent", None)
    assert (row.carrier, row.status) == ("acme", 88)
    assert row.permits == (
        SegmentRow(1, "acme", "acme/0", "consent", 1.0, "accepted", 0, "id-1", "", "delivered", "000", 4.5, 1),
        SegmentRow(2, "acme", "acme/0", "consent", 3.0, "rejected", 0x0B, "", "number ported", None, None, None, 2),
    )


def test_a_text_that_came_is_shown_with_what_it_meant(reader: Reader) -> None:
    row = queries.message(reader, 10)
    assert row is not None
    assert (row.direction, row.lane, row.claim, row.outcome, row.keyword) == ("mo", None, None, "keyword", "JOIN")
    assert queries.message(reader, 999) is None


def test_a_text_that_came_in_part_is_shown_so(reader: Reader) -> None:
    one = queries.message(reader, 10)
    assert one is not None
    assert one.partial is True
    listed = {row.id: row.partial for row in queries.messages(reader, MessageQuery(limit=100)).rows}
    assert listed == {row[0]: row[0] == 10 for row in STORED}


FILTERS: list[tuple[dict[str, Any], Callable[[tuple[Any, ...]], bool]]] = [
    ({"line": "85700"}, lambda m: m[1] == 1),
    ({"line": "85799"}, lambda m: False),
    ({"number": SUBSCRIBER}, lambda m: m[2] == SUBSCRIBER),
    ({"direction": "mo"}, lambda m: m[3] == 0),
    ({"direction": "mt"}, lambda m: m[3] == 1),
    ({"state": MessageState.QUEUED}, lambda m: m[4] == 0),
    ({"state": MessageState.UNCERTAIN}, lambda m: m[4] == 10),
    ({"lane": Lane.BULK}, lambda m: m[5] == 4),
    ({"list_name": "alerts"}, lambda m: m[11] == "alerts"),
    ({"ref": "order 7"}, lambda m: m[10] == "order 7"),
    ({"carrier": "acme"}, lambda m: m[0] in (11, 14)),
    ({"created_after": 13.0}, lambda m: m[8] > 13.0),
    ({"created_before": 13.0}, lambda m: m[8] < 13.0),
    ({"before_id": 13}, lambda m: m[0] < 13),
    ({}, lambda m: True),
]


def test_what_waits_for_a_person(reader: Reader) -> None:
    assert queries.waits_for_a_person(reader) == (2, 5)


def test_every_filter_and_every_pair_of_filters(reader: Reader) -> None:
    for first, second in product(FILTERS, FILTERS):
        query = MessageQuery(**first[0] | second[0])
        keeps = [second[1]] if set(first[0]) == set(second[0]) else [first[1], second[1]]
        expected = [m[0] for m in reversed(STORED) if all(fits(m) for fits in keeps)]
        assert [row.id for row in queries.messages(reader, query).rows] == expected, query
        assert queries.matching_ids(reader, query) == expected, query


@pytest.mark.parametrize("limit", range(1, 10))
def test_pages_follow_one_another_without_gap_or_repetition(limit: int, reader: Reader) -> None:
    seen: list[int] = []
    cursor = None
    for _ in range(len(STORED)):
        page = queries.messages(reader, MessageQuery(before_id=cursor, limit=limit))
        assert len(page.rows) <= limit
        seen += [row.id for row in page.rows]
        cursor = page.next_before_id
        if cursor is None:
            break
    assert seen == [m[0] for m in reversed(STORED)]


def test_uncertain_messages_are_listed_oldest_first(reader: Reader) -> None:
    assert queries.uncertain_ids(reader) == [14, 16]
    assert queries.uncertain_ids(reader, after_id=14) == [16]
    assert queries.uncertain_ids(reader, limit=1) == [14]


def test_consent_with_a_row_with_lists(reader: Reader) -> None:
    assert queries.consent(reader, "85700", SUBSCRIBER) == ConsentRow(
        "85700",
        SUBSCRIBER,
        ConsentStatus.OPTED_IN,
        True,
        5.0,
        "text",
        2,
        (ListRow("alerts", ConsentStatus.OPTED_IN, 5.0, True), ListRow("news", ConsentStatus.OPTED_OUT, 5.0, False)),
    )


def test_consent_without_a_row_is_not_defined_unless_the_account_was_left(reader: Reader) -> None:
    undefined = ConsentRow("85701", SUBSCRIBER, ConsentStatus.NOT_DEFINED, False, None, None, 0)
    assert queries.consent(reader, "85701", SUBSCRIBER) == undefined
    left = ConsentRow("85701", OTHER, ConsentStatus.OPTED_OUT, False, 8.0, "text", 1)
    assert queries.consent(reader, "85701", OTHER) == left


def test_evidence_of_one_number_on_one_line_oldest_first(reader: Reader) -> None:
    rows = queries.evidence(reader, "85700", SUBSCRIBER)
    assert [(row.id, row.seq, row.node, row.incarnation) for row in rows] == [(1, 1, "gw1", 1), (3, 3, "gw1", 1)]
    first = rows[0]
    assert (first.line, first.number, first.kind, first.method) == ("85700", SUBSCRIBER, "opt_out", "text")
    assert (first.before, first.after) == (ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT)
    assert (first.raw, first.text, first.disclosure) == (b"STOP", "STOP", "Reply STOP to end.")
    assert len(first.hash) == 64
    assert queries.evidence(reader, "85799", SUBSCRIBER) == []


def test_quarantine_in_pages(reader: Reader) -> None:
    page = queries.quarantine(reader, limit=2)
    assert [(row.id, row.raw, row.bind) for row in page.rows] == [(5, b"\x05", "acme/0"), (4, b"\x04", "acme/0")]
    last = queries.quarantine(reader, page.next_before_id, limit=3)
    assert [row.id for row in last.rows] == [3, 2, 1]
    assert last.next_before_id is None
    assert {(row.line, row.subscriber) for row in page.rows} == {("", "")}, "nobody could read them"


def test_a_quarantined_text_names_its_line_and_subscriber(tmp_path: Path) -> None:
    made = committer(migrated(tmp_path))
    kept = Unreadable("acme", "acme/0", "s", 1, 8, "our bug", b"PDU", 1.0, line="85700", subscriber=SUBSCRIBER)
    told = Told()
    told.deliver(made.run([told.job("keep", lambda tx: quarantine(tx, [kept]))]))
    handle = made.handle()
    (row,) = queries.quarantine(Reader(handle.connection, handle.database)).rows
    made.close()
    assert (row.line, row.subscriber, row.raw) == ("85700", SUBSCRIBER, b"PDU")


class Planner:
    """A source that asks the engine how it would answer, and remembers."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.plans: list[str] = []

    def rows(self, sql: str, params: Any = ()) -> list[Row]:
        self.plans += plan(self._reader.rows, sql, params)
        return self._reader.rows(sql, params)

    def fetch(self, query: Any) -> list[Row]:
        return self.rows(*compiled(self._reader.database, query))


QUESTIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "message": (lambda s: queries.message(s, 11), "INTEGER PRIMARY KEY"),
    "pair": (
        lambda s: queries.messages(s, MessageQuery(line="85700", number=SUBSCRIBER)),
        "message_pair (line_id=? AND subscriber=? AND id<?",
    ),
    "number": (
        lambda s: queries.messages(s, MessageQuery(number=SUBSCRIBER)),
        "message_pair (line_id=? AND subscriber=? AND id<?",
    ),
    "ref": (lambda s: queries.messages(s, MessageQuery(ref="order 7")), "message_ref"),
    "uncertain": (queries.uncertain_ids, "message_uncertain"),
    "uncertain page": (lambda s: queries.messages(s, MessageQuery(state=MessageState.UNCERTAIN)), "message_uncertain"),
    "sending": (lambda s: queries.messages(s, MessageQuery(state=MessageState.SENDING)), "permit_live_pair"),
    "consent": (lambda s: queries.consent(s, "85700", SUBSCRIBER), "PRIMARY KEY"),
    "lists": (lambda s: queries.consent(s, "85700", SUBSCRIBER), "PRIMARY KEY (line_id=? AND subscriber=?)"),
    "evidence": (
        lambda s: queries.evidence(s, "85700", SUBSCRIBER),
        "evidence_pair (line_id=? AND subscriber=? AND id<?",
    ),
    "backlog": (
        lambda s: backlog.go_on(s, backlog.begin(s)),
        "message_queued (lane=? AND line_id=? AND route=? AND id>?",
    ),
    "oldest": (lambda s: backlog.oldest(s, [(3, 1, "")]), "message_queued (lane=? AND line_id=? AND route=?)"),
    "permits": (lambda s: queries.message(s, 11), "permit_message"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_walk_an_index(name: str, store_engine: str, tmp_path: Path) -> None:
    ask, index = QUESTIONS[name]
    if store_engine == "postgresql":
        index = index.partition(" (")[0].replace("INTEGER PRIMARY KEY", "message_pkey").replace("PRIMARY KEY", "_pkey")
    with reading(filled(tmp_path) if store_engine == "sqlite" else large(tmp_path)) as reader:
        planner = Planner(reader)
        ask(planner)
    assert any(index in plan for plan in planner.plans), planner.plans


def test_a_reader_hands_out_what_the_driver_says(reader: Reader) -> None:
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction), match=r"read-?only"):
        reader.rows("delete from message")
