"""What the time asks for, by integers: the table of marks and moments, and that ``next_at`` is never late or idle."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.smpp.timers import Nothing, SendEnquireLink, SessionTimers, Stop, StopReason, Verdict


def timers(now: float = 0, enquire_link_s: float = 30) -> SessionTimers:
    return SessionTimers(now, enquire_link_s=enquire_link_s, response_timeout_s=10, bind_timeout_s=7, read_timeout_s=5)


def bound(at: float = 0) -> SessionTimers:
    made = timers(at)
    made.bound(at)
    return made


def changed(made: SessionTimers, *marks: Callable[[SessionTimers], None]) -> SessionTimers:
    for mark in marks:
        mark(made)
    return made


CASES: list[tuple[str, SessionTimers, int, Verdict]] = [
    ("bind due", timers(), 7, Stop(StopReason.BIND)),
    ("bind due, though the peer talks", changed(timers(), lambda t: t.heard(6)), 7, Stop(StopReason.BIND)),
    (
        "B4 no link check before the bind, however often they are wanted",
        timers(enquire_link_s=2),
        7,
        Stop(StopReason.BIND),
    ),
    ("silence after the bind", bound(), 30, SendEnquireLink()),
    ("silence after something heard", changed(bound(), lambda t: t.heard(12)), 42, SendEnquireLink()),
    ("link check unanswered", changed(bound(), lambda t: t.enquired(30)), 40, Stop(StopReason.LINK_CHECK)),
    ("C1 any PDU is life", changed(bound(), lambda t: t.enquired(30), lambda t: t.heard(35)), 65, SendEnquireLink()),
    ("A4 stalled PDU", changed(bound(), lambda t: t.partial(3)), 8, Stop(StopReason.STALLED)),
    ("A4 stalled before the bind", changed(timers(), lambda t: t.partial(1)), 6, Stop(StopReason.STALLED)),
    ("stall resolved", changed(bound(), lambda t: t.partial(3), lambda t: t.partial(None)), 30, SendEnquireLink()),
    ("unbind unanswered", changed(bound(), lambda t: t.ending(20, StopReason.UNBIND)), 30, Stop(StopReason.UNBIND)),
    (
        "the first reason to end stays",
        changed(bound(), lambda t: t.ending(20, StopReason.UNBIND), lambda t: t.ending(25, StopReason.LINGERING)),
        30,
        Stop(StopReason.UNBIND),
    ),
    (
        "no link check while ending",
        changed(bound(), lambda t: t.ending(29, StopReason.LINGERING)),
        39,
        Stop(StopReason.LINGERING),
    ),
    (
        "a link check that is out counts while ending",
        changed(bound(), lambda t: t.enquired(25), lambda t: t.ending(29, StopReason.UNBIND)),
        35,
        Stop(StopReason.LINK_CHECK),
    ),
    (
        "unbound before the bind",
        changed(timers(), lambda t: t.ending(2, StopReason.LINGERING)),
        12,
        Stop(StopReason.LINGERING),
    ),
]


@pytest.mark.checklist("A4", "B4", "C1")
@pytest.mark.parametrize("made, at, verdict", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_nothing_before_its_time_and_the_verdict_from_then_on(made: SessionTimers, at: int, verdict: Verdict) -> None:
    assert made.next_at() == at
    assert [made.what_now(now) for now in range(at)] == [Nothing()] * at
    assert [made.what_now(now) for now in (at, at + 1)] == [verdict, verdict]
    assert made.what_now(at) == made.what_now(at)  # asking changes nothing


@pytest.mark.checklist("B4")
def test_silence_is_counted_from_the_bind() -> None:
    made = timers()
    made.heard(2)
    made.bound(6)
    assert made.next_at() == 36


def test_of_two_that_are_due_the_earlier_wins() -> None:
    made = bound()
    made.enquired(30)
    made.partial(36)
    assert made.what_now(100) == Stop(StopReason.LINK_CHECK)
    made.partial(34)
    assert made.what_now(100) == Stop(StopReason.STALLED)


@pytest.mark.checklist("C6")
def test_a_link_that_dies_is_found_out_within_both_limits() -> None:
    made = bound()
    assert made.what_now(made.next_at()) == SendEnquireLink()
    made.enquired(made.next_at())
    assert made.next_at() == 40
