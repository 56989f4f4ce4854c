"""The two processes of a benchmark: the carrier that loads, and the gateway that is measured, as anybody runs it.

Owns starting them, each on its own cores, hearing what they say, and that neither outlives the benchmark, however that
ends. What is done with them is decided in ``gateway.daemon.bench``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import trio
from prometheus_client.parser import text_string_to_metric_families

from gateway.base import GatewayError

_LAST_WORDS: Final = 5
_PATIENCE_S: Final = 60.0


class BenchError(GatewayError):
    """One of the processes did not do its part."""

    exit_code = 69  # EX_UNAVAILABLE


@asynccontextmanager
async def process(
    arguments: Sequence[str], log: Path, cores: set[int] | None, pipe: int | None = None
) -> AsyncIterator[trio.Process]:
    """Run our own Python with these arguments while the block runs; what it logs goes to the file ``log``.

    ``pipe`` makes its input and output pipes. It has a session of its own, so that Ctrl-C reaches us
    alone and we end it in order.
    """
    env = {name: value for name, value in os.environ.items() if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
    with log.open("wb") as file:
        child = await trio.lowlevel.open_process(
            [sys.executable, *arguments],
            stdin=pipe,
            stdout=pipe,
            stderr=file.fileno(),
            env=env,
            start_new_session=True,
        )
    try:
        if cores:
            os.sched_setaffinity(child.pid, cores)
        yield child
    finally:
        with trio.CancelScope(shield=True):
            if child.returncode is None:
                child.kill()
            await child.wait()


class Loader:
    """The carrier's process, once it listens on ``port``."""

    def __init__(self, child: trio.Process, log: Path) -> None:
        self._child = child
        self._log = log
        self._rest = b""

    async def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        stream = self._child.stdout
        while b"\n" not in self._rest:
            more = await stream.receive_some() if stream else b""
            if not more:
                raise BenchError(f"the loading carrier has ended: {last_words(self._log)}")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said

    async def begin(self) -> None:
        """Let it text."""
        if self._child.stdin:
            await self._child.stdin.send_all(b"go\n")


@asynccontextmanager
async def loader(plan: str, log: Path, cores: set[int] | None) -> AsyncIterator[Loader]:
    """Run the carrier that loads as ``plan`` says; it ends in good order with the block."""
    arguments = ("-m", "gateway.simulator.load", plan)
    async with process(arguments, log, cores, subprocess.PIPE) as child:
        yield Loader(child, log)
        if child.stdin:
            await child.stdin.aclose()
        with trio.move_on_after(_PATIENCE_S):
            await child.wait()


class Gateway:
    """The gateway's process: its ``pid``, and the file that it logs to."""

    def __init__(self, child: trio.Process, log: Path, socket: Path) -> None:
        self._child = child
        self.log = log
        self._socket = socket
        self.pid = child.pid

    async def watch(self) -> None:
        """Raise when it ends: it was not asked to."""
        status = await self._child.wait()
        raise BenchError(f"the gateway has ended with status {status}: {last_words(self.log)}")

    async def metrics(self) -> dict[str, float]:
        """Return its metrics; the children of a family are added up, but for buckets, which keep their edges."""
        transport = httpx.AsyncHTTPTransport(uds=str(self._socket))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=_PATIENCE_S) as client:
            text = (await client.get("/metrics")).text
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                edge = sample.labels.get("le")
                name = sample.name if edge is None else f"{sample.name}/{edge}"
                found[name] = found.get(name, 0.0) + sample.value
        return found

    async def end(self) -> int:
        """Ask it to stop, and return its exit status; one that does not stop is killed."""
        self._child.terminate()
        with trio.move_on_after(_PATIENCE_S):
            return await self._child.wait()
        return 137


@asynccontextmanager
async def gateway(config: Path, log: Path, socket: Path, cores: set[int] | None) -> AsyncIterator[Gateway]:
    """Run a gateway of that configuration while the block runs."""
    async with process(("-m", "gateway", "run", "-c", str(config)), log, cores) as child:
        yield Gateway(child, log, socket)


def last_words(log: Path) -> str:
    """Return the last lines that a process logged, as one."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return " | ".join(lines[-_LAST_WORDS:]) or "it logged nothing"
