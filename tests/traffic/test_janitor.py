"""The janitor: what the last life left, what nobody completed or reviewed, what has had its time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Outcome
from gateway.traffic import janitor
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.janitor import STEP, expire_holds, expire_messages, recover
from gateway.traffic.keeping import ANSWERS_KEPT_S
from gateway.traffic.overdue import PARTS_WAIT_S
from gateway.traffic.settle import settle as settle_permits
from tests.traffic.bench import ANNE, BOB, CARL, LINE_ID, OTHER, OTHER_ID, Bench, book, draft, line_options, parts
from tests.traffic.bench import verdicts as nobodys_verdicts
from tests.traffic.test_claims import subscribers
from tests.traffic.test_hub import Breakable
from tests.traffic.world import settle, world

DAY = 86_400.0
S = MessageState


def mint(bench: Bench, *ids: int) -> None:
    claims = [Claim(bench.mt(id_), "acme", "acme/0") for id_ in ids]
    bench.tx(lambda tx: pass_gate(tx, claims, bench.book))


def recovered(bench: Bench) -> int:
    return bench.tx(lambda tx: recover(tx, bench.book, nobodys_verdicts))


def holds(bench: Bench) -> list[tuple[int, str]]:
    return list(bench.tx(lambda tx: expire_holds(tx, bench.book)))


@pytest.mark.parametrize("on_uncertain, state", [("hold", S.UNCERTAIN), ("resend", S.QUEUED), ("fail", S.FAILED)])
def test_permits_of_the_last_life_are_uncertain(bench: Bench, on_uncertain: str, state: MessageState) -> None:
    bench.book = book(line_options(on_uncertain=on_uncertain))
    under_way, reply = bench.queue(), bench.queue(lane=Lane.URGENT, subscriber=BOB)
    mint(bench, under_way, reply)
    assert recovered(bench) == 0, "they are this life's"
    bench.restart()
    assert recovered(bench) == 2
    assert recovered(bench) == 0
    assert bench.state(under_way) is state
    assert bench.state(reply) is S.QUEUED, "a reply goes once more"
    assert bench.rows("select distinct fate, detail from permit") == [(Fate.UNCERTAIN, "the process ended")]


def test_recovery_leaves_alone_what_was_answered(bench: Bench) -> None:
    id_ = bench.queue("x" * 200)
    mt = bench.mt(id_)
    minted = bench.tx(lambda tx: pass_gate(tx, [Claim(mt, "acme", "acme/0")], bench.book))
    first, _ = minted.permits["acme/0"]
    bench.tx(lambda tx: settle_permits(tx, [Outcome(first, Fate.ACCEPTED)], bench.book, nobodys_verdicts))
    bench.restart()
    assert recovered(bench) == 1
    assert bench.rows("select segment, fate from permit") == [(1, Fate.ACCEPTED), (2, Fate.UNCERTAIN)]
    assert bench.state(id_) is S.UNCERTAIN


def test_a_hold_that_nobody_reviews_becomes_an_opt_out_as_of_its_text(bench: Bench) -> None:
    bench.say("JOIN")
    began = bench.clock.wall()
    bench.say("cancel my appointment")
    queued = bench.queue()
    bench.clock.advance(3 * DAY - 1)
    assert holds(bench) == []
    bench.clock.advance(1)
    assert holds(bench) == [(LINE_ID, ANNE)]
    standing = bench.standing()
    assert (standing.status, standing.since, standing.source) == (ConsentStatus.OPTED_OUT, began, "hold_expired")
    assert standing.hold is None
    assert bench.state(queued) is S.REFUSED
    row = "select kind, method, occurred_at, mo_id, note from evidence order by id desc limit 1"
    held = bench.one("select max(id) from message where direction = 0")
    assert bench.rows(row) == [("opt_out", "hold_expired", began, held, "not reviewed in time")]
    assert holds(bench) == []


def test_each_line_has_its_own_patience(bench: Bench) -> None:
    bench.book = book(line_options(hold_days=10), line_options(OTHER, hold_days=1))
    for line in ("85700", OTHER, "99999"):
        bench.say("cancel my appointment", line=line)
    bench.clock.advance(DAY)
    assert holds(bench) == [(OTHER_ID, ANNE)]
    bench.clock.advance(2 * DAY)
    unknown = bench.one("select id from line where address = '99999'")
    assert holds(bench) == [(unknown, ANNE)], "a line that nobody configured has the usual three days"
    bench.clock.advance(7 * DAY)
    assert holds(bench) == [(LINE_ID, ANNE)]


def test_holds_that_are_not_due_hide_none_that_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitor, "STEP", 2)
    bench.book = book(line_options(hold_days=10), line_options(OTHER, hold_days=1))
    for who in subscribers(5):
        bench.say("cancel my appointment", who)
    bench.say("cancel my appointment", CARL, OTHER)
    bench.clock.advance(DAY)
    assert holds(bench) == [(OTHER_ID, CARL)]
    bench.clock.advance(9 * DAY)
    assert [len(holds(bench)) for _ in range(4)] == [2, 2, 1, 0]


def test_expired_messages_are_not_sent(bench: Bench) -> None:
    at = bench.clock.wall() + 100
    dated, forever = bench.queue(expires_at=at), bench.queue()
    bench.clock.advance(99)
    assert bench.tx(expire_messages) == 0
    bench.clock.advance(1)
    assert bench.tx(expire_messages) == 1
    assert [bench.state(id_) for id_ in (dated, forever)] == [S.EXPIRED, S.QUEUED]
    assert bench.one("select reason from message where id = ?", dated) == "expired"


def test_what_expires_after_a_part_of_it_went_is_partial(bench: Bench) -> None:
    id_ = bench.queue("x" * 200, expires_at=bench.clock.wall() + 1)
    mt = bench.mt(id_)
    first, second = bench.tx(lambda tx: pass_gate(tx, [Claim(mt, "acme", "acme/0")], bench.book)).permits["acme/0"]
    outcomes = [Outcome(first, Fate.ACCEPTED), Outcome(second, Fate.RETURNED)]
    bench.tx(lambda tx: settle_permits(tx, outcomes, bench.book, nobodys_verdicts))
    bench.clock.advance(2)
    assert bench.tx(expire_messages) == 1
    assert bench.state(id_) is S.PARTIAL


async def test_a_start_recovers_all_of_it(autojump_clock: MockClock, tmp_path: Path) -> None:
    """More than one step's worth, and then each goes on as its rule says."""
    bench = Bench(tmp_path)
    ids = bench.fill([draft("hi", who) for who in subscribers(STEP + 10)])
    mint(bench, *ids)
    bench.rows("update permit set life = 0")
    bench.close()
    async with world(tmp_path) as here:
        assert await here.one("select count(*) from message where state = ?", S.UNCERTAIN) == STEP + 10
        assert not here.bind.offered


