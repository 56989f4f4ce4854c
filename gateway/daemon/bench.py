"""The benchmark: a gateway as anybody runs it, under a carrier that loads it, with nothing to set up.

Everything is on that is on in production: every ack is a synced commit, each change has its evidence, each message
passes the gate, all metrics are counted. The gateway is a process of its own, on a core of its own where there are two,
and so is the carrier; what is measured is measured by the carrier, or by the operating system. All that is made for a
run (folder, configuration, store) is gone after it.

Figures depend on the machine; so the result says what the machine can do (``bench_machine``). Nothing here judges but
one thing: whether a text was lost or answered twice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from gateway.base import Clock, GatewayError, SystemClock
from gateway.config import Config, load
from gateway.daemon.bench_fill import fill
from gateway.daemon.bench_machine import cores, machine, memory
from gateway.daemon.bench_process import BenchError, Gateway, Loader, gateway, last_words, loader
from gateway.daemon.bench_result import results
from gateway.daemon.bench_store import FILE, own_store
from gateway.daemon.book import line_specs
from gateway.daemon.folder import make_state_folder
from gateway.simulator.load_plan import LoadPlan
from gateway.store.lines import sync_lines
from gateway.store.store import open_store
from gateway.telemetry.logs import configure_logs

LINE: Final = "85700"
MO_WINDOW: Final = 100
"""How many submit_sm the gateway may have outstanding while texts are measured: the default of ``window``."""
_TO_BIND_S: Final = 60.0
_ROUGH_PATIENCE_S: Final = 60.0
_MILLION: Final = 1_000_000
_FILLING_MB: Final = 1024
"""What the writer may keep in memory while rows are made by the million: indexes are written all over."""
_FILLING_S: Final = 60.0
"""How long a step of that may take on a server."""
_CONFIG: Final = """
[gateway]
node = "bench"
state_dir = "state"
max_backlog = {backlog}

[log]
level = "warning"

[http]
listen = []

[store]
url = {url}

[[carrier]]
name = "load"
port = {port}
system_id = "bench"
window = {window}

[[line]]
address = "{line}"
name = "Acme Alerts"
carriers = ["load"]
region = "US"
unknown = "allow"
default_reply = "Thanks for your text. Reply HELP for help, STOP to end."
stop_reply = "Acme Alerts: you are unsubscribed and will receive no more messages."
start_reply = "Acme Alerts: you are subscribed again. Reply STOP to end, HELP for help."
help_reply = "Acme Alerts: call 800-555-0100. Msg&data rates may apply. Reply STOP to end."

[[line.keyword]]
word = "JOIN"
action = "join"
list = "alerts"
user_reply = "You're on the Acme list."
{welcome}
"""

Say = Callable[[str], None]


class FolderError(GatewayError):
    """There is no such folder, or nothing can be made in it."""

    exit_code = 73  # EX_CANTCREAT


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What to measure. ``window`` is that of the carrier's texts or, with ``broadcast``, that of the gateway.

    ``rate`` is texts a second (0: as many as it takes) for ``seconds``; ``rtt_s`` the round trip. ``consents`` rows and
    ``broadcast`` queued messages are in the store before it starts. ``url`` is where the store is, ``folder`` where
    temporary files are made (None: where the system makes them).
    """

    window: int = 100
    rate: float = 0.0
    seconds: float = 10.0
    rtt_s: float = 0.0
    consents: int = 0
    broadcast: int = 0
    url: str = FILE
    folder: Path | None = None
    welcome: bool = False
    rough: bool = False

    @property
    def load(self) -> LoadPlan:
        """The part of it that is the carrier's."""
        return LoadPlan(
            line=LINE,
            window=self.window if not self.broadcast else max(self.window, 10),
            rate=self.rate,
            seconds=self.seconds,
            rtt_s=self.rtt_s,
            welcome=self.welcome,
            broadcast=self.broadcast,
            stored=self.stored,
            rough=self.rough,
            patience_s=_ROUGH_PATIENCE_S if self.rough else 10.0 + 2 * self.rtt_s,
        )

    @property
    def stored(self) -> int:
        """How many consent rows are made: each receiver of the broadcast has one."""
        return max(self.consents, self.broadcast)


