"""The hub: nothing is acked before it is durable, nothing twice, and what the store does not take comes again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.carriers.interface import BindState
from gateway.model.address import Msisdn
from gateway.model.messages import MessageState
from gateway.model.permit import Fate
from gateway.store.jobs import Job
from gateway.traffic import hub
from gateway.traffic.hub import PATIENCE_S
from tests.kit.binds import FakeCarrier
from tests.kit.faults import Faults, Moment
from tests.kit.stores import engine_at
from tests.traffic.bench import BOB, mo, receipt, unreadable
from tests.traffic.world import World, settle, store_at, world

TEMPORARY, FINAL = 0x64, 0x65


def answers(here: World, bind: int = 0) -> list[tuple[int, int]]:
    return [(sequence, status) for _, sequence, status in here.carrier.binds[bind].answers]


@contextmanager
def stuck(here: World) -> Iterator[list[Job[Any]]]:
    """Keep the writer from getting any job; at the end it gets them all."""
    writer, kept = here.store.writer, list[Job[Any]]()
    real = writer.put
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "put", kept.append)  # a store whose disk hangs
        yield kept
    for job in kept:
        real(job)


class Breakable:
    """A store that fails from ``breaks`` on, until ``mended``."""

    def __init__(self, directory: Path) -> None:
        store_at(directory)
        self.faults = Faults(times=1_000_000)
        self.engine = engine_at(directory, self.faults)

    def breaks(self, code: int = sqlite3.SQLITE_FULL) -> None:
        self.faults.code, self.faults.fail_at = code, len(self.faults.seen)

    def mended(self) -> None:
        self.faults.fail_at = None

    def fails_once_at(self, statement: str) -> None:
        """Let the next ``statement`` happen, and report an I/O error."""
        faults = self.faults
        faults.code, faults.moment, faults.times = sqlite3.SQLITE_IOERR, Moment.AFTER, 1

        class Seen(list[str]):
            def append(self, sql: str) -> None:
                super().append(sql)
                if sql.upper() == statement and faults.fail_at is None:
                    faults.fail_at = len(self) - 1

        faults.seen = Seen(faults.seen)


async def test_the_ack_follows_the_commit(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        with stuck(here):
            (join,) = here.say("JOIN")
            await settle()
            assert answers(here) == []
        await settle()
        assert answers(here) == [(join, 0)]
        assert here.texts() == ["Welcome!"]


async def test_a_batch_is_acked_at_once_each_with_its_status(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        join, bad, told = mo("JOIN"), unreadable(0x44), receipt("x")
        here.bring(join, bad, told, unreadable(0x45, answer=False))
        await settle()
        assert answers(here) == [(join.sequence, 0), (bad.sequence, 0x44), (told.sequence, 0)]


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT])
async def test_what_the_store_does_not_take_is_refused_for_the_moment(
    autojump_clock: MockClock, tmp_path: Path, code: int
) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine) as here:
        await settle()
        store.breaks(code)
        (stop,) = here.say("STOP")
        bad = unreadable(0x44)
        here.bring(bad, unreadable(answer=False))
        await settle()
        assert answers(here) == [(stop, TEMPORARY), (bad.sequence, TEMPORARY)], "nothing final without its octets"
        here.bring(unreadable(answer=False))
        await settle()
        assert len(answers(here)) == 2
        assert not here.bind.offered
        store.mended()
        (again,) = here.say("STOP")
        await settle()
        assert answers(here)[-1] == (again, 0)
        assert await here.one("select count(*) from message where direction = 0") == 1
        assert [b"unsubscribed" in permit.body for permit in here.bind.offered] == [True]


async def test_a_commit_of_unknown_outcome(autojump_clock: MockClock, tmp_path: Path) -> None:
    """It happened, and said that it failed: the redelivery is a duplicate, and the confirmation goes all the same."""
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine) as here:
        await settle()
        store.fails_once_at("COMMIT")
        (stop,) = here.say("STOP")
        await settle()
        assert answers(here) == [(stop, TEMPORARY)]
        await trio.sleep(1)
        assert len(here.bind.offered) == 1
        (again,) = here.say("STOP")
        await settle()
        assert answers(here) == [(stop, TEMPORARY), (again, 0)]
        assert await here.rows("select outcome from message where direction = 0") == [("opt_out",)]
        here.bind.settle(*here.bind.write())
        await settle()
        assert await here.rows("select state from message where direction = 1") == [(MessageState.SENT,)]


@pytest.mark.parametrize("at", ["the claim", "the outcome"])
async def test_unknown_outcomes_of_our_own_jobs_lose_nothing(
    autojump_clock: MockClock, tmp_path: Path, at: str
) -> None:
    """Permits that nobody was handed are returned; a settled message leaves room for its subscriber's next."""
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, dispatching=False) as here:
        for text in ("one", "two"):
            await here.send(text)
        if at == "the claim":
            store.fails_once_at("COMMIT")
        assert here.nursery is not None
        here.nursery.start_soon(here.dispatcher.run)
        await trio.sleep(2)
        (permit,) = here.bind.write()
        if at == "the outcome":
            store.fails_once_at("COMMIT")
        here.bind.settle(permit)
        await trio.sleep(30)
        assert here.texts() == ["one", "two"]
        assert await here.one("select count(*) from permit where fate = 0") == 1
        assert here.dispatcher.under_way == 1