async def test_a_round_does_it_all(autojump_clock: MockClock, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.close()
    async with world(tmp_path) as here:
        await here.send("to Bob", subscriber=BOB)
        await settle()
        here.bring(parts("STOP it. And", (8,), subscriber=BOB)[0])
        here.say("cancel my appointment")
        await settle()
        assert BOB in {permit.subscriber for permit in here.bind.waiting}
        await trio.sleep(PARTS_WAIT_S + 1)
        await here.janitor.round()
        await settle()
        assert [p.grounds.word for p in here.bind.waiting if p.subscriber == BOB] == ["opt_out_confirmation"]
        assert (await here.desk.consent("85700", BOB)).status is ConsentStatus.OPTED_OUT  # type: ignore[union-attr]
        await trio.sleep(3 * DAY)
        await here.janitor.round()
        assert (await here.desk.consent("85700", ANNE)).status is ConsentStatus.OPTED_OUT  # type: ignore[union-attr]
        assert await here.one("select count(*) from part") == 0


async def test_an_expired_hold_takes_back_what_waits(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.say("cancel my appointment")
        await settle()
        here.bind.write()
        half = here.bind.written.pop()
        here.bind.waiting.append(half)
        here.bind.begin()
        await trio.sleep(3 * DAY)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.janitor.round)
            await trio.sleep(4.9)
            assert not here.bind.closed
            await trio.sleep(0.2)
            assert here.bind.closed


async def test_the_depth_is_measured(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, up=False) as here:
        for who in subscribers(3):
            await here.send(subscriber=who)
        await here.send(lane=Lane.BULK, expires_at=here.clock.wall() + 5)
        await here.janitor.round()
        assert sum(map(here.backlog.depth, Lane)) == 4
        await trio.sleep(6)
        await here.janitor.round()
        assert sum(map(here.backlog.depth, Lane)) == 3
        text = here.metrics.exposition().decode()
        assert 'gateway_queue_depth{lane="normal"} 3.0' in text
        assert 'gateway_queue_depth{lane="bulk"} 0.0' in text
        assert "gateway_expired_total 1.0" in text


async def test_what_was_kept_for_a_while_is_dropped(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.bring(*parts("hello there", (5,)))
        await settle()
        await here.tx(
            lambda tx: tx.execute(
                "insert into idempotency (token, key, fingerprint, status, body, created_at)"
                " values ('a', 'b', ?, 200, '[]', ?)",
                (b"\0", tx.now),
            )
        )
        counts = "select (select count(*) from part), (select count(*) from idempotency)"
        await trio.sleep(890)
        await here.janitor.round()
        assert await here.rows(counts) == [(2, 1)]
        await trio.sleep(20)
        await here.janitor.round()
        assert await here.rows(counts) == [(0, 1)]
        await trio.sleep(ANSWERS_KEPT_S)
        await here.janitor.round()
        assert await here.rows(counts) == [(0, 0)]


async def test_a_store_that_fails_ends_a_round_and_no_more(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine, up=False) as here:
        await here.send(expires_at=here.clock.wall() + 1)
        waits = "select count(*) from message where reason = 'expired'"
        store.breaks(sqlite3.SQLITE_FULL)
        assert here.nursery is not None
        here.nursery.start_soon(here.janitor.run)
        await trio.sleep(20)
        store.mended()
        assert await here.one(waits) == 0
        await trio.sleep(6)
        assert await here.one(waits) == 1
