"""Opt-outs that a carrier tells us of by refusing: in force at once, with evidence, and only where it says so."""

from __future__ import annotations

import pytest

from gateway.carriers.statuses import Verdict, verdict
from gateway.model.consent import ConsentStatus, Standing
from gateway.model.messages import MessageState
from gateway.model.permit import Fate, Outcome, Permit
from gateway.traffic.gate import Claim, pass_gate
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import Settled, settle
from tests.traffic.bench import ANNE, BOB, LINE_ID, OTHER_ID, Bench, book

pytestmark = pytest.mark.checklist("I7")

BLOCKED = 0x450


def verdicts(carrier: str, status: int) -> Verdict:
    return verdict(status, {BLOCKED: Verdict.OPTED_OUT} if carrier == "acme" else {})


def mint(bench: Bench, id_: int, carrier: str = "acme") -> Permit:
    claims = [Claim(bench.mt(id_), carrier, f"{carrier}/0")]
    return bench.tx(lambda tx: pass_gate(tx, claims, bench.book)).permits[f"{carrier}/0"][0]


def refuse(bench: Bench, *permits: Permit, status: int = BLOCKED, rules: RuleBook | None = None) -> Settled:
    outcomes = [Outcome(permit, Fate.REJECTED, status) for permit in permits]
    return bench.tx(lambda tx: settle(tx, outcomes, rules or bench.book, verdicts))


def test_a_refusal_that_says_so_is_an_opt_out(bench: Bench) -> None:
    first, waiting, others = bench.queue(), bench.queue("later"), bench.queue("hi", BOB)
    settled = refuse(bench, mint(bench, first))
    standing = bench.standing()
    assert (standing.status, standing.source) == (ConsentStatus.OPTED_OUT, "carrier")
    assert bench.rows("select kind, method, status_before, status_after, note from evidence") == [
        ("opt_out", "carrier", 0, 2, "acme: 0x00000450: not defined by SMPP 3.4, the carrier's own")
    ]
    assert [bench.state(id_) for id_ in (first, waiting, others)] == [
        MessageState.FAILED,
        MessageState.REFUSED,
        MessageState.QUEUED,
    ]
    assert bench.one("select reason from message where id = ?", first) == "opted-out"
    assert settled.learned.narrowed == ((LINE_ID, ANNE),)
    assert settled.learned.refused == 1
    assert bench.standing(BOB).status is ConsentStatus.NOT_DEFINED
    assert bench.standing(line_id=OTHER_ID).status is ConsentStatus.NOT_DEFINED


def test_another_carrier_may_mean_something_else_by_it(bench: Bench) -> None:
    settled = refuse(bench, mint(bench, bench.queue(), "other"))
    assert bench.standing().status is ConsentStatus.NOT_DEFINED
    assert settled.learned.narrowed == ()


def test_a_carrier_that_accepts_says_nothing(bench: Bench) -> None:
    permit = mint(bench, bench.queue())
    bench.tx(lambda tx: settle(tx, [Outcome(permit, Fate.ACCEPTED, BLOCKED)], bench.book, verdicts))
    assert bench.standing().status is ConsentStatus.NOT_DEFINED


def test_two_refusals_in_one_read_are_one_opt_out(bench: Bench) -> None:
    settled = refuse(bench, mint(bench, bench.queue()), mint(bench, bench.queue()))
    assert bench.standing().opt_outs == 1
    assert bench.evidence() == ["opt_out"]
    assert settled.learned.narrowed == ((LINE_ID, ANNE),)


def test_it_stays_and_is_evidence_again(bench: Bench) -> None:
    """The confirmation of a STOP that the carrier has acted on already, for instance."""
    permits = mint(bench, bench.queue()), mint(bench, bench.queue())
    for permit in permits:
        refuse(bench, permit)
    assert bench.evidence() == ["opt_out", "opt_out"]
    assert bench.standing().opt_outs == 1


def test_with_the_scope_of_the_account_it_is_all_lines(bench: Bench) -> None:
    on_other = bench.queue(line_id=OTHER_ID)
    settled = refuse(bench, mint(bench, bench.queue()), rules=book(stop_scope="account"))
    assert bench.standing().account_out
    assert bench.standing(line_id=OTHER_ID).account_out
    assert bench.state(on_other) is MessageState.REFUSED
    assert settled.learned.narrowed == ((LINE_ID, ANNE), (OTHER_ID, ANNE))
    assert bench.evidence() == ["opt_out", "opt_out"]
    assert bench.rows("select subscriber, source from account_opt_out") == [(ANNE, "carrier")]


@pytest.mark.parametrize("before", ["", "START"])
def test_an_answer_to_what_went_before_they_texted_start_tells_of_the_time_before(bench: Bench, before: str) -> None:
    if before:
        bench.say(before)
    permit = mint(bench, bench.queue())
    bench.clock.advance(1)
    bench.say("START")
    settled = refuse(bench, permit)
    assert bench.standing().status is ConsentStatus.OPTED_IN
    assert settled.learned.narrowed == ()
    assert set(bench.evidence()) == {"opt_in"}


def test_of_two_answers_the_later_message_counts(bench: Bench) -> None:
    first = mint(bench, bench.queue())
    bench.clock.advance(1)
    bench.say("START")
    bench.clock.advance(1)
    refuse(bench, first, mint(bench, bench.queue(opt_outs=bench.standing().opt_outs)))
    assert bench.standing().status is ConsentStatus.OPTED_OUT


def test_who_was_in_when_it_went_is_out(bench: Bench) -> None:
    bench.put(Standing(LINE_ID, ANNE, ConsentStatus.OPTED_IN, since=bench.clock.wall() - 1, source="text"))
    refuse(bench, mint(bench, bench.queue()))
    assert bench.standing().status is ConsentStatus.OPTED_OUT
