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
        ("acme/0", "1", "ESME_RSYSERR"),
        ("acme/0", "2", "ESME_RSYSERR"),
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


def test_one_with_all_that_is_known_of_it(run: Run) -> None:
    keep(SHORT, LONG)
    listed = run("quarantine").out.splitlines()
    first, second = (line.split()[0] for line in listed[1:])
    out = run("quarantine", second).out
    assert "bind         acme/0\n" in out
    assert "received_at  2026-09-21 14:13:20.000\n" in out
    assert "status       ESME_RSYSERR (0x00000008): System Error\n" in out
    assert "octets       18\n" in out
    assert out.splitlines()[-2:] == [
        "000000  00 00 00 12 00 00 00 05 00 00 00 00 00 00 00 01  ................",
        f"000010  {'ff ff':47}  ..",
    ]
    assert run("quarantine", first, "--raw").out == f"{LONG.hex()}\n"
    assert json.loads(run("quarantine", first, "--json").out)["raw"] == LONG.hex()


def test_one_that_is_not_there(run: Run) -> None:
    keep(SHORT)
    for asked in ("7", "99"):
        ended = run("quarantine", asked)
        assert (ended.status, ended.out) == (65, "")
        assert f"there is no PDU {asked} in quarantine" in ended.err
