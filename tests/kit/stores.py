"""Real SQLite stores for tests: an engine in a directory, migrated, with the one job that most tests need."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.base import Clock
from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Method
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.jobs import Batch, Committer, Identity, Job
from gateway.store.options import StoreOptions
from gateway.store.schema import migrate
from gateway.store.tx import Tx
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults

SUBSCRIBER = Msisdn("+12125550101")


def sqlite_engine(directory: Path, faults: Faults | None = None) -> SqliteEngine:
    """Return an engine on ``directory``/gateway.db that does not wait for locks."""
    engine = SqliteEngine(StoreOptions(busy_timeout_s=0.01), directory)
    if faults is not None:
        engine.connection_class = faults.connection_class()
    return engine


def migrated(directory: Path) -> SqliteEngine:
    """Return an engine on a store that has its schema."""
    engine = sqlite_engine(directory)
    handle = engine.open_writer()
    migrate(handle, "the test's store")
    engine.close(handle)
    return engine


def committer(engine: SqliteEngine, clock: Clock | None = None) -> Committer:
    """Return a committer that writes as node gw1, first life."""
    made = Committer(engine, clock or FakeClock())
    made.identity = Identity("gw1", 1, 1)
    return made


class Told:
    """Jobs that remember what they were told: ``events`` has ("done", name, result) or ("failed", name, error)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, Any]] = []

    def job(self, name: str, run: Any) -> Job[Any]:
        return Job(
            run,
            lambda result: self.events.append(("done", name, result)),
            lambda error: self.events.append(("failed", name, error)),
            name,
        )

    def deliver(self, batch: Batch) -> list[tuple[str, str, Any]]:
        """Deliver a batch; return what its jobs were told."""
        before = len(self.events)
        for completion in batch.completions:
            completion.deliver()
        return self.events[before:]


def note(key: str) -> Any:
    """Return a job's function that writes two rows that belong together, in two statements, and returns the key."""

    def run(tx: Tx) -> str:
        tx.execute("insert into meta (key, value) values (?, '1')", (f"{key}/a",))
        tx.execute("insert into meta (key, value) values (?, '2')", (f"{key}/b",))
        return key

    return run


def noted(directory: Path) -> dict[str, int]:
    """Return, from a connection of its own, how many of the two rows of each key are there."""
    connection = sqlite3.connect(directory / "gateway.db")
    try:
        counts: dict[str, int] = {}
        for (key,) in connection.execute("select key from meta where key like '%/_'"):
            counts[key[:-2]] = counts.get(key[:-2], 0) + 1
        return counts
    finally:
        connection.close()


def look(directory: Path, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run ``sql`` on the file from a connection of its own, commit, and return the rows."""
    connection = sqlite3.connect(directory / "gateway.db")
    try:
        rows = connection.execute(sql, params).fetchall()
        connection.commit()
        return rows
    finally:
        connection.close()


def opt_out(line_id: int = 1, subscriber: Msisdn = SUBSCRIBER, **changes: Any) -> Evidence:
    """Return the evidence of a STOP."""
    fields: dict[str, Any] = {
        "kind": EvidenceKind.OPT_OUT,
        "line_id": line_id,
        "subscriber": subscriber,
        "before": ConsentStatus.OPTED_IN,
        "after": ConsentStatus.OPTED_OUT,
        "method": Method.TEXT,
        "occurred_at": 1_799_999_999.5,
        "mo_id": 7,
        "raw": b"STOP",
        "text": "STOP",
        "rule": "reserved-word",
        "rule_version": "1",
        "config_hash": "c0ffee",
        "disclosure": "Reply STOP to end.",
        "actor": "",
        "ip": "192.0.2.1",
        "user_agent": "a browser",
        "note": "said on the phone",
    }
    return Evidence(**fields | changes)
