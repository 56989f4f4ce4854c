"""Sequence numbers and outstanding requests: wrap, never reuse, expire in order, remember what was late, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.smpp.constants import MAX_SEQUENCE
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.window import LATE_MEMORY_S, Window


def test_numbers_start_at_1_and_count_up() -> None:
    window = Window(3)
    assert [window.open(token, 0.0) for token in "abc"] == [1, 2, 3]
    assert (window.free, window.outstanding) == (0, 3)


def test_peek_is_the_number_that_open_takes_and_changes_nothing() -> None:
    window = Window(3)
    assert window.peek() == window.peek() == window.open("a", 0.0)
    assert window.peek() == 2


def test_a_full_window_refuses_counted_requests_only() -> None:
    window = Window(1)
    window.open("a", 0.0)
    with pytest.raises(LocalProtocolError, match="the window is full: 1 requests wait"):
        window.open("b", 0.0)
    assert window.open("link check", 0.0, counted=False) == 2
    assert window.free == 0
    assert window.settle(2) is not None
    assert window.free == 0
    assert window.settle(1) is not None
    assert window.free == 1


def test_a_request_is_settled_once() -> None:
    window = Window(2)
    sequence = window.open("a", 5.0, 4)
    found = window.find(sequence)
    assert found is not None
    assert (found.token, found.sent_at, found.command_id, found.counted) == ("a", 5.0, 4, True)
    assert window.settle(sequence) == found
    assert window.settle(sequence) is None
    assert window.find(sequence) is None
    assert window.settle(0) is None


@pytest.mark.checklist("A8")
def test_a8_numbers_wrap_to_1() -> None:
    window = Window(10, first=MAX_SEQUENCE - 1)
    assert [window.open(None, 0.0) for _ in range(4)] == [MAX_SEQUENCE - 1, MAX_SEQUENCE, 1, 2]


def prepared(way: str) -> Window:
    """Return a window of 5 whose next numbers are free, at their end, or taken by what waits or was late."""
    window = Window(5, first=MAX_SEQUENCE - 2 if way == "at the end" else 3)
    if way == "one waits":
        window._next = 5
        window.open("old", 0.0)
        window._next = 3
    elif way == "one was late":
        window.open("old", 0.0)
        window.expire(10.0, 10.0)
        window._next = 2
    return window


@pytest.mark.parametrize("way", ["free", "at the end", "one waits", "one was late"])
@pytest.mark.parametrize("count", range(1, 6))
def test_several_are_opened_as_one_by_one(way: str, count: int) -> None:
    together, alone = prepared(way), prepared(way)
    tokens = [f"token {number}" for number in range(count)]
    if count > alone.free:
        with pytest.raises(LocalProtocolError, match="the window is full: 5 requests wait"):
            together.open_all(tokens, 20.0, 4)
        assert together.outstanding == alone.outstanding
        return
    numbers = [alone.open(token, 20.0, 4) for token in tokens]
    assert list(together.open_all(tokens, 20.0, 4)) == numbers
    assert (together.free, together.peek(), together.close()) == (alone.free, alone.peek(), alone.close())


@pytest.mark.checklist("A8")
def test_a8_one_that_is_outstanding_is_stepped_over() -> None:
    window = Window(10, first=MAX_SEQUENCE)
    held = [window.open(None, 0.0) for _ in range(3)]
    assert held == [MAX_SEQUENCE, 1, 2]
    again = Window(10, first=1)
    assert [again.open(None, 0.0) for _ in range(2)] == [1, 2]
    again._next = MAX_SEQUENCE  # the long way round
    assert [again.open(None, 0.0) for _ in range(2)] == [MAX_SEQUENCE, 3]


@pytest.mark.checklist("A8")
def test_a8_one_whose_late_response_may_come_is_stepped_over() -> None:
    window = Window(10, first=1)
    window.open("a", 0.0)
    window.expire(10.0, 10.0)
    window._next = 1
    assert window.peek() == 2
    window.settle_late(1)
    assert window.peek() == 1


def test_expiry_takes_the_due_ones_oldest_first() -> None:
    window = Window(10)
    for second in range(4):
        window.open(second, float(second))
    assert window.oldest() == 0.0
    assert window.expire(9.0, 10.0) == []
    assert [waiting.token for waiting in window.expire(11.0, 10.0)] == [0, 1]
    assert window.oldest() == 2.0
    assert window.outstanding == 2
    late = window.find_late(1)
    assert late is not None
    assert late.token == 0
    window.settle_late(1)
    window.settle_late(1)
    assert window.find_late(1) is None


def test_uncounted_requests_do_not_expire_here() -> None:
    window = Window(10)
    window.open("bind", 0.0, counted=False)
    assert window.oldest() is None
    window.open("a", 1.0)
    assert window.oldest() == 1.0
    assert [waiting.token for waiting in window.expire(100.0, 10.0)] == ["a"]
    assert window.find(1) is not None


def test_late_memory_ends_with_time() -> None:
    window = Window(10)
    window.open("a", 0.0)
    window.expire(10.0, 10.0)
    window.expire(10.0 + LATE_MEMORY_S - 1, 10.0)
    assert window.find_late(1) is not None
    window.expire(10.0 + LATE_MEMORY_S, 10.0)
    assert window.find_late(1) is None


def test_late_memory_is_as_large_as_the_window() -> None:
    window = Window(3)
    for round_ in range(5):
        for _ in range(3):
            window.open(None, float(round_))
        window.expire(round_ + 10.0, 10.0)
    assert [sequence for sequence in range(1, 16) if window.find_late(sequence)] == [13, 14, 15]


def test_close_gives_all_that_wait_oldest_first() -> None:
    window = Window(10)
    for token in "abc":
        window.open(token, 0.0)
    window.settle(2)
    assert [waiting.token for waiting in window.close()] == ["a", "c"]
    assert (window.free, window.outstanding, window.close()) == (10, 0, ())


@given(steps=st.lists(st.tuples(st.sampled_from(["open", "settle", "expire"]), st.integers(0, 5)), max_size=60))
@settings(max_examples=100, deadline=None)
def test_whatever_happens_no_number_is_given_twice_while_it_waits(steps: list[tuple[str, int]]) -> None:
    window = Window(5, first=MAX_SEQUENCE - 3)
    waiting: dict[int, float] = {}
    now = 0.0
    for step, amount in steps:
        now += 1
        if step == "open" and window.free:
            window._next = MAX_SEQUENCE - amount  # as if the numbers had run round in the meantime
            sequence = window.open(None, now)
            assert 1 <= sequence <= MAX_SEQUENCE
            assert sequence not in waiting
            waiting[sequence] = now
        elif step == "settle" and waiting:
            assert window.settle(sorted(waiting)[amount % len(waiting)]) is not None
            del waiting[sorted(waiting)[amount % len(waiting)]]
        elif step == "expire":
            for gone in window.expire(now, 10.0):
                del waiting[gone.sequence]
        assert window.outstanding == len(waiting)
        assert window.free == 5 - len(waiting)
