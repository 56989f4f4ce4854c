"""A backup under load, the loss of everything but that and the suppression log, and the way back: the real daemon."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import trio

from gateway.simulator.carrier import SimulatedCarrier
from gateway.simulator.deliveries import Delivery
from tests.kit.daemon import PATIENCE_S, STOPPED, Daemon, daemon, write_config

NEWS = "the news"


def number(index: int) -> str:
    return f"+1212555{index:04}"


def config(folder: Path, port: int, log: Path) -> Path:
    folder.mkdir()
    file = write_config(folder, port)
    file.write_text(file.read_text() + f'\n[store]\nsuppression_log = "{log}"\n')
    return file


async def command(file: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``gateway`` on a configuration."""
    line = [sys.executable, "-m", "gateway", *words[: 1 + (words[0] == "restore")], "-c", str(file)]
    rest = words[1 + (words[0] == "restore") :]
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process([*line, *rest], capture_stdout=True, capture_stderr=True, check=False)


async def load(carrier: SimulatedCarrier, gateway: Daemon, stops: dict[str, Delivery], over: trio.Event) -> None:
    """Have texts come and messages go, without a pause, until told."""
    index = 1000
    while not over.is_set():
        index += 1
        carrier.post("JOIN", from_=number(index))
        [stops[number(index)]] = carrier.post("STOP", from_=number(index))
        with suppress(httpx.TransportError):  # the gateway is killed in the middle of it
            await gateway.send(NEWS, number(index + 5000))


def acked(stops: dict[str, Delivery]) -> set[str]:
    """Return whose STOP was acked: what was promised to them must outlive everything."""
    return {who for who, stop in stops.items() if stop.status == 0}


async def told(carrier: SimulatedCarrier, stop: Delivery) -> None:
    with trio.fail_after(PATIENCE_S):
        await carrier.until(lambda _: stop.status == 0)


async def test_everybody_who_was_acked_stays_out_through_the_loss_of_the_store(tmp_path: Path) -> None:
    log, copy = tmp_path / "suppression.log", tmp_path / "copy.db"
    stops: dict[str, Delivery] = {}
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        port = await nursery.start(carrier.serve)
        first = config(tmp_path / "first", port, log)
        async with daemon(first) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
            over = trio.Event()
            nursery.start_soon(load, carrier, gateway, stops, over)
            with trio.fail_after(PATIENCE_S):
                await carrier.until(lambda _: len(acked(stops)) > 20)
            before = acked(stops)
            taken = await command(first, "backup", "--json", str(copy))
            assert taken.returncode == 0, taken.stderr
            after = acked(stops)
            with trio.fail_after(PATIENCE_S):
                await carrier.until(lambda _: len(acked(stops) - after) > 20)
            over.set()
            await gateway.kill()
        promised = acked(stops)
        carrier.cut()

        rows = json.loads(taken.stdout)["rows"]
        assert rows["evidence"] >= len(before), "the copy has at least what was promised before it was begun"
        assert opted_out(copy) < promised, "and it lacks what came later"
        last = config(tmp_path / "last", port, log)
        (tmp_path / "last" / "state").mkdir()
        shutil.copy(copy, tmp_path / "last" / "state" / "gateway.db")
        carrier.arrived.clear()
        async with daemon(last) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
            ready = await gateway.request("GET", "/readyz")
            assert (ready.status_code, ready.json()["restored"]) == (503, True)
            await gateway.said("this store was restored")
            late = sorted(promised - opted_out(copy))
            assert (await gateway.send(NEWS, late[0])).status_code == 202, "this store does not know better yet"
            assert (await gateway.send(NEWS, number(1))).status_code == 202
            [stop] = carrier.post("STOP", from_=number(2))
            await told(carrier, stop)
            assert await gateway.consent(number(2)) == "opted_out", "a STOP is in force while nothing is sent"
            assert (await gateway.request("DELETE", "/api/v1/brakes/store/restored")).status_code == 422
            assert not carrier.arrived
            merged = await command(last, "restore", "merge", str(log))
            assert merged.returncode == 0, merged.stderr
            assert b"the store sends again" in merged.stdout
            with trio.fail_after(PATIENCE_S):
                await carrier.until(lambda carrier: NEWS in [arrived.text for arrived in carrier.arrived])
                for who in late[-5:]:
                    assert (await gateway.send(NEWS, who)).status_code == 409
            assert (await gateway.request("GET", "/readyz")).status_code == 200
            assert await gateway.terminate() == 0
        assert promised <= opted_out(tmp_path / "last" / "state" / "gateway.db")
        got = {arrived.subscriber for arrived in carrier.arrived if arrived.text == NEWS}
        assert number(1) in got
        assert not got & promised
        nursery.cancel_scope.cancel()


def opted_out(store: Path) -> set[str]:
    """Return who is opted out in a store that nobody uses."""
    connection = sqlite3.connect(store)
    try:
        return {row[0] for row in connection.execute("select subscriber from consent where status = 2")}
    finally:
        connection.close()


async def test_a_log_that_cannot_be_written_puts_texts_off_and_goes_on_without_a_restart(tmp_path: Path) -> None:
    """Its folder is gone for a while, as a disk that is not mounted: temporary errors, and nothing is lost."""
    folder = tmp_path / "logs"
    folder.mkdir()
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = config(tmp_path / "first", await nursery.start(carrier.serve), folder / "suppression.log")
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                [stop] = carrier.post("STOP", from_=number(1))
                await told(carrier, stop)
                folder.rename(tmp_path / "gone")
                [stop] = carrier.post("STOP", from_=number(2))
                await carrier.until(lambda _: stop.statuses != [])
                assert stop.statuses[0] != 0, "not acked: the log does not have it"
                [help_] = carrier.post("HELP", from_=number(3))
                await told(carrier, help_)
                (tmp_path / "gone").rename(folder)
                await told(carrier, carrier.again(stop))
                assert await gateway.consent(number(2)) == "opted_out"
                await carrier.until(lambda carrier: [a.text for a in carrier.arrived].count(STOPPED) == 2)
            assert await gateway.terminate() == 0
        lines = (folder / "suppression.log").read_text().splitlines()
        assert [json.loads(line)["kind"] for line in lines] == ["begin", "opt_out", "opt_out"]
        nursery.cancel_scope.cancel()


async def test_a_daemon_that_is_killed_at_any_moment_leaves_a_log_that_has_all(tmp_path: Path) -> None:
    """Killed again and again under a rain of STOPs: the log has everybody whom the store has, and everybody acked."""
    log = tmp_path / "suppression.log"
    stops: dict[str, Delivery] = {}
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = config(tmp_path / "first", await nursery.start(carrier.serve), log)
        for life in range(4):
            async with daemon(file) as gateway:
                with trio.fail_after(PATIENCE_S):
                    await carrier.wait_bound()
                    for index in range(60):
                        who = number(life * 100 + index)
                        [stops[who]] = carrier.post("STOP", from_=who)
                    await carrier.until(partial(_many, stops, 20 * life + 5))
                await gateway.kill()
        logged = {json.loads(line)["subscriber"] for line in log.read_text().split("\n") if line.endswith("}")}
        connection = sqlite3.connect(tmp_path / "first" / "state" / "gateway.db")
        stored = {row[0] for row in connection.execute("select distinct subscriber from evidence")}
        connection.close()
        assert acked(stops) <= stored <= logged
        nursery.cancel_scope.cancel()


def _many(stops: dict[str, Delivery], count: int, _: SimulatedCarrier) -> bool:
    return len(acked(stops)) > count
