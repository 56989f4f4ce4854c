"""Texts that were put off for the moment: brought again after a STOP they bring nobody back, and else they count."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import pytest
import trio
from trio.testing import MockClock

from gateway.model.consent import ConsentStatus
from gateway.traffic import hub
from gateway.traffic.acks import PUT_OFF_S, AckLedger
from gateway.traffic.hub import PATIENCE_S
from tests.kit.faults import Faults
from tests.kit.stores import engine_at
from tests.traffic.bench import LINE_ID, SESSION, Bench, mo, receipt, unreadable
from tests.traffic.test_hub import Breakable, answers, stuck
from tests.traffic.world import World, settle, store_at, world

Reason = Literal["backlog", "store", "slow"]
REASONS: tuple[Reason, ...] = ("backlog", "store", "slow")
IN, OUT = ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT
TEMPORARY = 0x64


class Scene:
    """A world whose store takes a text, or puts it off for a reason of the test's choice."""

    def __init__(self, here: World, store: Breakable) -> None:
        self.here = here
        self._store = store

    async def say(self, text: str, put_off: Reason | None = None) -> int:
        """Bring a text; return the status that it was answered with."""
        await trio.sleep(1)
        before = len(answers(self.here))
        with self._trouble(put_off):
            self.here.say(text)
            await trio.sleep(PATIENCE_S + 0.1 if put_off == "slow" else 0)
            await settle()
        await settle()
        ((_, status),) = answers(self.here)[before:]
        return status

    @contextmanager
    def _trouble(self, reason: Reason | None) -> Iterator[None]:
        match reason:
            case "backlog":
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(hub, "MOST_UNDONE", 0)
                    yield
            case "slow":
                with stuck(self.here) as kept:
                    yield
                    kept.clear()  # the disk never came back for it
                self.here.hub._undone = self.here.hub._flying = 0
                self.here.hub._gathered.clear()
            case "store":
                self._store.breaks(sqlite3.SQLITE_FULL)
                yield
                self._store.mended()
            case None:
                yield

    async def status(self) -> ConsentStatus:
        return ConsentStatus(await self.here.one("select status from consent where line_id = ?", LINE_ID))


@asynccontextmanager
async def scene(directory: Path) -> AsyncIterator[Scene]:
    store = Breakable(directory)
    async with world(directory, engine=store.engine, dispatching=False) as here:
        await settle()
        yield Scene(here, store)


@pytest.mark.checklist("I1")
@pytest.mark.parametrize("new_session", [False, True])
@pytest.mark.parametrize("word", ["START", "UNSTOP", "JOIN"])
@pytest.mark.parametrize("reason", REASONS)
async def test_put_off_then_stop_then_brought_again(
    autojump_clock: MockClock, tmp_path: Path, reason: Reason, word: str, *, new_session: bool
) -> None:
    async with scene(tmp_path) as there:
        assert await there.say("JOIN ") == 0
        assert await there.say(word, reason) == TEMPORARY
        assert await there.say("STOP") == 0
        if new_session:
            there.here.bind.drop()
            there.here.bind.come_up()
        assert await there.say(word) == 0, "acked, so that it comes no more"
        assert await there.status() is OUT
        assert await there.say(word) == 0, "somebody wrote it anew"
        assert await there.status() is IN


@pytest.mark.parametrize("before", [(), ("STOP",), ("START", "STOP")])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("reason", REASONS)
async def test_put_off_and_no_stop_since(
    autojump_clock: MockClock, tmp_path: Path, reason: Reason, times: int, before: tuple[str, ...]
) -> None:
    async with scene(tmp_path) as there:
        for text in before:
            assert await there.say(text) == 0
        for _ in range(times):
            assert await there.say("START", reason) == TEMPORARY
        assert await there.say("START") == 0
        assert await there.status() is IN


@pytest.mark.parametrize("reason", REASONS)
async def test_a_stop_that_was_put_off_counts_when_it_comes(
    autojump_clock: MockClock, tmp_path: Path, reason: Reason
) -> None:
    """STOP is law: whoever said START in between says it once more."""
    async with scene(tmp_path) as there:
        assert await there.say("STOP", reason) == TEMPORARY
        assert await there.say("START") == 0
        assert await there.status() is IN
        assert await there.say("STOP") == 0
        assert await there.status() is OUT


@pytest.mark.parametrize("again", REASONS)
@pytest.mark.parametrize("reason", REASONS)
async def test_it_first_came_when_it_was_first_put_off(
    autojump_clock: MockClock, tmp_path: Path, reason: Reason, again: Reason
) -> None:
    async with scene(tmp_path) as there:
        assert await there.say("START", reason) == TEMPORARY
        assert await there.say("STOP") == 0
        assert await there.say("START", again) == TEMPORARY
        await trio.sleep(PUT_OFF_S - 3_600)
        assert await there.say("START", again) == TEMPORARY
        await trio.sleep(7_200)
        assert await there.say("START") == 0
        assert await there.status() is OUT


async def test_its_ack_must_have_gone_its_way(autojump_clock: MockClock, tmp_path: Path) -> None:
    """START put off, STOP, START acked but the ack is lost with its session: START comes a third time."""
    async with scene(tmp_path) as there:
        await there.say("START", "backlog")
        await there.say("STOP")
        there.here.bind.acks_leave = False
        await there.say("START")
        there.here.bind.drop()
        there.here.bind.come_up()
        there.here.bind.acks_leave = True
        await there.say("START")
        assert await there.status() is OUT
        await there.say("START")
        assert await there.status() is IN


