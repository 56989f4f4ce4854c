"""``gateway bench``, each mode for a moment: what it counts, the shape of what it says, and that nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.kit.postgres import server

TIMES = {"n", "p50", "p95", "p99", "max"}
PATIENCE_S = 60
RUNNING: list[subprocess.Popen[str]] = []
"""Whom a test has started: who fails leaves nothing behind."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose name is short: that of a Unix socket in it may have 103 octets."""
    with TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder)
        while RUNNING:
            process = RUNNING.pop()
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "bench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    RUNNING.append(process)
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def measured(folder: Path, *arguments: str) -> dict[str, Any]:
    status, out, err = ended(started(folder, *arguments, "--json"))
    assert (status, err) == (0, ""), (out, err)
    assert list(folder.iterdir()) == [], "all that was made is gone"
    found: dict[str, Any] = json.loads(out)
    return found


def test_as_many_texts_as_go(place: Path) -> None:
    found = measured(place, "--seconds", "0.3", "--window", "10")
    assert found.keys() == {
        *("version", "plan", "machine", "start_s", "mo", "mt", "gateway", "carrier", "samples", "exit_status"),
    }
    mo = found["mo"]
    assert mo["sent"] == mo["acked"] == mo["answered"] == mo["submits"] > 0
    assert (mo["lost"], mo["twice"], mo["unacked"], mo["strays"], mo["refused"]) == (0, 0, 0, 0, 0)
    for times in (mo["ack_ms"], mo["reply_ms"]):
        assert times.keys() == TIMES
        assert times["n"] == mo["sent"]
        assert 0 < times["p50"] <= times["p95"] <= times["p99"] <= times["max"]
    assert found["mt"] is None
    assert found["gateway"]["commits"] > 0
    assert 0 < found["gateway"]["rss_mb"] <= found["gateway"]["rss_max_mb"]
    assert found["gateway"]["cpu_s_per_10k"] > 0
    assert found["machine"].keys() == {"cores", "cpu", "system", "python", "sqlite", "fdatasync_ms", "cpu_us"}
    assert found["plan"] == {
        "window": 10, "rate": None, "seconds": 0.3, "rtt_ms": 0.0, "consents": 0, "mt": 0, "store": "sqlite",
        "welcome": False, "rough": False, "pinned": len(os.sched_getaffinity(0)) > 1,
    }  # fmt: skip
    assert found["exit_status"] == 0


def test_a_steady_rate_from_afar_on_a_store_with_rows_and_a_welcome(place: Path) -> None:
    found = measured(place, "--rate", "60", "--seconds", "1.2", "--rtt", "20", "--consents", "300000", "--welcome")
    mo = found["mo"]
    assert mo["sent"] == mo["answered"] == 72
    assert mo["submits"] == 72 + 24, "each JOIN has two answers"
    assert min(mo["ack_ms"]["p50"], mo["reply_ms"]["p50"]) >= 20
    assert found["plan"]["consents"] == 300_000
    assert [sample["at"] for sample in found["samples"]] == pytest.approx([1.0], abs=0.5)


def test_a_broadcast_while_receivers_say_stop(place: Path) -> None:
    found = measured(place, "--mt", "300", "--consents", "1000")
    mo, mt = found["mo"], found["mt"]
    assert (mt["missing"], mt["twice"], mt["after_stop"]) == (0, 0, 0)
    assert mo["answered"] == mo["sent"] == mt["stop_ms"]["n"]
    assert 300 - mo["sent"] <= mt["received"] <= 300
    assert found["plan"]["consents"] == 1000


def test_texts_over_a_broadcast(place: Path) -> None:
    found = measured(place, "--mt", "200", "--rate", "50", "--seconds", "0.4")
    assert found["mo"]["answered"] == found["mo"]["sent"] == 20
    assert (found["mt"]["twice"], found["mt"]["after_stop"]) == (0, 0)


def test_a_store_on_a_server_has_a_database_that_is_dropped(place: Path) -> None:
    found = measured(place, "--store", server().url("postgres"), "--seconds", "0.3", "--mt", "100", "--rate", "50")
    assert (found["mo"]["answered"], found["mo"]["lost"], found["plan"]["store"]) == (15, 0, "postgresql")
    assert server().execute("select datname from pg_database where datname like 'gateway%'") == []


def test_a_server_that_makes_no_database_is_named(place: Path) -> None:
    server().execute("create role nobody_here login")
    url = server().url("postgres").replace("//gateway@", "//nobody_here@")
    status, out, err = ended(started(place, "--store", url))
    assert (status, out) == (69, "")
    assert "permission denied to create database" in err


def test_the_table(place: Path) -> None:
    status, out, err = ended(started(place, "--seconds", "0.2", "--rough", "--state-dir", str(place)))
    assert (status, err) == (0, "")
    named = [line.split()[0] for line in out.splitlines() if line.strip()]
    assert named == [
        *("machine", "yardsticks", "store", "load", "per", "acks", "answers", "texts", "carrier", "cpu", "commits"),
        "memory",
    ]
    assert " 0 lost, 0 answered twice" in out
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("number,status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_at_once_and_leaves_nothing(place: Path, number: signal.Signals, status: int) -> None:
    process = started(place, "--rate", "50", "--seconds", "600")
    while not list(place.glob("gateway-bench-*/gateway.log")):
        assert process.poll() is None
    process.send_signal(number)
    assert ended(process)[0] == status
    assert list(place.iterdir()) == []
