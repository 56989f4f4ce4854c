"""The daemon's life: everything started in order, kept running, and stopped in reverse.

Start: store (owned, migrated), lines, what the last life left half-done, the flows, the local socket and HTTP, the
binds; only then "ready". Stop: no more requests, nothing more claimed, the binds drained while texts are still taken in
and acked, what became of permits recorded, the store closed. A task that fails takes all down, and systemd starts us
anew: nothing is lost by that, and half a gateway would lie.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import structlog
import trio

from gateway.base import Clock, SystemClock
from gateway.config import Config, ConfigErrors, diff, load
from gateway.daemon.flow import Flow
from gateway.daemon.folder import make_state_folder
from gateway.daemon.interpreter import settle_in, stay_tidy
from gateway.daemon.notify import Notifier, feed_watchdog
from gateway.daemon.tracing import Tracer
from gateway.store.engines import Verdict
from gateway.store.errors import StoreError
from gateway.store.store import open_store
from gateway.store.writer import Hooks
from gateway.telemetry.logs import configure_logs
from gateway.telemetry.metrics import Metrics
from gateway.web.access import Authority
from gateway.web.app import build_app
from gateway.web.server import serve, serve_unix

_log = structlog.get_logger(__name__)

RECORD_S: Final = 10.0
"""How long a stop waits for the store to take what became of the last permits; a restart finds them uncertain."""
END_S: Final = 30
"""How long a gateway that something else than a stop ends may take for it, in seconds."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class Running:
    """A running gateway. ``addresses`` are where HTTP is served, ``stop`` ends it cleanly when set.

    ``config`` is what was read last. What only a restart changes is as in ``started``, the one that it began with.
    """

    config: Config
    flow: Flow
    metrics: Metrics
    addresses: list[str] = field(default_factory=list)
    stop: trio.Event = field(default_factory=trio.Event)
    started: Config = field(init=False)

    def __post_init__(self) -> None:
        """Remember what it began with."""
        self.started = self.config

    async def reload(self, read: Callable[[], Config]) -> bool:
        """Put a new configuration in force as far as that goes without a restart.

        Returns False where nothing changed: it has problems, the store does not take its lines, or we failed at it.
        One at a time. The suppression log is opened anew in any case: it may have been rotated.
        """
        self.flow.store.reopen_log()
        try:
            fresh = read()
            turned = await self.flow.adopt(fresh)
        except ConfigErrors as errors:
            return self._not_loaded([str(problem) for problem in errors.problems])
        except StoreError as error:
            return self._not_loaded([str(error)])
        except Exception:  # noqa: BLE001 - a bug of ours must not end a gateway that works; the old one stays in force
            self.metrics.internal_errors("reload").inc()
            _log.exception("internal error: the reload was not done")
            return self._not_loaded([])
        changes = diff(self.started, fresh)
        if changes.needs_restart:
            _log.warning("these changes need a restart", keys=list(changes.needs_restart))
        _logs(fresh, self.metrics, self.started.gateway.node)
        self.config = fresh
        self._loaded()
        _log.info("configuration reloaded", hash=fresh.config_hash[:12], lines=len(fresh.lines), carriers=turned)
        return True

    def _not_loaded(self, problems: Sequence[str]) -> bool:
        for problem in problems:
            _log.error("configuration not reloaded", problem=problem)
        self.metrics.config_reloads("failed").inc()
        return False

    def _loaded(self) -> None:
        self.metrics.config_reloads("succeeded").inc()
        self.metrics.config_last_reload_success.set(self.flow.clock.wall())


