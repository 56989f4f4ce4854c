"""When turns begin: texts that come one by one share one, and nobody waits for company who has enough, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Permit
from gateway.smpp.constants import Status
from gateway.traffic.hub import MOST_TOGETHER, PATIENCE_S
from gateway.traffic.pace import ANSWERS_S, ENOUGH, ENOUGH_OCTETS, MEMORY, MOST_ANSWERS, MOST_S, PERIODS, Pace
from tests.kit.binds import FakeCarrier
from tests.traffic.bench import receipt
from tests.traffic.test_claims import subscribers
from tests.traffic.world import World, settle, world

TIMES = st.floats(0, 1e6)
SPANS = st.floats(0, 10)


def ended(pace: Pace, at: float, *, busy: float = 0.0005, commit: float = 0.0005, came: bool = True) -> float:
    """Have a turn begin ``at`` some time, and end; return when it did."""
    pace.begin(at)
    pace.run(at + busy)
    end = at + busy + commit
    pace.end(end, came=came)
    return end


def test_a_turn_that_kept_the_loop_busy_is_followed_by_a_rest() -> None:
    pace = Pace()
    end = ended(pace, 100.0, busy=0.0003)
    until = pytest.approx(100.0 + PERIODS * 0.0003)
    assert pace.rest(end, 1, 0, is_wanted=False) == until
    assert pace.rest(end, 1, ENOUGH - 2, is_wanted=True) == until
    assert pace.rest(end, 1, ENOUGH - 1, is_wanted=False) == 0
    assert pace.rest(100.0 + (PERIODS + 0.1) * 0.0003, 1, 0, is_wanted=False) == 0


def test_a_slow_disk_is_pause_enough() -> None:
    pace = Pace()
    end = ended(pace, 100.0, commit=0.02)
    assert pace.rest(end, 1, 0, is_wanted=False) == 0


def test_senders_that_wait_for_answers_are_not_kept_waiting() -> None:
    pace = Pace()
    end = ended(pace, 100.0, came=False)
    assert pace.rest(end, 1, 0, is_wanted=False) == 0
    end = ended(pace, 101.0)
    for turn in range(1, MEMORY):
        end = ended(pace, 101.0 + turn, came=False)
        assert pace.rest(end, 1, 0, is_wanted=False) > end, "once may be chance"
    end = ended(pace, 110.0, came=False)
    assert pace.rest(end, 1, 0, is_wanted=False) == 0


def test_answers_wait_for_a_text_unless_messages_wait_for_them() -> None:
    pace = Pace()
    pace.answered(100.0)
    until = pytest.approx(100.0 + ANSWERS_S)
    assert pace.rest(100.001, 0, 1, is_wanted=False) == until
    assert pace.rest(100.001, 0, ENOUGH, is_wanted=False) == 0
    assert pace.rest(100.001, 0, 1, is_wanted=True) == 0
    assert pace.rest(100.001, 1, 1, is_wanted=False) == 0, "here it is"
    assert pace.rest(100.001 + ANSWERS_S, 0, 1, is_wanted=False) == 0


def test_a_turn_with_texts_leaves_answers_behind_for_half_their_time_unless_they_are_many() -> None:
    pace = Pace()
    assert not pace.leaves(0.0, 1), "none wait"
    pace.answered(100.0)
    assert pace.leaves(100.0 + 0.49 * ANSWERS_S, MOST_ANSWERS - 1)
    assert not pace.leaves(100.0 + 0.49 * ANSWERS_S, MOST_ANSWERS)
    assert not pace.leaves(100.0 + 0.51 * ANSWERS_S, 1)
    pace.begin(100.001, answers=False)
    assert pace.leaves(100.002, 1)
    assert pace.rest(100.002, 0, 0, is_wanted=False) == pytest.approx(100.0 + ANSWERS_S), "their time goes on"
    pace.run(100.002)
    pace.end(100.0021, came=False)
    assert pace.leaves(100.0022, 1)
    pace.end(100.002 + 1.1 * MOST_S, came=False)
    assert not pace.leaves(100.002 + 1.2 * MOST_S, 1), "behind a slow disk they would wait for a commit more"
    pace.end(100.0021, came=False)
    pace.begin(100.003)
    assert not pace.leaves(100.004, 1)


@given(at=TIMES, busy=SPANS, commit=SPANS, later=SPANS, answered=SPANS)
def test_no_rest_is_long(at: float, busy: float, commit: float, later: float, answered: float) -> None:
    pace = Pace()
    end = ended(pace, at, busy=busy, commit=commit)
    pace.answered(answers := end + answered)
    assert pace.rest(end, 1, 0, is_wanted=False) <= end + MOST_S
    assert pace.rest(end + MOST_S + later, 1, 0, is_wanted=False) == 0
    assert pace.rest(answers + max(MOST_S, ANSWERS_S) + later, 0, 1, is_wanted=False) == 0
    pace.begin(end)
    assert pace.rest(end, 0, 1, is_wanted=False) == 0, "it is over once a turn begins"


class Slow(Pace):
    """A turn of the test's clock takes no time; here the next one waits a second, and answers ten: five for more.

    ``turns`` is when they began.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[float] = []

    def begin(self, now: float, *, answers: bool = True) -> None:
        super().begin(now, answers=answers)
        self.turns.append(now)

    def end(self, now: float, *, came: bool) -> None:
        self.until = now + 1.0 if came else 0.0

    def answered(self, now: float) -> None:
        self.answers_until = now + 10.0
        self.leaves_until = now + 5.0


