"""One psycopg connection, in the form that the store's statements expect.

Owns three translations. *Placeholders*: our statements say ``?``, peewee's ``%s``; the server wants ``$1``. *Values*:
numbers and texts travel without a type of their own, so that the server takes the type of the column that they meet,
and one statement is prepared once, whatever the size of its numbers. *Octets* travel as they are. PostgreSQL's text
holds every character but U+0000: that one is stored as U+FFFD (a text's octets are kept beside it, so nothing is lost).

Must never decide when a transaction begins or ends, nor what an error means: that is the engine's.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from gateway.base import Clock

NO_NUL: Final = "\ufffd"
"""What stands in a stored text where U+0000 was."""

_TOKENS: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\?|%s""")
_PREPARED: Final = 512  # statements that a session keeps prepared: hot ones come in a few sizes each


class _Untyped(Dumper):
    """A value as the server would read it in a statement, where the context says its type."""

    format = Format.TEXT
    oid = 0


class _Integer(_Untyped):
    def dump(self, obj: int) -> bytes:
        return b"%d" % obj


class _Real(_Untyped):
    def dump(self, obj: float) -> bytes:
        return float.__repr__(obj).encode()


class _Text(_Untyped):
    def dump(self, obj: str) -> bytes:
        return (obj.replace("\0", NO_NUL) if "\0" in obj else obj).encode()


@lru_cache(maxsize=4096)
def native(sql: str) -> bytes:
    """Return a statement with ``$1``, ``$2``, ... for its placeholders. Quoted words and comments have none."""
    number = 0

    def place(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] not in ("?", "%s"):
            return found[0]
        number += 1
        return f"${number}"

    return _TOKENS.sub(place, sql).encode()


def connect(parameters: dict[str, Any]) -> psycopg.Connection[Any]:
    """Open a connection by libpq's ``parameters``; statements on it are no transactions unless one is begun."""
    raw = psycopg.connect("", autocommit=True, **parameters)
    for kind, dumper in ((int, _Integer), (bool, _Integer), (float, _Real), (str, _Text)):
        raw.adapters.register_dumper(kind, dumper)
    raw.prepare_threshold = 1
    raw.prepared_max = _PREPARED
    return raw


class Link:
    """A connection that keeps to the store's port. ``since`` is when its present step began (monotonic), 0.0: none."""

    def __init__(self, raw: psycopg.Connection[Any], clock: Clock) -> None:
        self.raw = raw
        self._now = clock.monotonic
        self.since = 0.0
        self.warnings: list[str] = []
        # A name of its own for the socket: to cut a stuck session, the watch must never hit a number that was reused.
        self._socket = socket.socket(fileno=socket.dup(raw.pgconn.socket))
        raw.add_notice_handler(self._noticed)

    def execute(self, sql: str, parameters: Any = (), /) -> psycopg.RawCursor[Any]:
        """Run one statement."""
        cursor = psycopg.RawCursor(self.raw)
        self.since = self._now()
        try:
            return cursor.execute(native(sql), parameters, binary=True)
        finally:
            self.since = 0.0

    def executemany(self, sql: str, rows: Iterable[Any], /) -> psycopg.RawCursor[Any]:
        """Run one statement once per row, in one exchange with the server."""
        cursor = psycopg.RawCursor(self.raw)
        self.since = self._now()
        try:
            cursor.executemany(native(sql), rows)
        finally:
            self.since = 0.0
        return cursor

    def cut(self) -> None:
        """End the session at once, from another thread: whoever waits for the server gets the driver's error."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself

    def close(self) -> None:
        """Close the session; the server takes an open transaction back."""
        try:
            self.raw.close()
        finally:
            self._socket.close()

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(notice.message_primary or "")
