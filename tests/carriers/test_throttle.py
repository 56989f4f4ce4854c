"""The token bucket: no more than the rate, and it listens to the carrier."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.throttle import LEAST, PAUSE_S, Throttle


def spend(throttle: Throttle, start: float, seconds: float, step: float = 0.01) -> int:
    """Take whatever there is, every ``step``; return how much."""
    total = 0
    for tick in range(round(seconds / step)):
        now = start + tick * step
        count = throttle.available(now)
        throttle.take(count, now)
        total += count
    return total


def test_without_a_limit_there_is_always_a_token() -> None:
    throttle = Throttle(0, now=0)
    assert throttle.available(0) == 1_000_000
    throttle.take(1_000_000, 0)
    assert throttle.available(0.001) > 1_000
    assert throttle.next_at(0.001) is None


def test_a_limit_is_kept_over_a_minute() -> None:
    assert 5_990 <= spend(Throttle(100, now=0), 0, 60) <= 6_010


def test_a_slow_limit_still_lets_one_go_at_once() -> None:
    throttle = Throttle(0.5, now=0)
    assert throttle.available(0) == 1
    throttle.take(1, 0)
    assert throttle.next_at(0) == 2
    assert throttle.available(1.9) == 0
    assert throttle.available(2.0) == 1


def test_next_at_is_when_a_token_is_there() -> None:
    throttle = Throttle(10, now=0)
    throttle.take(throttle.available(0), 0)
    at = throttle.next_at(0)
    assert at is not None
    assert throttle.available(at - 0.001) == 0
    assert throttle.available(at + 1e-9) == 1


def test_tokens_of_what_never_left_come_back_but_never_above_the_burst() -> None:
    throttle = Throttle(100, now=0)
    throttle.take(10, 0)
    throttle.give_back(4, 0)
    assert throttle.available(0) == 4
    throttle.give_back(100, 0)
    assert throttle.available(0) == 10


def test_a_complaint_pauses_and_halves_and_then_the_rate_climbs_back() -> None:
    throttle = Throttle(100, now=0)
    spend(throttle, 0, 5)
    throttle.slow_down(5)
    assert throttle.available(5.5) == 0
    assert throttle.next_at(5.0) == 5 + PAUSE_S
    assert throttle.rate == 50
    first = spend(throttle, 5 + PAUSE_S, 1)
    assert 45 <= first <= 62
    spend(throttle, 7, 20)
    assert throttle.rate == 100


def test_complaints_about_one_moment_count_once() -> None:
    throttle = Throttle(100, now=0)
    for _ in range(100):
        throttle.slow_down(0.1)
    assert throttle.rate == 50
    throttle.slow_down(0.1 + PAUSE_S)
    assert throttle.rate == 25


def test_complaints_never_push_below_the_least_rate() -> None:
    throttle = Throttle(100, now=0)
    for second in range(0, 100, 2):
        throttle.slow_down(second)
    assert throttle.rate >= LEAST


def test_without_a_limit_the_carrier_sets_one_and_it_is_lifted_again() -> None:
    throttle = Throttle(0, now=0)
    for tick in range(100):
        throttle.take(5, tick / 100)
    throttle.slow_down(1.0)
    assert throttle.rate == 250
    spend(throttle, 2.0, 30)
    assert math.isinf(throttle.rate)


def test_a_complaint_long_after_the_last_submit_gives_the_least_rate() -> None:
    throttle = Throttle(0, now=0)
    throttle.take(500, 0)
    throttle.slow_down(60)
    assert throttle.rate == LEAST


def test_time_that_goes_back_changes_nothing() -> None:
    throttle = Throttle(10, now=100)
    throttle.take(1, 100)
    assert throttle.available(50) == 0


@given(
    rate=st.sampled_from([0.5, 1, 7, 100, 5_000]),
    steps=st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=40),
)
def test_over_any_time_no_more_goes_than_rate_and_one_burst(rate: float, steps: list[tuple[float, bool]]) -> None:
    throttle, now, taken = Throttle(rate, 0), 0.0, 0
    for elapsed, complaint in steps:
        now += elapsed
        count = throttle.available(now)
        throttle.take(count, now)
        taken += count
        if complaint:
            throttle.slow_down(now)
    assert taken <= rate * now + max(1, rate * 0.1) + 1e-6


def test_a_new_ceiling_counts_at_once_and_complaints_are_not_forgotten() -> None:
    throttle = Throttle(0, 0.0)
    throttle.limit(10, 1.0)
    assert throttle.rate == 10
    assert throttle.available(1.0) == 1, "a tenth of a second's worth, as if it had begun with it"
    throttle.slow_down(1.0)
    throttle.limit(20, 1.0)
    assert throttle.rate == 5, "it climbs from where the complaint left it"
    throttle.limit(2, 1.0)
    assert throttle.rate == 2
    throttle.limit(2, 1.0)
    throttle.limit(0, 1.0)
    assert math.isinf(throttle.rate)
