"""Which carrier a message goes over: where they text from, whose prefix, by weight; order first, and who stands in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.carriers.statuses import Verdict
from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Standing
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Grounds
from gateway.model.requests import SendRequest
from gateway.store.hot_messages import NewMt, add_mts
from gateway.store.tx import Tx
from gateway.traffic.accept import accept
from gateway.traffic.backlog import Headroom
from gateway.traffic.routes import follow, free, route
from gateway.traffic.rulebook import RuleBook, Way
from gateway.traffic.serving import Serving
from tests.kit.binds import FakeBind, FakeCarrier
from tests.traffic.bench import ANNE, BOB, LINE_ID, Bench, book, draft, line_options, mo
from tests.traffic.test_upstream import BLOCKED, verdicts
from tests.traffic.world import ADMIN, World, settle, world

A, B, C = Way("a"), Way("b"), Way("c")
NUMBERS = [Msisdn(f"+1212555{number:04}") for number in range(2_000)]


def two(*ways: Way, **limits: Any) -> RuleBook:
    """A book whose first line has these carriers."""
    made = book(line_options())
    entry = replace(made.by_id[LINE_ID], ways=ways, **limits)
    return replace(made, by_id={LINE_ID: entry}, by_address={entry.address: entry})


def test_without_a_choice_there_is_no_route() -> None:
    assert route(ANNE, "a", [A]) == ""
    assert route(ANNE, None, []) == ""


def test_where_they_texted_from_last_comes_first() -> None:
    ways = [Way("a", prefixes=("+1212",)), Way("b", weight=0)]
    assert route(ANNE, "b", ways) == "b"
    assert route(ANNE, "gone", ways) == "a"


def test_the_longest_prefix_comes_next() -> None:
    ways = [Way("a", prefixes=("+1", "+49")), Way("b", prefixes=("+12125",)), Way("c", weight=1_000)]
    assert route(ANNE, None, ways) == "b"
    assert route(Msisdn("+13105550101"), None, ways) == "a"
    assert route(Msisdn("+33105550101"), None, ways) == "c"


@given(weights=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_the_others_are_shared_by_weight(weights: tuple[int, int]) -> None:
    ways = [Way("a", weights[0]), Way("b", weights[1]), Way("standby", 0)]
    shares = Counter(route(number, None, ways) for number in NUMBERS)
    assert shares.keys() == {"a", "b"}
    assert abs(shares["a"] / len(NUMBERS) - weights[0] / sum(weights)) < 0.06


def test_a_carrier_that_is_added_takes_only_what_becomes_its_own() -> None:
    before = {number: route(number, None, [A, B]) for number in NUMBERS}
    moved = [number for number in NUMBERS if route(number, None, [A, B, C]) != before[number]]
    assert {route(number, None, [A, B, C]) for number in moved} == {"c"}
    assert abs(len(moved) / len(NUMBERS) - 1 / 3) < 0.06


def routes(bench: Bench) -> list[tuple[str, str]]:
    return bench.rows("select subscriber, route from message where direction = 1 order by id")


def send(bench: Bench, rules: RuleBook, subscriber: Msisdn = ANNE) -> None:
    request = SendRequest("85700", subscriber, "hi", Lane.NORMAL)
    bench.tx(lambda tx: accept(tx, [request], ADMIN, rules, Headroom(rules)))


def test_what_is_queued_for_them_keeps_its_way_and_its_order(bench: Bench) -> None:
    """Over a change of weights, too: two messages on two ways could overtake one another."""
    first, second = two(A, Way("b", 0)), two(Way("a", 0), B)
    send(bench, first)
    send(bench, second)
    send(bench, second, BOB)
    assert routes(bench) == [(ANNE, "a"), (ANNE, "a"), (BOB, "b")]


def test_replies_go_back_over_the_carrier_that_they_texted_from(bench: Bench) -> None:
    bench.book = two(Way("other", 1_000), Way("acme", 0))
    bench.take(mo("HELP", carrier="acme"))
    assert routes(bench) == [(ANNE, "acme")]


def test_what_is_queued_follows_them_to_another_carrier(bench: Bench) -> None:
    bench.book = two(Way("other", 1), Way("acme", 0))
    send(bench, bench.book)
    send(bench, bench.book, BOB)
    taken = bench.take(mo("hello", carrier="acme"))
    assert routes(bench) == [(ANNE, "acme"), (BOB, "other")]
    assert taken.places == {(lane, LINE_ID) for lane in Lane}
    assert bench.take(mo("hello again", carrier="acme")).places == set()


def test_who_texts_by_a_carrier_that_only_receives_is_answered_by_another(bench: Bench) -> None:
    standing = Standing(LINE_ID, ANNE)
    key = (LINE_ID, ANNE)
    changed = replace(standing, last_carrier="receiver")
    assert bench.tx(lambda tx: follow(tx, {key: standing}, {key: changed}, two(A, B))) == set()


def test_what_is_queued_for_a_carrier_that_is_gone_may_go_over_any(bench: Bench) -> None:
    for subscriber in NUMBERS[:20]:
        send(bench, two(A, B, C), subscriber)
    gone = sum(way == "c" for _, way in routes(bench))
    assert gone > 2
    assert bench.tx(lambda tx: free(tx, two(A, B), 2)) == {(Lane.NORMAL, LINE_ID)}
    assert sum(way == "c" for _, way in routes(bench)) == gone - 2, "in steps"
    bench.tx(lambda tx: free(tx, two(A, B), 500))
    assert {way for _, way in routes(bench)} == {"a", "b", ""}
    assert bench.tx(lambda tx: free(tx, two(A, B), 500)) == set()
    bench.tx(lambda tx: free(tx, two(A), 500))
    assert {way for _, way in routes(bench)} == {""}


# Who serves whom.


def queues(serving: Serving, able: str, now: float, *, waited_for: str = "abc", rules: RuleBook | None = None) -> Any:
    made = serving.queues(rules or two(A, replace(B, failover_after_s=60)), set(able), set(waited_for), now)
    return {name: [way for _, way in ways] for name, ways in made.items()}


def test_a_carrier_is_stood_in_for_when_it_has_been_down_for_long() -> None:
    serving = Serving()
    rules = two(A, replace(B, failover_after_s=60))
    assert queues(serving, "ab", 0) == {"a": ["", "a"], "b": ["", "b"]}
    assert queues(serving, "a", 10) == {"a": ["", "a"]}
    assert serving.next_at(rules, 10) == 70
    assert queues(serving, "a", 69.9) == {"a": ["", "a"]}
    assert queues(serving, "a", 70) == {"a": ["", "a", "b"]}
    assert queues(serving, "ab", 71) == {"a": ["", "a"], "b": ["", "b"]}
    assert queues(serving, "a", 72) == {"a": ["", "a"]}, "it counts anew"


def test_who_is_paused_or_gone_is_stood_in_for_at_once() -> None:
    assert queues(Serving(), "a", 0, waited_for="a") == {"a": ["", "a", "b"]}


def test_a_line_with_one_carrier_waits_for_it() -> None:
    serving = Serving()
    assert queues(serving, "b", 0, rules=two(A)) == {}
    assert queues(serving, "b", 1_000, rules=two(A)) == {}
    assert queues(serving, "a", 1_001, rules=two(A)) == {"a": ["", "a"]}


def carriers() -> list[FakeCarrier]:
    return [FakeCarrier(), FakeCarrier("spare")]


def binds(here: World) -> list[FakeBind]:
    return [bind for carrier in here.carriers for bind in carrier.binds if isinstance(bind, FakeBind)]


async def offered(here: World, carrier: int) -> list[str]:
    await settle()
    return here.texts(binds(here)[carrier])


SPARE = two(Way("acme"), Way("spare", 0))


async def test_a_line_falls_back_to_its_next_carrier_after_a_while(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, carriers(), rules=SPARE) as here:
        here.bind.drop()
        await here.send("one")
        await trio.sleep(29)
        assert await offered(here, 1) == []
        await trio.sleep(2)
        assert await offered(here, 1) == ["one"]
        here.bind.come_up()
        await here.send("two", subscriber=BOB)
        assert await offered(here, 0) == ["two"]
        assert await offered(here, 1) == ["one"]


async def test_a_paused_carrier_is_stood_in_for_at_once(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, carriers(), rules=SPARE) as here:
        await here.desk.pause("carrier", "acme", ADMIN)
        await here.send("one")
        assert await offered(here, 1) == ["one"]


async def test_a_reply_goes_back_where_the_text_came_from(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, carriers(), rules=SPARE) as here:
        spare = binds(here)[1]
        spare.say(mo("HELP", carrier="spare", bind=spare.name, session=spare.session))
        assert len(await offered(here, 1)) == 1
        assert await offered(here, 0) == []


async def test_a_line_has_a_rate_of_its_own(autojump_clock: MockClock, tmp_path: Path) -> None:
    """Over all of its carriers; tokens of what never left come back."""
    rules = two(Way("acme"), Way("spare"), max_per_second=10)
    async with world(tmp_path, carriers(), rules=rules) as here:
        for who in NUMBERS[:40]:
            await here.send(subscriber=who)
        for _ in range(20):
            await settle()
            for bind in binds(here):
                bind.settle(*bind.write())
            await trio.sleep(0.1)
        went = [len(bind.written) for bind in binds(here)]
        assert 19 <= sum(went) <= 22
        assert min(went) > 0
        for bind in binds(here):
            bind.drop()
            bind.come_up()
        await trio.sleep(1)
        assert 8 <= sum(len(bind.waiting) for bind in binds(here)) <= 12


class Upstream(FakeCarrier):
    """Says with a status of its own that somebody has left."""

    def verdict(self, status: int) -> Verdict:
        return verdicts(self.name, status)


async def test_an_opt_out_that_a_carrier_tells_of_is_fenced(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with world(tmp_path, [Upstream(binds=2)]) as here:
        first = await here.send("one")
        await settle()
        (bind,) = [bind for bind in binds(here) if bind.waiting]
        (permit,) = bind.write()
        code = (await here.tx(lambda tx: queue(tx, "code 1234"))).id
        here.dispatcher.ring_all()
        await settle()
        assert [permit.message_id for bind in binds(here) for permit in bind.waiting] == [code]
        bind.settle(permit, fate=Fate.REJECTED, status=BLOCKED)
        await settle()
        assert not [permit for bind in binds(here) for permit in bind.waiting]
        assert await here.state(first) is MessageState.FAILED
        assert await here.state(code) is MessageState.REFUSED
        rows = await here.rows("select status, source from consent where subscriber = ?", ANNE)
        assert rows == [(ConsentStatus.OPTED_OUT, "carrier")]


def queue(tx: Tx, text: str) -> NewMt:
    new = NewMt(tx.allocate("message"), draft(text, lane=Lane.URGENT, claim=Grounds.SIGN_UP_CODE), 1)
    add_mts(tx, [new])
    return new


@pytest.mark.parametrize("limit", [0, 5])
def test_lines_without_a_limit_have_no_tokens(limit: float) -> None:
    serving = Serving()
    assert serving.tokens(two(A, max_per_second=limit), 0.0) == ({} if not limit else {LINE_ID: 1})
    assert serving.tokens(two(A), 1.0) == {}
