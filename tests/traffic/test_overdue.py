"""Parts that nobody completes: in their order, all of them, within bounds, and whatever is among them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Concat, Mo, Unreadable
from gateway.sms.reassembly import join_what_came
from gateway.traffic import janitor, joining, overdue
from gateway.traffic.overdue import PARTS_WAIT_S, TEXTS, overdue_texts
from tests.traffic.bench import ANNE, BOB, CARL, LINE, LINE_ID, Bench, mo, parts, unreadable
from tests.traffic.test_claims import subscribers
from tests.traffic.test_joining import journal
from tests.traffic.test_reports import counted
from tests.traffic.world import settle, world

OUT = ConsentStatus.OPTED_OUT


def lone(text: str, reference: int = 7, **changes: Any) -> Mo:
    """The first part of two."""
    return mo(text, concat=Concat(reference, 2, 1), **changes)


def decided(bench: Bench, **limits: Any) -> list[str]:
    bench.tx(lambda tx: overdue_texts(tx, bench.book, **limits))
    return [text for text, _, _ in journal(bench)]


@pytest.mark.checklist("G1")
def test_the_oldest_are_decided_first(bench: Bench) -> None:
    now = bench.clock.wall()
    for age, who in zip((3, 9, 1, 7), subscribers(4), strict=True):
        bench.take(lone(f"{age}", subscriber=who, received_at=now - PARTS_WAIT_S - age))
    assert decided(bench, limit=2) == ["9", "7"]
    assert decided(bench) == ["9", "7", "3", "1"]


def test_an_old_part_of_a_text_that_still_comes_hides_nothing(bench: Bench) -> None:
    """Each text has one place among those that wait: that of its latest part."""
    now = bench.clock.wall()
    for who in subscribers(5):
        one, two, _ = parts("one two three", (4, 8), subscriber=who)
        bench.take(replace(one, received_at=now - 2 * PARTS_WAIT_S), replace(two, received_at=now))
    bench.take(lone("STOP", subscriber=ANNE, received_at=now - PARTS_WAIT_S - 1))
    assert decided(bench, limit=1) == ["STOP"]
    assert bench.standing().status is OUT
    assert bench.one("select count(*) from part where newest = 1 and mo_id is null") == 5


@pytest.mark.checklist("G1", "G4")
async def test_a_round_leaves_none_that_is_due(autojump_clock: MockClock, tmp_path: Path) -> None:
    """The STOP is the last of more than a step decides."""
    async with world(tmp_path) as here:
        for who in subscribers(2 * TEXTS + 10):
            here.bring(lone("hello ", subscriber=who))
        here.bring(lone("STOP ", subscriber=CARL))
        await settle()
        await trio.sleep(PARTS_WAIT_S + 1)
        here.bring(lone("not yet", subscriber=BOB))
        await settle()
        await here.janitor.round()
        assert await here.rows("select text from part where mo_id is null") == [("not yet",)]
        assert (await here.desk.consent(LINE, CARL)).status is OUT  # type: ignore[union-attr]


@pytest.mark.checklist("G1", "G4")
async def test_too_many_are_decided_before_their_time(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor, "MOST_OPEN", 3)
    monkeypatch.setattr(janitor, "TEXTS", 2)
    async with world(tmp_path) as here:
        for number, who in enumerate(subscribers(8)):
            here.bring(lone(f"{number}", subscriber=who))
            await trio.sleep(1)
        with capture_logs() as logs:
            await here.janitor.round()
            await here.janitor.round()
        assert [line["count"] for line in logs if line["log_level"] == "warning"] == [5]
        assert await here.rows("select text from part where mo_id is null order by id") == [("5",), ("6",), ("7",)]
        assert await here.one("select count(*) from message where direction = 0 and partial = 1") == 5


@pytest.mark.checklist("G1", "G4")
def test_one_subscriber_has_a_few_that_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is decided when there is one too many, and its fence is up before that one's ack."""
    monkeypatch.setattr(joining, "MOST_OF_ONE", 2)
    now = bench.clock.wall()
    bench.take(lone("BOB", subscriber=BOB))
    said = ["STOP", "two", "three", "four"]
    taken = [bench.take(lone(text, number, received_at=now + number)).taken[0] for number, text in enumerate(said, 1)]
    assert [item.outcome for item in taken] == ["part"] * 4
    assert [item.fenced for item in taken] == [(), (), ((LINE_ID, ANNE),), ()]
    assert journal(bench) == [("STOP", 1, 1), ("two", 1, 1)]
    assert bench.standing().status is OUT
    assert bench.take(lone("STOP", 1), disturbed=True).taken[0].outcome == "part", "it is not the latest any more"


