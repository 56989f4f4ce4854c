"""Signals that come while another is being served: no stop waits behind a reload, and none for ever."""

from __future__ import annotations

import signal
from pathlib import Path

import trio

from gateway.simulator.carrier import SimulatedCarrier
from tests.daemon.test_daemon import locked
from tests.kit.daemon import PATIENCE_S, Daemon, daemon, write_config

RELOADED = "configuration reloaded"


def patient(folder: Path) -> Path:
    """A store that waits long for a lock, three times over."""
    file = write_config(folder, 1)
    file.write_text(file.read_text() + "\n[store]\nbusy_timeout_s = 10\n")
    return file


def told(gateway: Daemon, event: str) -> int:
    return sum(f'"{event}"' in line for line in gateway.log)


async def test_a_reload_that_waits_for_the_store_delays_no_stop(tmp_path: Path) -> None:
    file = patient(tmp_path)
    async with daemon(file) as gateway:
        with locked(file):
            gateway.process.send_signal(signal.SIGHUP)
            await gateway.told("RELOADING=1")
            gateway.process.send_signal(signal.SIGTERM)
            await gateway.told("STOPPING=1")
        assert await gateway.ended() == 0


async def test_reloads_are_done_one_at_a_time_and_none_is_forgotten(tmp_path: Path) -> None:
    file = patient(tmp_path)
    async with daemon(file) as gateway:
        with locked(file):
            gateway.process.send_signal(signal.SIGHUP)
            await gateway.told("RELOADING=1")
            for _ in range(3):
                gateway.process.send_signal(signal.SIGHUP)
            assert (await gateway.request("GET", "/healthz")).status_code == 200
        await gateway.told("READY=1")
        await gateway.told("RELOADING=1")
        await gateway.told("READY=1")
        assert await gateway.terminate() == 0
        assert told(gateway, RELOADED) == 2, "those that came meanwhile are one"


async def test_a_second_signal_ends_a_drain_at_once(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        carrier.manners.response_delay_s = 600
        file = write_config(tmp_path, await nursery.start(carrier.serve), carrier="drain_s = 300")
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                await gateway.send("hi")
                await carrier.until(lambda carrier: len(carrier.submitted) > 0)
            gateway.process.send_signal(signal.SIGTERM)
            await gateway.told("STOPPING=1")
            gateway.process.send_signal(signal.SIGTERM)
            assert await gateway.ended() == 0
            assert told(gateway, "second signal: ending at once") == 1
        nursery.cancel_scope.cancel()
