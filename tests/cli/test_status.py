"""``gateway status`` beside a daemon: what is paused and why, what is down and until when, what waits for a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.model.views import MOST_COUNTED, BindRow, BrakeRow, NodeView, Readiness, held_elsewhere
from tests.cli.conftest import Run
from tests.cli.test_desk_commands import beside
from tests.kit.desk import NOW, FakeDesk


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


async def test_all_is_well(run: Run) -> None:
    out = (await beside(run, FakeDesk(), "status")).out
    assert out.startswith("gateway  running, node ")
    assert "acme/0  up     2026-11-22 17:04:05  transceiver  0/100   bound\n" in out
    assert "to do" not in out
    assert "paused" not in out


async def test_a_failing_store_with_a_brake(run: Run) -> None:
    brake = BrakeRow("line", "85700", NOW, "crm", "wrong text\x1b[2J")
    desk = FakeDesk(ready=Readiness(False, "the disk is full", ()), paused={("line", "85700"): brake})
    out = (await beside(run, desk, "status")).out
    assert "store    failing: the disk is full\n" in out
    assert 'paused   line 85700 since 2026-11-22 17:04:05, by crm: "wrong text [2J"\n' in out


async def test_a_paused_carrier_and_one_that_is_down(run: Run) -> None:
    binds = (
        BindRow("acme/0", "acme", "transceiver", "up", NOW, "bound", 10, 0),
        BindRow("other/0", "other", "transceiver", "down", NOW, "no route", 10, 0, NOW + 30),
    )
    paused = {("carrier", "acme"): BrakeRow("carrier", "acme", NOW, "uid 0", "")}
    out = (await beside(run, FakeDesk(ready=Readiness(True, "", binds), paused=paused), "status")).out
    assert "paused   carrier acme since 2026-11-22 17:04:05, by uid 0\n" in out
    assert "acme/0   up, paused  " in out
    assert "other/0  down  " in out
    assert "no route; next try 2026-11-22 17:04:35\n" in out


@pytest.mark.parametrize("count,said", [(1, "1"), (MOST_COUNTED - 1, "999"), (MOST_COUNTED, "1000 or more")])
async def test_what_waits_for_a_person(run: Run, count: int, said: str) -> None:
    desk = FakeDesk(ready=Readiness(True, "", (), node="gw1", uncertain=count, quarantined=count))
    out = (await beside(run, desk, "status")).out
    assert f"to do    {said} in `gateway messages uncertain`\nto do    {said} in `gateway quarantine`\n" in out
    found = json.loads((await beside(run, desk, "status", "--json")).out)
    assert (found["node"], found["uncertain"], found["quarantined"]) == ("gw1", count, count)


async def test_the_nodes_of_a_shared_store_and_who_holds_which_bind(run: Run) -> None:
    nodes = (NodeView("gw1", True, ("acme/0",)), NodeView("gw2", True, ("acme/1",)), NodeView("gw3", False, ()))
    rows = [
        BindRow(f"acme/{number}{side}", "acme", "transmitter", state, NOW, "bound", 10, 0)
        for number, state in ((0, "up"), (1, "down"))
        for side in (".tx", ".rx")
    ]
    desk = FakeDesk(ready=Readiness(True, "", held_elsewhere(rows, "gw1", nodes), node="gw1", nodes=nodes))
    out = (await beside(run, desk, "status")).out
    assert "acme/0.tx  up  " in out
    assert "acme/1.rx  elsewhere  " in out
    assert out.count("held by node gw2\n") == 2
    assert "gw1   alive  acme/0\ngw2   alive  acme/1\ngw3   over   -\n" in out
