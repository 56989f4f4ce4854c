"""The duplicate rule: every way in which an ack can go, and what the same text is then when it comes again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Mo
from gateway.traffic import acks
from gateway.traffic.acks import PUT_OFF_S, SLOW_ACK_S, AckLedger
from gateway.traffic.taken import REDELIVERY_WINDOW_S
from tests.traffic.bench import SESSION, Bench, mo

NEXT = "life-acme/0-2"


@dataclass(frozen=True)
class First:
    """How it went with the ack of the first text: answered with ``status``, written after so many seconds, or not."""

    status: int | None = 0
    written_after: float | None = 0.1
    session_ends: bool = False
    restart: bool = False

    @property
    def disturbed(self) -> bool:
        """By the rule: not yet written, slow, refused, or its session is over."""
        slow = self.written_after is None or self.written_after > 5
        return slow or bool(self.status) or self.session_ends or self.restart


WAYS = [
    First(status, written, ends, restart)
    for status, written, ends, restart in product((0, 0x64, None), (0.1, 5.0, 5.1, None), (False, True), (False, True))
    if not (status is None and written is not None)
]


def play(bench: Bench, first: First, text: str = "JOIN", after_s: float = 60.0) -> tuple[AckLedger, list[str], Mo]:
    """Take a text in, let its ack go its way, restart perhaps; return what is alive then, and the same text again."""
    ledger, alive = AckLedger(REDELIVERY_WINDOW_S), [SESSION]
    opening = mo(text, received_at=bench.clock.wall())
    ledger.arrived(opening, bench.clock.monotonic())
    bench.take(opening)
    if first.status is not None:
        ledger.answered(SESSION, [(opening.sequence, first.status)], bench.clock.monotonic())
    bench.clock.advance(first.written_after or 1)
    if first.written_after is not None:
        ledger.written(SESSION, [opening.sequence], bench.clock.monotonic())
    bench.clock.advance(after_s)
    if first.session_ends:
        ledger.session_ended(SESSION, bench.clock.monotonic())
        alive = []
    if first.restart:
        bench.restart()
        ledger, alive = AckLedger(REDELIVERY_WINDOW_S), []
    session = SESSION if alive else NEXT
    return ledger, [session], mo(text, session=session, received_at=bench.clock.wall())


@pytest.mark.parametrize("first", WAYS, ids=repr)
def test_the_same_text_again(bench: Bench, first: First) -> None:
    ledger, alive, again = play(bench, first)
    disturbed, _ = ledger.arrived(again, bench.clock.monotonic())
    outcome = bench.take(again, disturbed=disturbed, alive=alive).taken[0].outcome
    assert outcome == ("duplicate" if first.disturbed else "keyword")
    assert len(bench.outbox()) == (2 if first.disturbed else 3)


@pytest.mark.parametrize(
    "first", [First(), First(status=0x64), First(written_after=None), First(session_ends=True), First(restart=True)]
)
def test_after_the_window_it_is_a_new_text(bench: Bench, first: First) -> None:
    ledger, alive, again = play(bench, first, after_s=REDELIVERY_WINDOW_S + 1)
    # Only an ack that is still awaited counts for longer than that, and then the store says how old the text is.
    disturbed, _ = ledger.arrived(again, bench.clock.monotonic())
    assert disturbed is (first.written_after is None)
    assert bench.take(again, disturbed=disturbed, alive=alive).taken[0].outcome == "keyword"


@pytest.mark.parametrize(
    "change", [{"line": "85701"}, {"carrier": "other"}, {"raw": b"join"}, {"data_coding": 8, "fingerprint": b"8"}]
)
def test_another_text_is_never_a_duplicate(bench: Bench, change: dict[str, Any]) -> None:
    bench.take(mo("JOIN"))
    assert bench.take(mo("JOIN", **change), disturbed=True, alive=()).taken[0].outcome == "keyword"


def test_only_the_latest_text_counts(bench: Bench) -> None:
    """HELP, hello, HELP: the last one is no duplicate of the first, whatever became of its ack."""
    for text in ("HELP", "hello", "HELP"):
        assert bench.take(mo(text), disturbed=True, alive=()).taken[0].outcome != "duplicate"


@pytest.mark.parametrize("disturbed, alive", [(True, (SESSION,)), (False, ())])
@pytest.mark.parametrize("together", [False, True])
def test_a_redelivery_from_before_a_stop_brings_nobody_back(
    bench: Bench, disturbed: bool, alive: tuple[str, ...], together: bool
) -> None:
    """JOIN, STOP, and the carrier brings JOIN again, because our ack was late, refused, or lost with its session."""
    texts = [mo("JOIN"), mo("STOP"), mo("JOIN")]
    if together:
        taken = bench.take(*texts, disturbed=disturbed, alive=alive).taken
    else:
        taken = [bench.take(text, disturbed=disturbed, alive=alive).taken[0] for text in texts]
    assert [one.outcome for one in taken] == ["keyword", "opt_out", "duplicate"]
    assert bench.standing().status is ConsentStatus.OPTED_OUT
    assert bench.take(mo("UNSTOP"), disturbed=disturbed, alive=alive).taken[0].outcome == "opt_in"


def test_the_same_words_in_an_undisturbed_session_bring_back(bench: Bench) -> None:
    assert [bench.take(mo(text)).taken[0].outcome for text in ("JOIN", "STOP", "JOIN")][2] == "keyword"
    assert bench.standing().status is ConsentStatus.OPTED_IN


@pytest.mark.checklist("I3")
def test_a_duplicate_changes_nothing(bench: Bench) -> None:
    bench.say("JOIN")
    tables = ("message", "evidence", "consent", "member", "permit")

    def everything() -> list[object]:
        return [bench.rows(f"select * from {table}") for table in tables]  # noqa: S608 - the names above

    before = everything()
    assert bench.take(mo("JOIN"), disturbed=True).taken[0].outcome == "duplicate"
    assert everything() == before


def test_seconds_since_the_arrival_are_told_once() -> None:
    ledger, text = AckLedger(900), mo("JOIN")
    ledger.arrived(text, 10.0)
    assert ledger.written(SESSION, [text.sequence], 12.5) == [2.5]
    assert ledger.written(SESSION, [text.sequence], 13.0) == []
    ledger.answered(SESSION, [(text.sequence, 0x64)], 14.0)
    assert not ledger.arrived(mo("JOIN"), 15.0)[0], "what is answered after it was written is somebody else's"


def test_memory_is_bounded_by_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "_MOST", 50)
    monkeypatch.setattr(acks, "MOST_PUT_OFF", 20)
    ledger = AckLedger(900)
    for number in range(500):
        text = mo(f"text {number}")
        ledger.arrived(text, float(number))
        ledger.answered(SESSION, [(text.sequence, 0x64)], float(number))
        ledger.written(SESSION, [text.sequence], float(number))
        assert len(ledger) <= 71
    assert ledger.arrived(mo("text 499"), 500.0)[0]
    assert ledger.arrived(mo("text 480"), 500.0)[1] is not None
    assert ledger.arrived(mo("text 479"), 500.0)[1] is None, "the oldest goes first"
    ledger.arrived(mo("x"), 5000.0)
    assert len(ledger) == 24, "after the window only what waits is left, and what was put off"
    ledger.arrived(mo("y"), 500.0 + PUT_OFF_S)
    assert len(ledger) == 5


def test_a_sequence_number_that_is_used_twice_leaves_nothing_behind() -> None:
    """Two texts open under one number: two answers leave, and both are followed."""
    ledger = AckLedger(900)
    slow, quick = mo("JOIN", sequence=1), mo("HELP", sequence=1)
    ledger.arrived(slow, 0.0)
    ledger.arrived(quick, SLOW_ACK_S)
    assert ledger.written(SESSION, [1], SLOW_ACK_S + 1) == [SLOW_ACK_S + 1]
    assert ledger.written(SESSION, [1], SLOW_ACK_S + 1) == [1]
    assert len(ledger) == 1, "that the first was slow"
    assert ledger.arrived(mo("JOIN"), 10.0)[0]
    assert not ledger.arrived(mo("HELP"), 10.0)[0]
    ledger.answered(SESSION, [(1, 0x64)], 10.0)
    ledger.session_ended(SESSION, 11.0)
    assert ledger.arrived(mo("HELP"), 12.0)[0]


def test_a_clean_ack_ends_what_was_disturbed_before() -> None:
    """JOIN (acked late), JOIN (acked at once), JOIN: the last one is a new text."""
    ledger = AckLedger(900)
    first, second, third = mo("JOIN"), mo("JOIN"), mo("JOIN")
    ledger.arrived(first, 0.0)
    ledger.written(SESSION, [first.sequence], 6.0)
    assert ledger.arrived(second, 10.0)[0]
    ledger.written(SESSION, [second.sequence], 10.1)
    assert not ledger.arrived(third, 20.0)[0]


def test_a_refused_one_stays_disturbed_though_its_answer_was_quick() -> None:
    ledger = AckLedger(900)
    first, second = mo("JOIN"), mo("JOIN")
    ledger.arrived(first, 1.0)
    ledger.answered(SESSION, [(first.sequence, 0x64)], 1.5)
    ledger.written(SESSION, [first.sequence], 1.6)
    assert ledger.arrived(second, 10.0)[0]


def test_a_redelivery_from_before_releases_no_hold(bench: Bench) -> None:
    assert bench.take(mo("START"), disturbed=True).taken[0].outcome == "opt_in"
    assert bench.take(mo("can you stop my appointment")).taken[0].outcome == "hold"
    assert bench.take(mo("START"), disturbed=True).taken[0].outcome == "duplicate"
    assert bench.standing().hold is not None


def test_a_clock_that_was_put_back_brings_nobody_back(bench: Bench) -> None:
    assert bench.take(mo("JOIN"), disturbed=True).taken[0].outcome == "keyword"
    bench.clock.wall_ -= 600
    assert bench.take(mo("STOP")).taken[0].outcome == "opt_out"
    assert bench.take(mo("JOIN"), disturbed=True).taken[0].outcome == "duplicate"


@pytest.mark.parametrize("disturbed, alive", [(True, (SESSION,)), (False, ())])
def test_a_redelivery_from_before_rejoins_no_list(bench: Bench, disturbed: bool, alive: tuple[str, ...]) -> None:
    """On the line still, and gone from one list: words from before do not bring back there, either."""
    out = ConsentStatus.OPTED_OUT
    for text, outcome in (("NEWS", "keyword"), ("JOIN", "keyword"), ("STOP JOIN", "opt_out"), ("JOIN", "duplicate")):
        assert bench.take(mo(text), disturbed=disturbed, alive=alive).taken[0].outcome == outcome
    standing = bench.standing()
    assert (standing.status, standing.lists["alerts"]) == (ConsentStatus.OPTED_IN, out)
    assert bench.rows("select count(*) from member where status = 1") == [(1,)]
    assert bench.take(mo("JOIN", raw=b"join")).taken[0].outcome == "keyword", "said anew, it does"
    assert bench.standing().lists["alerts"] is ConsentStatus.OPTED_IN
