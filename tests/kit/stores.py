"""Real stores for tests, SQLite's and PostgreSQL's: an engine in a directory, migrated, with the jobs that tests need.

A test that holds for every engine asks for the fixture ``store_engine`` (a folder's ``conftest.py`` takes it from
here), and for the rest speaks of its store by a directory: on SQLite that is where the file lies, on PostgreSQL there
is a database that goes by it.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from gateway.base import Clock, SystemClock
from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Method
from gateway.store.engines import Engine
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.jobs import Batch, Committer, Identity, Job
from gateway.store.options import StoreOptions
from gateway.store.postgresql.engine import PostgresqlEngine
from gateway.store.postgresql.link import Link, connect
from gateway.store.schema import migrate
from gateway.store.tx import Tx
from tests.kit import postgres
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults

KINDS: Final = ("sqlite", "postgresql")
_OCTETS: Final = re.compile(r"\bx'([0-9a-f]*)'")  # how SQLite writes octets
SUBSCRIBER = Msisdn("+12125550101")
IntegrityErrors: Final = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What either driver raises for a constraint."""


@dataclass
class _Database:
    """A database that stands for a directory. ``name`` is empty until it is made."""

    name: str = ""
    stack: ExitStack = field(default_factory=ExitStack)
    link: Link | None = None


@dataclass
class _Present:
    """The engine that tests ask for now, and the databases that were made since it was chosen."""

    kind: str = "sqlite"
    kept: set[Path] = field(default_factory=set)
    databases: dict[Path, _Database] = field(default_factory=dict)


_present: Final = _Present()


@contextmanager
def on_engine(kind: str) -> Iterator[str]:
    """Let stores be of this kind meanwhile; those that are made are gone in the end."""
    _present.kind = kind
    before = set(_present.databases)
    try:
        yield kind
    finally:
        _present.kind = "sqlite"
        for directory in set(_present.databases) - before - _present.kept:
            remove(directory)


def keep(directory: Path) -> None:
    """Let the store of a directory outlive the test that made it, for others to copy."""
    _present.kept.add(directory)


@pytest.fixture(params=KINDS)
def store_engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test on every engine: which one it is now. Ask for it before anything that makes a store."""
    with on_engine(request.param) as chosen:
        yield chosen


def kind() -> str:
    """Return the kind of stores that are made now."""
    return _present.kind


def remove(directory: Path) -> None:
    """Remove the database that stands for a directory, if there is one."""
    if (database := _present.databases.pop(directory, None)) is not None:
        _disconnect(database)
        database.stack.close()


def _database(directory: Path, template: str = "template0") -> _Database:
    """Return the database that stands for ``directory``, made now as a copy of ``template`` if there is none."""
    database = _present.databases.setdefault(directory, _Database())
    if not database.name:
        database.name = database.stack.enter_context(postgres.database(template))
    return database


def _is_on_postgresql(directory: Path) -> bool:
    return directory in _present.databases or _present.kind == "postgresql"


def options_at(directory: Path, **changes: Any) -> StoreOptions:
    """Return the options of the store that goes by ``directory``."""
    if _is_on_postgresql(directory):
        changes |= {"url": postgres.server().url(_database(directory).name)}
        changes["busy_timeout_s"] = max(2.0, changes.get("busy_timeout_s", 2.0))
    return StoreOptions(**changes)


def engine_at(directory: Path, faults: Faults | None = None) -> Engine:
    """Return an engine on the store that goes by ``directory``, which may be empty."""
    if not _is_on_postgresql(directory):
        return sqlite_engine(directory, faults)
    engine = PostgresqlEngine(options_at(directory), directory)
    if faults is not None:
        engine.link_class = faults.link_class()
    return engine


def sqlite_engine(directory: Path, faults: Faults | None = None) -> SqliteEngine:
    """Return an engine on ``directory``/gateway.db that does not wait for locks."""
    engine = SqliteEngine(StoreOptions(busy_timeout_s=0.01), directory)
    if faults is not None:
        engine.connection_class = faults.connection_class()
    return engine


def migrated(directory: Path) -> Engine:
    """Return an engine on a store that has its schema."""
    if _is_on_postgresql(directory):
        _database(directory, migrated_template())
        return engine_at(directory)
    engine = sqlite_engine(directory)
    _migrate(engine)
    return engine


def _migrate(engine: Engine) -> None:
    handle = engine.open_writer()
    migrate(handle, "the test's store")
    engine.close(handle)


@cache
def migrated_template() -> str:
    """Return the name of a PostgreSQL database that has the schema, to copy."""
    return postgres.template("migrated", lambda url: _migrate(PostgresqlEngine(StoreOptions(url=url), Path())))


def stand_for(directory: Path, name: str) -> Engine:
    """Have a PostgreSQL database stand for a directory, which is not dropped for that; return an engine on it."""
    _present.databases[directory] = _Database(name)
    return engine_at(directory)


def copy_store(source: Path, target: Path) -> None:
    """Put a copy of the store of one directory where another has none. Nobody may be using the source."""
    if source in _present.databases:
        original = _present.databases[source]
        _disconnect(original)
        _database(target, original.name)
    else:
        shutil.copy(source / "gateway.db", target / "gateway.db")


def is_there(directory: Path) -> bool:
    """Say whether there is a store that goes by ``directory``."""
    return directory in _present.databases or (directory / "gateway.db").exists()


def committer(engine: Engine, clock: Clock | None = None) -> Committer:
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
    counts: dict[str, int] = {}
    for (key,) in look(directory, "select key from meta where key like '%/_'"):
        counts[key[:-2]] = counts.get(key[:-2], 0) + 1
    return counts


def look(directory: Path, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run ``sql`` on the store from a connection of its own, commit, and return the rows."""
    if _is_on_postgresql(directory):
        cursor = _link(_database(directory)).execute(_OCTETS.sub(r"'\\x\1'::bytea", sql), params)
        return cursor.fetchall()
    connection = sqlite3.connect(directory / "gateway.db")
    try:
        rows = connection.execute(sql, params).fetchall()
        connection.commit()
        return rows
    finally:
        connection.close()


def _link(database: _Database) -> Link:
    if database.link is None:
        server = postgres.server()
        where = {"host": "127.0.0.1", "port": server.port, "user": postgres.ROLE, "dbname": database.name}
        database.link = Link(connect(where), SystemClock())
    return database.link


def _disconnect(database: _Database) -> None:
    link, database.link = database.link, None
    if link is not None:
        link.close()


def drop_triggers(directory: Path) -> None:
    """Take away what holds evidence append-only, as somebody could who owns the database."""
    if _is_on_postgresql(directory):
        look(directory, "alter table evidence disable trigger user")
        return
    for (name,) in look(directory, "select name from sqlite_master where type = 'trigger'"):
        look(directory, f"drop trigger {name}")


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
