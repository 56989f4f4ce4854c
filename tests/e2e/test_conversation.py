"""The main conversation over real sockets, with our simulator and with a carrier that is not ours (npm's ``smpp``).

The daemon is a process of its own, killed with SIGKILL and started again wherever a test says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
import trio

from gateway.simulator.carrier import SimulatedCarrier
from tests.kit.daemon import BACK, HELP, ON_THE_LIST, PATIENCE_S, STOPPED, WELCOME, Daemon, daemon, write_config
from tests.kit.node_smsc import NodeSmsc, node_smsc

SUBSCRIBER = "+12125550101"
DIGITS = SUBSCRIBER.removeprefix("+")


class Peer(Protocol):
    """A carrier under test: it brings a text and returns the status of its ack; it tells what was submitted."""

    port: int

    async def text(self, text: str) -> int: ...

    async def bound(self) -> None: ...

    async def submitted(self, count: int) -> list[str]:
        """Wait for ``count`` texts in all; return all of them."""
        ...


class Ours:
    def __init__(self, carrier: SimulatedCarrier, port: int) -> None:
        self.carrier = carrier
        self.port = port

    async def text(self, text: str) -> int:
        with trio.fail_after(PATIENCE_S):
            status = await self.carrier.text(text, from_=SUBSCRIBER, line="85700")
        assert status is not None
        return status

    async def bound(self) -> None:
        with trio.fail_after(PATIENCE_S):
            await self.carrier.wait_bound()

    async def submitted(self, count: int) -> list[str]:
        with trio.fail_after(PATIENCE_S):
            await self.carrier.until(lambda carrier: len(carrier.arrived) >= count)
        return [arrived.text for arrived in self.carrier.arrived]


class Node:
    def __init__(self, smsc: NodeSmsc) -> None:
        self.smsc = smsc
        self.port = smsc.port
        self._binds = 0

    async def text(self, text: str) -> int:
        return int((await self.smsc.text(DIGITS, "85700", text))["status"])

    async def bound(self) -> None:
        self._binds += 1
        wanted = self._binds
        await self.smsc.wait("bind", lambda _: sum(e["event"] == "bind" for e in self.smsc.events) >= wanted)

    async def submitted(self, count: int) -> list[str]:
        await self.smsc.wait("submit_sm", lambda _: len(self.smsc.submits()) >= count)
        return self.smsc.submits()


@asynccontextmanager
async def ours() -> AsyncIterator[Peer]:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        yield Ours(carrier, await nursery.start(carrier.serve))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def node() -> AsyncIterator[Peer]:
    async with node_smsc() as smsc:
        yield Node(smsc)


PEERS = pytest.mark.parametrize("peer_of", [ours, node], ids=["simulator", "node-smpp"])


async def _settled(running: Daemon, count: int) -> None:
    """Wait until nothing is queued or under way any more among ``count`` messages to the subscriber."""
    with trio.fail_after(PATIENCE_S):
        while True:
            answer = await running.request("GET", "/api/v1/messages", params={"number": SUBSCRIBER, "direction": "mt"})
            states = [message["state"] for message in answer.json()["messages"]]
            if len(states) >= count and not {"queued", "sending"} & set(states):
                return
            await trio.lowlevel.checkpoint()


@pytest.mark.checklist("I4", "I6")
@PEERS
async def test_joining_leaving_and_coming_back(peer_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    async with peer_of() as peer, daemon(write_config(tmp_path, peer.port)) as gateway:
        await peer.bound()
        heard: list[str] = []

        async def says(text: str, *answers: str) -> None:
            assert await peer.text(text) == 0
            heard.extend(answers)
            if answers:
                assert await peer.submitted(len(heard)) == heard

        await says("JOIN", WELCOME, ON_THE_LIST)
        await says("JOIN", ON_THE_LIST)
        await says("please JOIN!", ON_THE_LIST)
        await says("I would join")
        await says("Stop.", STOPPED)
        await says("STOP")
        await says("HELP", HELP)
        assert await gateway.consent() == "opted_out"

        refused = await gateway.send("A word from our sponsor")
        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"].endswith("opted-out")
        assert refused.json()["source"] == "text"

        await says("START", BACK)
        accepted = await gateway.send("Back again")
        assert accepted.status_code == 202
        heard.append("Back again")
        assert await peer.submitted(len(heard)) == heard
        assert await gateway.terminate() == 0


@pytest.mark.checklist("I1")
@PEERS
async def test_it_is_all_still_true_after_kill_9(peer_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    async with peer_of() as peer:
        file = write_config(tmp_path, peer.port)
        heard: list[str] = []
        script: list[tuple[str, list[str]]] = [
            ("JOIN", [WELCOME, ON_THE_LIST]),
            # Not the same octets: after a restart those would be a redelivery, by the duplicate rule.
            ("Join!", [ON_THE_LIST]),
            ("STOP", [STOPPED]),
            ("Stop.", []),
            ("HELP", [HELP]),
            ("START", [BACK]),
        ]
        status = {"STOP": "opted_out", "Stop.": "opted_out", "HELP": "opted_out"}
        for text, answers in script:
            async with daemon(file) as gateway:
                await peer.bound()
                assert await peer.text(text) == 0
                heard += answers
                if answers:
                    assert await peer.submitted(len(heard)) == heard
                await _settled(gateway, len(heard))
                await gateway.kill()
            async with daemon(file) as gateway:
                await peer.bound()
                assert await gateway.consent() == status.get(text, "opted_in")
                sent = await gateway.send("news")
                if text in status:
                    assert sent.status_code == 409
                else:
                    heard.append("news")
                    assert await peer.submitted(len(heard)) == heard
                await _settled(gateway, len(heard))
                assert await gateway.terminate() == 0
        assert await peer.submitted(len(heard)) == heard
