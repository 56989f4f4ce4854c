"""One connection to PostgreSQL: statements sent ahead, their answers, and what becomes of both after an error."""

from __future__ import annotations

import enum
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from gateway.base import SystemClock
from gateway.store.postgresql import link as module
from gateway.store.postgresql.link import Link, connect
from gateway.store.postgresql.watch import Watch
from tests.kit import postgres


@pytest.fixture
def link() -> Iterator[Link]:
    where = {"host": "127.0.0.1", "port": postgres.server().port, "user": postgres.ROLE, "dbname": "postgres"}
    made = Link(connect(where), SystemClock())
    made.execute("create temporary table t (n bigint primary key, word text, octets bytea, x double precision)")
    yield made
    made.close()


class Colour(enum.IntEnum):
    RED = 7


@pytest.mark.parametrize(
    "column, value, stored",
    [
        ("n", 2**62, 2**62),
        ("n", True, 1),
        ("n", Colour.RED, 7),
        ("word", "façade \U0001f600", "façade \U0001f600"),
        ("word", "a\0b", "a\ufffdb"),
        ("word", None, None),
        ("octets", b"\0\xff", b"\0\xff"),
        ("octets", bytearray(b"ab"), b"ab"),
        ("octets", memoryview(b"ab"), b"ab"),
        ("octets", psycopg.Binary(b"ab"), b"ab"),
        ("x", 0.1, 0.1),
    ],
)
def test_values_come_back_as_they_were(link: Link, column: str, value: Any, stored: Any) -> None:
    others = {"n": 1} if column != "n" else {}
    names = [column, *others]
    marks = ", ".join("?" * len(names))
    link.execute(f"insert into t ({', '.join(names)}) values ({marks})", (value, *others.values()))  # noqa: S608
    assert link.execute(f"select {column} from t").fetchall() == [(stored,)]  # noqa: S608


def test_a_value_that_no_column_holds_is_refused_before_anything_is_sent(link: Link) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="no column holds a dict"):
        link.execute("insert into t (word) values (?)", ({},))
    assert link.execute("select 1").fetchall() == [(1,)]


def test_answers_may_be_looked_into_in_any_order(link: Link) -> None:
    answers = [link.send("insert into t (n) values (?) returning n", (n,)) for n in range(5)]
    last = link.send("select count(*) from t")
    assert answers[3].fetchall() == [(3,)]
    more = link.send("select max(n) from t")
    assert (last.fetchall(), more.fetchall()) == ([(5,)], [(4,)])
    assert [answer.fetchall() for answer in answers] == [[(n,)] for n in range(5)]
    assert [answers[0].rowcount, last.rowcount, link.execute("set jit = off").rowcount] == [1, 1, -1]
    assert link.execute("begin").fetchall() == []


def test_many_rows_are_counted_together(link: Link) -> None:
    done = link.executemany("insert into t (n) values (?) returning n", [(n,) for n in range(3)])
    assert (done.rowcount, done.fetchall()) == (3, [(0,), (1,), (2,)])
    assert link.executemany("insert into t (n) values (?)", []).rowcount == 0


def test_what_fails_is_raised_once_to_whoever_waits_and_nothing_behind_it_is_done(link: Link) -> None:
    insert = "insert into t (n) values (?)"
    link.execute(insert, (0,))
    link.execute("begin")
    good, bad, behind = (link.send(insert, (n,)) for n in (1, 0, 2))
    with pytest.raises(psycopg.errors.UniqueViolation):
        behind.fetchall()
    assert link.status is TransactionStatus.INERROR
    assert good.rowcount == 1
    for lost in (bad, behind):
        with pytest.raises(psycopg.InterfaceError, match="one before it failed"):
            assert lost.rowcount
    link.execute("rollback")
    assert link.execute("select n from t").fetchall() == [(0,)]


