"""The process gives memory back that it does not need any more, where the C library can do that."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from gateway.daemon import interpreter
from gateway.daemon.interpreter import TIDY_S, giver, stay_tidy


def resident() -> int:
    """Return how many octets of this process are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_pages_between_what_lives_go_back_to_the_system() -> None:
    kept = [bytes(4000) for _ in range(20_000)]
    assert kept[-1] is not None
    del kept[::2], kept[::3], kept[::2]
    before = resident()
    giver()()
    assert before - resident() > 20_000_000


@pytest.mark.parametrize("failure", [AttributeError, OSError, TypeError])
def test_a_system_that_cannot_do_so_is_left_alone(monkeypatch: pytest.MonkeyPatch, failure: type[Exception]) -> None:
    def none_here(name: object) -> None:
        raise failure

    monkeypatch.setattr(ctypes, "CDLL", none_here)
    giver()()


async def test_it_is_done_each_minute(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    times = [trio.current_time()]
    with trio.CancelScope() as scope:

        def note() -> None:
            times.append(trio.current_time())
            if len(times) > 3:
                scope.cancel()

        monkeypatch.setattr(interpreter, "giver", lambda: lambda: trio.from_thread.run_sync(note))
        await stay_tidy()
    assert all(later - earlier >= TIDY_S for earlier, later in pairwise(times))


async def test_without_a_thread_to_be_had_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    tries = 0
    with trio.CancelScope() as scope:

        async def none_to_be_had(_: object) -> None:
            nonlocal tries
            tries += 1
            if tries > 1:
                scope.cancel()
                await trio.lowlevel.checkpoint()
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(trio.to_thread, "run_sync", none_to_be_had)
        await stay_tidy()
    assert tries == 2


def test_a_library_that_finds_no_memory_ends_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, since the interpreter is set for good."""
    monkeypatch.setenv("RUST_BACKTRACE", "1")
    script = (
        "import os\nfrom gateway.daemon.interpreter import settle_in\nsettle_in()\nos.system('echo .$RUST_BACKTRACE')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == ".\n"
