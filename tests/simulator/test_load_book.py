"""Who the made-up subscribers are, and what a loading carrier makes of what came back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.address import read_msisdn
from gateway.simulator.crowd import CROWD, number_of, place_of, spread, stride
from gateway.simulator.load_book import Book, percentiles
from gateway.simulator.load_plan import JOINS, TEXTS, LoadPlan, read_plan


@given(st.integers(0, CROWD - 1))
def test_a_place_and_a_number_follow_from_each_other(place: int) -> None:
    number = number_of(place)
    assert place_of(number) == place
    assert read_msisdn(str(number), "US", 1) == f"+{number}"


def test_numbers_rise_with_places() -> None:
    places = [0, 7_999_999, 8_000_000, 15_999_999, 16_000_000, CROWD - 1]
    numbers = [number_of(place) for place in places]
    assert numbers == sorted(set(numbers))


@given(st.integers(1, 3000) | st.sampled_from([CROWD, 7_368_787, 7_368_787 * 2]))
def test_a_stride_visits_everybody_once(size: int) -> None:
    step = stride(size)
    visited = {nth * step % size for nth in range(min(size, 5000))}
    assert len(visited) == min(size, 5000)


def test_a_spread_crowd_is_inside_the_crowd() -> None:
    assert [spread(size) for size in (0, 1, 10_000, 20_000_000, 30_000_000)] == [CROWD, CROWD, 2000, 1, 1]


def test_a_plan_comes_out_as_it_went_in() -> None:
    plan = LoadPlan(window=7, rate=2.5, broadcast=3, stored=4, rough=True)
    assert read_plan(plan.dump()) == plan


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentiles([n / 1000 for n in range(1, 101)]) == {
        "n": 100, "p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0,
    }  # fmt: skip
    assert percentiles([]) == {"n": 0, "p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}


def came(book: Book, number: bytes, now: float = 1.0, *, broadcast: bool = False) -> None:
    book.came(number, now, now, broadcast=broadcast)


def test_each_text_is_answered_once() -> None:
    book = Book(LoadPlan())
    texts = [text for _ in range(9) if (text := book.write(0.0)) is not None]
    assert len({text.number for text in texts}) == 9
    assert [text.text for text in texts] == list(range(len(TEXTS)))
    for text in texts[:8]:
        book.was_acked(text, 0.0, 0.5)
        came(book, text.number)
    assert not book.complete
    came(book, texts[3].number)
    told = book.result([texts[8]])
    assert (told["answered"], told["twice"], told["lost"], told["unacked"]) == (8, 1, 0, 1)
    assert book.result([])["lost"] == 1
    assert (told["ack_ms"]["n"], told["ack_ms"]["p50"], told["reply_ms"]["max"]) == (8, 500.0, 1000.0)
    assert told["broadcast"] is None


def test_a_welcome_is_a_second_answer_to_a_join() -> None:
    book = Book(LoadPlan(welcome=True))
    texts = [text for _ in range(9) if (text := book.write(0.0)) is not None]
    for text in texts:
        came(book, text.number)
    assert book.result([])["lost"] == len(JOINS)
    for text in texts:
        if text.text in JOINS:
            came(book, text.number)
    assert book.complete
    assert (book.twice, book.answered, book.submits) == (0, 9, 12)


def test_what_is_repeated_since_its_response_was_lost_is_not_answered_twice() -> None:
    book = Book(LoadPlan(rough=True))
    text = book.write(0.0)
    assert text is not None
    came(book, text.number)
    book.unsure.add(text.number)
    came(book, text.number)
    assert (book.again, book.twice) == (1, 0)
    came(book, text.number)
    assert (book.again, book.twice) == (1, 1)


@pytest.mark.parametrize("stored", [10, 25, 1000])
def test_a_broadcast_knows_its_receivers(stored: int) -> None:
    plan = LoadPlan(broadcast=10, stored=stored)
    book = Book(plan)
    receivers = [book.broadcast.receiver(nth) for nth in range(10)]
    assert len(set(receivers)) == 10
    for number in receivers[1:]:
        came(book, number, broadcast=True)
    assert (book.broadcast.left, book.broadcast.received, book.broadcast.twice) == (1, 9, 0)
    came(book, receivers[1], broadcast=True)
    came(book, b"%d" % (number_of(0) + 1), broadcast=True)
    assert book.broadcast.twice == 2


def test_nothing_may_follow_the_ack_of_a_stop() -> None:
    book = Book(LoadPlan(broadcast=3, stored=3))
    early, late = book.write(0.0), book.write(1.0)
    assert early is not None
    assert late is not None
    came(book, early.number, 2.0, broadcast=True)
    for text in (early, late, early, late):
        book.was_acked(text, 0.0, 2.0)
    assert book.broadcast.left == 1
    came(book, early.number, 3.0)
    came(book, late.number, 3.5)
    came(book, late.number, 4.0, broadcast=True)
    book.broadcast.stopped(b"12015550100")
    last = book.write(5.0)
    assert last is not None
    assert book.write(6.0) is None, "everybody has texted"
    told = book.result([])["broadcast"]
    assert (told["after_stop"], told["received"], told["stop_ms"]["n"], told["missing"]) == (1, 2, 2, 1)
    assert told["stop_ms"]["max"] == 3000.0