@asynccontextmanager
async def running(config: Config, version: str, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Run a gateway while the block runs, and stop it cleanly at the end. Raises GatewayError where it cannot start."""
    clock = clock or SystemClock()
    metrics = Metrics(version, config.gateway.node)
    _logs(config, metrics, config.gateway.node)
    gateway: Running | None = None
    hooks = Hooks(
        committed=lambda seconds, jobs: _committed(metrics, seconds, jobs),
        failed=lambda kind: _not_committed(gateway, metrics, kind),
    )
    make_state_folder(config.state_dir)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(config.store, config.state_dir, config.gateway.node, clock, hooks=hooks)
        )
        flow = await Flow.begin(store, config, clock, metrics)
        gateway = Running(config, flow, metrics)
        gateway._loaded()
        flows = await stack.enter_async_context(_tasks())
        await flows.start(flow.hub.run)
        if flow.among is not None:
            await flows.start(flow.among.run)
        if uncertain := await flow.janitor.recover():
            _log.warning("submits of the last run have no recorded answer", count=uncertain)
        flows.start_soon(flow.restoring.run)
        flows.start_soon(flow.dispatcher.run)
        flows.start_soon(flow.janitor.run)
        flows.start_soon(flow.retention.run)
        binds = await stack.enter_async_context(_tasks())
        faces_over = trio.Event()
        faces = await stack.enter_async_context(_tasks())
        gateway.addresses = await _listen(faces, gateway, version, faces_over)
        await binds.start(flow.fleet.run)
        try:
            yield gateway
        finally:
            faces_over.set()
            await _drain(flow)


def _logs(config: Config, metrics: Metrics, node: str) -> None:
    """Log as configured; lines that cannot be written are counted. ``node`` does not change under a running gateway."""
    configure_logs(config.log, dropped=metrics.log_lines_dropped.inc, node=node)


@asynccontextmanager
async def _tasks() -> AsyncIterator[trio.Nursery]:
    """Open a nursery whose tasks end with the block."""
    async with trio.open_nursery() as nursery:
        yield nursery
        nursery.cancel_scope.cancel()


async def _listen(faces: trio.Nursery, gateway: Running, version: str, over: trio.Event) -> list[str]:
    """Open the local socket and the HTTP listeners; return the addresses in force."""
    config, metrics = gateway.config, gateway.metrics
    app = build_app(
        gateway.flow.desk,
        gateway.flow.restoring,
        Authority(config.http.token),
        lambda: (metrics.exposition(), CONTENT_TYPE),
        version=version,
        trace=Tracer(gateway.flow.store, gateway.flow.clock, lambda: gateway.flow.carriers),
    )
    await faces.start(partial(serve_unix, app, config.socket_path, over))
    addresses: list[str] = []
    if config.http.listen:
        addresses = await faces.start(partial(serve, app, config.http.listen, over))
    return addresses


async def _drain(flow: Flow) -> None:
    """Claim nothing more, let the binds finish what is in their windows, and record what became of it."""
    flow.dispatcher.stop()
    await flow.fleet.stop()
    with trio.move_on_after(RECORD_S) as waiting:
        await flow.hub.recorded()
    if waiting.cancelled_caught:
        _log.error("the store did not take the last outcomes; their messages will be uncertain")
    if flow.among is not None:
        await flow.among.nodes.leave()


def _not_committed(gateway: Running | None, metrics: Metrics, kind: str) -> None:
    metrics.store_failures(kind).inc()
    if gateway is not None and kind == Verdict.UNKNOWN.value:
        gateway.flow.dispatcher.doubt()


def _committed(metrics: Metrics, seconds: float, jobs: int) -> None:
    metrics.store_commit_seconds.observe([seconds])
    metrics.store_batch_jobs.observe([jobs])


async def run(
    file: Path,
    version: str,
    *,
    clock: Clock | None = None,
    started: Callable[[Running], Awaitable[None]] | None = None,
) -> None:
    """Run the gateway of a configuration file until SIGTERM or SIGINT; SIGHUP reloads it. ``started`` is told first.

    A second SIGTERM or SIGINT ends it at once. Raises GatewayError where it cannot start.
    """
    clock = clock or SystemClock()
    config = load(file)
    notifier = Notifier()
    with _no_alarm_after(), trio.CancelScope() as everything:
        async with trio.open_nursery() as nursery:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
                async with running(config, version, clock) as gateway:
                    nursery.start_soon(feed_watchdog, notifier, clock, lambda: gateway.flow.store.writer.last_turn)
                    wanted, wishes = trio.open_memory_channel[None](1)
                    nursery.start_soon(_reload, wishes, gateway, notifier, file, clock)
                    nursery.start_soon(_hear, signals, gateway, wanted, everything)
                    _log.info(
                        "gateway ready",
                        http=gateway.addresses,
                        lines=len(config.lines),
                        state_dir=str(config.state_dir),
                    )
                    settle_in()
                    nursery.start_soon(stay_tidy)
                    notifier.ready(f"serving {len(config.lines)} lines")
                    if started is not None:
                        await started(gateway)
                    await _until_stop(gateway)
                    _log.info("gateway stopping")
                    notifier.stopping()
                nursery.cancel_scope.cancel()
    _log.info("gateway stopped")


async def _until_stop(gateway: Running) -> None:
    """Wait until the gateway is to stop. Where something else ends it, it has END_S, or the kernel ends the process.

    An error cancels everything, and a thread cannot be cancelled: it is waited for. Where there is no memory left, not
    even its last word may be heard, and that would be for ever. The alarm (alarm(2)) needs no memory, and no loop.
    """
    try:
        await gateway.stop.wait()
    except BaseException:
        signal.alarm(END_S)
        raise


@contextmanager
def _no_alarm_after() -> Iterator[None]:
    """Let whoever ran the gateway live on after it."""
    try:
        yield
    finally:
        signal.alarm(0)


async def _hear(
    signals: AsyncIterator[int],
    gateway: Running,
    wanted: trio.MemorySendChannel[None],
    everything: trio.CancelScope,
) -> None:
    """Do what the signals say, at once: a reload may have to wait for the store, and no stop waits behind it."""
    async for number in signals:
        if number == signal.SIGHUP:
            with suppress(trio.WouldBlock):  # one that has not begun reads the file as it is by then
                wanted.send_nowait(None)
        elif gateway.stop.is_set():
            _log.warning("second signal: ending at once")
            everything.cancel()
            return
        else:
            gateway.stop.set()


async def _reload(
    wishes: trio.MemoryReceiveChannel[None], gateway: Running, notifier: Notifier, file: Path, clock: Clock
) -> None:
    """Reload whenever it is wished, one at a time, and not any more once the gateway stops."""
    async for _ in wishes:
        if gateway.stop.is_set():
            return
        notifier.reloading(clock.monotonic())
        await gateway.reload(lambda: load(file))
        if not gateway.stop.is_set():
            notifier.ready(f"serving {len(gateway.config.lines)} lines")
