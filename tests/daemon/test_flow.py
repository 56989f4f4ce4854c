"""Traffic as the daemon wires it: a book that changes whole, brakes that survive, carriers that are asked by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from trio.testing import MockClock

from gateway.base import SystemClock
from gateway.carriers.carrier import Carrier
from gateway.carriers.interface import BindState
from gateway.carriers.statuses import Verdict
from gateway.config import Config, load
from gateway.daemon.flow import Flow
from gateway.daemon.offline import offline_flow
from gateway.model.messages import Lane
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Actor, Role, SendRequest
from gateway.store.hot_parts import quarantine
from gateway.store.store import open_store
from gateway.telemetry.metrics import Metrics
from gateway.traffic.desk import Desk
from tests.kit.smsc import TrioClock
from tests.traffic.bench import unreadable

ADMIN = Actor("test", Role.ADMIN)


@asynccontextmanager
async def flowing(config: Config) -> AsyncIterator[Flow]:
    clock = TrioClock()
    config.state_dir.mkdir(exist_ok=True)
    async with open_store(config.store, config.state_dir, config.gateway.node, clock, threads=False) as store:
        flow = await Flow.begin(store, config, clock, Metrics())
        yield flow


async def send(desk: Desk) -> Accepted | Refusal:
    results = await desk.send([SendRequest("85700", "+12125550101", "hi")], ADMIN)
    assert isinstance(results, list)
    return results[0]


def changed(file: Path, old: str, new: str) -> Config:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    return load(file)


async def test_the_lines_are_in_the_store_before_anything_flows(autojump_clock: MockClock, file: Path) -> None:
    async with flowing(load(file)) as flow:
        rows = await flow.store.read(lambda reader: reader.rows("select address, name, origin from line"))
        assert rows == [("85700", "Acme Alerts", "file")]
        assert flow.book.by_address["85700"].line_id == 1


async def test_a_new_configuration_is_adopted_whole(autojump_clock: MockClock, file: Path) -> None:
    async with flowing(load(file)) as flow:
        before = flow.book
        fresh = changed(file, 'address = "85700"', 'address = "85701"\nregion = "DE"')
        await flow.adopt(fresh)
        assert set(before.by_address) == {"85700"}, "a batch under way keeps its book"
        assert set(flow.book.by_address) == {"85701"}
        assert flow._region_of("85701") == "DE"
        assert flow._region_of("85700") == "US", "a line that is gone is read as American"
        removed = "select address from line where removed_at is not null"
        assert await flow.store.read(lambda reader: reader.rows(removed)) == [("85700",)]


@pytest.mark.checklist("E9")
@pytest.mark.parametrize("days", [3, 300])
async def test_the_quarantine_is_kept_as_long_as_configured(autojump_clock: MockClock, file: Path, days: int) -> None:
    config = changed(file, "[store]", f"[store]\nquarantine_days = {days}")
    async with flowing(config) as flow:
        for age in (days - 0.5, days + 0.5):
            item = replace(unreadable(), raw=str(age).encode(), received_at=flow.clock.wall() - age * 86_400)
            await flow.store.writer.run(partial(quarantine, items=[item]), "test")
        await flow.janitor.round()
        kept = await flow.store.read(lambda reader: reader.rows("select raw from quarantine"))
        assert kept == [(str(days - 0.5).encode(),)]


async def test_brakes_survive_a_restart(autojump_clock: MockClock, file: Path) -> None:
    config = load(file)
    async with flowing(config) as flow:
        await flow.desk.pause("carrier", "acme", ADMIN, "they asked")
    async with flowing(config) as flow:
        assert [(row.kind, row.name) for row in await flow.desk.brakes()] == [("carrier", "acme")]
        assert 'gateway_paused{kind="carrier",name="acme"} 1.0' in flow.metrics.exposition().decode()
        assert flow.brakes.carriers == {"acme"}


async def test_a_status_means_what_its_carrier_says(
    autojump_clock: MockClock, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Carrier, "verdict", lambda _self, _status: Verdict.FAIL)
    async with flowing(load(file)) as flow:
        assert flow._verdict("acme", 88) is Verdict.FAIL
        assert flow._verdict("gone", 88) is Verdict.THROTTLE, "a carrier that was taken out has the usual table"


async def test_the_backlog_that_limits_acceptance_is_the_one_that_is_counted(
    autojump_clock: MockClock, file: Path
) -> None:
    config = changed(file, 'node = "gw1"', 'node = "gw1"\nmax_backlog = 2')
    async with flowing(config) as flow:
        for _ in range(2):
            assert isinstance(await send(flow.desk), Accepted)
        await flow.janitor.round()
        assert flow.backlog.depth(Lane.NORMAL) == 2
        refused = await send(flow.desk)
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.BACKLOG_FULL


async def lives(config: Config) -> int:
    """Start once more, and say how often that has been."""
    async with open_store(config.store, config.state_dir, config.gateway.node, SystemClock()) as store:
        return store.identity.life


async def test_offline_nothing_is_sent_and_the_store_is_owned(file: Path) -> None:
    config = load(file)
    async with offline_flow(config, begins=True) as flow:
        desk = flow.desk
        accepted = await send(desk)
        assert isinstance(accepted, Accepted)
        readiness = await desk.readiness()
        assert {bind.state for bind in readiness.binds} == {BindState.DOWN.row}
    before = await lives(config)
    for _ in range(3):
        async with offline_flow(config, begins=False) as flow:
            assert (await flow.desk.readiness()).node == config.gateway.node
    assert await lives(config) == before + 1, "looking is no start"
    async with flowing(config) as flow:
        row = await flow.desk.message(accepted.id)
        assert row is not None
        assert row.state.word == "queued"
