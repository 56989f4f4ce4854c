"""The dispatcher: rung, it claims; what comes back rests or goes again; nothing that waits is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate
from gateway.store.tx import Tx
from gateway.traffic import passage, rests
from gateway.traffic.dispatch import HELD_PAUSE_S, RETRY_PAUSE_S
from tests.kit.binds import FakeCarrier
from tests.kit.faults import Faults
from tests.kit.stores import sqlite_engine
from tests.traffic.bench import BOB, LINE_ID, OTHER, draft
from tests.traffic.test_claims import subscribers
from tests.traffic.test_hub import Breakable
from tests.traffic.world import ADMIN, settle, store_at, world

RETRY, THROTTLED, FINAL = 0x08, 0x58, 0x0B


async def test_what_is_accepted_goes_at_once(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        id_ = await here.send()
        await settle()
        assert here.texts() == ["hi"]
        assert await here.state(id_) is MessageState.SENDING
        here.bind.settle(*here.bind.write())
        await settle()
        assert await here.state(id_) is MessageState.SENT
        assert here.dispatcher.under_way == 0


async def test_what_was_queued_before_the_start_goes(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, dispatching=False) as here:
        await here.send()
    async with world(tmp_path) as here:
        await settle()
        assert here.texts() == ["hi"]


async def test_no_more_under_way_than_the_window(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for who in subscribers(30):
            await here.send(subscriber=who)
        await settle()
        assert len(here.bind.offered) == 9, "one slot is kept"
        here.bind.settle(*here.bind.write()[:4])
        await settle()
        assert len(here.bind.offered) == 13


async def test_order_of_a_subscriber_through_throttling_and_retries(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for n in range(4):
            await here.send(f"text {n}")
        went: list[str] = []
        for fate, status in [(Fate.REJECTED, THROTTLED), (Fate.REJECTED, RETRY), (Fate.RETURNED, 0)] * 2:
            await trio.sleep(RETRY_PAUSE_S + 1)
            (permit,) = here.bind.write()
            went.append(permit.body.decode())
            here.bind.settle(permit, fate=fate, status=status)
        for _ in range(4):
            await trio.sleep(RETRY_PAUSE_S + 1)
            (permit,) = here.bind.write()
            went.append(permit.body.decode())
            here.bind.settle(permit)
        assert went == ["text 0"] * 7 + ["text 1", "text 2", "text 3"]


async def test_a_refusal_for_the_moment_rests_and_throttling_does_not(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path) as here:
        await here.send()
        await settle()
        here.bind.settle(*here.bind.write(), fate=Fate.REJECTED, status=THROTTLED)
        await settle()
        assert len(here.bind.waiting) == 1, "pace is the throttle's business"
        here.bind.settle(*here.bind.write(), fate=Fate.REJECTED, status=RETRY)
        await trio.sleep(RETRY_PAUSE_S - 0.1)
        assert not here.bind.waiting
        await here.send("HELP", lane=Lane.URGENT)
        await settle()
        assert [permit.urgent for permit in here.bind.write()] == [True], "lane 1 does not rest with the others"
        await trio.sleep(0.2)
        assert len(here.bind.waiting) == 1


async def test_resting_has_room_for_so_many(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rests, "MOST", 1)
    async with world(tmp_path) as here:
        await here.send()
        await here.send(subscriber=BOB)
        await settle()
        here.bind.settle(*here.bind.write(), fate=Fate.REJECTED, status=RETRY)
        await settle()
        assert [permit.subscriber for permit in here.bind.waiting] == [BOB], "it goes again at once, five times at most"


async def test_held_messages_do_not_stand_in_the_way(autojump_clock: MockClock, tmp_path: Path) -> None:
    """Ten of someone on hold at the head of the queue: the others go without waiting for anything."""
    async with world(tmp_path, dispatching=False) as here:
        await here.tx(lambda tx: _fill(tx, [draft("held", who) for who in subscribers(15)]))
        for who in subscribers(15):
            here.say("cancel my appointment", subscriber=who)
        await settle()
        await here.tx(lambda tx: _fill(tx, [draft("after", BOB)]))
    async with world(tmp_path) as here:
        began = trio.current_time()
        while "after" not in here.texts():
            here.bind.settle(*here.bind.write())
            await settle()
        assert trio.current_time() == began
        assert "held" not in here.texts()
        here.say("START", subscriber=subscribers(1)[0])
        await trio.sleep(HELD_PAUSE_S + 1)
        here.bind.settle(*here.bind.write())
        await settle()
        assert here.texts().count("held") == 1


async def test_the_question_passes_what_the_hold_holds(autojump_clock: MockClock, tmp_path: Path) -> None:
    """A reply that waited before the hold came does not keep the clarifying text from going."""
    async with world(tmp_path, up=False) as here:
        here.bind.session = "s"
        here.say("JOIN")
        here.say("cancel my appointment")
        await settle()
        here.bind.come_up()
        await settle()
        (question,) = here.bind.write()
        assert b"do you want" in question.body
        assert (await here.one("select count(*) from message where state = 0")) == 2


async def test_a_ring_while_a_claim_runs_is_not_lost(autojump_clock: MockClock, tmp_path: Path) -> None:
    """The claim finds a place empty and a message comes there before that is known."""
    async with world(tmp_path) as here:
        await settle()
        here.dispatcher.ring([(Lane.NORMAL, LINE_ID)])
        await trio.lowlevel.checkpoint()
        ids = await here.tx(lambda tx: _fill(tx, [draft()]))
        here.dispatcher.ring([(Lane.NORMAL, LINE_ID)])
        await settle()
        assert here.texts() == ["hi"]
        assert ids


async def test_rings_without_a_backlog_claim_nothing(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await settle()
        puts = here.store.writer.waiting
        for _ in range(3):
            here.dispatcher.ring()
            await settle()
        assert here.store.writer.waiting == puts == 0


async def test_tokens_are_waited_for_and_given_back(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        throttle = here.carrier.throttle
        throttle.tokens, throttle.next_ = 0, trio.current_time() + 3
        await here.send()
        await settle()
        assert not here.bind.waiting
        throttle.tokens = 1
        await trio.sleep(2.9)
        assert not here.bind.waiting
        await trio.sleep(0.2)
        assert len(here.bind.waiting) == 1
        throttle.next_ = None
        here.say("STOP")
        await settle()
        assert throttle.log == [1, -1, 1], "taken, given back with the revoked permit, taken by the confirmation"


async def test_refused_messages_use_no_tokens(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, dispatching=False) as here:
        here.say("STOP")
        await settle()
        await here.tx(lambda tx: _fill(tx, [draft("stale")] * 5))
    carrier = FakeCarrier()
    carrier.throttle.tokens = 2
    async with world(tmp_path, [carrier]) as here:
        await settle()
        assert here.texts() == ["Acme: you are unsubscribed and will receive no more messages."]
        assert carrier.throttle.log == [1]
        assert await here.one("select count(*) from message where state = 7 and text = 'stale'") == 5


async def test_a_bind_that_goes_down_gives_back_and_the_next_one_takes(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path, [FakeCarrier(binds=2)]) as here:
        first, second = here.carrier.binds
        await here.send()
        await settle()
        assert len(first.waiting) == 1
        first.drop()
        await settle()
        assert len(second.waiting) == 1
        assert here.dispatcher.under_way == 1


async def test_a_bind_may_go_down_between_the_claim_and_the_offer(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.send()
        here.bind.state = type(here.bind.state).DRAINING
        await settle()
        here.bind.come_up()
        await settle()
        assert len(here.bind.waiting) == 1
        assert await here.one("select count(*) from message where state = 1") == 1


@pytest.mark.parametrize("kind, name", [("line", "85700"), ("carrier", "acme"), ("lane", "normal")])
async def test_the_brake_stops_and_lets_go(autojump_clock: MockClock, tmp_path: Path, kind: str, name: str) -> None:
    async with world(tmp_path) as here:
        await here.desk.pause(kind, name, ADMIN)
        await here.send()
        await settle()
        assert not here.bind.offered
        await here.desk.resume(kind, name, ADMIN)
        await settle()
        assert here.texts() == ["hi"]


async def test_a_paused_line_still_confirms_an_opt_out(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.desk.pause("line", "85700", ADMIN)
        here.say("STOP")
        await settle()
        assert [permit.urgent for permit in here.bind.offered] == [True]


async def test_stopped_it_claims_nothing_more(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await settle()
        here.dispatcher.stop()
        await here.send()
        await settle()
        assert not here.bind.offered
        here.dispatcher.stop()
        await here.dispatcher.run()


async def test_two_lines_and_one_slot(autojump_clock: MockClock, tmp_path: Path) -> None:
    """Slots come free one at a time: no line is forgotten."""
    async with world(tmp_path, [FakeCarrier(window=1)]) as here:
        for n, who in enumerate(subscribers(6)):
            await here.send(f"a{n}", who)
            await here.send(f"b{n}", who, line=OTHER)
        for _ in range(8):
            await settle()
            here.bind.settle(*here.bind.write())
        assert {text[0] for text in here.texts()[:2]} == {"a", "b"}
        assert sum(text[0] == "a" for text in here.texts()[:8]) == 4


async def test_anothers_bug_is_not_hidden(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ValueError("a bug in the claim")

    monkeypatch.setattr(passage, "claim", broken)
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="a bug in the claim"), flatten_subgroups=True):
        async with world(tmp_path):
            await trio.sleep(1)


def _fill(tx: Tx, drafts: list[object]) -> list[int]:
    from gateway.store.hot_messages import NewMt, add_mts

    first = tx.allocate("message", len(drafts))
    ids = list(range(first, first + len(drafts)))
    add_mts(tx, [NewMt(id_, item, 1) for id_, item in zip(ids, drafts, strict=True)])  # type: ignore[arg-type]
    return ids


async def test_an_answer_is_recorded_and_what_waits_for_its_slot_claimed_in_one_commit(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The slot stands empty for one commit, and not for two."""
    store_at(tmp_path)
    faults = Faults()
    async with world(tmp_path, [FakeCarrier(window=1)], engine=sqlite_engine(tmp_path, faults)) as here:
        for who in subscribers(3):
            await here.send(subscriber=who)
        await settle()
        assert len(here.bind.offered) == 1
        before = faults.seen.count("COMMIT")
        here.bind.write()
        here.bind.settle(here.bind.unanswered[0])
        await settle()
        assert len(here.bind.offered) == 2
        assert faults.seen.count("COMMIT") == before + 1


async def test_a_claim_beside_an_answer_that_the_store_does_not_take_is_made_again(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, [FakeCarrier(window=1)], engine=store.engine) as here:
        for who in subscribers(2):
            await here.send(subscriber=who)
        await settle()
        store.breaks()
        here.bind.write()
        here.bind.settle(here.bind.unanswered[0])
        await settle()
        store.mended()
        await trio.sleep(5)
        assert len(here.bind.offered) == 2
