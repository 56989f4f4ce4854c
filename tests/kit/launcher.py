"""Starts gateways for tests: one process imports everything once, and forks a gateway for each order.

A start of Python with all that the gateway imports takes one to three seconds of a processor, most of all while
coverage is measured, and tests start and kill a hundred gateways. What is forked runs the same command line
(``gateway.cli.app``) in a process of its own, with its own environment, and ends as any other: its coverage and its
recording are written. Whoever wants the true beginning, ``python -m gateway``, starts that.

This file is both sides. *The test's*: ``launch``. *The launcher's*: it takes orders from its standard input, a socket,
and forks for each a keeper, which forks the gateway, waits for it, and tells what became of it. The launcher ends with
the test process, whose end of that socket closes; keepers end with the launcher, and gateways with their keeper. The
kernel sees to that, and it means the end of a thread where it says parent: all of them have but one.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import trio

from gateway.cli.app import main

_PR_SET_PDEATHSIG: Final = 1
_ORDER_OCTETS: Final = 1 << 17
_LOADED: Final = (
    *("gateway.cli.commands.run", "gateway.daemon.daemon", "gateway.store.engines.sqlite"),
    *("gateway.store.postgresql.engine", "gateway.web.routes"),
)
"""What ``gateway run`` imports when it comes to it."""


class Process:
    """A gateway that was launched: what ``trio.Process`` offers, as far as tests use it."""

    def __init__(self, pid: int, stderr: int, ends: int, rest: bytes) -> None:
        self.pid = pid
        self.stderr = trio.lowlevel.FdStream(stderr)
        self.returncode: int | None = None
        self._ends = trio.lowlevel.FdStream(ends)
        self._said = rest
        self._turn = trio.Lock()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and nobody has asked yet
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; return its status, or the signal's number with a minus, as ``subprocess`` does."""
        async with self._turn:
            while self.returncode is None:
                if not self._said.endswith(b"\n"):
                    chunk = await self._ends.receive_some()
                    assert chunk, "the launcher ended before its gateway"
                    self._said += chunk
                    continue
                self.returncode = int(self._said)
            return self.returncode


async def launch(*words: str, env: dict[str, str]) -> Process:
    """Run ``gateway WORDS`` in a process of its own."""
    stderr, its_stderr = os.pipe()
    ends, its_ends = os.pipe()
    try:
        order = json.dumps({"words": words, "env": env, "folder": str(Path.cwd())}).encode()
        socket.send_fds(_launcher(), [order], [its_stderr, its_ends])
    finally:
        os.close(its_stderr)
        os.close(its_ends)
    said = b""
    while b"\n" not in said:
        await trio.lowlevel.wait_readable(ends)
        chunk = os.read(ends, 64)
        assert chunk, "the launcher has ended"
        said += chunk
    pid, _, rest = said.partition(b"\n")
    return Process(int(pid), stderr, ends, rest)


@cache
def _launcher() -> socket.socket:
    """Return the socket of this process's launcher, started when first asked for."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        process = subprocess.Popen([sys.executable, "-m", "tests.kit.launcher"], stdin=its.fileno())

    def close() -> None:
        ours.close()
        process.wait()

    atexit.register(close)
    return ours


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _forked(orders: socket.socket) -> Sequence[str] | None:
    """Fork for each order; return its words in the process that is to carry it out, None at the end of all orders."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers tell by themselves
    while True:
        order, handles, _, _ = socket.recv_fds(orders, _ORDER_OCTETS, 2)
        if not order:
            return None
        stderr, ends = handles
        if os.fork() == 0:
            orders.close()
            _die_with_parent()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pid = os.fork()
            if pid == 0:
                os.close(ends)
                return _become(json.loads(order), stderr)
            os.close(stderr)
            os.write(ends, b"%d\n" % pid)
            _, status = os.waitpid(pid, 0)
            os.write(ends, b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        os.close(stderr)
        os.close(ends)


def _become(order: Any, stderr: int) -> Sequence[str]:
    """Be in the place that the order says; return the words of the command."""
    _die_with_parent()
    os.dup2(stderr, 2)
    os.close(stderr)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    words: list[str] = order["words"]
    return words


def serve() -> int:
    """Be the launcher until the tests end; in a process that was forked, the gateway. Return the exit status."""
    for module in _LOADED:
        import_module(module)
    with socket.socket(fileno=os.dup(0)) as orders:
        words = _forked(orders)
    return 0 if words is None else main(words)


if __name__ == "__main__":
    sys.exit(serve())
