"""``gateway quarantine``: what could not be read is found, counted, and shown octet by octet."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from gateway.model.messages import Unreadable
from gateway.store.hot_parts import quarantine
from tests.cli.conftest import Run
from tests.kit.stores import committer, sqlite_engine
from tests.traffic.bench import run as commit

SHORT = bytes.fromhex("00000012000000050000000000000001ffff")
LONG = bytes.fromhex("00000013000000050000000000000002ffffff")


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    assert run("pause", "lane", "bulk").status == 0  # this begins a store


def keep(*pdus: bytes) -> None:
    made = committer(sqlite_engine(Path("state")))
    for number, raw in enumerate(pdus):
        aside = Unreadable("acme", "acme/0", "s", number, 8, "no NUL", raw, 1_790_000_000.0 + number)
        commit(made, partial(quarantine, items=[aside]))
    made.close()


def test_nothing_is_there(run: Run) -> None:
    assert run("quarantine").out == "nothing is in quarantine\n"


def test_what_came_twice_is_listed_once(run: Run) -> None:
    keep(SHORT, LONG, SHORT)
    ended = run("quarantine")
    lines = [line.split() for line in ended.out.splitlines()]
    assert [(line[1], line[4], line[5]) for line in lines[1:]] == [
        ("acme", "1", "ESME_RSYSERR"),
        ("acme", "2", "ESME_RSYSERR"),
    ]
    assert run("quarantine", "--raw").out.splitlines() == [LONG.hex(), SHORT.hex()]


def test_page_by_page(run: Run) -> None:
    keep(SHORT, LONG)
    first = run("quarantine", "--raw", "--limit", "1")
    assert first.out == f"{LONG.hex()}\n"
    ended = run("quarantine", "--limit", "1")
    assert ended.err.startswith("more: --cursor ")
    cursor = ended.err.split()[-1]
    assert run("quarantine", "--raw", "--cursor", cursor).out == f"{SHORT.hex()}\n"
    assert [pdu["raw"] for pdu in json.loads(run("quarantine", "--json").out)["pdus"]] == [LONG.hex(), SHORT.hex()]
