"""What follows for a message from its permits: every combination, against rules that are written down otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import pytest

from gateway.carriers.statuses import Verdict
from gateway.model.messages import Lane, MessageState, Mt
from gateway.model.permit import Fate, Grounds
from gateway.store.hot_messages import Move
from gateway.store.hot_permits import PermitRow
from gateway.traffic.settlement import MOST_RETRIES, REPLY_LIFE_S, next_move
from tests.traffic.bench import ANNE

NOW = 1_000_000.0
FINAL, RETRY, THROTTLE = 11, 8, 88
VERDICTS = {FINAL: Verdict.FAIL, RETRY: Verdict.RETRY, THROTTLE: Verdict.THROTTLE}
Ended = tuple[Fate, int]
LIVE, ACCEPTED, UNCERTAIN = (Fate.LIVE, 0), (Fate.ACCEPTED, 0), (Fate.UNCERTAIN, 0)
ENDS: tuple[Ended, ...] = (
    LIVE,
    ACCEPTED,
    (Fate.REJECTED, FINAL),
    (Fate.REJECTED, RETRY),
    (Fate.REJECTED, THROTTLE),
    (Fate.REVOKED, 0),
    (Fate.RETURNED, 0),
    UNCERTAIN,
)
S = MessageState
OVER = (S.FAILED, S.REFUSED, S.EXPIRED, S.CANCELLED)


def message(
    state: MessageState = S.SENDING, *, segments: int = 1, lane: Lane = Lane.NORMAL, age: float = 1.0, resends: int = 0
) -> Mt:
    return Mt(
        5, 1, ANNE, "x", lane, Grounds.CONSENT, state, 0, NOW - age, None, None, None, segments, 1, resends, "acme"
    )


def minted(*rounds: Sequence[Ended | None], receipts: Sequence[MessageState | None] = ()) -> list[PermitRow]:
    """Permits round by round; in each, the end of segment 1, 2, ... or None where it got none."""
    rows: list[PermitRow] = []
    for ends in rounds:
        for number, end in enumerate(ends, 1):
            if end is not None:
                receipt = receipts[number - 1] if receipts else None
                rows.append(PermitRow(len(rows) + 1, 5, number, end[0], end[1], "acme/0", receipt))
    return rows


def after(mt: Mt, permits: Sequence[PermitRow], on_uncertain: str = "hold") -> Move | None:
    return next_move(mt, permits, NOW, on_uncertain, VERDICTS.__getitem__)


def expected(mt: Mt, ends: Sequence[Ended], on_uncertain: str) -> MessageState | None:
    """The rules, as a person would put them, for one permit a segment."""
    taken = sum(end == ACCEPTED for end in ends)
    has = set(ends)
    rules: list[tuple[bool, MessageState | None]] = [
        (LIVE in has, None),
        (taken == len(ends), None if mt.state is S.SENT else S.SENT),
        (mt.state in OVER, S.PARTIAL if taken else None),
        (mt.state in (S.QUEUED, S.SENT, S.DELIVERED, S.UNDELIVERED, S.PARTIAL, S.RECEIVED), None),
        (mt.state is S.UNCERTAIN and UNCERTAIN in has, None),
        ((Fate.REJECTED, FINAL) in has, S.PARTIAL if taken else S.FAILED),
        (UNCERTAIN not in has, S.QUEUED),
        (mt.lane in (1, 2) and not mt.resends and NOW - mt.created_at < 300, S.QUEUED),
        (mt.lane in (3, 4) and not mt.resends and on_uncertain == "resend", S.QUEUED),
        (on_uncertain == "fail", S.PARTIAL if taken else S.FAILED),
        (True, S.UNCERTAIN),
    ]
    return next(then for condition, then in rules if condition)


def combinations(segments: int) -> Iterator[tuple[Mt, tuple[Ended, ...], str]]:
    lanes = tuple(Lane) if segments < 3 else (Lane.REPLY, Lane.BULK)
    states = tuple(S) if segments < 3 else (S.SENDING, S.UNCERTAIN, S.FAILED, S.QUEUED)
    for state, lane, age, resends in product(states, lanes, (299.0, 300.0), (0, 1)):
        mt = message(state, segments=segments, lane=lane, age=age, resends=resends)
        for ends, on_uncertain in product(product(ENDS, repeat=segments), ("hold", "resend", "fail")):
            yield mt, ends, on_uncertain


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_every_combination_follows_the_rules(segments: int) -> None:
    for mt, ends, on_uncertain in combinations(segments):
        step = after(mt, minted(ends), on_uncertain)
        wanted = expected(mt, ends, on_uncertain)
        assert (step.state if step else None) is wanted, (mt, ends, on_uncertain)
        if step is None:
            continue
        resent = UNCERTAIN in ends and wanted is S.QUEUED
        assert step.resends == mt.resends + resent
        if wanted in (S.FAILED, S.PARTIAL):
            assert step.reason in ("rejected", "uncertain", "late")
        else:
            assert step.reason is None


def test_what_was_accepted_is_never_taken_back() -> None:
    """Whatever else a segment's permits say, and in whatever order they come: accepted once is accepted."""
    for before, behind, state in product(ENDS, ENDS, S):
        for history in (
            minted([before], [ACCEPTED]),
            minted([ACCEPTED], [behind]),
            minted([before], [ACCEPTED], [behind]),
        ):
            step = after(message(state), history)
            if LIVE in (before, behind) and any(row.fate is Fate.LIVE for row in history):
                assert step is None
            else:
                assert (step.state if step else state) is S.SENT


