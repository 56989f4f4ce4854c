"""The daemon's life: reloads that are refused, tasks that fail, ends that do not come by themselves."""

from __future__ import annotations

import io
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from gateway.base import SystemClock
from gateway.carriers.carrier import Carrier
from gateway.config import Config, load
from gateway.daemon import daemon as module
from gateway.daemon.daemon import RECORD_S, Running, running
from gateway.daemon.flow import Flow
from gateway.store.engines import Verdict, find_engine
from gateway.store.errors import StoreInUse
from gateway.store.jobs import Committer
from gateway.store.store import open_store
from gateway.telemetry.metrics import Metrics
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.hub import Hub
from gateway.traffic.janitor import Janitor
from tests.kit.daemon import PATIENCE_S

BUG = "a bug of ours"


@asynccontextmanager
async def gateway(file: Path) -> AsyncIterator[Running]:
    with trio.fail_after(PATIENCE_S):
        async with running(load(file), "1.2.3") as made:
            yield made


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep the store from writing, as another process that holds its write lock would."""
    other = sqlite3.connect(file.parent / "state" / "gateway.db", isolation_level=None)
    other.execute("begin immediate")
    yield
    other.execute("rollback")
    other.close()


def rewritten(file: Path, old: str, new: str) -> Callable[[], Config]:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return lambda: load(file)


def counted(made: Running, name: str) -> float:
    lines = made.metrics.exposition().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


FAILED, SUCCEEDED = (f'gateway_config_reloads_total{{result="{word}"}}' for word in ("failed", "succeeded"))


# Reloads.


async def test_a_reload_that_the_store_does_not_take_changes_nothing(file: Path) -> None:
    async with gateway(file) as made:
        config, book = made.config, made.flow.book
        read = rewritten(file, 'name = "Acme Alerts"', 'name = "Acme"\nhold_days = 1')
        with locked(file), capture_logs() as logs:
            assert not await made.reload(read)
        assert (made.config, made.flow.book) == (config, book)
        told = [line for line in logs if line["event"] == "configuration not reloaded"]
        assert len(told) == 1
        assert "locked" in told[0]["problem"]
        assert (counted(made, FAILED), counted(made, SUCCEEDED)) == (1, 1)
        assert await made.reload(read), "there is nothing wrong with it"
        assert made.flow.book.by_address["85700"].rules.hold_s == 86_400
        assert (counted(made, FAILED), counted(made, SUCCEEDED)) == (1, 2)


async def test_a_reload_of_a_bad_file_names_every_problem(file: Path) -> None:
    async with gateway(file) as made:
        read = rewritten(file, "window = 10", 'window = "ten"\nsalt = 1')
        with capture_logs() as logs:
            assert not await made.reload(read)
        assert len([line for line in logs if line["event"] == "configuration not reloaded"]) == 2
        assert counted(made, FAILED) == 1


async def test_a_reload_that_we_fail_at_ends_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(file) as made:
        config = made.config
        monkeypatch.setattr(Flow, "adopt", fails)
        with capture_logs() as logs:
            assert not await made.reload(lambda: load(file))
        (told,) = (line for line in logs if line["log_level"] == "error")
        assert (told["event"], told["exc_info"]) == ("internal error: the reload was not done", True)
        assert made.config is config
        assert counted(made, FAILED) == counted(made, 'gateway_internal_errors_total{where="reload"}') == 1


async def test_a_reload_says_what_needs_a_restart(file: Path) -> None:
    async with gateway(file) as made:
        read = rewritten(file, "window = 10", "window = 11\nbinds = 2")
        rewritten(file, 'node = "gw1"', 'node = "gw2"\nmax_segments = 3')
        events: list[Any] = []
        with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
            patch.setattr(module, "configure_logs", lambda options, **facts: events.append(facts["node"]))
            assert await made.reload(read)
        assert [line["keys"] for line in logs if "restart" in line["event"]] == [["gateway.node"]]
        assert [line["carriers"] for line in logs if line["event"] == "configuration reloaded"] == [["acme"]]
        assert made.flow.book.max_segments == 3
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "configure_logs", lambda options, **facts: events.append(facts["node"]))
            assert await made.reload(read)
        assert events == ["gw1", "gw1"], "the node keeps its name until then"


# What cannot be written to the log.


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "nobody reads")


async def test_lost_log_lines_are_counted_from_the_start(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    async with gateway(file) as made:
        at_first = counted(made, "gateway_log_lines_dropped_total")
        assert at_first > 0
        logging.getLogger("somebody else").warning("heard")
        assert counted(made, "gateway_log_lines_dropped_total") == at_first + 1
        await made.reload(lambda: load(file))
        assert counted(made, "gateway_log_lines_dropped_total") > at_first + 1


# A task that fails.


async def fails(*_arguments: Any, **_options: Any) -> None:
    raise RuntimeError(BUG)


async def fails_once_started(*_arguments: Any, task_status: Any, **_options: Any) -> None:
    task_status.started([])
    await trio.lowlevel.checkpoint()
    raise RuntimeError(BUG)


def stumbles(*_arguments: Any) -> Any:
    raise RuntimeError(BUG)


CRASHES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "hub": lambda patch: patch.setattr(Hub, "run", fails_once_started),
    "dispatcher": lambda patch: patch.setattr(Dispatcher, "run", fails),
    "janitor": lambda patch: patch.setattr(Janitor, "run", fails),
    "carrier": lambda patch: patch.setattr(Carrier, "run", fails),
    "local socket": lambda patch: patch.setattr(module, "serve_unix", fails_once_started),
    "http": lambda patch: patch.setattr(module, "serve", fails_once_started),
}


@pytest.mark.parametrize("name", CRASHES)
async def test_a_task_that_fails_takes_all_down_with_its_error(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    rewritten(file, "listen = []", 'listen = ["127.0.0.1:0"]')
    CRASHES[name](monkeypatch)
    await ends_with_the_bug(file, trio.sleep_forever)


async def test_a_store_thread_that_fails_takes_all_down_with_its_error(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever waits for the store's answer waits no longer."""

    async def write() -> None:
        monkeypatch.setattr(Committer, "run", stumbles)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(made[0].flow.store.writer.run, lambda _tx: None, "never")

    made: list[Running] = []
    await ends_with_the_bug(file, write, made)


