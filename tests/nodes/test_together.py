"""Two nodes in one process at the same work: each message once, in order, over whichever node; parts join anywhere."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from gateway.config import load
from gateway.daemon.daemon import Running, running
from gateway.daemon.offline import offline_flow
from gateway.model.messages import Lane
from gateway.model.requests import Accepted, Actor, Idempotency, Role, SendRequest
from tests.kit.daemon import STOPPED
from tests.kit.nodes import database, spread, take_binds, until, write_config
from tests.kit.raw_smsc import DELIVER, RawBind, RawSmsc, listening, message, pdu

ADA = Actor("ada", Role.ADMIN)


class Pair:
    """Two nodes, each with one bind of the two that the carrier has."""

    def __init__(self, nodes: list[Running], smsc: RawSmsc) -> None:
        self.nodes = nodes
        self.smsc = smsc

    @property
    def binds(self) -> list[RawBind]:
        return [bind for bind in self.smsc.binds if not bind.closed.is_set()]

    def texts(self, subscriber: str) -> list[str]:
        """What somebody was sent, by each bind in its order."""
        return [text.decode() for bind in self.smsc.binds for text in bind.to(subscriber)]

    async def send(self, node: Running, texts: list[tuple[str, str]], lane: Lane = Lane.NORMAL) -> list[int]:
        """Have texts accepted, (subscriber, text) each; return their ids."""
        requests = [SendRequest("85700", f"+{who}", text, lane) for who, text in texts]
        results = await node.flow.desk.send(requests, ADA)
        assert isinstance(results, list)
        assert all(isinstance(result, Accepted) for result in results), results
        return [result.id for result in results if isinstance(result, Accepted)]


@asynccontextmanager
async def pair(folder: Path, **keys: str) -> AsyncIterator[Pair]:
    """Run two nodes until each has one bind."""
    with database() as url:
        async with (
            listening() as smsc,
            running(load(write_config(folder, "gw1", url, smsc.port, **keys)), "0") as first,
            running(load(write_config(folder, "gw2", url, smsc.port, **keys)), "0") as second,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(take_binds, smsc)
            await spread([first, second], url)
            yield Pair([first, second], smsc)
            nursery.cancel_scope.cancel()


async def test_a_queue_is_drained_by_both_each_message_once_and_in_order(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with pair(tmp_path) as two:
        order: dict[str, list[str]] = {}
        for bind in two.binds:
            bind.came = lambda submit: order.setdefault(submit.subscriber, []).append(submit.text.decode())
        people = [f"1212555{number:04d}" for number in range(40)]
        wanted: dict[str, list[str]] = {who: [] for who in people}
        for turn in range(60):
            some = [dice.choice(people) for _ in range(20)]
            batch = []
            for who in some:
                wanted[who].append(f"{turn} {len(wanted[who])}")
                batch.append((who, wanted[who][-1]))
            await two.send(two.nodes[turn % 2], batch)
        total = sum(map(len, wanted.values()))
        await until(lambda: sum(map(len, order.values())) >= total, "the whole queue")
        await trio.sleep(0.3)
        assert order == {who: texts for who, texts in wanted.items() if texts}
        share = [len(bind.submits) for bind in two.binds]
        assert sum(share) == total
        assert min(share) > total / 10


async def test_what_one_node_accepts_goes_over_the_other_at_once(tmp_path: Path) -> None:
    """A node without a bind rings the one that has it, long before that looks by itself."""
    async with pair(tmp_path) as two:
        first, second = two.nodes
        for node in two.nodes:
            await node.flow.desk.pause("carrier", "acme", ADA)
        await until(lambda: all("acme" in node.flow.brakes.carriers for node in two.nodes), "the pause on both")
        await two.send(first, [("12125550101", "wait")])
        await first.flow.desk.resume("carrier", "acme", ADA)
        await until(lambda: not second.flow.brakes.carriers, "the resume on both")
        await until(lambda: two.texts("12125550101") == ["wait"], "the text")


async def test_parts_join_over_nodes_and_a_stop_in_them_counts_everywhere(tmp_path: Path) -> None:
    async with pair(tmp_path) as two:
        a, b = two.binds
        for bind, number, text in ((a, 1, b"ST"), (b, 2, b"OP")):
            body = message(b"\x05\x00\x03\x07\x02" + bytes((number,)) + text, source=b"12125550101", esm=0x40)
            sequence = bind.next()
            await bind.send(pdu(DELIVER, sequence, body))
            assert (await bind.answer(sequence)).status == 0
        await until(lambda: two.texts("12125550101") == [STOPPED], "the confirmation")
        for node in two.nodes:
            refused = await node.flow.desk.send([SendRequest("85700", "+12125550101", "news", Lane.NORMAL)], ADA)
            assert not isinstance(refused[0], Accepted)  # type: ignore[index]


async def test_one_idempotency_key_on_two_nodes_at_once_sends_once(tmp_path: Path) -> None:
    async with pair(tmp_path) as two:
        requests = [SendRequest("85700", "+12125550101", f"text {number}", Lane.NORMAL) for number in range(5)]
        key = Idempotency("crm", "order 7", b"the same request")

        async def send(node: Running) -> None:
            results = await node.flow.desk.send(requests, ADA, key)
            answers.append(results)

        answers: list[object] = []
        async with trio.open_nursery() as nursery:
            for node in (*two.nodes, *two.nodes):
                nursery.start_soon(send, node)
        await until(lambda: len(two.texts("12125550101")) >= 5, "the texts")
        await trio.sleep(0.3)
        assert sorted(two.texts("12125550101")) == [f"text {number}" for number in range(5)]


async def test_a_command_without_a_daemon_of_its_own_works_beside_the_nodes(tmp_path: Path) -> None:
    """What it pauses stands still on them, and what it accepts goes."""
    async with pair(tmp_path) as two:
        url = two.nodes[0].config.store.url
        alone = load(write_config(tmp_path, "desk", url, two.smsc.port))
        async with offline_flow(alone, begins=False) as flow:
            assert isinstance(
                await flow.desk.send([SendRequest("85700", "+12125550101", "hi", Lane.NORMAL)], ADA), list
            )
            await flow.desk.pause("line", "85700", ADA)
        with pytest.raises(ValueError, match="as it is"):
            async with offline_flow(alone, begins=False):
                raise ValueError("as it is")
        await until(lambda: all(node.flow.brakes.rows for node in two.nodes), "the pause on both")
        async with offline_flow(alone, begins=False) as flow:
            await flow.desk.resume("line", "85700", ADA)
        await until(lambda: two.texts("12125550101") == ["hi"], "the text")