async def slowly(here: World) -> Slow:
    """Have this world keep such a pace from now on."""
    await settle()
    pace = here.hub._pace = Slow()
    here.store.writer.near = True
    return pace


async def bring_one_meanwhile(here: World) -> Slow:
    """Have one more text come while the first one's turn ends; return when it waits."""
    pace = await slowly(here)
    first, second = subscribers(2)

    def meanwhile(sequence: int, status: int) -> None:
        if len(here.bind.answers) == 1:
            here.say("hello", subscriber=second)

    here.bind.on_answer = meanwhile
    here.say("hello", subscriber=first)
    await settle()
    return pace


async def bring_enough(here: World) -> None:
    """Have so many more come that none of them waits."""
    for who in subscribers(ENOUGH + 1)[2:]:
        here.say("hello", subscriber=who)
    await settle()


async def test_what_came_during_a_turn_waits_for_company(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        assert len(here.bind.answers) == 1
        await trio.sleep(0.99)
        assert len(here.bind.answers) == 1
        await trio.sleep(0.02)
        await settle()
        assert len(here.bind.answers) == 2


async def test_enough_waits_for_nobody(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        await bring_enough(here)
        assert len(here.bind.answers) == ENOUGH + 1


async def test_who_texts_when_nothing_is_under_way_does_not_wait(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await slowly(here)
        for who in subscribers(3):
            here.say("hello", subscriber=who)
            await settle()
        assert len(here.bind.answers) == 3


async def test_the_end_waits_for_nobody(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        here.store.writer.stop()
        await settle()
        assert len(here.bind.answers) == 2


async def test_binds_let_gather_what_comes_while_texts_rest(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert here.bind.gathers == 1
        pace = await bring_one_meanwhile(here)
        assert here.bind.gathers == ENOUGH_OCTETS
        third = subscribers(3)[2]
        here.bind.unread = lambda: here.say("hello", subscriber=third)
        await trio.sleep(1.1)
        assert (here.bind.gathers, len(here.bind.answers)) == (1, 3)
        assert len(pace.turns) == 2, "what was read shares the turn"


async def test_binds_read_at_once_again_where_enough_ended_the_rest(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        await bring_enough(here)
        assert here.bind.gathers == 1


async def states(here: World) -> list[tuple[int]]:
    """Return the states of what was sent."""
    return await here.rows("SELECT state FROM message WHERE state <> 20 ORDER BY id")


SENT = (MessageState.SENT.value,)
SENDING = (MessageState.SENDING.value,)


async def have_one_accepted(here: World) -> Permit:
    """Have a carrier accept what answers the first subscriber's text; return its permit."""
    here.say("HELP", subscriber=subscribers(1)[0])
    await settle()
    (permit,) = here.bind.write()
    here.bind.settle(permit)
    await settle()
    return permit


async def test_answers_wait_for_more_and_then_for_a_text(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await slowly(here)
        await have_one_accepted(here)
        assert await states(here) == [SENDING]
        assert here.bind.gathers == 1, "a text is noticed at once"
        _, second, third = subscribers(3)
        here.say("HELP", subscriber=second)
        await settle()
        assert len(here.bind.answers) == 2
        assert await states(here) == [SENDING, SENDING], "a turn with a text leaves them behind"
        here.bind.settle(*here.bind.write())
        await trio.sleep(5.1)
        assert await states(here) == [SENDING, SENDING]
        here.say("HELP", subscriber=third)
        await settle()
        assert await states(here) == [SENT, SENT, SENDING]


@pytest.mark.parametrize("next_text", [True, False])
async def test_answers_wait_no_longer_than_a_while(
    autojump_clock: MockClock, tmp_path: Path, *, next_text: bool
) -> None:
    """Also those that a turn left behind."""
    async with world(tmp_path) as here:
        await slowly(here)
        await have_one_accepted(here)
        if next_text:
            here.say("hello", subscriber=subscribers(2)[1])
        await trio.sleep(9.9)
        assert await states(here) == [SENDING]
        await trio.sleep(0.2)
        assert await states(here) == [SENT]


async def test_many_answers_go_with_the_next_text(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        pace = await slowly(here)
        await have_one_accepted(here)
        pace.leaves = lambda now, answers: answers < 1  # type: ignore[method-assign]
        here.say("hello", subscriber=subscribers(2)[1])
        await settle()
        assert await states(here) == [SENT]


async def test_the_next_text_of_an_answers_subscriber_takes_it_along(autojump_clock: MockClock, tmp_path: Path) -> None:
    """The reply is behind what is under way to them: it would wait for one more commit."""
    async with world(tmp_path) as here:
        await slowly(here)
        await have_one_accepted(here)
        here.say("JOIN", subscriber=subscribers(1)[0])
        await settle()
        assert (await states(here))[0] == SENT
        assert len(here.bind.offered) > 1


@pytest.mark.parametrize("fate", [fate for fate in Fate if fate is not Fate.ACCEPTED])
@pytest.mark.parametrize("next_text", [True, False])
async def test_what_is_no_acceptance_waits_for_nothing(
    autojump_clock: MockClock, tmp_path: Path, fate: Fate, *, next_text: bool
) -> None:
    """It may be an opt-out that the carrier knows of, or bring a message back into its queue."""
    async with world(tmp_path) as here:
        await slowly(here)
        here.say("HELP", subscriber=subscribers(1)[0])
        await settle()
        here.bind.settle(*here.bind.write(), fate=fate, status=Status.ESME_RINVDSTADR)
        if next_text:
            here.say("hello", subscriber=subscribers(2)[1])
        await settle()
        assert len(here.bind.answers) == 1 + next_text
        assert await here.rows("SELECT fate FROM permit ORDER BY id LIMIT 1") == [(fate.value,)]


async def test_a_receipt_never_overtakes_its_response(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await slowly(here)
        permit = await have_one_accepted(here)
        here.bring(receipt(f"c{permit.id}"))
        await settle()
        assert await states(here) == [(MessageState.DELIVERED.value,)]


async def test_what_waits_in_the_queue_waits_for_no_answers(autojump_clock: MockClock, tmp_path: Path) -> None:
    """It is behind what is under way to its subscriber, and that is over."""
    async with world(tmp_path) as here:
        await slowly(here)
        await have_one_accepted(here)
        await here.send("news", subscribers(1)[0])
        await settle()
        assert await states(here) == [SENT, SENDING]


async def test_answers_that_messages_wait_for_do_not_rest(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, [FakeCarrier(window=1)]) as here:
        await slowly(here)
        for text in ("one", "two"):
            await here.send(text)
        await settle()
        assert here.texts() == ["one"]
        here.bind.settle(*here.bind.write())
        await settle()
        assert here.texts() == ["one", "two"]


async def test_answers_that_wait_are_recorded_at_the_end(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await slowly(here)
        here.say("HELP", subscriber=subscribers(1)[0])
        await settle()
        here.bind.settle(*here.bind.write())
        await here.hub.recorded()
        assert await states(here) == [(MessageState.SENT.value,)]


def when_answered(here: World, count: int) -> trio.Event:
    """Return what is set once the first bind has that many answers."""
    event = trio.Event()
    here.bind.on_answer = lambda _sequence, _status: event.set() if len(here.bind.answers) >= count else None
    return event


@pytest.mark.parametrize("count", [MOST_TOGETHER + 1, 4 * MOST_TOGETHER])
@pytest.mark.parametrize("text", ["hello", "HELP"])
async def test_what_is_too_much_for_a_turn_has_the_next_one(tmp_path: Path, count: int, text: str) -> None:
    async with world(tmp_path, threads=True) as here:
        answered = when_answered(here, count)
        for who in subscribers(count):
            here.say(text, subscriber=who)
        with trio.fail_after(PATIENCE_S / 2):  # after that they are put off
            await answered.wait()
        assert {status for _, _, status in here.bind.answers} == {0}


async def test_a_text_behind_a_session_that_ended_has_the_next_turn(tmp_path: Path) -> None:
    """Who is alive is part of a batch: what came before and after such a change has turns of its own."""
    async with world(tmp_path, [FakeCarrier(binds=2)], threads=True) as here:
        answered = when_answered(here, 2)
        first, second = subscribers(2)
        here.say("hello", subscriber=first)
        here.carrier.binds[1].drop()
        here.say("STOP", subscriber=second)
        with trio.fail_after(PATIENCE_S / 2):
            await answered.wait()


async def test_no_bind_gathers_for_as_long_as_a_slow_job_takes(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await bring_one_meanwhile(here)
        assert here.bind.gathers == ENOUGH_OCTETS
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(here.store.writer, "wake", lambda: None)  # whatever happens, its turn does not come
            await trio.sleep(1.1)
            assert here.bind.gathers == 1
