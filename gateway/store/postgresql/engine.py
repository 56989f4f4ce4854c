"""PostgreSQL: several nodes on one database, and several servers of which one is the primary.

Owns the meaning of its errors, the settings of a session, and what it refuses: a server on which a commit does not
survive the loss of power, and a node whose name another one bears. A writer's session holds an advisory lock on its
node's name for as long as it lives, so that a connection that was lost and made anew (also to another server) asks
again whose the name is; no other decision rests on advisory locks. The transactions of the writer are READ COMMITTED:
who decides locks the rows of the pair first, and then sees what is in force.

On errors, see ``Verdict``. A connection that is lost inside a transaction surely left nothing behind; lost in COMMIT,
it may have. A COMMIT that came back with a warning is held for unknown, too: so the server tells that it stopped
waiting for its standby, on which the transaction then may not be.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from gateway.base import SystemClock
from gateway.store.dialects.postgresql import POSTGRESQL
from gateway.store.engines import Handle, Ownership, Verdict
from gateway.store.errors import StoreInUse, StoreMisconfigured
from gateway.store.options import StoreOptions
from gateway.store.postgresql.address import parameters
from gateway.store.postgresql.database import Database
from gateway.store.postgresql.link import Link, connect
from gateway.store.postgresql.watch import Watch

OLDEST: Final = 13
"""The oldest version of the server that is known to do."""

_RETRY: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available: the lock's timeout
        "57014",  # query_canceled: by a person, or a timeout of the role's
    }
)
# Classes (https://www.postgresql.org/docs/current/errcodes-appendix.html) that are the server's or the connection's.
_STORE_CLASSES: Final = frozenset({"08", "28", "3D", "53", "57", "58", "F0", "XX"})
_STORE: Final = frozenset(
    {
        "25006",  # read_only_sql_transaction: the server follows another one now
        "25P03",  # idle_in_transaction_session_timeout
        "25P04",  # transaction_timeout
        "40003",  # statement_completion_unknown
    }
)
_UNSAFE: Final = re.compile(r"[^\w.-]")
# All that a writer asks goes from key to key. Of a store that grows faster than its statistics the server would think
# that it is small, and read all of a table, or of an index, for each batch.
_BY_KEYS: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "random_page_cost": "1.1",
}
_READERS_PATIENCE: Final = 12.0  # a question may read much: so many times as long as a step of the writer


class _Claim:
    """The right to a node's name, which ends with the session that holds it."""

    def release(self) -> None:
        """The writer's session has ended by now, and the name is free."""


