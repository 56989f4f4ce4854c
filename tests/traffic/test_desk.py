"""The desk: what people and applications ask for is done once, audited, and told in the order it was asked."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Idempotency, KeyReused, MessageQuery, Replayed, SendRequest
from gateway.model.views import BrakeRow, ConsentRow, Page
from gateway.traffic import desk as desk_module
from tests.traffic.bench import ANNE, BOB, LINE, OTHER, book, line_options, unreadable
from tests.traffic.test_claims import subscribers
from tests.traffic.test_hub import Breakable
from tests.traffic.world import ADMIN, World, settle, world

S = MessageState


async def audit(here: World) -> list[tuple[Any, ...]]:
    return await here.rows("select actor, role, verb, object from audit order by id")


def refused(value: object) -> Reason:
    assert isinstance(value, Refusal), value
    return value.reason


async def test_a_repeated_request_is_answered_and_not_done_again(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, up=False) as here:
        here.bind.session = "s"
        here.say("STOP", subscriber=BOB)
        await settle()
        requests = [SendRequest(LINE, ANNE, "hi"), SendRequest(LINE, BOB, "hi"), SendRequest(LINE, ANNE, " ")]
        promise = Idempotency("crm", "k1", b"1" * 32)
        first = await here.desk.send(requests, ADMIN, promise)
        assert isinstance(first, list)
        again = await here.desk.send(requests, ADMIN, promise)
        assert again == Replayed(tuple(first))
        assert isinstance(first[1], Refusal)
        assert first[1].since is not None
        assert await here.desk.send(requests, ADMIN, Idempotency("crm", "k1", b"2" * 32)) == KeyReused()
        assert await here.one("select count(*) from message where direction = 1 and state = 0 and lane = 3") == 1
        other = await here.desk.send(requests, ADMIN, Idempotency("other", "k1", b"1" * 32))
        assert isinstance(other, list), "another token's key is another key"


async def test_refusals_are_counted(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.desk.send([SendRequest(LINE, "x", "hi"), SendRequest(LINE, ANNE, "")], ADMIN)
        text = here.metrics.exposition().decode()
        assert 'gateway_refusals_total{reason="not-a-number"} 1.0' in text
        assert 'gateway_refusals_total{reason="empty"} 1.0' in text


async def test_the_backlog_has_a_limit(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, rules=book(line_options(), max_backlog=2), up=False) as here:
        results = await here.desk.send([SendRequest(LINE, ANNE, "hi")] * 3, ADMIN)
        assert isinstance(results, list)
        assert refused(results[2]) is Reason.BACKLOG_FULL
        await here.janitor.round()
        (full,) = await here.desk.send([SendRequest(LINE, ANNE, "hi")], ADMIN)  # type: ignore[misc]  # a list
        assert refused(full) is Reason.BACKLOG_FULL


async def test_questions_by_number_and_line(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.say("JOIN")
        await settle()
        consent = await here.desk.consent("857-00", "(212) 555-0101")
        assert isinstance(consent, ConsentRow)
        assert consent.status is ConsentStatus.OPTED_IN
        evidence = await here.desk.evidence(LINE, ANNE)
        assert not isinstance(evidence, Refusal)
        assert [row.kind for row in evidence] == ["opt_in", "list_join"]
        page = await here.desk.messages(MessageQuery(line="857 00", number="212 555 0101"))
        assert isinstance(page, Page)
        assert [row.direction for row in page.rows] == ["mt", "mt", "mo"]
        everything = await here.desk.messages(MessageQuery())
        assert isinstance(everything, Page)
        assert len(everything.rows) == 3
        assert await here.desk.message(999) is None
        for answer in (await here.desk.consent(LINE, "ACME"), await here.desk.evidence(LINE, "ACME")):
            assert refused(answer) is Reason.NOT_A_NUMBER
        assert refused(await here.desk.messages(MessageQuery(number="ACME"))) is Reason.NOT_A_NUMBER
        assert refused(await here.desk.cancel(MessageQuery(number="ACME"), ADMIN)) is Reason.NOT_A_NUMBER
        assert refused(await here.desk.consent("12345", ANNE)) is Reason.UNKNOWN_LINE
        assert refused(await here.desk.evidence("12345", ANNE)) is Reason.UNKNOWN_LINE


async def test_a_line_that_was_removed_can_still_be_asked_for(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.book = book(line_options())
        consent = await here.desk.consent(OTHER, ANNE)
        assert isinstance(consent, ConsentRow)
        assert consent.status is ConsentStatus.NOT_DEFINED
        page = await here.desk.messages(MessageQuery(line=OTHER, number=ANNE))
        assert isinstance(page, Page)


async def test_cancelling_by_filter(autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "CANCEL_STEP", 3)
    async with world(tmp_path, up=False) as here:
        for n, who in enumerate(subscribers(8)):
            await here.send(f"n {n}", who, lane=Lane.BULK, ref="campaign")
        other = await here.send("stays")
        assert await here.desk.cancel(MessageQuery(ref="campaign", number=subscribers(1)[0]), ADMIN) == 1
        assert await here.desk.cancel(MessageQuery(ref="campaign"), ADMIN) == 7
        assert await here.desk.cancel(MessageQuery(ref="campaign"), ADMIN) == 0
        assert await here.state(other) is S.QUEUED
        counts = dict(await here.rows("select reason, count(*) from message group by reason"))
        assert counts == {"cancelled": 8, None: 1}
        assert [row[2:] for row in await audit(here)] == [
            ("cancel", "1 messages"),
            ("cancel", "3 messages"),
            ("cancel", "3 messages"),
            ("cancel", "1 messages"),
        ]


async def test_only_what_is_queued_is_cancelled(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        under_way = await here.send("one")
        here.say("HELP")
        await settle()
        queued = await here.send("two")
        assert await here.desk.cancel(MessageQuery(state=S.SENT), ADMIN) == 0
        assert await here.desk.cancel(MessageQuery(direction="mo"), ADMIN) == 0
        assert await here.desk.cancel(MessageQuery(state=S.QUEUED), ADMIN) == 1
        assert [await here.state(id_) for id_ in (under_way, queued)] == [S.SENDING, S.CANCELLED]


async def test_a_cancelled_message_of_which_a_part_went_is_partial(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        id_ = await here.send("x" * 200)
        await settle()
        first, second = here.bind.write()
        here.bind.settle(first)
        here.dispatcher.stop()
        here.bind.settle(second, fate=Fate.RETURNED)
        await settle()
        assert await here.desk.cancel(MessageQuery(), ADMIN) == 1
        assert await here.state(id_) is S.PARTIAL


@pytest.mark.parametrize(
    "kind, name, reason",
    [
        ("line", "12345", Reason.UNKNOWN_LINE),
        ("carrier", "nobody", Reason.UNKNOWN_CARRIER),
        ("lane", "5", Reason.UNKNOWN_LANE),
        ("world", "all", Reason.UNKNOWN_LANE),
    ],
)
async def test_there_must_be_something_to_pause(
    autojump_clock: MockClock, tmp_path: Path, kind: str, name: str, reason: Reason
) -> None:
    async with world(tmp_path) as here:
        assert refused(await here.desk.pause(kind, name, ADMIN)) is reason
        if kind == "world":
            assert refused(await here.desk.resume(kind, name, ADMIN)) is reason
        else:
            assert await here.desk.resume(kind, name, ADMIN) is False
        assert await audit(here) == []


async def test_pausing_is_kept_over_a_restart_and_audited(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        row = await here.desk.pause("line", "857 00", ADMIN, "a complaint")
        assert isinstance(row, BrakeRow)
        assert (row.kind, row.name, row.actor, row.note) == ("line", LINE, "ada", "a complaint")
        assert await here.desk.pause("line", LINE, ADMIN, "again") == row, "the earlier brake stays"
        await here.desk.pause("lane", "bulk", ADMIN)
    async with world(tmp_path) as here:
        assert {(row.kind, row.name) for row in await here.desk.brakes()} == {("line", LINE), ("lane", "bulk")}
        await here.send()
        await settle()
        assert not here.bind.offered
        assert await here.desk.resume("line", "857 00", ADMIN) is True
        await settle()
        assert here.texts() == ["hi"]
        assert [row[:3] for row in await audit(here)] == [
            ("ada", "admin", verb) for verb in ("pause", "pause", "resume")
        ]
        assert 'gateway_paused{kind="line",name="85700"} 0.0' in here.metrics.exposition().decode()


async def uncertain(here: World, *texts: str) -> list[int]:
    """Messages of which nobody knows whether they went."""
    ids = []
    for text, who in zip(texts, subscribers(len(texts)), strict=True):
        ids.append(await here.send(text, who))
        await settle()
        here.bind.settle(*here.bind.write(), fate=Fate.UNCERTAIN)
    await settle()
    return ids


async def test_uncertain_ones_are_resent_or_failed_by_a_person(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        first, second = await uncertain(here, "one", "two")
        sent = await here.send("three", BOB)
        results = await here.desk.resolve_uncertain([first, sent, 999], "resend", ADMIN)
        assert results[first] is S.QUEUED
        assert refused(results[sent]) is Reason.NOT_UNCERTAIN
        assert refused(results[999]) is Reason.UNKNOWN_MESSAGE
        await settle()
        assert sorted(permit.message_id for permit in here.bind.waiting) == [first, sent]
        assert await here.desk.resolve_uncertain([second], "fail", ADMIN) == {second: S.FAILED}
        assert await here.rows("select state, reason from message where id = ?", second) == [(S.FAILED, "uncertain")]
        assert [row[2:] for row in await audit(here)] == [
            ("resend", "1 uncertain messages"),
            ("fail", "1 uncertain messages"),
        ]
        assert refused((await here.desk.resolve_uncertain([second], "resend", ADMIN))[second]) is Reason.NOT_UNCERTAIN
        assert len(await audit(here)) == 2


@pytest.mark.checklist("I6")
async def test_what_is_resent_passes_the_gate(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        (id_,) = await uncertain(here, "one")
        here.say("STOP", subscriber=subscribers(1)[0])
        await settle()
        assert await here.desk.resolve_uncertain([id_], "resend", ADMIN) == {id_: S.QUEUED}
        await settle()
        assert await here.state(id_) is S.REFUSED
        assert here.texts().count("one") == 1


async def test_who_leaves_while_the_store_works_leaves_nobody_waiting(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The client of a resend or a resume is gone before the commit is told: the dispatcher is rung all the same."""
    async with world(tmp_path) as here:
        (id_,) = await uncertain(here, "one")
        with trio.CancelScope() as left:
            left.cancel()
            await here.desk.resolve_uncertain([id_], "resend", ADMIN)
        assert left.cancelled_caught
        await settle()
        assert [permit.message_id for permit in here.bind.waiting] == [id_]
        here.bind.settle(*here.bind.write())
        await here.desk.pause("line", LINE, ADMIN)
        waits = await here.send("two")
        await settle()
        assert not here.bind.waiting
        with trio.CancelScope() as left:
            left.cancel()
            await here.desk.resume("line", LINE, ADMIN)
        await settle()
        assert [permit.message_id for permit in here.bind.waiting] == [waits]


