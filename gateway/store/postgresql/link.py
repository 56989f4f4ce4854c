"""One connection, in the form that the store's statements expect: sent ahead, and answered when somebody asks.

Owns the exchange with the server, on libpq's pipeline mode
(https://www.postgresql.org/docs/current/libpq-pipeline-mode.html) through psycopg's own thin layer over it. A statement
is prepared at its first use. ``send`` hands it to the server, which begins with it at once, and returns its answer
before there is one; whoever looks into an answer waits for it, and for all before it. So the server writes while we
decide what to write next, and questions that do not depend on one another share one way there and back. ``execute``
sends, and waits.

What a statement fails with is raised to whoever waits next, whichever answer that is for; what was sent behind it was
not done. An error therefore says nothing of the statement at which it is raised: the writer finds out whose it was.

Must never decide when a transaction begins or ends, nor what an error means: that is the engine's.
"""

from __future__ import annotations

import select
import socket
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from gateway.base import Clock
from gateway.store.postgresql.values import dumped, native

_PREPARED: Final = 512  # statements that a session keeps prepared: hot ones come in a few sizes each
_BINARY: Final = int(Format.BINARY)
_DONE: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY})
_LOST: Final = "the connection to the server is closed"
_GONE: Final = frozenset({"0A000", "26000"})  # of a prepared statement: its table has changed, or it is not there


def connect(parameters: dict[str, Any]) -> psycopg.Connection[Any]:
    """Open a connection by libpq's ``parameters``; statements on it are no transactions unless one is begun."""
    return psycopg.connect("", autocommit=True, **parameters)


class Answer:
    """What the server says to one statement. Looking into it waits, and raises what it or one before failed with."""

    __slots__ = ("_link", "result")

    def __init__(self, link: Link) -> None:
        self._link = link
        self.result: PGresult | None = None

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed, or found; -1 where that has no sense."""
        count = self._link.wait_for(self).command_tuples
        return -1 if count is None else count

    @property
    def tag(self) -> bytes:
        """The command that the server carried out, with its numbers."""
        return self._link.wait_for(self).command_status or b""

    def fetchall(self) -> list[Any]:
        """All rows."""
        return self._link.rows(self._link.wait_for(self))


class Answers:
    """The answers to one statement that was sent with several rows of parameters."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers

    @property
    def rowcount(self) -> int:
        """Rows that were changed in all."""
        return sum(answer.rowcount for answer in self._answers)

    def fetchall(self) -> list[Any]:
        """All rows of all answers."""
        return [row for answer in self._answers for row in answer.fetchall()]