async def ends_with_the_bug(file: Path, act: Callable[[], Awaitable[None]], made: list[Running] | None = None) -> None:
    """Run a gateway and ``act``; it must end with the bug alone, and let go of the store."""
    with trio.fail_after(PATIENCE_S):
        with pytest.RaisesGroup(
            pytest.RaisesExc(RuntimeError, match=BUG), flatten_subgroups=True, allow_unwrapped=True
        ):
            async with running(load(file), "1.2.3") as gateway:
                if made is not None:
                    made.append(gateway)
                await act()
    config = load(file)
    find_engine(config.store, config.state_dir).own("gw1").release()


async def test_after_a_crash_the_next_start_finds_its_store(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Dispatcher, "run", fails)
        await ends_with_the_bug(file, trio.sleep_forever)
    async with gateway(file) as made:
        assert made.flow.store.identity.life == 2


# The end.


async def test_a_stop_waits_for_the_store_to_take_what_became_of_the_last_permits_but_not_for_ever(
    autojump_clock: MockClock,
) -> None:
    flow: Any = SimpleNamespace(
        dispatcher=SimpleNamespace(stop=lambda: None),
        fleet=SimpleNamespace(stop=trio.lowlevel.checkpoint),
        hub=SimpleNamespace(recorded=trio.sleep_forever),
        among=None,
    )
    with capture_logs() as logs:
        await module._drain(flow)
    assert trio.current_time() == pytest.approx(RECORD_S)
    assert [line["log_level"] for line in logs] == ["error"]


async def test_a_stop_claims_nothing_more_before_the_binds_let_go(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bind that finishes its window must get nothing new; only then is it waited for what became of the last."""
    steps: list[str] = []
    for owner, name in ((Dispatcher, "stop"), (Carrier, "stop"), (Hub, "recorded")):
        real = getattr(owner, name)

        def noted(self: Any, real: Any = real, step: str = f"{owner.__name__}.{name}") -> Any:
            steps.append(step)
            return real(self)

        monkeypatch.setattr(owner, name, noted)
    async with gateway(file):
        assert steps == []
    assert steps == ["Dispatcher.stop", "Carrier.stop", "Hub.recorded"]


@pytest.mark.parametrize("kind", Verdict)
async def test_a_commit_of_unknown_outcome_makes_the_dispatcher_look(kind: Verdict) -> None:
    doubts: list[bool] = []
    dispatcher = SimpleNamespace(doubt=lambda: doubts.append(True))
    metrics = Metrics()
    running_: Any = SimpleNamespace(flow=SimpleNamespace(dispatcher=dispatcher))
    module._not_committed(running_, metrics, kind.value)
    module._not_committed(None, metrics, kind.value)
    assert len(doubts) == (kind is Verdict.UNKNOWN)
    assert f'gateway_store_failures_total{{kind="{kind.value}"}} 2.0' in metrics.exposition().decode()


async def test_a_gateway_that_cannot_start_leaves_nothing_behind(file: Path) -> None:
    config = load(file)
    config.state_dir.mkdir()
    async with open_store(config.store, config.state_dir, "other", SystemClock()):
        with pytest.raises(StoreInUse, match="in use by process"):
            async with running(config, "1.2.3"):
                pass
    async with gateway(file) as made:
        assert made.addresses == []
