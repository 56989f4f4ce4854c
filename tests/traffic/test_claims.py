"""Which messages are claimed: lanes, order per subscriber, slots, tokens, long texts, several lines, rests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.address import Msisdn
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Grounds
from gateway.store.hot_messages import Move, move
from gateway.traffic import claims
from gateway.traffic.claims import Claimed, Demand, Place, Queue, Room, Supply, Turns, claim
from tests.traffic.bench import ANNE, BOB, CARL, LINE_ID, OTHER_ID, Bench, draft, fresh

ALL = frozenset((lane, line, "") for lane in Lane for line in (LINE_ID, OTHER_ID))
NORMAL, BULK, REPLY, URGENT = Lane.NORMAL, Lane.BULK, Lane.REPLY, Lane.URGENT
LONG = "x" * 400  # three segments


def supply(
    *rooms: Room,
    tokens: int = 1000,
    queues: tuple[Queue, ...] = ((LINE_ID, ""), (OTHER_ID, "")),
    turns: Turns | None = None,
) -> Supply:
    return Supply("acme", list(rooms or [room(9)]), tokens, queues, turns or Turns())


def room(free: int, urgent: int | None = None, *, idle: bool = True, bind: str = "acme/0") -> Room:
    return Room(bind, free, free + 1 if urgent is None else urgent, idle)


def demand(backlog: Iterable[Place] = ALL, **changes: Any) -> Demand:
    return replace(Demand(frozenset(backlog), (), ()), **changes)


def run(bench: Bench, *supplies: Supply, wanted: Demand | None = None) -> Claimed:
    """Claim; what was claimed is on its way then."""

    def job(tx: Any) -> Claimed:
        claimed = claim(tx, supplies, wanted or demand())
        move(tx, [Move(c.mt.id, MessageState.SENDING, None, None, 0) for c in claimed.claims])
        return claimed

    return bench.tx(job)


def ids(claimed: Claimed) -> list[int]:
    return [c.mt.id for c in claimed.claims]


def subscribers(count: int) -> list[Msisdn]:
    return [Msisdn(f"+1212555{number:04}") for number in range(count)]


def test_one_message_of_a_subscriber_at_a_time_in_lanes_2_to_4(bench: Bench) -> None:
    first, second = bench.queue(), bench.queue(lane=BULK)
    third, other = bench.queue(), bench.queue(subscriber=BOB)
    assert set(ids(run(bench, supply()))) == {first, other}
    busy = demand(busy={(LINE_ID, ANNE)})
    assert not ids(run(bench, supply(), wanted=busy))
    assert ids(run(bench, supply())) == [third], "lane 3 before lane 4"
    assert ids(run(bench, supply())) == [second]


def test_order_is_kept_per_line(bench: Bench) -> None:
    here, there = bench.queue(), bench.queue(line_id=OTHER_ID)
    busy = demand(busy={(LINE_ID, ANNE)})
    assert ids(run(bench, supply(), wanted=busy)) == [there]
    assert ids(run(bench, supply())) == [here]


def test_lane_1_goes_first_and_does_not_wait_for_its_subscribers_others(bench: Bench) -> None:
    normal = bench.fill([draft("hi", who) for who in subscribers(20)])
    urgent = [bench.queue(lane=URGENT) for _ in range(2)]
    claimed = run(bench, supply(room(5, 6)), wanted=demand(busy={(LINE_ID, ANNE)}))
    assert ids(claimed)[:2] == urgent
    assert ids(claimed)[2:] == normal[:3], "two of the five ordinary slots went to lane 1"


def test_the_kept_slot_is_for_lane_1(bench: Bench) -> None:
    bench.queue(subscriber=BOB)
    urgent = bench.queue(lane=URGENT)
    assert ids(run(bench, supply(room(0, 1)))) == [urgent]
    assert not ids(run(bench, supply(room(0, 0))))


def test_lane_1_over_the_kept_slot_does_not_take_from_another_bind(bench: Bench) -> None:
    urgent = bench.queue(lane=URGENT)
    others = bench.fill([draft("hi", who) for who in subscribers(4)])
    rooms = [room(0, 5, bind="acme/0"), room(3, 3, bind="acme/1")]
    assert ids(run(bench, supply(*rooms))) == [urgent, *others[:3]]


def test_no_more_than_slots_and_tokens(bench: Bench) -> None:
    bench.fill([draft("hi", who) for who in subscribers(30)])
    assert len(ids(run(bench, supply(room(9))))) == 9
    assert len(ids(run(bench, supply(room(9), tokens=4)))) == 4
    assert not ids(run(bench, supply(room(9), tokens=0)))
    two = run(bench, supply(room(3, bind="acme/0"), room(4, bind="acme/1")))
    assert Counter(c.bind for c in two.claims) == {"acme/0": 3, "acme/1": 4}


def test_the_next_token_is_lane_1s(bench: Bench) -> None:
    bench.queue(subscriber=BOB)
    urgent = bench.queue(lane=URGENT)
    assert ids(run(bench, supply(tokens=1))) == [urgent]


def test_a_long_text_needs_all_of_its_slots_on_one_bind(bench: Bench) -> None:
    long = bench.queue(LONG)
    apart = [room(2, bind="acme/0", idle=False), room(2, bind="acme/1", idle=False)]
    assert not ids(run(bench, supply(*apart)))
    claimed = run(bench, supply(room(2, bind="acme/0", idle=False), room(3, bind="acme/1", idle=False)))
    assert [(c.mt.id, c.bind) for c in claimed.claims] == [(long, "acme/1")]


def test_a_text_that_is_longer_than_the_window_goes_when_its_bind_is_idle(bench: Bench) -> None:
    long = bench.queue("x" * 2000)
    assert not ids(run(bench, supply(room(9, idle=False))))
    assert ids(run(bench, supply(room(9)))) == [long]


def test_a_long_text_keeps_the_slots_that_come_free(bench: Bench) -> None:
    """Short ones behind it, in its lane, in others and on other lines, do not take each slot away from it."""
    long = bench.queue(LONG)
    lanes = [NORMAL, BULK, REPLY] * 4
    shorts = bench.fill([draft("hi", who, lane) for who, lane in zip(subscribers(12), lanes, strict=True)])
    shorts += bench.fill([draft("hi", who, line_id=OTHER_ID) for who in subscribers(4)])
    urgent = bench.queue(lane=URGENT)
    turns = Turns(credit={REPLY: -8, NORMAL: 8, BULK: 0})
    assert ids(run(bench, supply(room(2, idle=False), turns=turns))) == [urgent]
    assert turns.saving == (NORMAL, LINE_ID, "")
    for free in (1, 2, 1):
        assert not ids(run(bench, supply(room(free, idle=False), turns=turns)))
    assert ids(run(bench, supply(room(3, idle=False), turns=turns)))[:1] == [long]
    assert turns.saving is None
    assert set(ids(run(bench, supply(room(99), turns=turns)))) == set(shorts)


def test_a_long_urgent_text_keeps_them_too(bench: Bench) -> None:
    long, short = bench.queue(LONG, lane=URGENT), bench.queue(subscriber=BOB)
    for free in (1, 2):
        assert not ids(run(bench, supply(room(free, free, idle=False))))
    assert ids(run(bench, supply(room(3, 4, idle=False)))) == [long]
    assert ids(run(bench, supply(room(1, idle=False)))) == [short]


def test_resting_and_busy_ones_deep_in_the_queue_are_not_read(bench: Bench) -> None:
    """Whatever lane: from the second page on, those of whom nothing may go are left out."""
    for lane, wanted in (
        (NORMAL, demand(busy={(LINE_ID, ANNE)})),
        (NORMAL, demand(held={(LINE_ID, ANNE)})),
        (URGENT, demand(resting={((LINE_ID, ANNE), True)})),
    ):
        bench.fill([draft(lane=lane)] * 250)
        behind = bench.queue(subscriber=CARL, lane=lane)
        assert ids(run(bench, supply(room(1, 1)), wanted=wanted)) == [behind]


def test_a_place_that_was_paused_saves_no_slots(bench: Bench) -> None:
    bench.queue(LONG)
    short = bench.queue(subscriber=BOB, lane=BULK)
    turns = Turns(saving=(NORMAL, LINE_ID, ""))
    wanted = demand(ALL - {(NORMAL, LINE_ID, "")})
    assert ids(run(bench, supply(room(1, idle=False), turns=turns), wanted=wanted)) == [short]
    assert turns.saving is None


@pytest.mark.parametrize("free", [1, 2, 3, 50])
@pytest.mark.parametrize("lane", [NORMAL, URGENT])
def test_lines_share_a_lane_evenly(bench: Bench, free: int, lane: Lane) -> None:
    """However few slots come free at a time."""
    bench.fill([draft("hi", who, lane, line_id=line) for who in subscribers(70) for line in (LINE_ID, OTHER_ID)])
    turns = Turns()
    served: Counter[int] = Counter()
    while served.total() < 60:
        claimed = run(bench, supply(room(free, free), turns=turns))
        served.update(c.mt.line_id for c in claimed.claims)
    assert abs(served[LINE_ID] - served[OTHER_ID]) <= free


def test_a_line_uses_what_another_leaves(bench: Bench) -> None:
    few = bench.queue(subscriber=BOB)
    many = bench.fill([draft("hi", who, line_id=OTHER_ID) for who in subscribers(20)])
    assert set(ids(run(bench, supply(room(9))))) == {few, *many[:8]}


def test_lanes_share_by_weights_one_slot_at_a_time(bench: Bench) -> None:
    everybody = iter(subscribers(120))
    bench.fill([draft("hi", next(everybody), lane) for _ in range(40) for lane in (REPLY, NORMAL, BULK)])
    turns, served = Turns(), Counter[Lane]()
    for _ in range(39):
        served.update(c.mt.lane for c in run(bench, supply(room(1), turns=turns)).claims)
    assert served == {REPLY: 24, NORMAL: 12, BULK: 3}


def test_paused_places_stand_still(bench: Bench) -> None:
    here, there = bench.queue(), bench.queue(line_id=OTHER_ID)
    paused = demand((lane, OTHER_ID, "") for lane in Lane)
    assert ids(run(bench, supply(), wanted=paused)) == [there]
    assert ids(run(bench, supply())) == [here]


def test_resting_subscribers_are_passed_by(bench: Bench) -> None:
    rests, urgent, other = bench.queue(), bench.queue(lane=URGENT), bench.queue(subscriber=BOB)
    assert ids(run(bench, supply(), wanted=demand(resting={((LINE_ID, ANNE), False)}))) == [urgent, other]
    again = bench.queue(lane=URGENT)
    assert ids(run(bench, supply(), wanted=demand(resting={((LINE_ID, ANNE), True)}))) == [rests]
    assert ids(run(bench, supply())) == [again]


def test_to_someone_on_hold_goes_what_may(bench: Bench) -> None:
    """The question, and the answer to HELP, do not wait behind what the hold holds."""
    held = bench.queue(lane=REPLY)
    question = bench.queue(lane=REPLY, claim=Grounds.CLARIFICATION)
    help_ = bench.queue(lane=URGENT, claim=Grounds.HELP)
    wanted = demand(held={(LINE_ID, ANNE)})
    assert ids(run(bench, supply(), wanted=wanted)) == [help_, question]
    assert not ids(run(bench, supply(), wanted=wanted))
    assert ids(run(bench, supply())) == [held]


def test_places_found_empty_are_told(bench: Bench) -> None:
    bench.queue()
    claimed = run(bench, supply())
    assert claimed.emptied == ALL - {(NORMAL, LINE_ID, "")}
    waits = bench.queue()
    claimed = run(bench, supply(), wanted=demand(busy={(LINE_ID, ANNE)}))
    assert (NORMAL, LINE_ID, "") not in claimed.emptied, f"{waits} waits there"


def test_a_page_of_messages_that_must_wait_does_not_hide_those_behind(bench: Bench) -> None:
    bench.fill([draft()] * 450)
    behind = bench.queue(subscriber=CARL)
    assert ids(run(bench, supply(room(1)), wanted=demand(busy={(LINE_ID, ANNE)}))) == [behind]


def test_what_a_claim_reads_does_not_follow_the_backlog(bench: Bench) -> None:
    """However many wait for somebody busy, or for others, in front of the one who may be sent to."""
    read: list[int] = []
    for many in (2_000, 4_000):
        bench.fill([draft()] * many)
        behind = bench.queue(subscriber=CARL)

        def job(tx: Any) -> Claimed:
            counting = _Counting(tx.connection)
            tx.connection = counting
            claimed = claim(tx, [supply(room(1))], demand({(NORMAL, LINE_ID, "")}, busy={(LINE_ID, ANNE)}))
            read.append(counting.rows)
            return claimed

        assert ids(bench.tx(job)) == [behind]
        run(bench, supply(room(1)), wanted=demand(busy={(LINE_ID, ANNE)}))
    assert read[0] == read[1] < 1_300


class _Counting:
    """A connection that counts the rows that it gives."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.rows = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, *args: Any) -> Any:
        self._answer = self._connection.execute(*args)
        return self

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._answer.fetchall()
        self.rows += len(rows)
        return rows


