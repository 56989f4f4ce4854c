"""The short way of replies takes nothing from whoever waits: neither slots that are kept, nor their turn, nor order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Outcome, Permit
from gateway.model.views import BrakeRow
from gateway.store.jobs import Job
from gateway.traffic.brake import STORE
from gateway.traffic.settle import settle as write
from tests.kit.binds import FakeCarrier
from tests.kit.faults import Faults
from tests.kit.stores import engine_at
from tests.traffic.bench import ANNE, BOB, LINE, OTHER, Bench, book, line_options, receipt, verdicts
from tests.traffic.test_claims import subscribers
from tests.traffic.test_hub import Breakable
from tests.traffic.test_receipts import mint
from tests.traffic.world import World, settle, store_at, world

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


@contextmanager
def once_claimed(here: World, then: Callable[[], object]) -> Iterator[None]:
    """Do ``then`` in the instant in which the next claim is put, before a batch begins with it."""
    real = here.store.writer.put

    def put(job: Job[Any]) -> None:
        real(job)
        if job.name == "dispatch":
            patch.undo()
            then()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(here.store.writer, "put", put)
        yield


async def test_a_text_that_comes_with_a_claim_is_answered_behind_it_at_once(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a STOP beside a broadcast: most batches begin with a claim that was put while the last one was committed."""
    store_at(tmp_path)
    faults = Faults()
    async with world(tmp_path, [FakeCarrier(window=3)], engine=engine_at(tmp_path, faults)) as here:
        await settle()
        here.bind.drop()
        await here.send("hi")
        commits: list[int] = []
        offer = here.bind.offer

        def noted(permits: Sequence[Permit]) -> None:
            commits.append(faults.seen.count("COMMIT"))
            offer(permits)

        monkeypatch.setattr(here.bind, "offer", noted)
        with once_claimed(here, lambda: here.say("HELP", subscriber=BOB)):
            here.bind.come_up()
            await settle()
        assert [permit.subscriber for permit in here.bind.offered] == [ANNE, BOB]
        assert len(commits) == 2
        assert len(set(commits)) == 1
        here.bind.settle(*here.bind.write())
        await here.send("ho")
        await settle()
        assert here.texts()[2:] == ["ho"], "what was lent is back"


async def test_a_claim_that_fails_with_its_text_lets_both_come_again(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, [FakeCarrier(window=3)], engine=store.engine) as here:
        await settle()
        here.bind.drop()
        await here.send("hi")

        def text() -> None:
            here.say("HELP", subscriber=BOB)
            store.breaks()

        with once_claimed(here, text):
            here.bind.come_up()
            await settle()
        assert not here.bind.offered
        assert [status for _, _, status in here.bind.answers] == [here.carrier.temporary_status]
        store.mended()
        await trio.sleep(1)
        here.say("HELP", subscriber=BOB)
        await settle()
        assert [permit.subscriber for permit in here.bind.offered] == [ANNE, BOB]


@pytest.mark.parametrize("kind", ["carrier", "line", "lane", STORE])
async def test_what_is_paused_before_its_batch_begins_stays(
    autojump_clock: MockClock, tmp_path: Path, kind: str
) -> None:
    """The claim was put before: neither what it would have taken goes, nor a reply behind it, until it is resumed."""
    name = {"carrier": "acme", "line": LINE, "lane": Lane.REPLY.word, STORE: ""}[kind]
    async with world(tmp_path, [FakeCarrier(window=5)]) as here:
        await settle()
        here.bind.drop()
        await here.send("hi", lane=Lane.BULK)

        def pause() -> None:
            here.brakes.set(BrakeRow(kind, name, 0.0, "ada", "why"))
            here.say("JOIN", subscriber=BOB)

        with once_claimed(here, pause):
            here.bind.come_up()
            await settle()
        assert [permit.subscriber for permit in here.bind.offered] == ([ANNE] if kind == "lane" else [])
        here.brakes.release(kind, name)
        here.dispatcher.ring_all()
        await settle()
        assert {permit.subscriber for permit in here.bind.offered} == {ANNE, BOB}


async def test_what_a_reload_moves_before_its_batch_begins_goes_the_new_way(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """Decided under the new configuration, sent under it: one batch sees one."""
    zeta = FakeCarrier("zeta", window=5)
    async with world(tmp_path, [FakeCarrier("acme", window=5), zeta]) as here:
        await settle()
        here.bind.drop()
        await here.send("hi")

        def reload() -> None:
            here.book = book(line_options(carriers=("zeta",)), line_options(OTHER))
            here.say("JOIN", subscriber=BOB)
            here.dispatcher.ring_all()

        with once_claimed(here, reload):
            here.bind.come_up()
            await settle()
        assert here.bind.offered == []
        assert {permit.subscriber for permit in zeta.binds[0].offered} == {ANNE, BOB}
