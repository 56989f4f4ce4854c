"""Nothing that a start does, or that is done again and again, reads a table from one end to the other.

A big store is not made here: SQLite is asked how it runs each statement, and its plans do not depend on the size.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load
from gateway.daemon.daemon import running
from gateway.model.requests import Accepted, Actor, Role, SendRequest
from gateway.store.engines.sqlite import SqliteEngine

GROWS = ("message", "permit", "consent", "member", "evidence", "audit", "idempotency", "account_opt_out", "part")
BOUNDED = {
    "SCAN part USING COVERING INDEX part_due": "an entry for each incomplete text, of 100,000 at most",
    "SCAN quarantine USING COVERING INDEX quarantine_last": "the sizes of quarantine_mb of PDUs, when one was added",
    "SCAN quarantine USING INDEX quarantine_last": "from the oldest on, up to a limit",
    "SCAN quarantine": "up to a limit",
    "SCAN permit USING INDEX permit_live_pair": "what is under way, up to a limit",
    "SCAN message USING COVERING INDEX message_uncertain": "what is uncertain, up to a limit",
}
"""What may be read from end to end, and why that is little."""
ADMIN = Actor("ada", Role.ADMIN)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Every statement that any connection ran, with parameters that it ran with."""
    seen: dict[str, Any] = {}

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
            seen.setdefault(sql, parameters)
            super().execute(sql, parameters)
            return self

        def executemany(self, sql: str, rows: Any, /) -> Cursor:
            rows = list(rows)
            if rows:
                seen.setdefault(sql, rows[0])
            super().executemany(sql, rows)
            return self

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            cursor: sqlite3.Cursor = self.cursor()
            return cursor.execute(sql, parameters)

        def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
            cursor: sqlite3.Cursor = self.cursor()
            return cursor.executemany(sql, rows)

    made = SqliteEngine.__init__

    def recording(self: SqliteEngine, *args: Any) -> None:
        made(self, *args)
        self.connection_class = Connection

    monkeypatch.setattr(SqliteEngine, "__init__", recording)
    return seen


async def test_nothing_reads_a_table_from_end_to_end(file: Path, statements: dict[str, Any]) -> None:
    config = load(file)
    async with running(config, "0"):
        pass
    statements.clear()  # the first start made the schema
    async with running(config, "0") as gateway:
        flow = gateway.flow
        (sent,) = await flow.desk.send([SendRequest("85700", "+12125550101", "hi")], ADMIN)  # type: ignore[misc]  # a list
        assert isinstance(sent, Accepted)
        await flow.janitor.round()
        await flow.retention.round()
        await flow.desk.readiness()
        gateway.metrics.exposition()
    assert len(statements) > 40
    connection = sqlite3.connect(config.state_dir / "gateway.db")
    read_whole: list[tuple[str, str]] = []
    for sql, parameters in statements.items():
        if sql.split()[0].lower() not in ("select", "insert", "update", "delete", "with"):
            continue
        for row in connection.execute(f"explain query plan {sql}", parameters):
            plan = re.sub(r"^SCAN TABLE ", "SCAN ", row[-1])
            table = re.match(r"SCAN (\w+)", plan)
            if table and table[1] in (*GROWS, "parked_receipt", "quarantine") and plan not in BOUNDED:
                read_whole.append((plan, sql))
    connection.close()
    assert read_whole == []
