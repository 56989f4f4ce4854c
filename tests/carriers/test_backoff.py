"""Back-off: capped, jittered, never giving up, never closer than the least gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.backoff import JITTER, STEADY_S, Backoff, Ending, Ladder

START = Backoff(Ladder(1, 60), Ladder(30, 600), gap_s=1)
MIDDLE = 0.5  # the dice at which jitter is nothing


def waits(ending: Ending, count: int, bound_s: float = 0) -> list[float]:
    position, result = START, []
    for _ in range(count):
        position, wait = position.after(ending, bound_s, since_start_s=100, dice=MIDDLE)
        result.append(wait)
    return result


def test_an_unreachable_carrier_is_tried_at_doubling_distances_up_to_the_cap() -> None:
    assert waits(Ending.FAILED, 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.checklist("B2")
def test_a_refused_bind_climbs_the_slow_ladder() -> None:
    assert waits(Ending.REFUSED, 7) == [30, 60, 120, 240, 480, 600, 600]


@pytest.mark.checklist("B5")
def test_a_session_that_falls_at_once_is_not_a_success() -> None:
    assert waits(Ending.LOST, 4, bound_s=STEADY_S - 1) == [1, 2, 4, 8]


def test_a_steady_session_starts_both_ladders_anew() -> None:
    position = Backoff(Ladder(1, 60), Ladder(30, 600), 1, quick_steps=9, slow_steps=9)
    after, wait = position.after(Ending.LOST, STEADY_S, since_start_s=100, dice=MIDDLE)
    assert (wait, after.quick_steps, after.slow_steps) == (1, 1, 0)


def test_the_ladders_are_climbed_apart() -> None:
    position, _ = START.after(Ending.FAILED, 0, 100, MIDDLE)
    position, wait = position.after(Ending.REFUSED, 0, 100, MIDDLE)
    assert wait == 30
    _, wait = position.after(Ending.FAILED, 0, 100, MIDDLE)
    assert wait == 2


def test_after_thousands_of_failures_it_still_says_when() -> None:
    position = Backoff(Ladder(1, 60), Ladder(30, 600), 1, quick_steps=10_000, slow_steps=10_000)
    assert position.after(Ending.FAILED, 0, 100, MIDDLE)[1] == 60
    assert position.after(Ending.REFUSED, 0, 100, MIDDLE)[1] == 600


@pytest.mark.checklist("B5")
@given(
    ending=st.sampled_from(Ending),
    steps=st.integers(0, 50),
    since=st.floats(0, 1_000),
    bound=st.floats(0, 1_000),
    dice=st.floats(0, 1, exclude_max=True),
    gap=st.sampled_from([1.0, 30.0]),
)
def test_attempts_never_begin_closer_than_the_gap(
    ending: Ending, steps: int, since: float, bound: float, dice: float, gap: float
) -> None:
    position = Backoff(Ladder(gap, 60), Ladder(30, 600), gap, steps, steps)
    _, wait = position.after(ending, bound, since, dice)
    assert wait >= 0
    assert since + wait >= gap - 1e-9
    assert wait <= 600 * (1 + JITTER)


@pytest.mark.checklist("B5")
@pytest.mark.parametrize("dice", [0.0, 0.25, 0.99])
def test_two_gateways_do_not_come_back_in_step(dice: float) -> None:
    _, wait = Backoff(Ladder(1, 60), Ladder(30, 600), 1, quick_steps=6).after(Ending.FAILED, 0, 100, dice)
    assert wait == pytest.approx(60 * (1 - JITTER + 2 * JITTER * dice))