def test_the_order_of_answers_does_not_matter() -> None:
    """Told of its permits one by one, in any order, a message ends where it would if told at once."""
    for first, second in product([ACCEPTED, (Fate.REJECTED, FINAL)], repeat=2):
        at_once = after(message(segments=2), minted([first, second]))
        for ends in ([first, UNCERTAIN], [UNCERTAIN, second]):
            mt = message(segments=2)
            step = after(mt, minted(ends))
            assert step is not None
            later = after(replace(mt, state=step.state), minted([first, second]))
            assert at_once is not None
            assert (later.state if later else step.state) is at_once.state


@pytest.mark.checklist("C3", "D6")
@pytest.mark.parametrize(
    "answer, then",
    [(ACCEPTED, S.SENT), ((Fate.REJECTED, FINAL), S.FAILED), ((Fate.REJECTED, RETRY), S.QUEUED), (UNCERTAIN, None)],
)
def test_a_late_answer_settles_what_was_uncertain(answer: Ended, then: MessageState | None) -> None:
    step = after(message(S.UNCERTAIN), minted([answer]))
    assert (step.state if step else None) is then


def test_a_late_answer_about_the_first_try_does_not_settle_the_second() -> None:
    assert after(message(S.UNCERTAIN, resends=1), minted([(Fate.REJECTED, FINAL)], [UNCERTAIN])) is None
    accepted = after(message(S.QUEUED, resends=1), minted([ACCEPTED]))
    assert accepted is not None
    assert accepted.state is S.SENT, "it need not go again"


@pytest.mark.parametrize("tries", range(1, MOST_RETRIES + 1))
def test_a_segment_that_is_refused_for_the_moment_has_five_tries(tries: int) -> None:
    rounds = [[(Fate.REJECTED, RETRY)]] * tries
    step = after(message(), minted(*rounds))
    assert step is not None
    assert step.state is (S.FAILED if tries == MOST_RETRIES else S.QUEUED)
    assert step.status == RETRY


def test_throttling_and_returns_use_up_no_tries() -> None:
    rounds: list[list[Ended]] = [[(Fate.REJECTED, THROTTLE)], [(Fate.RETURNED, 0)], [(Fate.REVOKED, 0)]] * 20
    step = after(message(), minted(*rounds, [(Fate.REJECTED, THROTTLE)]))
    assert step is not None
    assert (step.state, step.status) == (S.QUEUED, THROTTLE)


def test_only_open_segments_count_their_tries() -> None:
    rounds: list[list[Ended | None]] = [[(Fate.REJECTED, RETRY), (Fate.REJECTED, RETRY)]] * 4
    step = after(message(segments=2), minted(*rounds, [ACCEPTED, (Fate.RETURNED, 0)]))
    assert step is not None
    assert step.state is S.QUEUED


@pytest.mark.parametrize(
    "receipts, state",
    [
        ((None, None), S.SENT),
        ((S.DELIVERED, None), S.DELIVERED),
        ((None, S.UNDELIVERED), S.UNDELIVERED),
        ((S.DELIVERED, S.DELIVERED), S.DELIVERED),
        ((S.DELIVERED, S.UNDELIVERED), S.PARTIAL),
    ],
)
def test_receipts_of_the_segments_make_the_state(
    receipts: tuple[MessageState | None, ...], state: MessageState
) -> None:
    step = after(message(segments=2), minted([ACCEPTED, ACCEPTED], receipts=receipts))
    assert step is not None
    assert step.state is state
    assert after(message(state, segments=2), minted([ACCEPTED, ACCEPTED], receipts=receipts)) is None


def test_a_reply_stops_being_worth_a_second_try_at_five_minutes() -> None:
    for age, state in ((REPLY_LIFE_S - 0.001, S.QUEUED), (REPLY_LIFE_S, S.UNCERTAIN)):
        step = after(message(lane=Lane.URGENT, age=age), minted([UNCERTAIN]))
        assert step is not None
        assert step.state is state
