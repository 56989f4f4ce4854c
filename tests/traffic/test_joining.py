"""Long texts: parts in any order, twice, over sessions and restarts, too late, or under a reference used again."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Concat
from gateway.traffic.overdue import PARTS_WAIT_S, overdue_texts
from gateway.traffic.taken import REDELIVERY_WINDOW_S
from tests.traffic.bench import ANNE, BOB, LINE_ID, Bench, mo, parts

OUT = ConsentStatus.OPTED_OUT
TEXT = "I read every one of them. JOIN was my best idea."
CUTS = (10, 30)


def journal(bench: Bench) -> list[tuple[str, int, int]]:
    """(text, parts, partial) of every MO."""
    return bench.rows("select text, segments, partial from message where direction = 0 order by id")


@pytest.mark.checklist("G1", "G2")
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("batches", ["together", "apart", "restart"])
def test_parts_in_any_order(bench: Bench, order: tuple[int, ...], batches: str) -> None:
    came = [parts(TEXT, CUTS)[n] for n in order]
    if batches == "together":
        outcomes = [taken.outcome for taken in bench.take(*came).taken]
    else:
        outcomes = []
        for part in came:
            outcomes.append(bench.take(part).taken[0].outcome)
            if batches == "restart":
                bench.restart()
    assert outcomes == ["part", "part", "none"]
    assert journal(bench) == [(TEXT, 3, 0)]


@pytest.mark.checklist("G1")
def test_as_many_parts_as_there_can_be(bench: Bench) -> None:
    text = "".join(f"{n:03} " for n in range(255))
    came = parts(text, range(4, 4 * 255, 4))
    assert came[-1].concat == Concat(7, 255, 255)
    outcomes = [taken.outcome for taken in bench.take(*came[::-2], *came[1::2]).taken]
    assert outcomes == ["part"] * 254 + ["none"]
    assert journal(bench) == [(text, 255, 0)]


@pytest.mark.checklist("G1")
@pytest.mark.parametrize("doubled, order", list(product(range(3), [(0, 1, 2), (2, 1, 0)])))
def test_a_part_that_comes_twice_changes_nothing(bench: Bench, doubled: int, order: tuple[int, ...]) -> None:
    """Before the others, between them, or after all were joined; in the same session or another one."""
    for session in ("life-acme/0-1", "life-acme/1-9"):
        again = parts(TEXT, CUTS, session=session)[doubled]
        for n in order:
            bench.take(parts(TEXT, CUTS)[n], disturbed=True)
            if n == doubled:
                assert bench.take(again, disturbed=True).taken[0].outcome == "duplicate"
        assert bench.take(again, disturbed=True).taken[0].outcome == "duplicate"
    assert journal(bench) == [(TEXT, 3, 0)]


@pytest.mark.checklist("G2")
def test_parts_of_others_are_others(bench: Bench) -> None:
    """Another subscriber, line, carrier, reference or total: other texts."""
    first, second = parts("hello there", (5,))
    bench.take(first)
    for change in ({"subscriber": BOB}, {"line": "85701"}, {"carrier": "other"}):
        assert bench.take(parts("hello there", (5,), **change)[1]).taken[0].outcome == "part"
    assert bench.take(parts("hello there", (5,), reference=8)[1]).taken[0].outcome == "part"
    assert bench.take(parts("hello there again", (5, 11))[1]).taken[0].outcome == "part"
    assert bench.take(second).taken[0].outcome == "none"


@pytest.mark.checklist("G4")
def test_a_long_stop_is_a_stop(bench: Bench) -> None:
    old = bench.queue()
    came = parts("ST" + "OP", (2,))
    first, last = (bench.take(part).taken[0] for part in came)
    assert (first.fenced, last.fenced) == ((), ((LINE_ID, ANNE),))
    assert bench.standing().status is OUT
    assert bench.state(old).word == "refused"


def test_the_redelivery_of_a_part_waits_for_the_fence(bench: Bench) -> None:
    """The ack of the first may be waiting: this one promises the same."""
    came = parts("STOP", (2,))
    for part in came:
        bench.take(part)
    again = bench.take(came[1], disturbed=True).taken[0]
    assert (again.outcome, again.fenced) == ("duplicate", ((LINE_ID, ANNE),))


@pytest.mark.checklist("G2")
def test_the_same_words_under_the_same_reference_are_a_new_text(bench: Bench) -> None:
    """A handset counts its references anew: a long STOP, START, and the same long STOP, all in one quiet session."""
    for part in parts("STOP", (2,)):
        bench.take(part)
    bench.say("START")
    assert bench.standing().status is not OUT
    assert [bench.take(part).taken[0].outcome for part in parts("STOP", (2,))] == ["part", "opt_out"]
    assert bench.standing().status is OUT


def test_the_last_part_alone_comes_again_after_its_session_ended(bench: Bench) -> None:
    came = parts("STOP", (2,))
    for part in came:
        bench.take(part)
    assert bench.take(came[1], alive=()).taken[0].outcome == "duplicate"
    bench.say("START")
    assert bench.take(came[1], alive=()).taken[0].outcome == "part", "it is not the latest any more"
    assert bench.standing().status is not OUT


def test_a_long_stop_said_again_after_a_broken_session_is_in_force(bench: Bench) -> None:
    for part in parts("STOP", (2,), session="gone"):
        bench.take(part)
    bench.say("START")
    assert [bench.take(part).taken[0].outcome for part in parts("STOP", (2,))] == ["part", "opt_out"]
    assert bench.standing().status is OUT


@pytest.mark.checklist("G1")
@pytest.mark.parametrize(
    "concat", [Concat(1, 0, 0), Concat(1, 1, 1), Concat(1, 2, 0), Concat(1, 2, 3), Concat(1, 0, 1)]
)
def test_a_header_that_makes_no_sense_is_no_header(bench: Bench, concat: Concat) -> None:
    assert bench.take(mo("STOP", concat=concat)).taken[0].outcome == "opt_out"
    assert journal(bench) == [("STOP", 1, 0)]


@pytest.mark.checklist("G2")
def test_a_reference_that_is_used_again_begins_another_text(bench: Bench) -> None:
    for part in parts("hello there", (5,)):
        bench.take(part)
    for part in parts("good bye", (4,)):
        bench.take(part)
    assert [text for text, _, _ in journal(bench)] == ["hello there", "good bye"]
    assert bench.one("select count(*) from part where mo_id is null") == 0


@pytest.mark.checklist("G2", "G4")
def test_what_had_come_under_the_reference_is_decided_as_it_stands(bench: Bench) -> None:
    """Were it a STOP, it would be in force, and the fence up, before the part that ended it is acked."""
    old = bench.queue()
    bench.take(parts("STOP. That is all that I have to say", (5,))[0])
    taken = bench.take(parts("JOIN the club", (5,))[0]).taken[0]
    assert (taken.outcome, taken.fenced) == ("part", ((LINE_ID, ANNE),))
    assert journal(bench) == [("STOP.", 1, 1)]
    assert bench.standing().status is OUT
    assert bench.state(old).word == "refused"


def test_superseding_and_completing_at_once(bench: Bench) -> None:
    """A new first part ends the old text while its own second part is there under the same reference."""
    bench.take(parts("STOP me now", (5,))[0])
    bench.clock.advance(1)
    taken = [bench.take(part).taken[0] for part in parts("HELP me now!", (5,))]
    assert [item.outcome for item in taken] == ["part", "help"]
    assert taken[0].fenced == ((LINE_ID, ANNE),)


@pytest.mark.checklist("G1", "G4")
def test_parts_that_do_not_come_are_not_waited_for(bench: Bench) -> None:
    bench.take(parts("STOP. And another thing", (6,))[0])
    bench.take(parts("JOIN us all", (5,), subscriber=BOB)[1])
    bench.clock.advance(PARTS_WAIT_S)
    assert not bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken
    bench.clock.advance(1)
    intake = bench.tx(lambda tx: overdue_texts(tx, bench.book))
    assert [(taken.outcome, taken.fenced) for taken in intake.taken] == [("opt_out", ((LINE_ID, ANNE),)), ("none", ())]
    assert bench.standing().status is OUT
    assert {(text, partial) for text, _, partial in journal(bench)} == {("STOP. ", 1), ("us all", 1)}
    assert not bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken


def test_a_part_of_a_text_brings_nobody_in(bench: Bench) -> None:
    bench.take(parts("JOIN today. Or not", (11,))[0])
    bench.clock.advance(PARTS_WAIT_S + 1)
    intake = bench.tx(lambda tx: overdue_texts(tx, bench.book))
    assert [taken.outcome for taken in intake.taken] == ["none"]
    assert bench.standing().status is ConsentStatus.NOT_DEFINED


def test_waiting_is_counted_from_the_latest_part(bench: Bench) -> None:
    came = parts("one two three", (4, 8))
    bench.take(came[0])
    bench.clock.advance(200)
    late = parts("one two three", (4, 8), received_at=bench.clock.wall())[1]
    bench.take(late)
    bench.clock.advance(200)
    assert not bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken
    assert bench.take(came[2]).taken[0].outcome == "none"


def test_a_part_that_comes_after_the_time_waits_on_its_own(bench: Bench) -> None:
    first, second = parts("hello STOP", (6,))
    bench.take(first)
    bench.clock.advance(PARTS_WAIT_S + 1)
    bench.tx(lambda tx: overdue_texts(tx, bench.book))
    assert bench.take(second).taken[0].outcome == "part"
    bench.clock.advance(PARTS_WAIT_S + 1)
    assert [t.outcome for t in bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken] == ["opt_out"]


def test_overdue_on_a_line_that_is_gone(bench: Bench) -> None:
    bench.take(parts("STOP and more", (5,), line="99999")[0])
    bench.clock.advance(PARTS_WAIT_S + 1)
    assert [t.outcome for t in bench.tx(lambda tx: overdue_texts(tx, bench.book)).taken] == ["opt_out"]
    assert bench.outbox() == []


@pytest.mark.checklist("G3")
def test_a_surrogate_pair_cut_in_two_is_one_character(bench: Bench) -> None:
    octets = "a😀b".encode("utf-16-be")
    for number, raw in enumerate([octets[:4], octets[4:]], 1):
        bench.take(mo("?", raw=raw, data_coding=8, concat=Concat(3, 2, number)))
    assert journal(bench) == [("a😀b", 2, 0)]


def test_joined_parts_are_known_for_as_long_as_they_may_come_again(bench: Bench) -> None:
    assert PARTS_WAIT_S < REDELIVERY_WINDOW_S
