"""Grounds of a permit, enumerated: every claim, status, hold and count."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.model.consent import ConsentStatus, Hold, Standing
from gateway.model.messages import Draft, Lane
from gateway.model.permit import Grounds
from gateway.model.refusal import Reason, Refusal
from gateway.policy.compile import LineRules, compile_line, unknown_line_rules
from gateway.policy.grounds import grounds_for, grounds_for_draft
from gateway.policy.options import LineOptions
from tests.policy.world import ANNE, NOW, RULES, mt, someone

NONE, IN, OUT = ConsentStatus.NOT_DEFINED, ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT
OPEN = compile_line(LineOptions(address="85700", unknown="allow"), 1)
URGENT = (Grounds.OPT_OUT_CONFIRMATION, Grounds.HELP, Grounds.SIGN_UP_CODE)


def reason(claim: Grounds, standing: Standing, rules: LineRules = RULES, now: float = NOW, **facts: object) -> object:
    """The grounds, or the reason of the refusal."""
    judged = grounds_for(mt(claim, **facts), standing, rules, now)
    return judged.reason if isinstance(judged, Refusal) else judged


@pytest.mark.parametrize("claim,status,held,fresh", list(product(Grounds, ConsentStatus, (False, True), (False, True))))
def test_every_claim(claim: Grounds, status: ConsentStatus, held: bool, fresh: bool) -> None:
    standing = someone(status=status, opt_outs=3, hold=Hold(NOW, 1) if held else None)
    lane = Lane.URGENT if claim in URGENT else Lane.NORMAL if claim <= 2 else Lane.REPLY
    got = reason(claim, standing, lane=lane, opt_outs=3 if fresh else 2, in_reply_to=9)
    to_out = claim in (Grounds.OPT_OUT_CONFIRMATION, Grounds.HELP, Grounds.HOW_TO_RETURN)
    while_held = claim in (Grounds.CLARIFICATION, Grounds.HELP, Grounds.OPT_OUT_CONFIRMATION)
    if status is OUT and not to_out:
        assert got is Reason.OPTED_OUT
    elif not fresh:
        assert got is Reason.STALE
    elif held and not while_held:
        assert got is Reason.HELD
    elif (claim is Grounds.HOW_TO_RETURN and status is not OUT) or (claim is Grounds.CLARIFICATION and not held):
        assert got is Reason.STALE
    elif claim <= Grounds.UNDEFINED_ALLOWED:
        assert got is (Grounds.CONSENT if status is IN else Reason.NOT_OPTED_IN)
    else:
        assert got is claim


def test_unknown_is_allowed_where_the_line_says_so() -> None:
    assert reason(Grounds.CONSENT, someone(), OPEN) is Grounds.UNDEFINED_ALLOWED
    assert reason(Grounds.CONSENT, someone(status=IN), OPEN) is Grounds.CONSENT
    assert reason(Grounds.CONSENT, someone(account_out=True), OPEN) is Reason.OPTED_OUT
    assert reason(Grounds.CONSENT, someone(), unknown_line_rules("999", 1)) is Reason.NOT_OPTED_IN


def test_a_list_send_asks_membership_and_suspension() -> None:
    facts = {"status": IN, "lists": {"a": IN, "b": OUT}, "suspended": frozenset({"a"})}
    assert reason(Grounds.CONSENT, someone(**facts), list_name="a") is Reason.SUSPENDED
    assert reason(Grounds.CONSENT, someone(**facts), list_name="b") is Reason.NOT_A_MEMBER
    assert reason(Grounds.CONSENT, someone(**facts), list_name="c") is Reason.NOT_A_MEMBER
    assert reason(Grounds.CONSENT, someone(**facts | {"suspended": frozenset()}), list_name="a") is Grounds.CONSENT


@pytest.mark.parametrize("age,late", [(0.0, False), (300.0, False), (300.1, True)])
@pytest.mark.parametrize("lane", [Lane.URGENT, Lane.REPLY])
def test_a_reply_lives_five_minutes(lane: Lane, age: float, late: bool) -> None:
    got = reason(Grounds.HELP, someone(), now=NOW + age, lane=lane)
    assert got is (Reason.EXPIRED if late else Grounds.HELP)


def test_a_message_with_an_expiry_of_its_own() -> None:
    assert reason(Grounds.CONSENT, someone(status=IN), now=NOW + 9.9, expires_at=NOW + 10) is Grounds.CONSENT
    assert reason(Grounds.CONSENT, someone(status=IN), now=NOW + 10, expires_at=NOW + 10) is Reason.EXPIRED
    assert reason(Grounds.CONSENT, someone(status=IN), now=NOW + 9e9) is Grounds.CONSENT


def test_an_answer_names_its_text_and_a_persons_ends_with_its_day() -> None:
    assert reason(Grounds.ANSWER, someone()) is Reason.NOT_AN_ANSWER
    assert reason(Grounds.ANSWER, someone(), in_reply_to=4) is Reason.NOT_AN_ANSWER
    assert reason(Grounds.ANSWER, someone(), in_reply_to=4, expires_at=NOW + 5) is Grounds.ANSWER
    assert reason(Grounds.ANSWER, someone(), in_reply_to=4, lane=Lane.REPLY) is Grounds.ANSWER


def test_a_draft_is_judged_as_the_message_that_it_becomes() -> None:
    draft = Draft(1, ANNE, "x", Lane.NORMAL, Grounds.CONSENT, 0)
    assert grounds_for_draft(draft, someone(status=IN), RULES, NOW) is Grounds.CONSENT
    refusal = grounds_for_draft(draft, someone(status=OUT, since=1.0, source="api"), RULES, NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.since, refusal.source) == (Reason.OPTED_OUT, 1.0, "api")
