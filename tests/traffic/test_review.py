"""Faults that a review found, each as the scenario in which it showed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import trio

from gateway.model.messages import Arrival
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Idempotency, KeyReused, Replayed, SendRequest
from gateway.store.errors import StoreUnavailable
from gateway.store.jobs import Job
from gateway.traffic.hub import MOST_OCTETS, MOST_UNDONE, PATIENCE_S
from tests.kit.clock import FakeClock
from tests.traffic.bench import LINE, book, mo, receipt, unreadable
from tests.traffic.world import ADMIN, settle, world


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

        def note(job: Job[Any]) -> None:
            jobs.append(job.name)
            put(job)

        here.store.writer.put = note  # type: ignore[method-assign]
        answers = await here.desk.send([SendRequest(LINE, f"+1212556{n:04}", "hi") for n in range(1000)], ADMIN)
        assert isinstance(answers, list)
        assert len({answer.id for answer in answers if isinstance(answer, Accepted)}) == 1000
        assert jobs.count("send") == 4


async def test_what_the_store_hangs_on_is_bounded(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.store.writer.put = lambda job: None  # type: ignore[method-assign]  # it hangs
        for _ in range(MOST_UNDONE):
            here.hub.arrived(here.bind, [mo("JOIN", session=here.bind.session)])
        assert here.bind.answers == []
        last = mo("JOIN", session=here.bind.session)
        here.hub.arrived(here.bind, [last])
        assert here.bind.answers == [(here.bind.session, last.sequence, here.carrier.temporary_status)]


async def test_so_are_its_octets(tmp_path: Path) -> None:
    """A few big PDUs fill the memory as well as many small ones; what the store takes makes room."""
    big = bytes(MOST_OCTETS // 4)
    async with world(tmp_path) as here:
        kept: list[Job[Any]] = []
        here.store.writer.put = kept.append  # type: ignore[assignment, method-assign]  # it hangs
        arrivals: list[Arrival] = [mo("JOIN", pdu=big), mo("", raw=big), replace(receipt("id"), pdu=big)]
        arrivals += [replace(unreadable(), raw=big), mo("JOIN"), mo("HELP")]
        for arrival in arrivals:
            here.bring(arrival)
        await settle()
        again = here.carrier.temporary_status
        assert here.bind.answers == [(here.bind.session, arrival.sequence, again) for arrival in arrivals[4:]]
        next(job for job in kept if job.name == "arrivals").failed(StoreUnavailable("full"))
        here.bring(mo("JOIN"))
        await settle()
        assert len(here.bind.answers) == 6, "and the four that failed"
        assert [job.name for job in kept].count("arrivals") == 2


async def test_what_is_due_is_answered_when_it_is_due(tmp_path: Path) -> None:
    """The last bit of a float decides nothing: else the look-out would look again at once, for ever."""
    since = 1.7
    assert (since + PATIENCE_S) - since < PATIENCE_S, "such a moment it must be"
    clock = FakeClock(monotonic_=since)
    async with world(tmp_path, clock=clock) as here:
        here.store.writer.put = lambda job: None  # type: ignore[method-assign]  # it hangs
        here.say("JOIN")
        clock.monotonic_ = since + PATIENCE_S / 2
        assert here.hub._look() == since + PATIENCE_S
        assert here.bind.answers == []
        clock.monotonic_ = since + PATIENCE_S
        assert here.hub._look() > clock.monotonic_
        assert len(here.bind.answers) == 1


async def test_one_key_does_each_message_once_whoever_asks_when(tmp_path: Path) -> None:
    """Two at once; one whose client left while its step was with the store; one that comes after."""
    async with world(tmp_path) as here:
        key = Idempotency("crm", "k", b"f")
        requests = [SendRequest(LINE, f"+1212556{n:04}", "hi") for n in range(600)]
        got: list[object] = []

        async def ask() -> None:
            got.append(await here.desk.send(requests, ADMIN, key))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
            left = trio.CancelScope()
            with left:
                left.cancel()
                await here.desk.send(requests, ADMIN, key)
        await ask()
        assert isinstance(got[-1], Replayed)
        assert await here.rows("select count(*), count(distinct subscriber) from message where direction = 1") == [
            (600, 600)
        ]
        assert await here.desk.send(requests, ADMIN, Idempotency("crm", "k", b"other")) == KeyReused()