async def test_the_quarantine_is_listed(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.bring(unreadable(0x44), unreadable(0x45))
        await settle()
        page = await here.desk.quarantine(None, 1)
        assert [row.status for row in page.rows] == [0x45]
        rest = await here.desk.quarantine(page.next_before_id, 10)
        assert [row.status for row in rest.rows] == [0x44]


async def test_readiness_is_whether_the_store_takes_a_write(autojump_clock: MockClock, tmp_path: Path) -> None:
    store = Breakable(tmp_path)
    async with world(tmp_path, engine=store.engine) as here:
        await settle()
        ready = await here.desk.readiness()
        assert ready.store_ok
        assert [row.name for row in ready.binds] == ["acme/0"]
        assert [row.queued for row in ready.queue] == [0, 0, 0, 0]
        assert (ready.node, ready.uncertain, ready.quarantined) == ("gw1", 0, 0)
        here.bring(unreadable())
        await settle()
        assert (await here.desk.readiness()).quarantined == 1
        store.breaks(sqlite3.SQLITE_FULL)
        ready = await here.desk.readiness()
        assert not ready.store_ok
        assert "did not take" in ready.detail
        assert len(ready.binds) == 1
        store.mended()
        assert (await here.desk.readiness()).store_ok


async def test_an_accepted_message_is_committed_before_the_answer(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, up=False) as here:
        results = await here.desk.send([SendRequest(LINE, ANNE, "hi")], ADMIN)
        assert isinstance(results, list)
        assert isinstance(results[0], Accepted)
    async with world(tmp_path) as here:
        await settle()
        assert here.texts() == ["hi"]
