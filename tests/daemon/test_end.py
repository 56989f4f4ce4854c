"""A gateway that an error ends does end, whatever it waits for; in a process of its own, since the kernel ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.daemon import PATIENCE_S, write_config

SCRIPT = """
import signal, sys, trio
from collections import deque
from pathlib import Path
from gateway.daemon import daemon

class NoMemory(deque):
    def popleft(self):
        raise MemoryError

async def started(gateway):
    token = trio.lowlevel.current_trio_token()
    if sys.argv[2] == "unheard":  # what takes the words of threads ends by the shortage, too
        entries = trio._core._run.GLOBAL_RUN_CONTEXT.runner.entry_queue
        entries.queue = NoMemory(entries.queue)
    token.run_sync_soon([].remove, "x")

daemon.END_S = int(sys.argv[3])
try:
    trio.run(lambda: daemon.run(Path(sys.argv[1]), "test", started=started))
except trio.TrioInternalError:
    print("ended; alarm in", signal.alarm(0))
"""


@pytest.mark.parametrize(
    "way,seconds,status,said",
    [
        ("unheard", 1, -signal.SIGALRM, ""),
        ("heard", 300, 0, "ended; alarm in 0\n"),
    ],
)
def test_an_error_ends_it(way: str, seconds: int, status: int, said: str, tmp_path: Path) -> None:
    file = write_config(tmp_path, 1)
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(file), way, str(seconds)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (status, said), ended.stderr
