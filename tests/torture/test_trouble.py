"""Troubles that last until somebody ends them: what carrier and application are told, and that no restart is needed."""

from __future__ import annotations

import json
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.kit.daemon import BACK, HELP, ON_THE_LIST, STOPPED, WELCOME
from tests.torture.carrier import TEMPORARY, text
from tests.torture.cases import WHOLE
from tests.torture.conversation import ANNE, BEN, CARA, World, broadcast
from tests.torture.judge import judge
from tests.torture.lives import Launcher, Supervisor, until
from tests.torture.play import play

Trouble = Callable[[World], AbstractAsyncContextManager[None]]


def _state(world: World, name: str = "") -> Path:
    return world.folder / "state" / name


@asynccontextmanager
async def _disk(words: str, world: World) -> AsyncIterator[None]:
    """Have the disk refuse, as the file layer is told."""
    control = world.folder / "control"
    control.write_text(words)
    yield
    control.unlink()


@asynccontextmanager
async def _file_size(world: World) -> AsyncIterator[None]:
    """Have the kernel refuse every write behind the end of the log (EFBIG)."""
    soft, hard = resource.prlimit(world.supervisor.pid, resource.RLIMIT_FSIZE)
    here = _state(world, "gateway.db-wal").stat().st_size
    resource.prlimit(world.supervisor.pid, resource.RLIMIT_FSIZE, (here, hard))
    yield
    resource.prlimit(world.supervisor.pid, resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def _locked(world: World) -> AsyncIterator[None]:
    """Have another program hold the write lock for longer than anybody waits for it."""
    other = sqlite3.connect(_state(world, "gateway.db"), isolation_level=None)
    other.execute("begin immediate")
    yield
    other.execute("rollback")
    other.close()


@asynccontextmanager
async def _moved(names: tuple[str, ...], world: World) -> AsyncIterator[None]:
    """Take files away, and bring them back, the database last."""
    for name in names:
        _state(world, name).rename(_state(world, name + ".away"))
    yield
    for name in reversed(names):
        _state(world, name + ".away").rename(_state(world, name))


@asynccontextmanager
async def _folder_moved(world: World) -> AsyncIterator[None]:
    """Take the whole folder away, and bring it back. Nobody can ask meanwhile: the socket is in there."""
    folder = _state(world)
    folder.rename(folder.with_name("away"))
    yield
    folder.with_name("away").rename(folder)


TROUBLES: Final[dict[str, Trouble]] = {
    "the disk is full": partial(_disk, "full"),
    "the disk breaks at writes": partial(_disk, "ioerr"),
    "the disk turned read-only": partial(_disk, "readonly"),
    "the disk breaks at syncs": partial(_disk, "sync"),
    "the folder turned read-only": partial(_disk, "sync open"),
    "the kernel refuses larger files": _file_size,
    "another program holds the lock": _locked,
    "the database is gone": partial(_moved, ("gateway.db",)),
    "the log is gone": partial(_moved, ("gateway.db-wal",)),
    "both are gone": partial(_moved, ("gateway.db", "gateway.db-wal", "gateway.db-shm")),
}


@pytest.mark.checklist("I3")
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
async def test_a_store_that_takes_nothing(trouble: Trouble, launcher: Launcher, tmp_path: Path) -> None:
    run = await play(
        launcher,
        tmp_path / "run",
        script=partial(_in_trouble, trouble),
        disk=str(tmp_path),
        control=str(tmp_path / "run" / "control"),
    )
    assert run.supervisor.ends == [0], "no restart was needed"
    judge(run)


async def _in_trouble(trouble: Trouble, world: World) -> None:
    carrier, api = world.carrier, world.api
    await world.text(text(ANNE, "JOIN"))
    await world.got(ANNE, WELCOME, ON_THE_LIST)
    stop, help_ = text(ANNE, "STOP"), text(BEN, "HELP")
    async with trouble(world):
        carrier.post(stop, help_)
        await carrier.until(lambda: len(stop.statuses) > 1 and len(help_.statuses) > 1, "two answers")
        assert {*stop.statuses, *help_.statuses} == {TEMPORARY}
        answer = await api.ask("POST", "/api/v1/messages", json=broadcast("early", [CARA])[0].body())
        assert answer is not None
        assert answer.status_code in (503, 507)
        assert answer.headers["retry-after"]
        ready = await api.ask("GET", "/readyz")
        assert ready is not None
        assert ready.status_code == 503
        alive = await api.ask("GET", "/healthz")
        assert alive is not None
        assert alive.status_code == 200
        assert {*stop.statuses, *help_.statuses} == {TEMPORARY}
    await carrier.until(lambda: stop.acked and help_.acked, "the acks")
    await world.got(ANNE, STOPPED)
    await world.got(BEN, HELP)
    await world.send(*broadcast("late", [ANNE, CARA]))
    await world.got(CARA, "late for all")
    await world.text(text(ANNE, "START"))
    await world.got(ANNE, BACK)

    async def is_ready() -> bool:
        answer = await api.ask("GET", "/readyz")
        return answer is not None and answer.status_code == 200

    await until(is_ready)
    await world.quiet()
    for subscriber, expected in ((ANNE, STOPPED), (BEN, HELP), (CARA, "late for all")):
        assert carrier.whole(subscriber).count(expected) == 1


async def test_the_whole_folder_is_gone(launcher: Launcher, tmp_path: Path) -> None:
    async def script(world: World) -> None:
        stop = text(ANNE, "STOP")
        await world.text(text(ANNE, "JOIN"))
        await world.got(ANNE, WELCOME, ON_THE_LIST)
        async with _folder_moved(world):
            world.carrier.post(stop)
            await world.carrier.until(lambda: len(stop.statuses) > 1, "two answers")
            assert set(stop.statuses) == {TEMPORARY}
        await world.carrier.until(lambda: stop.acked, "the ack")
        await world.got(ANNE, STOPPED)
        await world.quiet()

    run = await play(launcher, tmp_path / "run", script=script)
    assert run.supervisor.ends == [0]
    judge(run)


async def test_another_database_in_its_place_is_not_taken_for_ours(launcher: Launcher, tmp_path: Path) -> None:
    """A copy that was put back under a running daemon knows nothing of what was acked since it was made."""

    async def script(world: World) -> None:
        stop = text(ANNE, "STOP")
        await world.text(text(ANNE, "JOIN"))
        await world.got(ANNE, WELCOME, ON_THE_LIST)
        database, aside = _state(world, "gateway.db"), _state(world, "aside")
        copy = sqlite3.connect(aside)
        with sqlite3.connect(database) as source:
            source.backup(copy)
        source.close()
        copy.close()
        await world.text(text(BEN, "STOP"))
        database.rename(_state(world, "ours"))
        aside.rename(database)
        world.carrier.post(stop)
        await world.carrier.until(lambda: len(stop.statuses) > 1, "two answers")
        assert set(stop.statuses) == {TEMPORARY}
        _state(world, "ours").rename(database)
        await world.carrier.until(lambda: stop.acked, "the ack")
        await world.got(BEN, STOPPED)
        await world.quiet()

    run = await play(launcher, tmp_path / "run", script=script)
    assert run.supervisor.ends == [0]
    judge(run)


ROOMS: Final = (0, 1 << 18, 1 << 20, 3 << 20, 8 << 20, 12 << 20) if WHOLE else (3 << 20,)
"""Octets that the process may still have beside what it has; a broadcast needs some ten megabytes."""
WATCHDOG_S: Final = 5
ABORTED: Final = -signal.SIGABRT
ALARMED: Final = -signal.SIGALRM
MANY: Final = 4_000


def _leave_room(pid: int, octets: int | None) -> None:
    """Have the kernel refuse more memory than this process has now, and ``octets`` (None: refuse none)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = resource.RLIM_INFINITY if octets is None else pages * resource.getpagesize() + octets
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


async def _post(socket: Path, body: bytes) -> str:
    """Send a broadcast; return the status that it is answered with, empty where the connection ends instead."""
    head = f"POST /api/v1/messages HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}\r\n"
    try:
        async with await trio.open_unix_socket(socket) as stream:
            await stream.send_all(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
            answer = bytes(await stream.receive_some())
    except trio.BrokenResourceError:
        return ""
    return answer.split()[1].decode() if answer else ""


async def _watch_over(pid: int, world: World) -> None:
    """End the shortage, and do as systemd's watchdog: a life that does not answer any more is killed."""
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended by itself
        _leave_room(pid, None)

    async def answers() -> bool:
        return world.supervisor.pid != pid or await world.api.ask("GET", "/healthz") is not None

    with trio.move_on_after(WATCHDOG_S) as waited:
        await until(answers)
    if waited.cancelled_caught and world.supervisor.pid == pid:
        await world.supervisor.kill()


@pytest.mark.checklist("I3")
@pytest.mark.parametrize("room", ROOMS)
async def test_no_memory_is_left(room: int, launcher: Launcher, tmp_path: Path) -> None:
    """Whatever cannot be done then is done later, by this life of the daemon or by the next one.

    Where the shortage strikes is up to the allocators: in SQLite, in Python, in a library that aborts the process.
    """
    crowd = broadcast("all of you, " + "dear friends, " * 40, [f"1646556{number:04}" for number in range(MANY)])
    body = json.dumps({"messages": [send.body() for send in crowd]}).encode()

    async def script(world: World) -> None:
        await world.text(text(ANNE, "JOIN"))
        await world.got(ANNE, WELCOME, ON_THE_LIST)
        pid = world.supervisor.pid
        _leave_room(pid, room)
        stop = text(ANNE, "STOP")
        world.carrier.post(stop)
        assert await _post(_state(world, "gateway.sock"), body) in ("", "200", "500", "503", "507")
        await _watch_over(pid, world)
        await world.carrier.until(lambda: stop.acked, "the ack")
        await world.got(ANNE, STOPPED)
        await world.send(*broadcast("late", [ANNE, BEN]))
        await world.got(BEN, "late for all")
        await world.quiet()

    def may_die(supervisor: Supervisor) -> None:
        supervisor.allowed |= {70, 74, ABORTED, ALARMED}

    run = await play(launcher, tmp_path / "run", script=script, prepare=may_die)
    judge(run)