class Link:
    """A connection that keeps to the store's port. ``since`` is when its present step began (monotonic), 0.0: none."""

    def __init__(self, raw: psycopg.Connection[Any], clock: Clock) -> None:
        self._raw = raw
        self._pgconn = raw.pgconn
        self._loads = Transformer(raw)
        self._now = clock.monotonic
        self.since = 0.0
        self.warnings: list[str] = []
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._named = 0
        self._awaited: deque[Answer | None] = deque()  # None where the server was asked to come to an end
        self._last: Answer | None = None
        self._is_open_ended = False
        self._is_piping = False
        self._ready = select.poll()
        # A name of its own for the socket: to cut a stuck session, the watch must never hit a number that was reused.
        self._socket = socket.socket(fileno=socket.dup(raw.pgconn.socket))
        raw.add_notice_handler(self._noticed)

    @property
    def raw(self) -> psycopg.Connection[Any]:
        """The driver's connection, with nothing under way on it."""
        self.flush()
        return self._raw

    @property
    def status(self) -> TransactionStatus:
        """Whether a transaction is open, and sound."""
        self.flush()
        return TransactionStatus(self._pgconn.transaction_status)

    def execute(self, sql: str, parameters: Any = (), /) -> Answer:
        """Run one statement."""
        answer = self.send(sql, parameters)
        self.wait_for(answer)
        return answer

    def executemany(self, sql: str, rows: Iterable[Any], /) -> Answers:
        """Run one statement once per row, in one exchange with the server."""
        answers = [self._send(sql, row) for row in rows]
        if answers:
            self.wait_for(answers[-1])
        return Answers(answers)

    def send(self, sql: str, parameters: Any = (), /) -> Answer:
        """Send one statement, and do not wait for the server."""
        answer = self._send(sql, parameters)
        self._pgconn.flush()  # what does not go now goes when we wait
        return answer

    def flush(self) -> None:
        """Wait for all that was sent; raise what the first of it failed with, after which the rest was not tried."""
        if self._awaited:
            self._wait(None)

    def abandon(self) -> None:
        """Wait for all that was sent, and do not ask what became of it: it is taken back."""
        with suppress(psycopg.Error):
            self.flush()

    def wait_for(self, answer: Answer) -> PGresult:
        """Return what the server said to a statement, once it has said it."""
        if answer.result is None:
            self._wait(None if answer is self._last else answer)
        if answer.result is None:
            raise psycopg.InterfaceError("a statement was not run: one before it failed")
        return answer.result

    def rows(self, result: PGresult) -> list[Any]:
        """Return the rows of a result; none of what gives no rows."""
        if not result.nfields:
            return []
        self._loads.set_pgresult(result)
        return self._loads.load_rows(0, result.ntuples, tuple)

    def cut(self) -> None:
        """End the session at once, from another thread: whoever waits for the server gets the driver's error."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself

    def close(self) -> None:
        """Close the session; the server takes an open transaction back."""
        self._awaited.clear()
        try:
            self._raw.close()
        finally:
            self._socket.close()

    def _send(self, sql: str, parameters: Any) -> Answer:
        values, formats = dumped(parameters)
        name = self._names.get(sql)
        if name is None:
            name = self._prepare(sql)
        else:
            self._names.move_to_end(sql)
        self._pipe()
        self._pgconn.send_query_prepared(name, values, formats, _BINARY)
        return self._queued()

    def _prepare(self, sql: str) -> bytes:
        """Have a statement prepared, and let go of the one that was not used for longest, if there are many."""
        self.flush()
        self._named += 1
        name = b"s%d" % self._named
        self._pipe()
        self._pgconn.send_prepare(name, native(sql))
        self.wait_for(self._queued())
        self._names[sql] = name
        if len(self._names) > _PREPARED:
            _, old = self._names.popitem(last=False)
            self._pipe()
            self._pgconn.send_query_params(b"deallocate " + old, None)
            self.wait_for(self._queued())
        return name

    def _pipe(self) -> None:
        if not self._is_piping:
            if not self._is_sound():
                raise psycopg.OperationalError(_LOST)
            self._pgconn.enter_pipeline_mode()
            self._is_piping = True

    def _queued(self) -> Answer:
        answer = self._last = Answer(self)
        self._awaited.append(answer)
        self._is_open_ended = True
        return answer

    def _wait(self, answer: Answer | None) -> None:
        """Take what the server says, up to this answer, or all of it: then others may use the driver's connection.

        What failed ends it all.
        """
        self.since = self._now()
        try:
            if self._is_open_ended:
                self._end()
            while self._awaited and (answer is None or answer.result is None):
                self._take()
        except psycopg.Error as error:
            if getattr(error, "sqlstate", None) in _GONE:
                self._names.clear()
            while self._awaited and not self._is_open_ended and self._is_sound():
                with suppress(psycopg.Error):  # of what was sent behind it
                    self._take()
            self._awaited.clear()
            raise
        finally:
            self.since = 0.0
            if not self._awaited and self._is_sound():
                self._pgconn.exit_pipeline_mode()
                self._is_piping = False

    def _end(self) -> None:
        """Ask the server to come to an end with what was sent."""
        try:
            self._pgconn.pipeline_sync()
        except psycopg.OperationalError as error:  # which speaks of pipelines, whatever became of the connection
            raise psycopg.OperationalError(_LOST) from error
        self._awaited.append(None)
        self._is_open_ended = False

    def _is_sound(self) -> bool:
        return bool(self._pgconn.status == ConnStatus.OK)

    def _take(self) -> None:
        """Take one result. Raises psycopg's error for one that says of a failure."""
        awaited, result = self._awaited[0], self._next()
        if result is None and awaited is None:
            result = self._next()  # what failed at the end, as what is looked at then does, has an end of its own
            if result is None:
                self._awaited.clear()
                raise psycopg.OperationalError(_LOST)
        if result is None:
            self._awaited.popleft()  # the end of what the server says to a statement
        elif result.status == ExecStatus.PIPELINE_SYNC:
            self._awaited.popleft()
        elif result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
        elif awaited is not None and result.status in _DONE:
            awaited.result = result

    def _next(self) -> PGresult | None:
        pgconn = self._pgconn
        blocked = pgconn.flush()
        while pgconn.is_busy():
            self._ready.register(pgconn.socket, select.POLLIN | (select.POLLOUT if blocked else 0))
            self._ready.poll()
            pgconn.consume_input()
            blocked = pgconn.flush()
        return pgconn.get_result()

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(notice.message_primary or "")
