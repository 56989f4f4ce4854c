"""The short way of replies takes nothing from whoever waits: neither slots that are kept, nor their turn, nor order."""

from __future__ import annotations

from pathlib import Path

import pytest
from trio.testing import MockClock

from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Outcome
from gateway.traffic.settle import settle as write
from tests.kit.binds import FakeCarrier
from tests.traffic.bench import ANNE, Bench, receipt, verdicts
from tests.traffic.test_claims import subscribers
from tests.traffic.test_hub import Breakable
from tests.traffic.test_receipts import mint
from tests.traffic.world import settle, world

LONG = "x" * (3 * 153)


@pytest.mark.parametrize("lane", [Lane.NORMAL, Lane.URGENT])
async def test_replies_leave_a_long_text_its_slots(autojump_clock: MockClock, tmp_path: Path, lane: Lane) -> None:
    """One slot comes free at a time, and with each somebody texts."""
    async with world(tmp_path, [FakeCarrier(window=5)]) as here:
        for who in subscribers(5):
            here.say("NEWS" if lane is Lane.NORMAL else "HELP", subscriber=who)
        await settle()
        await here.send(LONG, lane=lane)
        for who in subscribers(25)[5:]:
            here.bind.write()
            here.bind.settle(here.bind.unanswered[0])
            here.say("NEWS", subscriber=who)
            await settle()
        assert ANNE in {permit.subscriber for permit in here.bind.offered}


async def test_a_store_that_fails_at_once_keeps_nothing(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine) as here:
        await settle()
        store.breaks()
        for _ in range(20):
            here.say("hello")
            await settle()
        assert len(here.bind.answers) == 20
        assert len(here.hub._waiting) == 0
        store.mended()


def test_a_late_answer_beside_that_of_the_second_try(bench: Bench) -> None:
    """Sent once more because nobody answered; then both answers come in one read."""
    id_ = bench.queue("hi", lane=Lane.REPLY)
    (first,) = mint(bench, id_)
    bench.tx(lambda tx: write(tx, [Outcome(first, Fate.UNCERTAIN)], bench.book, verdicts))
    (second,) = mint(bench, id_)
    both = [Outcome(first, Fate.ACCEPTED, carrier_id="a1", late=True), Outcome(second, Fate.ACCEPTED, carrier_id="a2")]
    bench.tx(lambda tx: write(tx, both, bench.book, verdicts))
    assert bench.state(id_) is MessageState.SENT
    assert bench.rows("select fate, carrier_id from permit order by id") == [
        (Fate.ACCEPTED, "a1"),
        (Fate.ACCEPTED, "a2"),
    ]
    assert bench.take(receipt("a1")).taken[0].outcome == "receipt_recorded"
