"""How lanes 2 to 4 share: 8 : 4 : 1 in the long run, whatever comes free at a time, and nothing is saved up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.messages import Lane
from gateway.traffic.shares import WEIGHTS, turns

LANES = st.sets(st.sampled_from(sorted(WEIGHTS)), min_size=1)


@given(budgets=st.lists(st.integers(0, 200), min_size=1, max_size=60), waiting=LANES)
@settings(max_examples=60)
def test_shares_are_within_one_round_of_the_weights(budgets: list[int], waiting: set[Lane]) -> None:
    credit: dict[Lane, int] = {}
    given_: Counter[Lane] = Counter()
    for budget in budgets:
        shares = turns(budget, waiting, credit)
        assert shares.total() == budget
        assert set(shares) <= waiting
        given_ += shares
        total = sum(WEIGHTS[lane] for lane in waiting)
        for lane in waiting:
            fair = given_.total() * WEIGHTS[lane] / total
            assert abs(given_[lane] - fair) < len(waiting)


@pytest.mark.parametrize("budget", [1, 2, 13, 1000])
def test_the_weights_hold_over_a_long_run(budget: int) -> None:
    credit: dict[Lane, int] = {}
    given_: Counter[Lane] = Counter()
    while given_.total() < 13_000:
        given_ += turns(budget, set(WEIGHTS), credit)
    unit = given_.total() / 13
    for lane, weight in WEIGHTS.items():
        assert given_[lane] == pytest.approx(weight * unit, abs=2)


@given(rounds=st.lists(LANES, min_size=1, max_size=200))
@settings(max_examples=60)
def test_no_lane_starves_and_none_saves_up(rounds: list[set[Lane]]) -> None:
    """One slot at a time, lanes that come and go: who waits is served within a round, and nobody twice as often."""
    credit: dict[Lane, int] = {}
    waited: Counter[Lane] = Counter()
    for waiting in rounds:
        (chosen,) = turns(1, waiting, credit).elements()
        for lane in WEIGHTS:
            waited[lane] = waited[lane] + 1 if lane in waiting and lane is not chosen else 0
        assert max(waited.values()) <= 2 * sum(WEIGHTS.values())
        assert all(abs(left) <= 2 * sum(WEIGHTS.values()) for left in credit.values())
        assert set(credit) <= waiting


def test_a_lane_that_was_away_has_no_arrears() -> None:
    credit: dict[Lane, int] = {}
    turns(1000, {Lane.REPLY, Lane.NORMAL}, credit)
    for _ in range(50):
        turns(1, {Lane.REPLY}, credit)
    assert turns(13, {Lane.REPLY, Lane.NORMAL, Lane.BULK}, credit) == Counter(
        {Lane.REPLY: 8, Lane.NORMAL: 4, Lane.BULK: 1}
    )


def test_nobody_waits_nobody_is_served() -> None:
    credit = {Lane.BULK: 3}
    assert not turns(10, set(), credit)
    assert not credit
