"""Order and rates where ways change: texts from another carrier, reloads, carriers that leave in the middle."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate
from gateway.model.requests import SendRequest
from gateway.store.jobs import Job
from gateway.traffic.rulebook import RuleBook, Way
from tests.kit.binds import FakeCarrier
from tests.traffic.bench import ANNE, mo
from tests.traffic.test_routes import NUMBERS, binds, two
from tests.traffic.world import ADMIN, World, settle, world

ACME = two(Way("acme"), Way("spare", 0))
SPARE = two(Way("acme", 0), Way("spare"))


def carriers(*names: str, window: int = 10) -> list[FakeCarrier]:
    return [FakeCarrier(name, window=window) for name in names or ("acme", "spare")]


def bind_of(here: World, name: str) -> Any:
    return next(bind for bind in binds(here) if bind.carrier == name)


async def work(here: World, times: int = 5) -> None:
    for _ in range(times):
        await settle()
        for bind in binds(here):
            bind.settle(*bind.write())
    await settle()


def went_to_anne(here: World) -> list[bytes]:
    permits = [permit for bind in binds(here) for permit in bind.written if permit.subscriber == ANNE]
    return [permit.body for permit in sorted(permits, key=lambda permit: permit.id)]


async def texts_from_spare(here: World) -> None:
    spare = bind_of(here, "spare")
    spare.say(mo("hello", carrier="spare", bind=spare.name, session=spare.session))
    await settle()


async def reweigh(here: World) -> None:
    here.book = SPARE
    here.dispatcher.ring_all()


@pytest.mark.parametrize("turn", [texts_from_spare, reweigh])
@pytest.mark.parametrize("end", ["throttled", "dropped"])
async def test_what_comes_back_goes_before_what_came_after_it(
    autojump_clock: MockClock, tmp_path: Path, turn: Any, end: str
) -> None:
    """The first is under way on one carrier when the second is queued for another."""
    async with world(tmp_path, carriers(), rules=ACME) as here:
        acme = bind_of(here, "acme")
        await here.send("first")
        await settle()
        await turn(here)
        await here.send("second")
        await settle()
        if end == "dropped":
            acme.drop()
        else:
            here.carrier.throttle.tokens = 0
            acme.settle(*acme.write(), fate=Fate.REJECTED, status=0x58)
            acme.written.clear()
        await settle()
        spare = bind_of(here, "spare")
        spare.settle(*spare.write())
        await trio.sleep(40)
        await work(here)
        assert went_to_anne(here) == [b"first", b"second"]


async def test_order_holds_when_a_line_gets_a_second_carrier(autojump_clock: MockClock, tmp_path: Path) -> None:
    """What was queued without a choice stands behind a crowd of its like; what comes after it must not pass."""
    async with world(tmp_path, carriers(window=4), rules=two(Way("acme")), up=False) as here:
        for who in NUMBERS[:50]:
            await here.send("crowd", subscriber=who)
        await here.send("first")
        here.book = ACME
        await here.janitor.round()
        here.dispatcher.ring_all()
        await here.send("second")
        for bind in binds(here):
            bind.come_up()
        await work(here, 40)
        assert went_to_anne(here) == [b"first", b"second"]


async def lose_acme(here: World, rules: RuleBook) -> None:
    here.book = rules
    bind_of(here, "acme").drop()
    here.carriers = [carrier for carrier in here.carriers if carrier.name != "acme"]
    here.dispatcher.ring_all()
    await settle()


@pytest.mark.parametrize("left", [two(Way("spare")), two(Way("spare"), Way("third", 0))])
async def test_what_was_under_way_on_a_carrier_that_leaves_goes_over_another(
    autojump_clock: MockClock, tmp_path: Path, left: RuleBook
) -> None:
    async with world(tmp_path, carriers("acme", "spare", "third"), rules=ACME) as here:
        await here.send("first")
        await settle()
        await lose_acme(here, left)
        await here.send("second")
        await work(here)
        assert went_to_anne(here) == [b"first", b"second"]


async def test_an_uncertain_one_of_a_carrier_that_left_is_resent_over_another(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path, carriers("acme", "spare", "third"), rules=ACME) as here:
        id_ = await here.send("first")
        await settle()
        bind_of(here, "acme").write()
        await lose_acme(here, two(Way("spare"), Way("third", 0)))
        assert await here.state(id_) is MessageState.UNCERTAIN
        await here.desk.resolve_uncertain([id_], "resend", ADMIN)
        await work(here)
        assert went_to_anne(here) == [b"first"]


async def test_what_was_accepted_under_the_old_book_is_found_by_the_next_round(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path, carriers("acme", "spare", "third"), rules=ACME) as here:
        bind_of(here, "acme").drop()
        await here.send("first")
        await lose_acme(here, two(Way("spare"), Way("third", 0)))
        await work(here)
        assert went_to_anne(here) == []
        await here.janitor.round()
        await work(here)
        assert went_to_anne(here) == [b"first"]


async def test_what_is_queued_for_a_carrier_that_left_follows_the_next_one_for_them(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with world(tmp_path, carriers("acme", "spare", "third"), rules=ACME) as here:
        bind_of(here, "acme").drop()
        await here.send("first")
        await lose_acme(here, two(Way("spare"), Way("third", 0)))
        await here.send("second")
        await work(here)
        assert went_to_anne(here) == [b"first", b"second"]


async def test_a_permit_for_a_bind_that_left_during_the_claim_is_taken_back(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """A slow commit: the carrier's drain has ended when the claim's permits are there."""
    async with world(tmp_path, carriers(), rules=ACME) as here:
        await work(here)
        put = here.store.writer.put

        def slow(job: Job[Any]) -> None:
            put(job)
            if job.name == "dispatch" and len(here.carriers) == 2:
                bind_of(here, "acme").drop()
                here.carriers.pop(0)

        here.store.writer.put = slow  # type: ignore[method-assign]  # what is slow is the disk
        await here.send("first")
        await work(here)
        await here.send("second")
        await work(here)
        assert went_to_anne(here) == [b"first", b"second"]
        fates = Counter(fate for (fate,) in await here.rows("select fate from permit"))
        assert fates == {Fate.RETURNED: 1, Fate.ACCEPTED: 2}
        assert here.dispatcher.under_way == 0


async def drain(here: World, seconds: int) -> None:
    for _ in range(seconds * 10):
        await work(here, 1)
        await trio.sleep(0.1)


async def test_the_lanes_of_a_line_share_its_rate(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, carriers("acme", window=100), rules=two(Way("acme"), max_per_second=10)) as here:
        for lane, numbers in ((Lane.NORMAL, NUMBERS[:300]), (Lane.BULK, NUMBERS[300:600])):
            await here.desk.send([SendRequest("85700", who, "hi", lane) for who in numbers], ADMIN)
        await drain(here, 20)
        rows = await here.rows("select lane from message where state <> 0 and direction = 1")
        went = Counter(lane for (lane,) in rows)
        assert 190 <= went.total() <= 205
        assert abs(went[Lane.BULK] - went.total() / 5) < 8


async def test_what_one_lane_leaves_of_a_lines_rate_another_uses(autojump_clock: MockClock, tmp_path: Path) -> None:
    """The replies of one subscriber go one at a time; broadcasts use the rest."""
    async with world(tmp_path, carriers("acme", window=100), rules=two(Way("acme"), max_per_second=10)) as here:
        for n in range(20):
            await here.send(f"normal {n}")
        await here.desk.send([SendRequest("85700", who, "hi", Lane.BULK) for who in NUMBERS[:300]], ADMIN)
        acme = bind_of(here, "acme")
        for _ in range(100):
            await settle()
            acme.settle(*(permit for permit in acme.write() if permit.subscriber != ANNE))
            await trio.sleep(0.1)
        assert 95 <= len(acme.written) <= 105


async def test_the_carriers_of_a_line_share_its_rate(autojump_clock: MockClock, tmp_path: Path) -> None:
    rules = two(Way("acme"), Way("spare"), max_per_second=10)
    async with world(tmp_path, carriers(window=100), rules=rules) as here:
        await here.desk.send([SendRequest("85700", who, "hi", Lane.NORMAL) for who in NUMBERS[:600]], ADMIN)
        await drain(here, 20)
        went = [len(bind.written) for bind in binds(here)]
        assert 190 <= sum(went) <= 205
        assert min(went) > 80
