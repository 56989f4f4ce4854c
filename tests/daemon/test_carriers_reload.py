"""SIGHUP for carriers: who did not change keeps its session, who did is drained and bound anew, who is gone is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio
import trio.testing
from structlog.testing import capture_logs

from gateway.config import load
from gateway.daemon.daemon import Running, running
from gateway.model.requests import Actor, Role, SendRequest
from tests.kit.raw_smsc import RawBind, RawSmsc, listening

PATIENCE_S = 25
ADMIN = Actor("test", Role.ADMIN)


def text_of(folder: Path, over: Sequence[str], **carriers: str) -> str:
    tables = [f'[[carrier]]\nname = "{name}"\nreconnect_gap_s = 0.1\n{keys}\n' for name, keys in carriers.items()]
    names = ", ".join(f'"{name}"' for name in over)
    line = f'[[line]]\naddress = "85700"\nunknown = "allow"\ncarriers = [{names}]\nhelp_reply = "Call us."\n'
    return f'[gateway]\nstate_dir = "{folder}"\n[http]\nlisten = []\n{"".join(tables)}{line}'


@asynccontextmanager
async def serving(
    folder: Path, over: Sequence[str] = ("acme",), **carriers: str
) -> AsyncIterator[tuple[Running, Callable[..., Awaitable[None]]]]:
    """A gateway with these carriers and a line over some of them, and how to reload it with others."""
    file = folder / "gateway.toml"
    file.write_text(text_of(folder, over, **carriers))

    async def reload(**new: str) -> None:
        file.write_text(text_of(folder, over, **new))
        assert await gateway.reload(partial(load, file, {}))

    async with running(load(file, {}), "") as gateway:
        yield gateway, reload


async def bound(smsc: RawSmsc) -> RawBind:
    bind = await smsc.accept()
    await bind.bound()
    return bind


async def ended(bind: RawBind) -> None:
    with trio.fail_after(PATIENCE_S):
        await bind.closed.wait()
    await trio.testing.wait_all_tasks_blocked(0.05)


async def test_only_the_carrier_that_changed_is_bound_anew(tmp_path: Path) -> None:
    async with listening() as acme, listening() as other:
        stays, changes = f"port = {acme.port}", f"port = {other.port}"
        async with serving(tmp_path, acme=stays, other=changes) as (gateway, reload):
            first, second = await bound(acme), await bound(other)
            assert (await first.text(b"HELP")).status == 0
            with capture_logs() as logs:
                await reload(acme=stays, other=f'{changes}\nsystem_type = "new"\nwindow = 7')
            (told,) = [entry for entry in logs if entry["event"] == "carrier drains: its configuration changed"]
            assert (told["carrier"], sorted(told["keys"])) == ("other", ["system_type", "window"])
            await second.until(lambda bind: any(came.command == 6 for came in bind.seen), "unbind")
            again = await bound(other)
            assert again is not second
            assert (await again.text(b"HELP", source=b"12125550102")).status == 0
            assert (await first.text(b"HELP", source=b"12125550103")).status == 0
            assert len(acme.binds) == 1, "who did not change kept its session"
            assert [carrier.name for carrier in gateway.flow.carriers] == ["acme", "other"]


async def test_sessions_of_a_carrier_made_anew_have_names_of_their_own(tmp_path: Path) -> None:
    async with listening() as acme:
        port = f"port = {acme.port}"
        async with serving(tmp_path, acme=port) as (gateway, reload):
            await bound(acme)
            before = gateway.flow.carriers[0].binds[0].session
            await reload(acme=f"{port}\nwindow = 7")
            await bound(acme)
            assert gateway.flow.carriers[0].binds[0].session != before


async def test_a_rate_changes_under_a_session(tmp_path: Path) -> None:
    async with listening() as acme:
        port = f"port = {acme.port}"
        async with serving(tmp_path, acme=port) as (gateway, reload):
            bind = await bound(acme)
            await reload(acme=f"{port}\nmax_per_second = 5")
            assert gateway.flow.carriers[0].throttle.rate == 5
            assert (await bind.text(b"HELP")).status == 0
            assert len(acme.binds) == 1


async def test_a_carrier_that_is_gone_is_drained_and_no_longer_exposed(tmp_path: Path) -> None:
    async with listening() as acme, listening() as other:
        stays = f"port = {acme.port}"
        async with serving(tmp_path, acme=stays, other=f"port = {other.port}") as (gateway, reload):
            await bound(acme)
            leaving = await bound(other)
            assert b'gateway_bind_up{bind="other/0"' in gateway.metrics.exposition()
            with capture_logs() as logs:
                await reload(acme=stays)
            drains = "carrier drains: the configuration does not have it any more"
            assert [entry["carrier"] for entry in logs if entry["event"] == drains] == ["other"]
            await leaving.until(lambda bind: any(came.command == 6 for came in bind.seen), "unbind")
            await ended(leaving)
            assert [carrier.name for carrier in gateway.flow.carriers] == ["acme"]
            assert b'bind="other/0"' not in b"\n".join(
                line for line in gateway.metrics.exposition().splitlines() if line.startswith(b"gateway_bind_up")
            )


async def test_what_waits_for_a_carrier_goes_when_it_is_added(tmp_path: Path) -> None:
    async with listening() as acme, listening() as other:
        there = f"port = {other.port}"
        file = tmp_path / "gateway.toml"
        async with serving(tmp_path, acme=there) as (gateway, reload):
            await (await bound(other)).close()
            await gateway.flow.desk.send([SendRequest("85700", "+12125550101", "hi")], ADMIN)
            await reload(acme=f"port = {acme.port}")
            bind = await bound(acme)
            await bind.until(lambda bind: bind.to("12125550101") == [b"hi"], "what waited")
            assert file.exists()


async def test_the_changes_of_a_carrier_that_still_drains_count_when_it_has(tmp_path: Path) -> None:
    """A response that does not come keeps the first one draining; by then the configuration has changed again."""
    async with listening() as acme:
        port = f"port = {acme.port}"
        async with serving(tmp_path, acme=port) as (gateway, reload):
            bind = await bound(acme)
            bind.mute = True
            await gateway.flow.desk.send([SendRequest("85700", "+12125550101", "hi")], ADMIN)
            await bind.until(lambda bind: bool(bind.open), "the submit_sm")
            await reload(acme=f'{port}\nsystem_id = "second"')
            await reload(acme=f'{port}\nsystem_id = "third"')
            assert len(acme.binds) == 1, "never two sessions of one account"
            await bind.release()
            again = await bound(acme)
            assert again.seen[0].body.startswith(b"third\0")


async def test_nothing_begins_once_the_gateway_stops(tmp_path: Path) -> None:
    async with listening() as acme:
        port = f"port = {acme.port}"
        async with serving(tmp_path, acme=port) as (gateway, _):
            bind = await bound(acme)
            await gateway.flow.fleet.stop()
            assert gateway.flow.fleet.want(gateway.config.carriers) == []
            await ended(bind)
            assert gateway.flow.carriers == []