SOME = subscribers(6)
QUEUED = st.lists(st.tuples(st.sampled_from(SOME), st.sampled_from(Lane)), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    queued=QUEUED,
    stopped=st.sets(st.sampled_from(SOME)),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    reached=st.sampled_from(["", *SOME]),
    free=st.integers(1, 12),
)
def test_order_and_completeness_however_little_is_read_by_age(
    queued: list[tuple[Msisdn, Lane]], stopped: set[Msisdn], sizes: tuple[int, int], reached: str, free: int
) -> None:
    """Only the oldest of a subscriber in a place goes, and everybody who is not stopped is found, from anywhere on."""
    with fresh() as faults, patch.multiple(claims, _PAGE=sizes[0], _DEEP=sizes[1], _READ=2):
        bench = Bench(faults)
        bench.fill([draft("hi", who, lane) for who, lane in queued])
        waits: dict[tuple[Lane, Msisdn], list[int]] = {(lane, who): [] for who in SOME for lane in Lane}
        for id_, (who, lane) in enumerate(queued, 1):
            waits[lane, who].append(id_)
        turns = Turns(reached={(lane, LINE_ID, ""): Msisdn(reached) for lane in Lane if reached})
        blocked = {(LINE_ID, who) for who in stopped}
        wanted = demand(busy=blocked, resting={(key, True) for key in blocked})
        while claimed := run(bench, supply(room(free), turns=turns), wanted=wanted).claims:
            for c in claimed:
                assert waits[c.mt.lane, c.mt.subscriber].pop(0) == c.mt.id
                assert c.mt.subscriber not in stopped
        assert {who for (_, who), left in waits.items() if left} <= stopped
        bench.close()


