"""A real PostgreSQL server for tests: a cluster of its own in a temporary folder, and a fresh database for each test.

The cluster is made and started when the first test asks for it, and removed when the test process ends; the kernel
stops it if that process is killed. For the kernel that is the end of the thread that started it, and pools end threads
that have nothing to do: so servers are started from a thread of their own, which lives as long as the process.

A server listens on a Unix socket in its folder and on a free port of 127.0.0.1. It is as durable as a production one
(fsync and synchronous_commit on), but lies in memory where the system has such a place, so that a sync costs nothing.
PostgreSQL refuses to run as root: there it runs as the user ``postgres``, or ``nobody``.

Databases are copies of a migrated template, which costs a few hundredths of a second. The tests' role owns them and is
no superuser, as in production; ``ADMIN`` is one. A server can be stopped, killed, frozen and restarted, and can have a
standby that follows it synchronously and can be promoted.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import psycopg

ADMIN: Final = "postgres"
ROLE: Final = "gateway"
PATIENCE_S: Final = 60.0

_SETTINGS: Final = """
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0777
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 32MB
max_connections = 200
max_wal_size = 256MB
min_wal_size = 32MB
wal_keep_size = 64MB
autovacuum = off
lc_messages = 'C'
timezone = 'UTC'
"""

_starters: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-postgresql")


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    path = shutil.which("postgres")
    assert path is not None, "PostgreSQL is not installed: `make debian` does it"
    return Path(path).resolve().parent


def _user() -> str | None:
    """Return who the server runs as, None for whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class Server:
    """One server on one data directory. Not started by construction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = _free_port()
        self.log: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)

    @classmethod
    def make(cls) -> Server:
        """Make a cluster that is not started."""
        made = cls(_folder())
        made._run("initdb", "-D", made.data, "-U", ADMIN, "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync",
                  "--wal-segsize=1")  # fmt: skip
        made.configure(_SETTINGS)
        return made

    def configure(self, settings: str) -> None:
        """Add lines to the configuration; the last one of a name counts."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(settings)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._process = _starters.submit(self._spawn).result()
        ready = threading.Event()
        threading.Thread(target=self._follow, args=(self._process, ready), daemon=True).start()
        assert ready.wait(PATIENCE_S), "".join(self.log)
        assert self._process.poll() is None, "".join(self.log)

    def _spawn(self) -> subprocess.Popen[bytes]:
        user = _user()
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "QUIT", binaries() / "postgres", "-D", self.data, "-p", str(self.port),
             "-k", self.folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder,
            user=user, group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        )  # fmt: skip

    def _follow(self, process: subprocess.Popen[bytes], ready: threading.Event) -> None:
        """Keep what the server says; ring once it can be asked, or has ended."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.log.append(line.decode("utf-8", "replace"))
                if b"ready to accept" in line:
                    ready.set()
        ready.set()

    def stop(self) -> None:
        """Stop the server in order, ending all sessions."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill every process of the server, as the loss of power would."""
        if self._process is not None:
            self._tell(signal.SIGKILL)
            self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the clock of every process of the server: connections stay, nothing answers."""
        self._tell(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._tell(signal.SIGCONT)

    def _tell(self, number: signal.Signals) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):  # a backend may end of its own meanwhile
                os.kill(pid, number)

    def pids(self) -> list[int]:
        """Return the server's processes, the postmaster first."""
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    def standby(self) -> Server:
        """Make and start a server that follows this one synchronously: a commit here waits until it is synced there."""
        made = Server(_folder())
        name = f"standby_{made.port}"
        self._run("pg_basebackup", "-h", "127.0.0.1", "-p", self.port, "-U", ADMIN, "-D", made.data, "-X", "stream",
                  "--no-sync", "--checkpoint=fast")  # fmt: skip
        (made.data / "standby.signal").touch()
        made.configure(
            f"primary_conninfo = 'host=127.0.0.1 port={self.port} user={ADMIN} application_name={name}'\n"
            "synchronous_standby_names = ''\n"
        )
        made.start()
        self.configure(f"synchronous_standby_names = '{name}'\n")
        self.execute("select pg_reload_conf()")
        self.wait_for("select count(*) from pg_stat_replication where sync_state = 'sync'", 1)
        return made

    def promote(self) -> None:
        """Make a standby the primary."""
        self.execute("select pg_promote()")

    def wait_for(self, sql: str, value: object) -> None:
        """Wait until a query answers with this one value."""
        for _ in range(int(PATIENCE_S / 0.02)):
            if (found := self.execute(sql)[0][0]) == value:
                return
            self.execute("select pg_sleep(0.02)")
        raise AssertionError(f"{sql}: {found}")

    def execute(self, sql: str, params: Sequence[object] = (), database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as superuser, in a transaction of its own; return its rows."""
        where = f"host=127.0.0.1 port={self.port} user={ADMIN} dbname={database} connect_timeout=5"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), params or None)
            return cursor.fetchall() if cursor.description else []

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database, for the role that owns the tests' databases."""
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{database}"

    def remove(self) -> None:
        """Stop at once, and remove everything."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(PATIENCE_S)

    def _run(self, program: str, *arguments: object) -> None:
        user = _user()
        done = subprocess.run(
            [binaries() / program, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder,
            user=user, group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def _folder() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 - the directory inside is a fresh one of ours
    folder = Path(mkdtemp(prefix="gateway-pg-", dir=memory if os.access(memory, os.W_OK) else None))
    user = _user()
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    folder.chmod(0o755)
    return folder


@cache
def server() -> Server:
    """Return the server of this test process, started when first asked for."""
    made = Server.make()
    made.start()
    made.execute(f"create role {ROLE} login createdb")
    return made


_names: Iterator[int] = count(1)


@contextmanager
def database(template: str = "template0", on: Server | None = None) -> Iterator[str]:
    """Yield the name of a database that is a copy of ``template``; it is dropped at the end, whoever still uses it."""
    where, name = on or server(), f"test_{next(_names)}"
    where.execute(f"create database {name} template {template} owner {ROLE}")
    try:
        yield name
    finally:
        where.execute(f"drop database {name} with (force)")


@cache
def template(name: str, fill: Callable[[str], None]) -> str:
    """Return the name of a database that ``fill`` has filled (it gets the URL, and must close what it opens), once."""
    server().execute(f"create database {name} template template0 owner {ROLE}")
    fill(server().url(name))
    return name
