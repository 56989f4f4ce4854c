"""Faults that a review found, each as the scenario in which it showed."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Outcome
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Idempotency, SendRequest
from gateway.policy.grounds import REPLY_LIFE_S
from gateway.store.hot_messages import permits_of, settle_permits
from gateway.traffic.hub import MOST_UNDONE
from tests.traffic.bench import ANNE, BOB, LINE, LINE_ID, Bench, book, mo
from tests.traffic.test_claims import demand, run, supply
from tests.traffic.world import ADMIN, settle, world

LONG_GSM = "a" * 400


def test_one_subscribers_backlog_stops_nobody_else(bench: Bench) -> None:
    """3,000 messages to Anne, who has one under way, and one to Bob behind them."""
    for _ in range(3000):
        bench.queue()
    bobs = bench.queue(subscriber=BOB)
    claimed = run(bench, supply(10), wanted=demand(busy=frozenset({(LINE_ID, ANNE)})))
    assert [claim.mt.id for claim in claimed.claims] == [bobs]
    assert {claim.mt.subscriber for claim in run(bench, supply(10)).claims} == {ANNE, BOB}


def test_a_long_urgent_text_gets_the_slots_that_come_free(bench: Bench) -> None:
    urgent = bench.queue(LONG_GSM, lane=Lane.URGENT)
    for n in range(50):
        bench.queue(lane=Lane.BULK, subscriber=bench.somebody(n))
    for free in (0, 1, 2):
        claimed = run(bench, supply(free, urgent=free + 0, idle=False))
        assert claimed.claims == [], f"{free} free: they are kept for it"
    claimed = run(bench, supply(2, urgent=3, idle=False))
    assert [claim.mt.id for claim in claimed.claims][0] == urgent


def test_a_late_record_replaces_no_answer(bench: Bench) -> None:
    """UNCERTAIN could not be stored, the late answer could, and then the first is tried again."""
    permit = bench.minted(bench.queue())
    answered = Outcome(permit, Fate.ACCEPTED, carrier_id="c1", late=True)
    bench.tx(lambda tx: settle_permits(tx, [answered]))
    bench.tx(lambda tx: settle_permits(tx, [Outcome(permit, Fate.UNCERTAIN)]))
    assert bench.rows("select fate, carrier_id from permit") == [(Fate.ACCEPTED, "c1")]
    assert bench.tx(lambda tx: permits_of(tx, [permit.message_id]))


async def test_pausing_and_resuming_at_once_ends_alike_in_store_and_memory(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for _ in range(50):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(here.desk.pause, "line", LINE, ADMIN)
                nursery.start_soon(here.desk.resume, "line", LINE, ADMIN)
            stored = await here.rows("select count(*) from brake")
            assert stored == [(len(here.brakes.rows),)]


async def test_a_full_queue_is_no_lasting_answer(tmp_path: Path) -> None:
    """What the limit refused is asked again under the same key; what was accepted is not doubled."""
    async with world(tmp_path, rules=book(max_backlog=2)) as here:
        key = Idempotency("crm", "k", b"f")
        requests = [SendRequest(LINE, f"+1212555010{n}", "hi") for n in range(3)]
        first = await here.desk.send(requests, ADMIN, key)
        assert isinstance(first, list)
        assert [isinstance(answer, Accepted) for answer in first] == [True, True, False]
        assert isinstance(first[2], Refusal)
        assert first[2].reason is Reason.BACKLOG_FULL
        here.book = book(max_backlog=9)
        again = await here.desk.send(requests, ADMIN, key)
        assert isinstance(again, list)
        assert again[:2] == first[:2]
        assert isinstance(again[2], Accepted)
        assert await here.rows("select count(*) from message where direction = 1") == [(3,)]


async def test_a_big_batch_is_accepted_in_steps(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        jobs: list[str] = []
        put = here.store.writer.put
        here.store.writer.put = lambda job: (jobs.append(job.name), put(job))[1]  # type: ignore[method-assign]
        answers = await here.desk.send([SendRequest(LINE, f"+1212556{n:04}", "hi") for n in range(1000)], ADMIN)
        assert isinstance(answers, list)
        assert len({answer.id for answer in answers if isinstance(answer, Accepted)}) == 1000
        assert jobs.count("send") == 4


async def test_what_the_store_hangs_on_is_bounded(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.bind.come_up()
        here.store.writer.put = lambda job: None  # type: ignore[method-assign]  # it hangs
        for _ in range(MOST_UNDONE):
            here.hub.arrived(here.bind, [mo("JOIN", session=here.bind.session)])
        assert here.bind.answers == []
        last = mo("JOIN", session=here.bind.session)
        here.hub.arrived(here.bind, [last])
        assert here.bind.answers == [(last.sequence, here.carrier.temporary_status)]
        await settle()


def test_a_message_is_resent_once_at_most(bench: Bench) -> None:
    """A carrier that never answers gets no copy after copy, whatever the line says."""
    id_ = bench.queue()
    states = []
    for _ in range(3):
        permit = bench.minted(id_)
        bench.settle(Outcome(permit, Fate.UNCERTAIN), on_uncertain="resend")
        states.append(bench.state(id_))
        if bench.state(id_) is not MessageState.QUEUED:
            break
    assert states == [MessageState.QUEUED, MessageState.UNCERTAIN]
    assert REPLY_LIFE_S == 300


pytestmark = pytest.mark.usefixtures()