def test_an_error_in_between_leaves_the_connection_in_step(link: Link) -> None:
    """Some answers were waited for before it, others were sent after that, and outside of any transaction."""
    divide = "select 1 / ?::integer"
    first = [link.send(divide, (n,)) for n in (1, 1)]
    assert first[0].fetchall() == [(1,)]
    second = [link.send(divide, (n,)) for n in (0, 1)]
    with pytest.raises(psycopg.errors.DivisionByZero):
        second[1].fetchall()
    for n in (1, 2):
        assert link.execute(divide, (n,)).fetchall() == [(1 // n,)]
    link.send(divide, (0,))
    link.abandon()
    link.send(divide, (0,))
    with pytest.raises(psycopg.errors.DivisionByZero):
        link.flush()
    assert link.raw.execute("select 5").fetchall() == [(5,)], "the driver's own way is free then"


def test_what_fails_only_when_the_server_comes_to_an_end_is_raised(link: Link) -> None:
    link.execute("create temporary table late (n bigint unique deferrable initially deferred)")
    insert = "insert into late values (?)"
    link.execute(insert, (1,))
    for _ in range(2):
        with pytest.raises(psycopg.errors.UniqueViolation):
            link.execute(insert, (1,))
    first, _ = link.send("select 1"), link.send(insert, (1,))
    assert first.fetchall() == [(1,)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        link.flush()
    assert link.execute("select n from late").fetchall() == [(1,)]


def test_a_statement_that_cannot_be_prepared_is_not_taken_for_prepared(link: Link) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            link.execute("select * from nowhere")
    link.execute("create temporary table nowhere (n integer)")
    assert link.execute("select * from nowhere").fetchall() == []


def test_a_statement_whose_table_changed_fails_once(link: Link) -> None:
    assert link.execute("select * from t").fetchall() == []
    link.execute("alter table t add column more integer")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        link.execute("select * from t")
    assert link.execute("select * from t").fetchall() == []


def test_no_more_are_kept_prepared_than_a_session_may(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PREPARED", 8)
    for n in range(20):
        assert link.execute(f"select {n}").fetchall() == [(n,)]
    assert link.execute("select 0").fetchall() == [(0,)]
    ((count,),) = link.execute("select count(*) from pg_prepared_statements").fetchall()
    assert count <= 10


def test_a_session_that_the_server_ended_says_so(link: Link) -> None:
    ((pid,),) = link.execute("select pg_backend_pid()").fetchall()
    answer = link.send("select 1")
    link.flush()
    postgres.server().execute(f"select pg_terminate_backend({pid}, 5000)")
    assert answer.fetchall() == [(1,)]
    with pytest.raises(psycopg.OperationalError):
        link.execute("select 2")
    with pytest.raises(psycopg.OperationalError, match=r"no connection|closed"):
        link.execute("select 3")


@pytest.mark.parametrize("sent", [0, 2])
def test_a_session_that_ended_between_two_statements_says_so(link: Link, sent: int) -> None:
    """Also what was sent already is not waited for any longer; and it is an error of the store."""
    link.execute("select 1")
    for _ in range(sent):
        link.send("select 1")
    link.cut()
    for _ in range(2):
        with pytest.raises(psycopg.OperationalError) as raised:
            link.execute("select 1")
        assert "pipeline" not in str(raised.value)
    assert link.since == 0.0
    link.abandon()
    with pytest.raises(psycopg.OperationalError):
        link.execute("rollback")


def test_a_server_that_comes_to_no_end_is_not_asked_for_ever(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    link.execute("select 1")
    monkeypatch.setattr(link, "_next", lambda: None)
    with pytest.raises(psycopg.OperationalError):
        link.execute("select 1")


@pytest.mark.parametrize("ahead", [False, True])
def test_an_answer_that_never_comes_is_waited_for_until_somebody_cuts_the_session(link: Link, ahead: bool) -> None:
    """Whether it is the first that is waited for, or others were sent behind it: there is one limit for the wait."""
    raised: list[Exception] = []

    def wait() -> None:
        try:
            answer = link.send("select pg_sleep(600)")
            if ahead:
                link.send("select 1")
            answer.fetchall()
        except psycopg.OperationalError as error:
            raised.append(error)

    watch = Watch(SystemClock())
    link.execute("select 1")
    ((pid,),) = link.execute("select pg_backend_pid()").fetchall()
    waiting = threading.Thread(target=wait)
    waiting.start()
    postgres.server().wait_for(f"select wait_event from pg_stat_activity where pid = {pid:d}", "PgSleep")  # noqa: S608
    watch.add(link, 5.0)
    assert waiting.is_alive()
    watch.look(link.since + 4.9)
    assert waiting.is_alive()
    watch.look(link.since + 5.1)
    waiting.join(60)
    watch.remove(link)
    postgres.server().execute(f"select pg_terminate_backend({pid})")
    assert len(raised) == 1
    assert link.since == 0.0
