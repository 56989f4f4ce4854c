"""What systemd is told, and for how long."""

from __future__ import annotations

import gc
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from gateway.daemon.notify import STUCK_S, Notifier, feed_watchdog, watchdog_interval
from tests.kit.smsc import TrioClock


@pytest.mark.parametrize(
    "environ, expected",
    [
        ({}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-3"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "7"}, 0.5),
    ],
)
def test_the_watchdog_is_fed_three_times_in_its_time(environ: dict[str, str], expected: float | None) -> None:
    assert watchdog_interval(environ, 7) == expected


@contextmanager
def systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A notification socket, named in the environment as systemd does it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(folder / "notify"))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        yield receiver


def heard(receiver: socket.socket) -> list[str]:
    """Return what was told since the last time."""
    told = []
    while True:
        try:
            told.append(receiver.recv(4096).decode())
        except BlockingIOError:
            return told


def close(notifier: Notifier) -> None:
    """The library keeps its socket until the process ends."""
    assert notifier._systemd is not None
    notifier._systemd.socket.close()


def test_the_words_are_those_of_sd_notify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with systemd(tmp_path, monkeypatch) as receiver:
        notifier = Notifier()
        notifier.ready("serving 2 lines")
        notifier.reloading(12.5)
        notifier.stopping()
        notifier.alive()
        assert heard(receiver) == [
            "READY=1\nSTATUS=serving 2 lines",
            "RELOADING=1\nMONOTONIC_USEC=12500000",
            "STOPPING=1\nSTATUS=draining",
            "WATCHDOG=1",
        ]
        close(notifier)


def test_who_does_not_read_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped, and said once until it is heard again."""
    with systemd(tmp_path, monkeypatch) as receiver:
        notifier = Notifier()
        for _ in range(2):
            with capture_logs() as logs:
                for _ in range(2_000):  # far more than a queue of datagrams holds (net.unix.max_dgram_qlen)
                    notifier.alive()
            assert [line["event"] for line in logs] == ["systemd does not take what it is told"]
            assert 0 < len(heard(receiver)) < 2_000
            notifier.alive()
            assert heard(receiver) == ["WATCHDOG=1"]
        close(notifier)


def test_a_socket_that_is_not_there_is_said_and_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with warnings.catch_warnings(), capture_logs() as logs:
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves its unconnected socket to be collected
        notifier = Notifier()
        gc.collect()
    assert [line["event"] for line in logs] == ["systemd cannot be told anything"]
    notifier.alive()


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready("")
    notifier.alive()
    notifier.stopping()


async def test_the_watchdog_goes_hungry_while_the_store_is_stuck(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    last_turn = trio.current_time()
    with systemd(tmp_path, monkeypatch) as receiver:
        notifier = Notifier()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed_watchdog, notifier, TrioClock(), lambda: last_turn)
            await trio.sleep(STUCK_S - 1)
            assert heard(receiver) == ["WATCHDOG=1"] * 2
            with capture_logs() as logs:
                await trio.sleep(25)
            assert heard(receiver) == []
            assert [(line["log_level"], line["seconds"]) for line in logs] == [
                ("error", 20.0),
                ("error", 30.0),
                ("error", 40.0),
            ]
            last_turn = trio.current_time()
            await trio.sleep(10)
            assert heard(receiver) == ["WATCHDOG=1"]
            nursery.cancel_scope.cancel()
        close(notifier)


async def test_where_there_is_no_watchdog_nobody_feeds_it(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    with systemd(tmp_path, monkeypatch) as receiver:
        notifier = Notifier()
        await feed_watchdog(notifier, TrioClock(), trio.current_time)
        assert heard(receiver) == []
        close(notifier)
