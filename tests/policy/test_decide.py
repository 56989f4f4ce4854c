"""What follows from a text: who is answered, with what, and what changes."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.model.consent import ConsentStatus, EvidenceKind, Hold, Standing
from gateway.model.effects import ChangeList, ChangeStatus, HeldBack, RecordEvidence, Reply, Scope, TextOutcome
from gateway.model.messages import Lane
from gateway.model.permit import Grounds
from gateway.policy.compile import compile_line, unknown_line_rules
from gateway.policy.decide import decide
from gateway.policy.transitions import status_of
from tests.policy.world import NOW, OPTIONS, RULES, judge_text, kinds, replies, say, someone, text

NONE, IN, OUT = ConsentStatus.NOT_DEFINED, ConsentStatus.OPTED_IN, ConsentStatus.OPTED_OUT
STOPPED = OPTIONS.stop_reply.replace("{name}", OPTIONS.name)
STARTED = OPTIONS.start_reply.replace("{name}", OPTIONS.name)
HELPED = OPTIONS.help_reply.replace("{name}", OPTIONS.name)
HELPED_ALERTS = "Acme Alerts: about the alerts, call 800-555-0101."
ASKED = OPTIONS.clarify_reply.replace("{name}", OPTIONS.name)
RETURN = OPTIONS.return_reply.replace("{name}", OPTIONS.name)
WELCOME, JOINED = "Welcome to Acme Alerts! 4 msgs/month. Reply HELP for help, STOP to end.", "You're on the Acme list."
DEFAULT = "Text HELP for help."
FACTS = {
    "STOP": {NONE: (OUT, [STOPPED]), IN: (OUT, [STOPPED]), OUT: (OUT, [])},
    "START": {NONE: (IN, [STARTED]), IN: (IN, [STARTED]), OUT: (IN, [STARTED])},
    "HELP": {NONE: (NONE, [HELPED]), IN: (IN, [HELPED]), OUT: (OUT, [HELPED])},
    "JOIN": {NONE: (IN, [WELCOME, JOINED]), IN: (IN, [WELCOME, JOINED]), OUT: (IN, [WELCOME, JOINED])},
    "JOIN me in": {NONE: (IN, [WELCOME, JOINED]), IN: (IN, [WELCOME, JOINED]), OUT: (OUT, [])},
    "VIP": {NONE: (IN, ["VIP."]), IN: (IN, ["VIP."]), OUT: (OUT, [RETURN])},
    "HOURS": {NONE: (NONE, ["9 to 5."]), IN: (IN, ["9 to 5."]), OUT: (OUT, [])},
    "WHO": {NONE: (NONE, ["We are Acme."]), IN: (IN, ["We are Acme."]), OUT: (OUT, ["We are Acme."])},
    "LEAVEME": {NONE: (OUT, ["Gone."]), IN: (OUT, ["Gone."]), OUT: (OUT, [])},
    "YESPLEASE": {NONE: (IN, [STARTED]), IN: (IN, [STARTED]), OUT: (IN, [STARTED])},
    "BACKIN": {NONE: (IN, ["Back in."]), IN: (IN, ["Back in."]), OUT: (IN, ["Back in."])},
    "JOIN STOP": {NONE: (NONE, [ASKED]), IN: (IN, [ASKED]), OUT: (OUT, [])},
    "No JOIN": {NONE: (NONE, [DEFAULT]), IN: (IN, [DEFAULT]), OUT: (OUT, [])},
    "start leaving me alone": {NONE: (OUT, [STOPPED]), IN: (OUT, [STOPPED]), OUT: (OUT, [])},
    "good morning": {NONE: (NONE, [DEFAULT]), IN: (IN, [DEFAULT]), OUT: (OUT, [])},
}
CASES = [(body, status, *result) for body, by in FACTS.items() for status, result in by.items()]


@pytest.mark.parametrize("body,status,becomes,answers", CASES)
def test_every_text_from_every_status(
    body: str, status: ConsentStatus, becomes: ConsentStatus, answers: list[str]
) -> None:
    standing, decision = say(body, someone(status=status, opt_outs=int(status is OUT)))
    assert standing.status is becomes
    assert replies(decision) == answers
    changed = any(isinstance(e, RecordEvidence) for e in decision.effects)
    assert changed or becomes is status


HELD = {
    "STOP": (OUT, False, [STOPPED]),
    "START": (IN, False, [STARTED]),
    "HELP": (IN, True, [HELPED_ALERTS]),
    "JOIN": (IN, False, [JOINED]),
    "JOIN me in": (IN, True, []),
    "HOURS": (IN, True, []),
    "thanks": (IN, True, []),
    "not interested": (IN, True, []),
    "WHO": (IN, True, ["We are Acme."]),
    "LEAVEME": (OUT, False, ["Gone."]),
}


@pytest.mark.parametrize("body,result", HELD.items())
def test_a_hold_ends_by_the_subscribers_own_signal_alone(
    body: str, result: tuple[ConsentStatus, bool, list[str]]
) -> None:
    held = someone(status=IN, hold=Hold(NOW - 5, 2, clarified=True), keywords={"join": 0}, lists={"alerts": IN})
    standing, decision = say(body, held)
    assert (standing.status, standing.hold is not None, replies(decision)) == result
    released = any(isinstance(e, RecordEvidence) and e.kind is EvidenceKind.RELEASE for e in decision.effects)
    assert released is not result[1]
    if standing.hold is not None:
        assert standing.hold == held.hold


def test_a_hold_is_placed_once_and_asked_about_once() -> None:
    first, decision = say("cancel my appointment", someone(status=IN))
    assert (decision.outcome, replies(decision)) == (TextOutcome.HOLD, [ASKED])
    assert first.hold == Hold(NOW, 7, clarified=True)
    second, decision = say("not interested", first, now=NOW + 60)
    assert (decision.outcome, replies(decision), second.hold) == (TextOutcome.HOLD, [], first.hold)


def test_a_question_that_was_held_back_is_asked_later() -> None:
    rules = compile_line(OPTIONS.model_copy(update={"reply_limit": "1/min"}), 1)
    busy, decision = say("not interested", someone(status=IN, replies=(NOW - 1,)), rules)
    assert [type(e) for e in decision.effects][-1] is HeldBack
    assert busy.hold == Hold(NOW, 7, clarified=False)
    asked, decision = say("not interested", busy, rules, now=NOW + 100)
    assert replies(decision) == [ASKED]
    assert asked.hold == Hold(NOW, 7, clarified=True)


def test_the_conversation_of_the_readme() -> None:
    standing = someone()
    heard: list[list[str]] = []
    for body in ("JOIN", "JOIN", "please JOIN!", "I would join", "Stop.", "stop", "HELP", "HOURS", "START", "JOIN"):
        standing, decision = say(body, standing)
        heard.append(replies(decision))
    assert heard == [
        [WELCOME, JOINED],
        [JOINED],
        [JOINED],
        [DEFAULT],
        [STOPPED],
        [],
        ["Acme Alerts: about the alerts, call 800-555-0101."],
        [],
        [STARTED],
        [WELCOME, JOINED],
    ]


def test_lanes_and_claims() -> None:
    def sent(body: str, **facts: object) -> list[tuple[Lane, Grounds, bool]]:
        effects = judge_text(body, someone(**facts)).effects
        return [(e.lane, e.claim, e.automatic) for e in effects if isinstance(e, Reply)]

    assert sent("STOP") == [(Lane.URGENT, Grounds.OPT_OUT_CONFIRMATION, False)]
    assert sent("HELP") == [(Lane.URGENT, Grounds.HELP, True)]
    assert sent("WHO") == [(Lane.URGENT, Grounds.HELP, True)]
    assert sent("JOIN") == [(Lane.REPLY, Grounds.ANSWER, True)] * 2
    assert sent("START") == sent("hello") == [(Lane.REPLY, Grounds.ANSWER, True)]
    assert sent("not interested") == [(Lane.REPLY, Grounds.CLARIFICATION, True)]
    assert sent("VIP", status=OUT) == [(Lane.REPLY, Grounds.HOW_TO_RETURN, True)]


def test_the_way_back_is_told_once_per_opt_out() -> None:
    standing = someone(status=OUT, opt_outs=1)
    heard = []
    for body in ("VIP", "VIP", "START", "STOP", "VIP", "please VIP"):
        standing, decision = say(body, standing)
        heard.append(replies(decision))
    assert heard == [[RETURN], [], [STARTED], [STOPPED], [RETURN], []]


@pytest.mark.parametrize(
    "body,scope",
    [
        ("STOP", "line"),
        ("STOP ALL", "account"),
        ("stopall", "account"),
        ("Cancel all please", "account"),
        ("stop all texts", "line"),
    ],
)
def test_scope(body: str, scope: str) -> None:
    assert judge_text(body).effects[0] == ChangeStatus(OUT, Scope(scope))
    everywhere = compile_line(OPTIONS, 1, stop_scope="account")
    assert judge_text(body, rules=everywhere).effects[0] == ChangeStatus(OUT, Scope.ACCOUNT)


def test_stop_all_from_someone_out_of_the_line_alone_is_confirmed() -> None:
    standing, decision = say("STOP ALL", someone(status=OUT, opt_outs=1))
    assert (standing.account_out, standing.opt_outs, replies(decision)) == (True, 1, [STOPPED])
    _, decision = say("STOP ALL", standing)
    assert replies(decision) == []
    standing, _ = say("START", standing)
    assert (status_of(standing), standing.account_out) == (IN, False)


LISTS = {"alerts": IN, "news": IN, "vip": OUT}


@pytest.mark.checklist("I4")
@pytest.mark.parametrize(
    "body", ["STOP JOIN", "stop alerts", "Stop signup please", "unsubscribe sign-up", "opt out alerts"]
)
def test_stop_for_one_list(body: str) -> None:
    standing, decision = say(body, someone(status=IN, lists=LISTS, hold=Hold(NOW, 1)))
    assert ChangeList("alerts", OUT) in decision.effects
    assert (standing.status, standing.lists["alerts"], standing.hold) == (IN, OUT, None)
    assert replies(decision) == ["Acme Alerts: no more alerts messages. Still on: news. Reply STOP to end all."]
    assert standing.opt_outs == 0


@pytest.mark.parametrize(
    "lists,left", [({"alerts": IN}, True), ({"news": IN}, False), ({}, False), ({"alerts": IN, "vip": OUT}, True)]
)
def test_stop_for_the_only_list_or_for_no_member_is_stop(lists: dict[str, ConsentStatus], left: bool) -> None:
    standing, decision = say("STOP JOIN", someone(status=IN, lists=lists))
    assert (standing.status, replies(decision)) == (OUT, [STOPPED])
    assert (standing.lists.get("alerts") is OUT) is left


def test_stop_for_a_list_from_someone_already_out_is_silent() -> None:
    standing, decision = say("STOP JOIN", someone(status=OUT, opt_outs=1, lists=LISTS))
    assert (replies(decision), standing.lists["alerts"], standing.opt_outs) == ([], OUT, 1)


def test_an_opt_out_keyword_for_a_list() -> None:
    standing, decision = say("NONEWS", someone(status=IN, lists=LISTS))
    assert (standing.status, standing.lists["news"]) == (IN, OUT)
    assert decision.outcome is TextOutcome.OPT_OUT
    assert decision.keyword == "NONEWS"


def test_a_list_that_was_left_is_entered_again_by_the_keyword_alone() -> None:
    standing, _ = say("JOIN", someone())
    standing, _ = say("NEWS", standing)
    standing, _ = say("STOP JOIN", standing)
    same, decision = say("JOIN me in again", standing)
    assert (same.lists["alerts"], replies(decision)) == (OUT, [])
    back, decision = say("join please", standing)
    assert (back.lists["alerts"], replies(decision)) == (IN, [WELCOME, JOINED])


@pytest.mark.parametrize(
    "body,lists,heard",
    [
        ("HELP", {}, HELPED),
        ("HELP", {"alerts": IN}, "Acme Alerts: about the alerts, call 800-555-0101."),
        ("HELP", {"alerts": IN, "vip": OUT}, "Acme Alerts: about the alerts, call 800-555-0101."),
        ("HELP", {"alerts": IN, "news": IN}, HELPED),
        ("HELP", {"news": IN}, HELPED),
        ("HELP JOIN", {}, "Acme Alerts: about the alerts, call 800-555-0101."),
        ("HELP alerts", {}, "Acme Alerts: about the alerts, call 800-555-0101."),
        ("HELP NEWS", {"alerts": IN}, HELPED),
        ("HELP who", {}, "We are Acme."),
        ("help me please", {}, HELPED),
    ],
)
def test_whose_help(body: str, lists: dict[str, ConsentStatus], heard: str) -> None:
    for status in ConsentStatus:
        assert replies(judge_text(body, someone(status=status, lists=lists))) == [heard]


@pytest.mark.checklist("I3", "I6")
def test_the_reply_limit_holds_back_and_counts_but_never_a_confirmation() -> None:
    rules = compile_line(OPTIONS.model_copy(update={"reply_limit": "3/min"}), 1)
    standing: Standing = someone()
    out = []
    for second, body in enumerate(("JOIN", "JOIN", "JOIN", "HELP", "STOP")):
        standing, decision = say(body, standing, rules, NOW + second)
        out.append([type(e).__name__ for e in decision.effects if isinstance(e, Reply | HeldBack)])
    assert out == [["Reply"] * 2, ["Reply"], ["HeldBack"], ["HeldBack"], ["Reply"]]
    assert standing.replies == (NOW, NOW, NOW + 1)
    _, decision = say("HELP", standing, rules, NOW + 60.5)
    assert replies(decision) == ["Acme Alerts: about the alerts, call 800-555-0101."]


@pytest.mark.parametrize("subscriber", ["85700", "ACME", "911"])
def test_what_is_no_number_is_read_and_not_answered(subscriber: str) -> None:
    for body in FACTS:
        decision = decide(text(body, subscriber), someone(), RULES, NOW)
        assert replies(decision) == []
        assert kinds(decision.effects) == [k for k in kinds(judge_text(body).effects) if k != "Reply"]


def test_nobody_is_nobody() -> None:
    for body in FACTS:
        assert decide(text(body, ""), someone(), RULES, NOW).effects == ()


def test_an_address_that_is_no_line_honours_stop_and_answers_nothing() -> None:
    rules = unknown_line_rules("99999", 4)
    assert rules is unknown_line_rules("99999", 4)
    for body in ("STOP", "HELP", "hello", "START", "not interested"):
        assert replies(judge_text(body, rules=rules)) == []
    standing, _ = say("STOP", someone(), rules)
    assert standing.status is OUT


PARTS = list(product(("JOIN", "START", "YESPLEASE", "VIP"), (NONE, IN, OUT)))


@pytest.mark.parametrize("body,status", PARTS)
def test_a_part_of_a_text_brings_nobody_in(body: str, status: ConsentStatus) -> None:
    decision = decide(text(body, partial=True), someone(status=status), RULES, NOW)
    assert decision.outcome is TextOutcome.NONE
    assert replies(decision) == ([] if status is OUT else [DEFAULT])
    assert "part" in decision.because


@pytest.mark.parametrize(
    "body,outcome",
    [("STOP", "opt_out"), ("HELP", "help"), ("not interested", "hold"), ("HOURS", "keyword"), ("hi", "none")],
)
def test_a_part_of_a_text_is_otherwise_read_as_it_stands(body: str, outcome: str) -> None:
    decision = decide(text(body, partial=True), someone(), RULES, NOW)
    assert decision.outcome.value == outcome


def test_a_decision_says_why() -> None:
    assert (
        judge_text("STOP").because
        == 'the text is the opt-out word "stop", always a revocation by 47 CFR 64.1200(a)(10)'
    )
    assert judge_text("arret").because == 'the text is the opt-out word "arret"'
    assert "brings nobody back" in judge_text("VIP", someone(status=OUT)).because
