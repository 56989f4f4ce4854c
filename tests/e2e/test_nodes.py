"""Two daemons on one PostgreSQL: one dies, hangs, or loses its database, and the other goes on in its place.

A take-over begins ``lease_s`` + 1 s after the last heartbeat at most; here that is 4 s. What is asserted is what
happens, not how fast.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from gateway.config import ConfigErrors, load
from tests.kit import postgres
from tests.kit.daemon import BACK, ON_THE_LIST, PATIENCE_S, STOPPED, WELCOME, Daemon, daemon
from tests.kit.nodes import database, grow_old, until, write_config
from tests.kit.proxy import proxy
from tests.kit.raw_smsc import DELIVER, RawBind, RawSmsc, listening, message, pdu

ANNE = "12125550101"
BOB = "12125550102"
ONE = "binds = 1"


async def deliver(bind: RawBind, text: str, source: str = ANNE) -> int:
    """Bring a text and do not wait; return its sequence number."""
    sequence = bind.next()
    await bind.send(pdu(DELIVER, sequence, message(text.encode(), source=source.encode())))
    return sequence


async def say(bind: RawBind, text: str, source: str = ANNE) -> int:
    """Bring a text; return what it was answered with."""
    return (await bind.answer(await deliver(bind, text, source), text)).status


async def bring(bind: RawBind, text: str, source: str) -> None:
    """Bring a text as carriers do: again, for as long as it is put off."""
    for _ in range(200):
        if await say(bind, text, source) == 0:
            return
        await trio.sleep(0.1)
    raise AssertionError(f"{text} was never taken")


def got(source: str, *binds: RawBind) -> list[str]:
    """Return what a subscriber was sent, over these binds."""
    return [text.decode() for bind in binds for text in bind.to(source)]


async def gets(what: str, source: str, *binds: RawBind) -> None:
    """Wait until a subscriber was sent this text, over any of these binds."""
    await until(lambda: what in got(source, *binds), what)


@asynccontextmanager
async def one_each(
    smsc: RawSmsc, url: str, one: Path, two: Path
) -> AsyncIterator[tuple[Daemon, Daemon, RawBind, RawBind]]:
    """Run two nodes, the first of which has both binds, and gives one to the second; yield both, and a bind of each."""
    async with daemon(one) as first:
        binds = [await smsc.bound(), await smsc.bound()]  # at once: a login is not waited for as long as a start takes
        async with daemon(two) as second:
            await trio.to_thread.run_sync(grow_old, url)
            given = await smsc.bound()
            [kept] = [bind for bind in binds if not bind.closed.is_set()]
            yield first, second, kept, given


async def metric(node: Daemon, name: str) -> float:
    """Return a metric that has no labels."""
    lines = (await node.request("GET", "/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


async def test_a_node_is_killed(tmp_path: Path) -> None:
    with database() as url:
        async with listening() as smsc:
            one = write_config(tmp_path, "gw1", url, smsc.port)
            two = write_config(tmp_path, "gw2", url, smsc.port)
            async with one_each(smsc, url, one, two) as (first, second, a, b):
                # The same words again over the other node's bind, which is alive: somebody wrote twice.
                assert await say(a, "JOIN", BOB) == 0
                await gets(ON_THE_LIST, BOB, a, b)
                assert await say(b, "JOIN", BOB) == 0
                await until(lambda: got(BOB, a, b).count(ON_THE_LIST) == 2, "the second reply")
                assert got(BOB, a, b).count(WELCOME) == 1
                # A reply is written and has no answer; then its node dies, and the carrier brings the text again.
                a.mute = b.mute = True
                assert await say(a, "JOIN") == 0
                await gets(WELCOME, ANNE, a, b)
                await first.kill()
                assert await say(b, "JOIN") == 0
                b.mute = False
                await b.release()
                third = await smsc.bound()
                await gets(ON_THE_LIST, ANNE, a, b, third)
                # One text, whatever happened: one reply, and one welcome, or one more where nobody knows.
                assert await say(b, "STOP") == 0
                await gets(STOPPED, ANNE, a, b, third)
                assert got(ANNE, a, b, third).count(ON_THE_LIST) == 1
                assert got(ANNE, a, b, third).count(WELCOME) in (1, 2)
                assert await metric(second, "gateway_takeovers_total") == 1
                assert await second.terminate() == 0


async def test_a_node_hangs_and_wakes_up(tmp_path: Path) -> None:
    with database() as url:
        async with listening() as smsc:
            one = write_config(tmp_path, "gw1", url, smsc.port, carrier=ONE)
            two = write_config(tmp_path, "gw2", url, smsc.port, carrier=ONE)
            async with daemon(one) as first:
                a = await smsc.bound()
                assert await say(a, "START") == 0
                await gets(BACK, ANNE, a)
                async with daemon(two) as second:
                    first.process.send_signal(signal.SIGSTOP)
                    frozen = len(a.seen)
                    stop = await deliver(a, "STOP")
                    b = await smsc.bound()
                    assert await say(b, "STOP") == 0
                    await gets(STOPPED, ANNE, b)
                    first.process.send_signal(signal.SIGCONT)
                    with trio.fail_after(PATIENCE_S):
                        await a.closed.wait()
                    assert a.answers(stop) == []
                    assert len(a.seen) == frozen
                    assert await first.consent() == "opted_out"
                    assert (await first.send("news")).status_code == 409
                    # It lives, and takes over in its turn when the other one stops.
                    assert await second.terminate() == 0
                    c = await smsc.bound()
                    assert await say(c, "UNSTOP") == 0
                    await gets(BACK, ANNE, c)
                assert await first.terminate() == 0


async def test_a_node_loses_its_database(tmp_path: Path) -> None:
    with database() as url:
        async with listening() as smsc, proxy(postgres.server().port) as between:
            own = url.replace(f":{postgres.server().port}/", f":{between.port}/")
            one = write_config(tmp_path, "gw1", own, smsc.port, carrier=ONE)
            two = write_config(tmp_path, "gw2", url, smsc.port, carrier=ONE)
            async with daemon(one) as first, daemon(two) as second:
                a = await smsc.bound()
                assert await say(a, "START") == 0
                between.cut()
                stop = await deliver(a, "STOP")
                with trio.fail_after(PATIENCE_S):
                    await a.closed.wait()
                b = await smsc.bound()
                assert [answer.status for answer in a.answers(stop)] == []
                assert await say(b, "STOP") == 0
                await gets(STOPPED, ANNE, b)
                between.mend()
                assert await second.terminate() == 0
                c = await smsc.bound()
                assert await say(c, "HELP") == 0
                assert await first.consent() == "opted_out"
                assert await first.terminate() == 0


async def test_the_primary_is_killed_and_its_standby_promoted(tmp_path: Path) -> None:
    primary = postgres.Server.make()
    primary.start()
    primary.execute(f"create role {postgres.ROLE} login createdb")
    primary.execute(f"create database gateway owner {postgres.ROLE}")
    standby = await trio.to_thread.run_sync(primary.standby)
    try:
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://{postgres.ROLE}@{hosts}/gateway"
        async with listening() as smsc:
            one = write_config(tmp_path, "gw1", url, smsc.port, store="lease_s = 30")
            two = write_config(tmp_path, "gw2", url, smsc.port, store="lease_s = 30")
            async with one_each(smsc, url, one, two) as (first, second, a, b):
                acked = []
                for number in range(40):
                    if number == 20:
                        await trio.to_thread.run_sync(primary.kill)
                        await trio.to_thread.run_sync(standby.promote)
                    source = f"1212556{number:04d}"
                    bind = (a, b)[number % 2]
                    await bring(bind, "STOP", source)
                    acked.append(source)
                for source in acked:
                    assert await first.consent(f"+{source}") == "opted_out"
                assert not a.closed.is_set()
                assert not b.closed.is_set()
                assert [await node.terminate() for node in (first, second)] == [0, 0]
    finally:
        standby.remove()
        primary.remove()


async def test_sqlite_refuses_a_second_node(tmp_path: Path) -> None:
    async with listening() as smsc:
        one = write_config(tmp_path, "gw1", f"sqlite:{tmp_path}/gateway.db", smsc.port)
        two = write_config(tmp_path, "gw2", f"sqlite:{tmp_path}/gateway.db", smsc.port)
        async with daemon(one) as first, daemon(two, ready=False) as second:
            assert await second.ended() == 75
            said = "\n".join(second.log)
            assert f"{tmp_path}/gateway.db is in use by process {first.process.pid} on " in said
            assert await first.terminate() == 0


@pytest.mark.parametrize("lease_s", [2.9, 301])
def test_a_lease_has_bounds(lease_s: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="lease_s"):
        load(
            write_config(tmp_path, "gw1", "postgresql://gateway@localhost/gateway", 2775, store=f"lease_s = {lease_s}")
        )


async def test_a_second_process_under_the_same_name(tmp_path: Path) -> None:
    """It is refused while the first is connected; should it get in all the same, the first one ends."""
    with database() as url:
        async with listening() as smsc:
            store = "lease_s = 3\nbusy_timeout_s = 0.3"
            one = write_config(tmp_path, "gw1", url, smsc.port, carrier=ONE, store=store)
            (tmp_path / "again").mkdir()
            again = write_config(tmp_path / "again", "gw1", url, smsc.port, carrier=ONE, store=store)
            async with daemon(one, ready=False) as first:
                await first.told("READY=1")
                async with daemon(again, ready=False) as second:
                    assert await second.ended() == 75
                    assert 'has a node "gw1" already' in "\n".join(second.log)
                name = url.rpartition("/")[2]
                await trio.to_thread.run_sync(
                    lambda: postgres.server().execute("update node set life = life + 1", database=name)
                )
                assert await first.ended() == 75
                assert 'another process runs as node "gw1"' in "\n".join(first.log)