def test_behind_a_crowd_each_has_their_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots come free one at a time, and those who were served have more: all are served before anyone twice."""
    monkeypatch.setattr(claims, "_PAGE", 2)
    monkeypatch.setattr(claims, "_DEEP", 2)
    bench.fill([draft()] * 5)
    everybody = subscribers(7)
    bench.fill([draft("hi", who) for who in everybody for _ in range(2)])
    turns, wanted = Turns(), demand(busy={(LINE_ID, ANNE)})
    served = [run(bench, supply(room(1), turns=turns), wanted=wanted).claims[0].mt.subscriber for _ in range(14)]
    assert served == everybody * 2


def test_a_long_text_behind_a_crowd_is_met_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_PAGE", 2)
    monkeypatch.setattr(claims, "_DEEP", 2)
    bench.fill([draft()] * 5)
    before, long, after = (bench.queue(text, who) for text, who in zip(["hi", LONG, "hi"], subscribers(3), strict=True))
    turns, wanted = Turns(), demand(busy={(LINE_ID, ANNE)})
    assert ids(run(bench, supply(room(2, idle=False), turns=turns), wanted=wanted)) == [before]
    assert not ids(run(bench, supply(room(2, idle=False), turns=turns), wanted=wanted))
    assert ids(run(bench, supply(room(4, idle=False), turns=turns), wanted=wanted)) == [long, after]


@pytest.mark.parametrize("lane, ground", [(URGENT, Grounds.HELP), (REPLY, Grounds.CLARIFICATION)])
def test_behind_a_crowd_too_goes_what_may_go_to_someone_on_hold(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, lane: Lane, ground: Grounds
) -> None:
    monkeypatch.setattr(claims, "_PAGE", 1)
    monkeypatch.setattr(claims, "_DEEP", 1)
    bench.fill([draft(lane=lane)] * 2)
    bench.fill([draft("hi", who, lane) for who in (BOB, BOB, CARL)])
    may = bench.queue(subscriber=BOB, lane=lane, claim=ground)
    resting = {((LINE_ID, ANNE), urgent) for urgent in (True, False)}
    wanted = demand(resting=resting, held={(LINE_ID, BOB), (LINE_ID, CARL)})
    assert ids(run(bench, supply(), wanted=wanted)) == [may]


def test_two_carriers_do_not_claim_the_same(bench: Bench) -> None:
    urgent, normal = bench.queue(lane=URGENT), bench.queue(subscriber=BOB)
    twice = [supply(), supply(room(9, bind="other/0"))]
    assert sorted(ids(run(bench, *twice))) == [urgent, normal]


def test_a_claim_may_run_twice(bench: Bench) -> None:
    """As a job does when a neighbour fails: the same messages are found again."""
    bench.queue()

    def job(tx: Any) -> tuple[Sequence[int], Sequence[int]]:
        return ids(claim(tx, [supply()], demand())), ids(claim(tx, [supply()], demand()))

    first, second = bench.tx(job)
    assert first == second != []