async def test_what_was_put_off_is_forgotten_with_the_process(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A limit that is written down in decision 9: memory alone knows of it."""
    async with scene(tmp_path) as there:
        await there.say("START", "backlog")
    async with world(tmp_path, engine=engine_at(tmp_path, Faults()), dispatching=False) as here:
        here.say("STOP")
        await settle()
        await trio.sleep(1)
        here.say("START")
        await settle()
        assert await here.one("select status from consent") == IN


async def test_what_may_be_a_text_is_followed_too(autojump_clock: MockClock, tmp_path: Path) -> None:
    store_at(tmp_path)
    async with world(tmp_path) as here:
        here.bring(receipt("x"), unreadable())
        await settle()
        assert [status for _, status in answers(here)] == [0, 1]


LEFT = 100.0
"""When somebody left, of the bench's seconds."""


@pytest.mark.parametrize("first_s, comes_back", [(50.0, False), (LEFT, False), (100.1, True), (None, True)])
@pytest.mark.parametrize(
    "gone, back",
    [(("START", "STOP"), "START"), (("JOIN", "STOP"), "JOIN"), (("JOIN", "STOP ALERTS"), "JOIN "), (("STOP",), "START"),
     (("START", "can you stop my appointment"), "START "), (("STOP ALL",), "START")],
)  # fmt: skip
def test_what_first_came_before_one_left_lifts_nothing(
    bench: Bench, gone: tuple[str, ...], back: str, first_s: float | None, *, comes_back: bool
) -> None:
    """An opt-out of the line, of a list, of the account; a hold."""
    start = bench.clock.wall()
    for text in gone[:-1]:
        bench.say(text)
    bench.clock.advance(LEFT)
    bench.say(gone[-1])
    left = bench.standing()
    bench.clock.advance(LEFT)
    first = None if first_s is None else start + first_s
    again = mo(back, received_at=bench.clock.wall())
    (taken,) = bench.take(again, first_came=first).taken
    if comes_back:
        assert taken.outcome != "duplicate"
        assert bench.standing() != left
    else:
        assert taken.outcome == "duplicate"
        assert bench.standing() == left


def test_a_list_that_was_left_in_the_same_batch(bench: Bench) -> None:
    bench.say("JOIN")
    texts = [mo(text, received_at=bench.clock.wall()) for text in ("STOP ALERTS", "JOIN ")]
    taken = bench.take(*texts, first_came=bench.clock.wall() - 5).taken
    assert taken[1].outcome == "duplicate"
    assert bench.standing().lists == {"alerts": OUT}


@pytest.mark.parametrize("moved_s", [-3_600.0, 0.0, 3_600.0])
def test_a_clock_that_is_put_back_or_forward_makes_no_text_younger(moved_s: float) -> None:
    ledger = AckLedger(900)
    first = mo("START", received_at=5_000.0)
    ledger.arrived(first, 10.0)
    ledger.answered(SESSION, [(first.sequence, TEMPORARY)], 10.5)
    stop_since = 5_020.0 + min(moved_s, 0.0)  # put back before the STOP, or forward after it
    came = ledger.arrived(mo("START", received_at=5_050.0 + moved_s), 60.0)[1]
    assert came is not None
    assert came < stop_since


def test_what_had_no_answer_when_its_session_ended_was_put_off() -> None:
    ledger = AckLedger(900)
    unanswered, taken = mo("START", received_at=5_000.0), mo("JOIN", received_at=5_000.0)
    ledger.arrived(unanswered, 10.0)
    ledger.arrived(taken, 10.0)
    ledger.answered(SESSION, [(taken.sequence, 0)], 10.5)
    ledger.session_ended(SESSION, 11.0)
    assert ledger.arrived(mo("START", received_at=5_010.0), 20.0)[1] == 5_000.0
    assert ledger.arrived(mo("JOIN", received_at=5_010.0), 20.0)[1] is None, "the journal has it"


def test_a_slow_ack_may_not_have_been_seen() -> None:
    ledger = AckLedger(900)
    for number, (status, written) in enumerate([(TEMPORARY, 0.5), (0, 6.0), (0, 0.5)]):
        text = mo("START", received_at=5_000.0 + 100 * number)
        assert (ledger.arrived(text, 100.0 * number)[1] is not None) is (number > 0)
        ledger.answered(SESSION, [(text.sequence, status)], 100.0 * number)
        ledger.written(SESSION, [text.sequence], 100.0 * number + written)
    assert ledger.arrived(mo("START", received_at=5_300.0), 300.0)[1] is None


@pytest.mark.parametrize("reason", REASONS)
async def test_a_redelivery_that_is_put_off_as_well_becomes_no_new_text(
    autojump_clock: MockClock, tmp_path: Path, reason: Reason
) -> None:
    """JOIN (its ack is lost), STOP, JOIN again: put off, and brought a third time when the journal is no help."""
    async with scene(tmp_path) as there:
        there.here.bind.acks_leave = False
        await there.say("JOIN")
        there.here.bind.acks_leave = True
        await there.say("STOP")
        await there.say("JOIN", reason)
        await trio.sleep(3_600)
        await there.say("JOIN")
        assert await there.status() is OUT


async def test_what_the_session_told_to_come_again_is_known_too(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A text that comes before the bind is answered, or after we unbound."""
    async with scene(tmp_path) as there:
        here = there.here
        early = mo("START", session=here.bind.session, received_at=here.clock.wall())
        here.hub.put_off(here.bind, [early])
        await there.say("STOP")
        assert await there.say("START") == 0
        assert await there.status() is OUT
        here.hub.put_off(here.bind, [mo("UNSTOP", session=here.bind.session, received_at=here.clock.wall())])
        assert await there.say("UNSTOP") == 0
        assert await there.status() is IN