async def test_poison_hides_nothing(autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(found: Any) -> Any:
        if any(part.raw == b"poison" for part in found):
            raise ZeroDivisionError("a bug of ours")
        return join_what_came(found)

    monkeypatch.setattr(joining, "join_what_came", stumble)
    async with world(tmp_path) as here:
        here.bring(lone("poison", subscriber=BOB), lone("STOP ", subscriber=CARL))
        await settle()
        await trio.sleep(PARTS_WAIT_S + 1)
        await here.janitor.round()
        await here.janitor.round()
        assert await here.one("select count(*) from part where mo_id is null") == 0
        assert (await here.desk.consent(LINE, CARL)).status is OUT  # type: ignore[union-attr]
        assert await here.rows("select raw, line, subscriber from quarantine") == [(b"poison", LINE, BOB)]
        assert counted(here, 'gateway_internal_errors_total{where="intake"}') == 1
    assert overdue.MOST_OPEN == 100_000


# Parts that are flagged as receipts.


def flagged(*texts: Mo) -> list[Unreadable]:
    return [replace(unreadable(0), perhaps=text, sequence=text.sequence) for text in texts]


@pytest.mark.checklist("G4", "H6", "H8")
@pytest.mark.parametrize("text, cut", [("STOP", 2), ("STOP please", 5), ("please stop texting me", 9)])
@pytest.mark.parametrize("order", [1, -1])
def test_a_stop_in_flagged_parts_is_in_force(bench: Bench, text: str, cut: int, order: int) -> None:
    first, last = (bench.take(part).taken[0] for part in flagged(*parts(text, (cut,)))[::order])
    assert (first.outcome, first.status, first.fenced) == ("part", 0, ())
    assert (last.outcome, last.fenced) == ("opt_out", ((LINE_ID, ANNE),))
    assert bench.standing().status is OUT
    assert len(bench.outbox()) == 1
    assert bench.rows("select * from quarantine") == []


@pytest.mark.checklist("G4", "H6", "H8")
def test_a_flagged_part_alone_is_judged_when_its_time_is_over(bench: Bench) -> None:
    bench.take(*flagged(lone("STOP ", subscriber=ANNE), lone("HELP ", subscriber=BOB)))
    bench.clock.advance(PARTS_WAIT_S + 1)
    taken = bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken
    assert [item.outcome for item in taken] == ["opt_out", "unreadable"]
    assert bench.rows("select raw, line, subscriber, status from quarantine") == [(b"HELP ", LINE, BOB, 0)]
    assert bench.outbox(BOB) == []
    assert bench.rows("select * from part where mo_id is null") == []


@pytest.mark.checklist("H6", "H8")
@pytest.mark.parametrize("text", ["HELP me", "START now", "Message 77 delivered. Reply STOP", "JOIN us"])
@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)])
def test_whatever_else_is_flagged_in_parts_is_never_answered(bench: Bench, text: str, which: tuple[int, ...]) -> None:
    """One flagged part is enough. Nothing of it is lost."""
    came = parts(text, (5,))
    arrivals = [flagged(part)[0] if number in which else part for number, part in enumerate(came)]
    taken = bench.take(*arrivals).taken
    assert [(item.outcome, item.status) for item in taken] == [("part", 0), ("unreadable", 0)]
    assert taken[1].arrival.sequence == came[1].sequence
    assert bench.rows("select raw, line, subscriber from quarantine") == [(text.encode(), LINE, ANNE)]
    assert bench.rows("select * from message") == []
    assert bench.rows("select * from consent where status <> 0 or latest_mo is not null") == []
    assert bench.rows("select * from part") == []


def test_a_flagged_text_with_a_header_that_makes_no_sense(bench: Bench) -> None:
    for text, outcome in (("STOP", "opt_out"), ("HELP", "unreadable")):
        assert bench.take(*flagged(mo(text, concat=Concat(1, 1, 1)))).taken[0].outcome == outcome
