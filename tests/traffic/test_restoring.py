"""A restored store sends nothing; texts are taken in; and there are two ways out of it, both on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.restore import Covered, MergedRow
from gateway.model.views import BrakeRow, RestoredRow
from gateway.store.errors import StoreUnavailable
from gateway.store.restored import BACKUP_MARK
from gateway.traffic import restoring
from gateway.traffic.brake import Brakes
from gateway.traffic.restoring import Restoring
from tests.kit.stores import look
from tests.kit.suppression import lines_of, record
from tests.traffic.bench import ANNE, BOB, CARL, book, line_options
from tests.traffic.world import ADMIN, World, settle, world


def restoring_of(here: World) -> Restoring:
    return Restoring(here.store, here._book, here.hub.fence, here.brakes, here.dispatcher.ring_all)


async def prepared(folder: Path, **how: Any) -> dict[str, int]:
    """Leave a backup that has a chain, and messages of each lane that wait; return their ids."""
    async with world(folder, dispatching=False, **how) as here:
        here.brakes.set(BrakeRow("carrier", "acme", 1.0, "ada", ""))
        here.say("STOP", subscriber=CARL)
        await settle()
        ids = {lane.word: await here.send(lane.word, lane=lane) for lane in (Lane.NORMAL, Lane.BULK)}
        ids["urgent"] = await here.one("select max(id) from message where lane = ?", int(Lane.URGENT))
    look(folder, "insert into meta (key, value) values (?, '1789999000.5')", (BACKUP_MARK,))
    await trio.sleep(400)  # the confirmation is too old by now
    return ids


async def audit(here: World) -> list[tuple[str, dict[str, Any]]]:
    rows = await here.rows("select verb, detail from audit order by id")
    return [(verb, json.loads(detail)) for verb, detail in rows]


async def whole(restore: Restoring) -> Covered:
    """Return what a log that has everything would cover."""
    owed = await restore.state()
    assert owed is not None
    [chain] = owed.chains
    return Covered(chain.node, chain.incarnation, chain.seq)


async def states(here: World, ids: dict[str, int]) -> dict[str, str]:
    return {word: (await here.state(id_)).word for word, id_ in ids.items()}


async def test_nothing_is_sent_and_texts_are_taken_in(tmp_path: Path, autojump_clock: MockClock) -> None:
    await prepared(tmp_path)
    async with world(tmp_path) as here:
        assert here.brakes.restored
        here.say("JOIN", subscriber=BOB)
        [stop] = here.say("STOP")
        await here.send("hello", subscriber=BOB)
        await here.janitor.round()
        await trio.sleep(400)
        await here.janitor.round()
        assert here.bind.offered == []
        assert (here.bind.session, stop, 0) in here.bind.answers
        consent = await here.desk.consent("85700", ANNE)
        assert not isinstance(consent, Refusal)
        assert consent.status is ConsentStatus.OPTED_OUT
        assert 'gateway_paused{kind="store",name="restored"} 1.0' in here.metrics.exposition().decode()
        for kind in ("line", "carrier", "lane", "store"):
            await here.desk.resume(kind, "restored", ADMIN)
        assert here.brakes.restored, "no resume lifts it"
        assert (await here.desk.brakes())[0].kind == "store"


async def test_what_was_merged_is_in_force_and_then_it_sends_again(tmp_path: Path, autojump_clock: MockClock) -> None:
    ids = await prepared(tmp_path)
    async with world(tmp_path) as here:
        restore = restoring_of(here)
        await restore.doubt()
        hello = await here.send("hello", subscriber=BOB)
        await here.send("to anne")
        merged = await restore.merge([line[:-1] for line in lines_of([record(seq=9)])], ADMIN)
        assert merged == MergedRow({"applied": 1, "lifted": 0, "known": 0, "outdone": 0}, refused=1)
        assert (await here.desk.consent("85700", ANNE)).status is ConsentStatus.OPTED_OUT  # type: ignore[union-attr]
        assert here.bind.offered == []
        with capture_logs() as logs:
            assert await restore.finish([await whole(restore)], ["a.log"], ADMIN) is None
        assert "this store sends again" in [line["event"] for line in logs]
        await settle()
        assert here.texts() == ["hello"]
        assert await here.state(hello) is MessageState.SENDING
        assert await states(here, ids) == {"normal": "uncertain", "bulk": "uncertain", "urgent": "expired"}
        assert [verb for verb, _ in await audit(here)] == ["merge", "restore-merge"]
        assert (await audit(here))[1][1] == {"logs": ["a.log"], "whole": True}
        assert await restore.finish([], [], ADMIN) is None, "nothing is owed any more"


async def test_a_log_that_begins_too_late_or_is_another_nodes_pays_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    await prepared(tmp_path)
    async with world(tmp_path) as here:
        restore = restoring_of(here)
        due = await whole(restore)
        for wrong in (
            [],
            [Covered(due.node, due.incarnation, due.head + 1)],
            [Covered(due.node, due.incarnation + 1, 0)],
            [Covered("gw9", due.incarnation, 0)],
        ):
            owed = await restore.finish(wrong, ["late.log"], ADMIN)
            assert isinstance(owed, RestoredRow)
            assert [chain.covered for chain in owed.chains] == [False]
            assert here.brakes.restored
        assert await restore.finish([Covered(due.node, due.incarnation, 0)], ["good.log"], ADMIN) is None
        assert not here.brakes.restored
    async with world(tmp_path) as here:
        assert not here.brakes.restored, "and it stays so"


async def test_a_person_may_accept_the_loss_and_is_on_record(tmp_path: Path, autojump_clock: MockClock) -> None:
    await prepared(tmp_path)
    async with world(tmp_path) as here:
        restore = restoring_of(here)
        due = await whole(restore)
        owed = await restore.accept_loss("moved by hand", ADMIN)
        assert isinstance(owed, RestoredRow)
        assert owed.taken_at == 1_789_999_000.5
        assert await audit(here) == [
            ("accept-loss", {"missing": [f"{due.node}/{due.incarnation}"], "reason": "moved by hand"})
        ]
        await here.send("hello", subscriber=BOB)
        await settle()
        assert here.texts() == ["hello"]
        again = await restore.accept_loss("twice", ADMIN)
        assert isinstance(again, Refusal)
        assert again.reason is Reason.NOT_RESTORED
        assert await restore.state() is None


@pytest.mark.parametrize("choice,state", [("hold", "uncertain"), ("fail", "failed"), ("resend", "queued")])
async def test_what_waited_at_the_backup_may_have_been_sent_since(
    choice: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(restoring, "DOUBT_STEP", 1)
    rules = book(line_options(on_uncertain=choice))
    ids = await prepared(tmp_path, rules=rules)
    async with world(tmp_path, rules=rules) as here:
        restore = restoring_of(here)
        assert await restore.doubt() == (0 if choice == "resend" else 2)
        assert await restore.doubt() == 0
        later = await here.send("accepted since")
        assert await restore.doubt() == 0
        assert await states(here, ids) == {"normal": state, "bulk": state, "urgent": "queued"}
        assert await here.state(later) is MessageState.QUEUED


async def test_a_store_that_fails_at_it_is_asked_again_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    ids = await prepared(tmp_path)
    async with world(tmp_path) as here:
        restore = restoring_of(here)

        async def fails(*_: object) -> None:
            raise StoreUnavailable("the disk is full")

        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(here.store, "read", fails)
            await restore.run()
        assert [line["log_level"] for line in logs] == ["warning"]
        await restore.accept_loss("because", ADMIN)
        await settle()
        assert here.texts() == []
        assert (await states(here, ids))["bulk"] == "uncertain"


async def test_an_uncertain_one_can_be_sent_by_a_persons_word(tmp_path: Path, autojump_clock: MockClock) -> None:
    ids = await prepared(tmp_path)
    async with world(tmp_path) as here:
        await restoring_of(here).accept_loss("because", ADMIN)
        row = await here.desk.message(ids["bulk"])
        assert row is not None
        assert row.reason == "restored"
        await here.desk.resolve_uncertain([ids["bulk"]], "resend", ADMIN)
        await settle()
        assert here.texts() == ["bulk"]


async def test_merging_into_a_store_that_was_not_restored_fences_what_is_on_its_way(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with world(tmp_path) as here:
        id_ = await here.send("news")
        await settle()
        assert here.texts() == ["news"]  # it waits in the bind's hands, unwritten
        await restoring_of(here).merge([line[:-1] for line in lines_of([record(seq=9)])], ADMIN)
        await settle()
        assert (await here.state(id_)).word == "refused"


async def test_many_records_are_merged_in_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(restoring, "STEP", 2)
    async with world(tmp_path, up=False) as here:
        records = [record(seq=number, subscriber=Msisdn(f"+1212555{number:04}")) for number in range(1, 6)]
        lines = [line[:-1] for line in lines_of(records)]
        restore = restoring_of(here)
        merged = await restore.merge(lines, ADMIN)
        assert isinstance(merged, MergedRow)
        assert merged.fates["applied"] == 5
        merged = await restore.merge(lines, ADMIN)
        assert isinstance(merged, MergedRow)
        assert (merged.fates["applied"], merged.fates["known"]) == (0, 5)
        assert [verb for verb, _ in await audit(here)] == ["merge"] * 3, "what changes nothing needs no record"


async def test_a_line_that_is_no_record_merges_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with world(tmp_path, up=False) as here:
        good = lines_of([record(seq=1)])[0][:-1]
        refused = await restoring_of(here).merge([good, good[:-3]], ADMIN)
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.BAD_LOG
        assert "Line 2" in refused.detail
        assert await here.one("select count(*) from evidence") == 0


async def test_a_mark_stops_everything_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with world(tmp_path) as here:
        restore = restoring_of(here)
        brake = await restore.mark(77.0, ADMIN)
        assert (brake.kind, brake.name) == ("store", "restored")
        await here.send("news")
        await settle()
        assert here.bind.offered == []
        assert isinstance(await restore.accept_loss("too early", ADMIN), Refusal), "its next start tells what is owed"
        assert here.brakes.restored
    async with world(tmp_path) as here:
        owed = await restoring_of(here).state()
        assert owed is not None
        assert owed.taken_at == 77.0


def test_everything_stands_still_under_the_brake_of_a_restored_store() -> None:
    brakes, rules = Brakes(), book()
    brakes.set(BrakeRow("store", "restored", 1.0, "gateway", ""))
    assert brakes.places(rules) == {(lane, line_id) for lane in Lane for line_id in rules.by_id}
    brakes.release("store", "restored")
    assert not brakes.places(rules)


def test_a_brake_that_another_node_set_or_lifted_is_followed() -> None:
    brakes = Brakes()
    restored, lane = BrakeRow("store", "restored", 1.0, "gateway", ""), BrakeRow("lane", "bulk", 1.0, "ada", "")
    assert brakes.replace([restored, lane])
    assert not brakes.replace([restored, lane])
    assert brakes.replace([])
    assert [row.kind for row in brakes.rows] == ["store"], "what was read may be from just before it was set here"
    assert not brakes.replace([restored])
    assert not brakes.replace([])
    assert brakes.replace([])
    assert brakes.rows == []