async def test_eight_seconds(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A store that hangs: the temporary error, once; what it commits late is acked by the redelivery alone."""
    async with world(tmp_path) as here:
        with stuck(here):
            (first,) = here.say("STOP")
            await trio.sleep(4)
            (second,) = here.say("HELP", subscriber=BOB)
            await trio.sleep(PATIENCE_S - 4 - 0.1)
            assert answers(here) == []
            await trio.sleep(0.2)
            assert answers(here) == [(first, TEMPORARY)]
            await trio.sleep(4)
            assert answers(here) == [(first, TEMPORARY), (second, TEMPORARY)]
        await settle()
        assert len(answers(here)) == 2, "what was answered is not answered again"
        (again,) = here.say("STOP")
        await settle()
        assert answers(here)[2:] == [(again, 0)]
        outcomes = await here.rows("select outcome from message where direction = 0")
        assert outcomes == [("opt_out",), ("help",)]
        assert len({permit.message_id for permit in here.bind.offered}) == 2


async def test_a_store_that_hangs_fills_no_memory(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered meanwhile still waits for the store; beyond a bound, arrivals are sent back at once."""
    monkeypatch.setattr(hub, "MOST_UNDONE", 3)
    async with world(tmp_path) as here:
        with stuck(here) as kept:
            here.say("one", "two", "three")
            await trio.sleep(PATIENCE_S + 0.1)
            assert [status for _, status in answers(here)] == [TEMPORARY] * 3
            (fourth,) = here.say("STOP")
            assert answers(here)[3:] == [(fourth, TEMPORARY)]
            assert [job.name for job in kept].count("arrivals") == 1
        await settle()
        (again,) = here.say("STOP")
        await settle()
        assert answers(here)[4:] == [(again, 0)]


async def test_a_late_commit_raises_the_fence_and_acks_nothing(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, [FakeCarrier(binds=2)]) as here:
        first, second = here.carrier.binds
        await here.send("old")
        await settle()
        first.begin()
        with stuck(here):
            here.say("STOP", bind=second)
            await trio.sleep(PATIENCE_S + 1)
        await settle()
        (again,) = here.say("STOP", bind=second)
        await settle()
        assert [status for _, status in answers(here, 1)] == [TEMPORARY]
        first.finish()
        await settle()
        assert answers(here, 1)[1:] == [(again, 0)]


async def test_the_fence_closes_what_does_not_finish(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, [FakeCarrier(binds=2)]) as here:
        first, second = here.carrier.binds
        old = await here.send("old")
        await settle()
        first.begin()
        stop, other = here.say("STOP", bind=second)[0], here.say("HELP", subscriber=BOB, bind=second)[0]
        await trio.sleep(4.9)
        assert answers(here, 1) == [(other, 0)]
        await trio.sleep(0.2)
        assert len(first.closed) == 1
        assert answers(here, 1) == [(other, 0), (stop, 0)]
        assert await here.state(old) is MessageState.UNCERTAIN


@pytest.mark.checklist("B9", "I2")
async def test_a_stop_takes_back_what_waits_on_every_bind(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, [FakeCarrier(binds=2)]) as here:
        first, second = here.carrier.binds
        old = await here.send("old")
        await here.send("to Bob", subscriber=BOB)
        await settle()
        assert len(first.waiting) == len(second.waiting) == 1
        here.say("STOP", bind=second)
        await settle()
        assert {p.subscriber for bind in (first, second) for p in bind.waiting if b"Acme" not in p.body} == {BOB}
        assert await here.state(old) is MessageState.REFUSED
        assert await here.one("select count(*) from permit where fate = ?", Fate.REVOKED) == 1


async def test_sessions_that_end_make_duplicates(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, [FakeCarrier(binds=2)]) as here:
        first, second = here.carrier.binds
        here.say("JOIN", "HELP")
        await settle()
        here.say("HELP", bind=second)
        await settle()
        kinds = "select outcome from message where direction = 0 order by id"
        assert await here.rows(kinds) == [("keyword",), ("help",), ("help",)], "in an undisturbed session: a new text"
        second.drop()
        here.say("HELP")
        await settle()
        assert len(await here.rows(kinds)) == 3
        assert first.answers[-1][2] == 0
        first.acks_leave = False
        here.say("START")
        await settle()
        first.come_up()  # no end was told: the old session's answers count as open
        here.say("START")
        await settle()
        assert len(await here.rows(kinds)) == 4


@pytest.mark.checklist("I1", "I3")
async def test_after_a_restart_what_comes_again_is_a_duplicate(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.say("JOIN")
        await settle()
    async with world(tmp_path) as here:
        here.say("JOIN")
        await settle()
        assert answers(here)[0][1] == 0
        assert await here.one("select count(*) from message where direction = 0") == 1


async def test_draining_is_no_end(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.bind.state = BindState.DRAINING
        here.hub.changed(here.bind, BindState.DRAINING)
        here.say("JOIN")
        await settle()
        here.say("JOIN")
        await settle()
        assert await here.one("select count(*) from message where direction = 0") == 2


async def test_outcomes_are_told_until_they_are_recorded(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine) as here:
        id_ = await here.send()
        await settle()
        store.breaks()
        here.bind.settle(*here.bind.write())
        await trio.sleep(20)
        recorded = trio.Event()

        async def wait() -> None:
            await here.hub.recorded()
            recorded.set()

        assert here.nursery is not None
        here.nursery.start_soon(wait)
        await trio.sleep(20)
        assert not recorded.is_set()
        store.mended()
        await trio.sleep(1)
        assert recorded.is_set()
        assert await here.state(id_) is MessageState.SENT
        assert here.dispatcher.under_way == 0
        await here.hub.recorded()


@pytest.mark.checklist("C3", "D6")
async def test_a_late_response_settles_what_was_uncertain(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        id_ = await here.send()
        await settle()
        (permit,) = here.bind.write()
        here.bind.settle(permit, fate=Fate.UNCERTAIN)
        await settle()
        assert await here.state(id_) is MessageState.UNCERTAIN
        here.bind.late(permit)
        await settle()
        assert await here.state(id_) is MessageState.SENT


async def test_a_text_of_nobody_is_acked(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        nobody = mo("STOP", Msisdn(""))
        here.bring(nobody)
        await settle()
        assert answers(here) == [(nobody.sequence, 0)]


async def test_the_real_writer(tmp_path: Path) -> None:
    """With a thread of its own, and time that passes: the same conversation."""
    async with world(tmp_path, threads=True) as here:
        here.say("JOIN", "STOP", "START")
        with trio.fail_after(20):
            while len(here.bind.answers) < 3 or here.dispatcher.under_way:
                here.bind.write()
                here.bind.settle(*here.bind.unanswered)
                await trio.sleep(0.01)
        assert [status for _, status in answers(here)] == [0, 0, 0]


def test_the_store_has_eight_seconds() -> None:
    """Carriers wait ten at the least: two are left for our answer to reach them."""
    assert PATIENCE_S == 8
