"""``gateway bench``: what it refuses, and how it shows what was found. What it measures is in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.commands import bench as module
from gateway.daemon.bench_result import is_whole, results
from tests.cli.conftest import Run

TIMES = {"n": 9, "p50": 1.0, "p95": 2.0, "p99": 3.0, "max": 4.0}


def told(**changes: Any) -> dict[str, Any]:
    """What a carrier counted in two seconds."""
    counts = dict.fromkeys(("lost", "twice", "unacked", "refused", "brought_again", "again", "throttled", "strays"), 0)
    facts = {
        "sent": 1000, "acked": 1000, "answered": 1000, "submits": 1000, "seconds": 2.0, "per_s": 500.4,
        "acked_per_s": 510.0, "submits_per_s": 500.4, "ack_ms": TIMES, "reply_ms": TIMES, "moods": None,
        "broadcast": None, "cpu_s": 0.1,
    }  # fmt: skip
    return counts | facts | changes


BROADCAST = {
    "received": 900, "per_s": 450.0, "seconds": 2.0, "missing": 0, "twice": 0, "after_stop": 0, "stop_ms": TIMES,
}  # fmt: skip
BEFORE = {"process_cpu_seconds_total": 1.0, "gateway_store_commit_seconds_count": 10.0}
AFTER = {
    "process_cpu_seconds_total": 2.0,
    "gateway_store_commit_seconds_count": 110.0,
    "gateway_store_commit_seconds_sum": 0.05,
    "gateway_store_batch_jobs_count": 100.0,
    "gateway_store_batch_jobs_sum": 250.0,
    "gateway_store_batch_jobs_bucket/1.0": 20.0,
    "gateway_store_batch_jobs_bucket/5.0": 100.0,
    "gateway_store_batch_jobs_bucket/+Inf": 100.0,
}


def found(plan: dict[str, Any] | None = None, /, **changes: Any) -> dict[str, Any]:
    """What ``measure`` would have found."""
    usual = {
        "window": 100, "rate": None, "seconds": 2.0, "rtt_ms": 0.0, "consents": 0, "mt": 0, "store": "sqlite",
        "welcome": False, "rough": False, "pinned": True,
    }  # fmt: skip
    machine = {"cores": 2, "cpu": "A processor", "python": "3.11.2", "fdatasync_ms": 0.11, "cpu_us": 0.2}
    figures = results(told(**changes), BEFORE, AFTER, (80.0, 90.0))
    return {"plan": usual | (plan or {}), "machine": machine, "start_s": 0.9, **figures}


def shows(run: Run, monkeypatch: pytest.MonkeyPatch, value: dict[str, Any], *arguments: str) -> tuple[int, str]:
    async def measure(*_arguments: object) -> dict[str, Any]:
        return value

    monkeypatch.setattr(module, "measure", measure)
    ended = run("bench", *arguments)
    assert ended.err == ""
    return ended.status, ended.out


def test_the_figures_of_a_run() -> None:
    assert found()["gateway"] == {
        "cpu_s": 1.0,
        "cpu_s_per_10k": 10.0,
        "core_share": 0.5,
        "commits": 100,
        "messages_per_commit": 20.0,
        "jobs_per_commit": 2.5,
        "most_jobs_per_commit": 5,
        "commit_ms": 0.5,
        "rss_mb": 80.0,
        "rss_max_mb": 90.0,
    }
    nothing = results(told(acked=0, submits=0, seconds=0.0), {}, {}, (0.0, 0.0))["gateway"]
    assert (nothing["cpu_s_per_10k"], nothing["messages_per_commit"], nothing["most_jobs_per_commit"]) == (0, 0, None)


def test_a_batch_beyond_all_buckets() -> None:
    after = {"gateway_store_batch_jobs_count": 5.0, "gateway_store_batch_jobs_bucket/5000.0": 4.0}
    assert (
        results(told(), {}, after | {"gateway_store_batch_jobs_bucket/+Inf": 5.0}, (0, 0))["gateway"][
            "most_jobs_per_commit"
        ]
        is None
    )


@pytest.mark.parametrize("fault", ["lost", "twice", "unacked", "strays"])
def test_a_text_that_was_lost_or_answered_twice_ends_with_1(
    run: Run, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    assert shows(run, monkeypatch, found())[0] == 0
    assert shows(run, monkeypatch, found(**{fault: 1}))[0] == 1


@pytest.mark.parametrize("fault", ["missing", "twice", "after_stop"])
def test_a_broadcast_that_is_not_as_it_must_be_ends_with_1(fault: str) -> None:
    assert is_whole(found(broadcast=BROADCAST))
    wrong = BROADCAST | {fault: 1}
    assert not is_whole(found(broadcast=wrong))
    assert is_whole(found({"rate": 9.0}, broadcast=wrong)) is (fault == "missing"), "it may go on after the texts"


def test_the_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    out = shows(run, monkeypatch, found())[1]
    assert "cores: 2 (the gateway has one to itself)" in out
    assert "as many as go, window 100, round trip 0 ms" in out
    assert "answers            500      1.00      2.00      3.00      4.00" in out
    assert "1,000 sent, 1,000 answered, 0 lost, 0 answered twice" in out
    assert "10.00 s per 10,000 messages, 50 % of a core" in out
    assert "most up to 5)" in out


def test_the_table_of_a_broadcast(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    out = shows(run, monkeypatch, found({"mt": 1000, "pinned": False}, broadcast=BROADCAST))[1]
    assert "\nbroadcast          450\nSTOP               500      1.00" in out
    assert "900 of 1,000 received, 0 twice, 0 after the ack of a STOP" in out
    assert "(shared)" in out
    out = shows(run, monkeypatch, found({"mt": 1000, "rate": 5.0}, broadcast=BROADCAST))[1]
    assert "\nbroadcast          450\nacks " in out


def test_the_table_of_a_rough_carrier_on_no_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    value = found({"rough": True}, moods={"cut": 2, "end": 1}, again=3)
    value["machine"]["fdatasync_ms"] = 0.001
    out = shows(run, monkeypatch, value)[1]
    assert "cut 2, end 1; 3 answers again" in out
    assert "name a folder with --state-dir" in out


def test_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out = shows(run, monkeypatch, found(), "--json")
    assert (status, json.loads(out)) == (0, found())


@pytest.mark.parametrize(
    "arguments,status,said",
    [
        (["--store", "sqlite:other.db"], 64, "uses no file that is there"),
        (["--store", "nosuch:thing"], 78, "no engine"),
        (["--state-dir", "missing"], 73, "no folder can be made in missing"),
        (["--mt", "5", "--rough"], 64, "exclude each other"),
        (["--rate", "0"], 64, "--rate"),
    ],
)
def test_what_cannot_be_measured_is_said(
    run: Run, tmp_path: Path, arguments: list[str], status: int, said: str
) -> None:
    before = list(tmp_path.iterdir())
    ended = run("bench", *arguments)
    assert (ended.status, ended.out) == (status, "")
    assert said in ended.err
    assert list(tmp_path.iterdir()) == before
