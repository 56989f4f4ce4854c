"""A STOP that one node acks, while another holds permits for its subscriber: after the ack, nothing of those leaves.

Two nodes run in this process, on a real PostgreSQL and over real sockets, each with one bind of the same carrier. What
their binds write has one order. In each round messages wait for a subscriber, the carrier may be slow to read or to
answer, and the STOP comes over either bind at a moment of its own.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Final

import pytest
import trio

from gateway.config import load
from gateway.daemon.daemon import Running, running
from gateway.model.messages import Lane
from gateway.model.requests import Accepted, Actor, Role, SendRequest
from gateway.smpp.constants import CommandId
from gateway.smpp.pdu import SubmitSm
from tests.kit.daemon import STOPPED
from tests.kit.nodes import Piece, Record, database, spread, take_binds, until, write_config
from tests.kit.raw_smsc import DELIVER, RawBind, listening, message, pdu

ROUNDS: Final = 1000 if os.environ.get("TORTURE") == "whole" else 40
ADA: Final = Actor("ada", Role.ADMIN)


async def _slow_answers(bind: RawBind, dice: random.Random) -> None:
    """Answer submits now and then, some at a time."""
    while True:
        await trio.sleep(dice.uniform(0, 0.02))
        waiting = bind.open[: dice.randint(1, 4)]
        del bind.open[: len(waiting)]
        await bind.send(*(bind._response(sequence) for sequence in waiting))


async def _round(number: int, nodes: list[Running], binds: list[RawBind], dice: random.Random) -> tuple[str, int]:
    """Play one round; return the subscriber, and the sequence number of the STOP."""
    subscriber = f"1212555{number:04d}"
    others = [f"1213555{dice.randrange(10_000):04d}" for _ in range(dice.randint(0, 20))]
    asked = [subscriber] * dice.randint(1, 4) + others
    dice.shuffle(asked)
    for some in range(0, len(asked), 5):
        requests = [
            SendRequest("85700", f"+{who}", "news", dice.choice(list(Lane)[2:])) for who in asked[some : some + 5]
        ]
        results = await dice.choice(nodes).flow.desk.send(requests, ADA)
        assert isinstance(results, list)
        assert all(isinstance(result, Accepted) for result in results), results
    await trio.sleep(dice.uniform(0, 0.012))
    at = dice.randrange(len(binds))
    sequence = 10_000 + number
    await binds[at].send(pdu(DELIVER, sequence, message(b"STOP", source=subscriber.encode())))
    await binds[at].answer(sequence, "the ack of a STOP")
    return subscriber, sequence


@pytest.mark.parametrize("seed", [1])
async def test_nothing_leaves_after_the_ack(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    record = Record()
    with database() as url:
        async with (
            listening() as smsc,
            running(load(write_config(tmp_path, "gw1", url, smsc.port)), "0") as first,
            running(load(write_config(tmp_path, "gw2", url, smsc.port)), "0") as second,
        ):
            nodes = [first, second]
            for node in nodes:
                record.watch(node.flow.carriers)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(take_binds, smsc)
                await spread(nodes, url)
                binds = [bind for bind in smsc.binds if not bind.closed.is_set()]
                for bind in binds:
                    bind.mute = True
                    nursery.start_soon(_slow_answers, bind, dice)
                stops = [await _round(number, nodes, binds, dice) for number in range(ROUNDS)]
                await until(lambda: _confirmed(binds) == ROUNDS, "one confirmation for each STOP")
                nursery.cancel_scope.cancel()
            for bind in binds:
                await bind.release()
            held_elsewhere = sum(node.flow.among.asked for node in nodes if node.flow.among)
    _judge(record, stops)
    assert held_elsewhere >= ROUNDS / 40, "the nodes hardly ever had to ask each other"


def _confirmed(binds: list[RawBind]) -> int:
    return sum(submit.text == STOPPED.encode() for bind in binds for submit in bind.submits)


def _judge(record: Record, stops: list[tuple[str, int]]) -> None:
    acks = {p.frame.sequence: p for p in record.pieces if p.frame.command_id == CommandId.DELIVER_SM_RESP}
    by_subscriber: dict[str, list[tuple[Piece, SubmitSm]]] = {}
    for piece in record.pieces:
        if isinstance(piece.frame.pdu, SubmitSm):
            by_subscriber.setdefault(piece.frame.pdu.destination_addr, []).append((piece, piece.frame.pdu))
    for subscriber, sequence in stops:
        ack = acks[sequence]
        assert ack.frame.status == 0
        theirs = by_subscriber[subscriber]
        late = [submit.short_message for piece, submit in theirs if piece.last > ack.first]
        assert set(late) <= {STOPPED.encode()}, f"{subscriber}: {late} after the ack"
        assert [submit.short_message for _, submit in theirs].count(STOPPED.encode()) == 1
