"""A line over two carriers, from the file to the wire: who gets what, who stands in, and a reload that moves it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.daemon.daemon import Running
from gateway.model.requests import Accepted, SendRequest
from gateway.traffic.rulebook import Way
from tests.daemon.test_carriers_reload import ADMIN, bound, serving
from tests.kit.raw_smsc import RawBind, listening

BOTH = ("acme", "other")
PEOPLE = [f"1212555{n:04}" for n in range(100, 130)]
PUERTO_RICO = "17875550101"


async def send(gateway: Running, *numbers: str, text: str = "hi") -> None:
    results = await gateway.flow.desk.send([SendRequest("85700", f"+{number}", text) for number in numbers], ADMIN)
    assert isinstance(results, list)
    assert all(isinstance(result, Accepted) for result in results)


async def came(bind: RawBind, numbers: Sequence[str], text: bytes = b"hi") -> None:
    await bind.until(lambda bind: all(text in bind.to(number) for number in numbers), f"{text!r} for {numbers}")


def got(bind: RawBind) -> set[str]:
    return {submit.subscriber for submit in bind.submits}


@pytest.mark.checklist("B9")
async def test_by_prefix_by_weight_and_by_where_they_last_texted(tmp_path: Path) -> None:
    async with listening() as acme, listening() as other:
        mine, theirs = f"port = {acme.port}", f'port = {other.port}\nweight = 0\nprefixes = ["+1787"]'
        async with serving(tmp_path, BOTH, acme=mine, other=theirs) as (gateway, _):
            first, second = await bound(acme), await bound(other)
            await send(gateway, *PEOPLE, PUERTO_RICO)
            await came(first, PEOPLE)
            await came(second, [PUERTO_RICO])
            assert got(first) == set(PEOPLE), "who has no prefix is shared by weight, and the other one has none"
            assert got(second) == {PUERTO_RICO}
            assert (await second.text(b"HELP", source=PEOPLE[0].encode())).status == 0
            assert (await first.text(b"HELP", source=PUERTO_RICO.encode())).status == 0
            await came(second, PEOPLE[:1], b"Call us.")
            await came(first, [PUERTO_RICO], b"Call us.")
            await send(gateway, PEOPLE[0], PUERTO_RICO, text="again")
            await came(second, PEOPLE[:1], b"again")
            await came(first, [PUERTO_RICO], b"again")


async def test_who_is_down_for_long_enough_is_stood_in_for_and_no_other(tmp_path: Path) -> None:
    async with listening() as acme, listening() as other:
        patient = f'port = {acme.port}\nfailover_after_s = 86400\nprefixes = ["+1939"]'
        hasty = f'port = {other.port}\nfailover_after_s = 0.1\nprefixes = ["+1787"]'
        third = "port = 1"
        async with serving(tmp_path, (*BOTH, "third"), acme=patient, other=hasty, third=third) as (gateway, reload):
            first, second = await bound(acme), await bound(other)
            await second.close()
            second = await other.accept()  # and is not answered yet
            await send(gateway, PUERTO_RICO)
            await came(first, [PUERTO_RICO])
            assert not second.submits
            await second.bound()
            await first.close()
            await acme.accept()
            await send(gateway, "19395550101", text="first")
            await send(gateway, PUERTO_RICO, text="second")
            await came(second, [PUERTO_RICO], b"second")
            assert got(second) == {PUERTO_RICO}, "the other one is waited for"
            await reload(acme=patient.replace("86400", "0.1"), other=hasty, third=third)
            await came(second, ["19395550101"], b"first")


@pytest.mark.parametrize(
    "key, way",
    [
        ("weight = 0", Way("other", weight=0)),
        ('prefixes = ["+1"]', Way("other", prefixes=("+1",))),
        ("failover_after_s = 5", Way("other", failover_after_s=5)),
    ],
)
async def test_the_keys_of_the_choice_change_under_the_sessions(tmp_path: Path, key: str, way: Way) -> None:
    async with listening() as acme, listening() as other:
        mine, theirs = f"port = {acme.port}", f"port = {other.port}"
        async with serving(tmp_path, BOTH, acme=mine, other=theirs) as (gateway, reload):
            first, second = await bound(acme), await bound(other)
            sessions = [carrier.binds[0].session for carrier in gateway.flow.carriers]
            await reload(acme=mine, other=f"{theirs}\n{key}")
            assert gateway.flow.book.by_address["85700"].ways == (Way("acme"), way)
            assert (await first.text(b"HELP")).status == (await second.text(b"HELP")).status == 0
            assert [carrier.binds[0].session for carrier in gateway.flow.carriers] == sessions
            assert (len(acme.binds), len(other.binds)) == (1, 1)
            await send(gateway, *PEOPLE[5:10])
            takes = {"weight = 0": first, 'prefixes = ["+1"]': second}.get(key)
            if takes is not None:
                await came(takes, PEOPLE[5:10])
