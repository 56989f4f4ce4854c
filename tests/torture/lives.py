"""The daemon's lives: one launcher for a whole test session, and for each run a supervisor that starts life after life.

The supervisor stands where systemd stands: whatever ends is started again, at once. It knows which ends the test asked
for; any other is a failure of the daemon, and says what the log said.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import trio

from tests.kit.daemon import NO_TLS
from tests.kit.recording.sitecustomize import FOLDER_KEY
from tests.torture.points import Fault, Order, Points

PATIENCE_S: Final = 60
POLL_S: Final = 0.01
KILLED: Final = -signal.SIGKILL
STORE_UNAVAILABLE: Final = 74
_ASKED: Final = (0, -signal.SIGTERM)
"""How a life ends that was told to: one that had hardly begun did not hear it yet."""
_NOT_THEIRS: Final = ("COVERAGE_", FOLDER_KEY, "NOTIFY_SOCKET", "PYTEST_")
"""What a life that is killed cannot finish, or would be slowed by."""
_TALKATIVE: Final = {"RUST_BACKTRACE": "full"}


def clean_environment() -> dict[str, str]:
    """Return the environment for a launcher: with what makes a library that aborts want to say a lot first."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_THEIRS)} | _TALKATIVE


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again, until it is so."""
    while not await condition():  # noqa: ASYNC110 - it is so in another process, which tells nobody
        await trio.sleep(POLL_S)


class Launcher:
    """A launcher process. ``address`` is where it takes orders."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="torture-")
        self.address = f"{self._folder.name}/launcher"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.launcher", self.address],
            stdout=subprocess.PIPE,
            env=clean_environment(),
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """End it, and every life with it."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


class Supervisor:
    """Runs lives of one configuration in ``folder`` until ``over``.

    ``faults`` happen in whichever life passes their points. ``on_death`` is called between two lives (for a disk that
    lost its power). ``ends`` are the exit statuses of all lives that ended, in their order; ``allowed`` those that are
    no failure, beside a kill by a fault and what ``stop`` asked for.
    """

    def __init__(self, launcher: Launcher, folder: Path, faults: tuple[Fault, ...] = (), **order: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.faults = faults
        self.counts = folder / "counts"
        self.points = Points(self.counts, faults)
        self.ends: list[int] = []
        self.allowed: set[int] = set()
        self.on_death: Callable[[], None] = lambda: None
        self.pid = 0
        self._launcher = launcher
        self._order = Order("", str(folder / "log"), str(self.counts), faults, **order)
        self._over = False
        self._asked = False
        self._running: trio.Event | None = None
        self._changed = trio.Event()

    @property
    def kills(self) -> int:
        """How many lives were killed."""
        return self.ends.count(KILLED)

    @property
    def fired(self) -> int:
        """How often any of the faults happened."""
        return sum(self.points.fired(number) for number in range(len(self.faults)))

    async def run(self, config: Path) -> None:
        """Start lives until the end was asked for and came."""
        order = replace(self._order, config=str(config))
        while not self._over or not self.ends:
            self._asked = False
            async with await trio.open_unix_socket(self._launcher.address) as stream:
                await stream.send_all(order.dump())
                told = _Told(stream)
                self.pid = await told.number("pid")
                self._tell()
                status = await told.number("exit")
            self.pid = 0
            self.ends.append(status)
            self._judge(status)
            self._tell()
            self.on_death()

    def _judge(self, status: int) -> None:
        fine = status in self.allowed or (status in _ASKED and self._asked) or (status == KILLED and self._was_killed())
        assert fine, f"a life ended with {status}:\n{self.log()[-4_000:]}"

    def _was_killed(self) -> bool:
        return self._asked or self.kills <= self.fired

    def log(self) -> str:
        """Return what all lives logged."""
        file = Path(self._order.log)
        return file.read_text(errors="replace") if file.exists() else ""

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def restart(self) -> None:
        """Stop in good order, and start again; a life that a fault takes on the way counts as stopped."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL from outside."""
        await self._end(signal.SIGKILL)

    async def finish(self) -> None:
        """Stop in good order, for good."""
        self._over = True
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        before = len(self.ends)
        while not self.pid:
            await self._changed.wait()
        self._asked = True
        os.kill(self.pid, number)
        while len(self.ends) == before:
            await self._changed.wait()


class _Told:
    """What the launcher says of one life."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._held = b""

    async def number(self, word: str) -> int:
        """Return the number in the next line, which begins with ``word``."""
        while b"\n" not in self._held:
            chunk = await self._stream.receive_some(4_096)
            assert chunk, "the launcher has gone"
            self._held += bytes(chunk)
        line, _, self._held = self._held.partition(b"\n")
        assert line.split()[0].decode() == word
        return int(line.split()[1])


class Api:
    """The application: asks over the Unix socket, and asks again until it has an answer, as applications must."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "state" / "gateway.sock"
        self.refused: list[int] = []
        """Statuses that said: not now."""

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Ask once; None where nobody answered."""
        transport = httpx.AsyncHTTPTransport(uds=str(self._socket), verify=NO_TLS)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE_S) as client:
            try:
                return await client.request(method, path, **options)
            except httpx.TransportError:
                return None

    async def insist(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask until somebody answers with anything but 503, 507, or that the same request is still under way."""
        while True:
            answer = await self.ask(method, path, **options)
            if answer is not None:
                if answer.status_code not in (503, 507) and not answer.text.count("/problems/key-in-use"):
                    return answer
                self.refused.append(answer.status_code)
            await trio.sleep(POLL_S)