async def bench(plan: BenchPlan, version: str, say: Say, clock: Clock | None = None) -> dict[str, Any]:
    """Measure as planned; return everything found, as JSON has it (named as in ``bench_result``).

    ``say`` is told how far it is. Raises GatewayError where something cannot start.
    """
    clock = clock or SystemClock()
    try:
        made = tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=plan.folder)
    except OSError as error:
        raise FolderError(f"no folder can be made in {plan.folder}: {error.strerror}; name another one") from error
    pinned = cores()
    ours, rest = pinned or (None, None)
    with made as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            url = stack.enter_context(own_store(plan.url, folder))
            found = await trio.to_thread.run_sync(machine, folder, clock)
            carrier = await stack.enter_async_context(loader(plan.load.dump(), folder / "carrier.log", rest))
            config = _configure(plan, folder, (await carrier.hear())["port"], url)
            if plan.stored:
                await _fill(plan, config, clock, say)
            began = clock.monotonic()
            running = await stack.enter_async_context(
                gateway(config.path, folder / "gateway.log", config.socket_path, ours)
            )
            async with trio.open_nursery() as watched:
                watched.start_soon(running.watch)
                with trio.move_on_after(_TO_BIND_S) as waiting:
                    await carrier.hear()
                if waiting.cancelled_caught:
                    raise BenchError(f"the gateway has not bound within {_TO_BIND_S:g} s: {last_words(running.log)}")
                bound_s = clock.monotonic() - began
                measured = await _measure(carrier, running, say)
                watched.cancel_scope.cancel()
            status = await running.end()
    return {
        "version": version,
        "plan": _shown(plan, pinned is not None),
        "machine": found,
        "start_s": round(bound_s, 3),
        **measured,
        "exit_status": status,
    }


def _configure(plan: BenchPlan, folder: Path, port: int, url: str) -> Config:
    """Write the configuration of the gateway that is measured, and return it, checked."""
    file = folder / "gateway.toml"
    welcome = 'auto_welcome = "Welcome to Acme Alerts! 4 msgs/month. Reply HELP for help, STOP to end."'
    file.write_text(
        _CONFIG.format(
            backlog=max(plan.broadcast, _MILLION),
            url=json.dumps(url),
            port=port,
            window=plan.window if plan.broadcast else MO_WINDOW,
            line=LINE,
            welcome=welcome if plan.welcome else "",
        ),
        encoding="utf-8",
    )
    return load(file)


async def _fill(plan: BenchPlan, config: Config, clock: Clock, say: Say) -> None:
    """Make the store, and what shall be in it."""
    make_state_folder(config.state_dir)
    configure_logs(config.log)
    options = config.store.model_copy(update={"cache_mb": _FILLING_MB, "server_timeout_s": _FILLING_S})
    async with open_store(options, config.state_dir, config.gateway.node, clock, starts=False) as store:
        ids = await store.writer.run(lambda tx: sync_lines(tx, line_specs(config)), "lines")
        await fill(store, ids[LINE], plan.stored, plan.broadcast, say)


async def _measure(carrier: Loader, running: Gateway, say: Say) -> dict[str, Any]:
    """Let the carrier text, and return what it and the gateway say of it."""
    before = await running.metrics()
    await carrier.begin()
    samples: list[dict[str, Any]] = []
    while "result" not in (said := await carrier.hear()):
        if "at" in said:
            samples.append({**said, "rss_mb": memory(running.pid)[0]})
            say(f"{said['at']:.0f} s: {said['sent']:,} texts, {said['answered']:,} answered, "
                f"{said['received']:,} of the broadcast")  # fmt: skip
    after = await running.metrics()
    return {**results(said["result"], before, after, memory(running.pid)), "samples": samples}


def _shown(plan: BenchPlan, pinned: bool) -> dict[str, Any]:
    """Return the plan as the result shows it: of the store's URL only the kind, since it may hold a password."""
    return {
        "window": plan.window,
        "rate": plan.rate or None,
        "seconds": plan.seconds,
        "rtt_ms": plan.rtt_s * 1e3,
        "consents": plan.stored,
        "mt": plan.broadcast,
        "store": plan.url.partition(":")[0],
        "welcome": plan.welcome,
        "rough": plan.rough,
        "pinned": pinned,
    }