class PostgresqlEngine:
    """The engine for ``postgresql:`` URLs."""

    def __init__(self, options: StoreOptions, state_dir: Path) -> None:
        self._parameters = parameters(options)
        self.keeps_witness = False
        self.is_near = False
        self.witness = state_dir / f"{_UNSAFE.sub('_', self._parameters['dbname'])}.witness"
        self.link_class: type[Link] = Link
        self._clock = SystemClock()
        self._watch = Watch(self._clock)
        self._busy_s = options.busy_timeout_s
        self._server_s = options.server_timeout_s
        self._node = ""

    def check_backup(self) -> None:
        """Its own tools copy a database, and only they know how; raises StoreMisconfigured, which says so."""
        name = self._parameters["dbname"]
        raise StoreMisconfigured(
            "PostgreSQL has its own tools for a backup: "
            f"`pg_dump --format=custom --file={name}.dump {name}` for a dump, or pg_basebackup with an archive of the "
            "write-ahead log. A dump that is read into another database is recognised by itself; after any other "
            "restore (a base backup, a point in time, the same database) run `gateway restore mark --taken-at TIME` "
            "before the gateway is started"
        )

    def missing(self) -> str:
        """Return where the store would be if the database has no table of ours; "" also where that cannot be told."""
        try:
            handle = self.open_reader()
        except psycopg.Error:
            return ""
        try:
            found = handle.connection.execute("select to_regclass('schema_migration') is null").fetchall()
        finally:
            self.close(handle)
        return self._name() if found[0][0] else ""

    def identity(self, handle: Handle) -> str:
        """Return the cluster's own number and the database's in it: its standbys have the same, a copy has another."""
        found = handle.connection.execute(
            "select system_identifier || '/' || oid from pg_control_system(), pg_database"
            " where datname = current_database()"
        )
        return str(found.fetchall()[0][0])

    def own(self, node: str) -> Ownership:
        """Remember the node's name: each session of the writer claims it."""
        self._node = node
        return _Claim()

    def open_writer(self) -> Handle:
        """Connect to the server that takes writes, and claim the node's name. Raises StoreInUse, or psycopg's error."""
        handle = self._open(self._server_s + self._busy_s, writes=True)
        try:
            self._claim(handle)
        except BaseException:
            self.close(handle)
            raise
        return handle

    def open_reader(self, limit_s: float = 0) -> Handle:
        """Connect for reading only; one step of a transaction may take ``limit_s``."""
        handle = self._open(limit_s or self._server_s * _READERS_PATIENCE, writes=False)
        handle.connection.execute("select set_config('default_transaction_read_only', 'on', false)")
        return handle

    def open_side(self, limit_s: float) -> Handle:
        """Connect beside the writer; no step may take longer than that (see ``gateway.store.side``)."""
        handle = self._open(limit_s, writes=True, connect_timeout=2)
        # Whoever hangs in the middle of it holds what others wait for, for so long at most.
        handle.connection.execute(
            "select set_config('lock_timeout', ?, false), set_config('idle_in_transaction_session_timeout', ?, false)",
            (f"{limit_s * 600:.0f}ms", f"{limit_s * 1000:.0f}ms"),
        )
        return handle

    def socket_of(self, handle: Handle) -> int:
        """Return the file descriptor on which ``notices`` come."""
        link: Any = handle.connection
        return int(link.raw.fileno())

    def notices(self, handle: Handle) -> list[str]:
        """Return what was said on the channels that this connection listens to. Raises psycopg's error."""
        connection: Any = handle.connection
        link = connection.raw.pgconn
        link.consume_input()
        said: list[str] = []
        while (notice := link.notifies()) is not None:
            said.append(notice.extra.decode())
        return said

    def _open(self, limit_s: float, *, writes: bool, **more: object) -> Handle:
        named = {"application_name": f"gateway {self._node}".strip()}
        link = self.link_class(connect(self._parameters | named | more), self._clock)
        self._watch.add(link, limit_s)
        handle = Handle(link, Database(link), POSTGRESQL, writes)
        try:
            self._settle(link, writes=writes)
        except BaseException:
            self.close(handle)
            raise
        return handle

    def _settle(self, link: Link, *, writes: bool) -> None:
        """Set what a session must have: it gives up where others are in its way, and the server where it is gone."""
        alive_s = max(1, round(self._server_s))
        settings = {
            "lock_timeout": f"{self._busy_s * 1000:.0f}ms",
            "idle_in_transaction_session_timeout": f"{alive_s}s",
            "tcp_keepalives_idle": f"{alive_s}",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
            "tcp_user_timeout": f"{alive_s * 1000}",
            "jit": "off",
            **(_BY_KEYS if writes else {}),
        }
        calls = ", ".join(["set_config(?, ?, false)"] * len(settings))
        link.execute(f"select {calls}", [word for pair in settings.items() for word in pair])

    def _claim(self, handle: Handle) -> None:
        if not self._node:
            return
        key = int.from_bytes(hashlib.blake2b(f"node {self._node}".encode(), digest_size=8).digest(), signed=True)
        try:
            handle.connection.execute("select pg_advisory_lock(?)", (key,))
        except Exception as error:
            if self.classify(error, committing=False) is not Verdict.RETRY:
                raise
            raise StoreInUse(
                f'{self._name()} has a node "{self._node}" already: {self._owner(handle, key)}; stop it first, or give '
                "this one a name of its own in [gateway] node"
            ) from error

    def _owner(self, handle: Handle, key: int) -> str:
        found = handle.connection.execute(
            "select pid, coalesce(host(client_addr), 'a local socket'), backend_start::timestamp(0)::text"
            " from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and granted"
            " and datname = current_database() and (classid::bigint << 32 | objid::bigint) = ?",
            (key,),
        ).fetchall()
        return "connected from {1} since {2} (server process {0})".format(*found[0]) if found else "it has just gone"

    def check_durability(self, handle: Handle) -> None:
        """Raise StoreMisconfigured where a commit would not survive the loss of power, or that is too old."""
        names = ("server_version_num", "server_encoding", "fsync", "synchronous_commit", "full_page_writes")
        calls = ", ".join(["current_setting(?)"] * len(names))
        found = dict(zip(names, handle.connection.execute(f"select {calls}", names).fetchall()[0], strict=True))
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            if found[name] == "off":
                raise StoreMisconfigured(
                    f"{self._name()}: {name} is off on the server, so a commit would not survive the loss of power; "
                    "turn it on"
                )
        if int(found["server_version_num"]) < OLDEST * 10_000:
            raise StoreMisconfigured(f"{self._name()}: the server must be PostgreSQL {OLDEST} or newer")
        if found["server_encoding"] != "UTF8":
            raise StoreMisconfigured(
                f"{self._name()}: the database's encoding is {found['server_encoding']}, and texts have every "
                "character; create it with `createdb --encoding=UTF8 --template=template0`"
            )

    def begin(self, handle: Handle, *, waits: bool = True) -> None:
        """Begin: a writer sees what is committed at each statement, a reader one state from the first to the last."""
        how = "read committed read write" if handle.writes else "repeatable read read only"
        link: Any = handle.connection
        begin = link.send if handle.writes else link.execute  # a reader wants to know whether anybody is there
        begin(f"begin isolation level {how}")

    def commit(self, handle: Handle) -> None:
        """Commit; on return, the server and those standbys that it waits for have synced it."""
        link: Any = handle.connection
        if link.status is not TransactionStatus.INTRANS:
            # COMMIT would take the transaction back, and report success.
            raise psycopg.errors.InFailedSqlTransaction("a job went on after an error of the database")
        link.warnings.clear()
        link.execute("commit")
        if link.warnings:
            raise psycopg.OperationalError(f"the commit is in doubt: {'; '.join(link.warnings)}")

    def rollback(self, handle: Handle) -> None:
        """Roll back, if a transaction is open."""
        link: Any = handle.connection
        link.abandon()
        if link.status is not TransactionStatus.IDLE:
            link.execute("rollback")

    def close(self, handle: Handle) -> None:
        """Close the connection; the server takes an open transaction back."""
        link: Any = handle.connection
        self._watch.remove(link)
        link.close()

    def has_chores(self, handle: Handle) -> bool:
        """Never: the server looks after itself."""
        return False

    def do_chores(self, handle: Handle) -> None:
        """There are none."""

    def is_full(self, error: Exception) -> bool:
        """Judge by the SQLSTATE: 53100 is disk_full (PostgreSQL documentation, appendix A)."""
        return getattr(error, "sqlstate", None) == "53100"

    def classify(self, error: Exception, *, committing: bool) -> Verdict:
        """Judge by SQLSTATE; an error of the driver without one is of the connection."""
        state = error.sqlstate if isinstance(error, psycopg.Error) else None
        if state in _RETRY:
            return Verdict.RETRY
        if committing:
            return Verdict.UNKNOWN
        if state is None:
            lost = isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, MemoryError))
            return Verdict.STORE if lost else Verdict.JOB
        return Verdict.STORE if state in _STORE or state[:2] in _STORE_CLASSES else Verdict.JOB

    def _name(self) -> str:
        where = self._parameters
        return f'the database "{where["dbname"]}" on {where.get("host") or "a local socket"}'


ENGINE: Final = PostgresqlEngine
