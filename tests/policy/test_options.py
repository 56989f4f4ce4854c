"""The options of a line: what is wrong with them, how they compile, and what actions promise."""

from __future__ import annotations

import json
from itertools import product

import pytest
from pydantic import ValidationError

from gateway.model.consent import ConsentStatus
from gateway.model.effects import ChangeStatus, Effect, TextOutcome
from gateway.policy.actions import actions
from gateway.policy.actions.contract import Action, Use
from gateway.policy.check import Problem, check_line, odd_line
from gateway.policy.compile import compile_line
from gateway.policy.explain import explanation
from gateway.policy.limits import LONGEST_S, ReplyLimit, parse_limit, remembered
from gateway.policy.options import KeywordOptions, LineOptions
from tests.policy.world import NOW, OPTIONS, RULES, judge_text, replies, someone


def line(**facts: object) -> LineOptions:
    """A line with these options."""
    return LineOptions.model_validate({"address": "85700", **facts})


def word(name: str, **facts: object) -> dict[str, object]:
    """A keyword as the configuration writes it."""
    return {"word": name, "user_reply": "x", **facts}


def keys(problems: list[Problem]) -> list[str]:
    """The keys of problems."""
    return [problem.key for problem in problems]


WRONG = [
    ({"address": " "}, ["address"]),
    ({"address": "", "region": "us"}, ["address", "region"]),
    ({"region": "XX"}, ["region"]),
    ({"reply_limit": "many"}, ["reply_limit"]),
    ({"reply_limit": "0/min"}, ["reply_limit"]),
    ({"reply_limit": "101/s"}, ["reply_limit"]),
    ({"drop_words": ["stop", "Opt-Out", "HELP"]}, ["drop_words[0]", "drop_words[1]", "drop_words[2]"]),
    ({"drop_words": ["BANANA"]}, ["drop_words[0]"]),
    ({"opt_out_words": ["HELP", "?!", "go away now"]}, ["opt_out_words[0]", "opt_out_words[1]", "opt_out_words[2]"]),
    ({"opt_in_words": ["CANCEL"], "help_words": ["START"]}, ["opt_in_words[0]", "help_words[0]"]),
    ({"opt_in_words": ["GO"], "help_words": ["go"]}, ["help_words[0]"]),
    ({"keyword": [word("Stop")]}, ["keyword[0].word"]),
    ({"keyword": [word("info", aliases=["X", "QUIT"])]}, ["keyword[0].word", "keyword[0].aliases[1]"]),
    (
        {"keyword": [word("A", aliases=["a"]), word("B", aliases=["A"])]},
        ["keyword[0].aliases[0]", "keyword[1].aliases[0]"],
    ),
    ({"keyword": [word("!"), word("one two three")]}, ["keyword[0].word", "keyword[1].word"]),
    ({"keyword": [word("A", action="dance")]}, ["keyword[0].action"]),
    ({"keyword": [word("A", user_reply="")]}, ["keyword[0].user_reply"]),
    ({"opt_out_words": ["LEAVE"], "keyword": [word("leave")]}, ["keyword[0].word"]),
    ({"stop_list_reply": "Gone."}, ["stop_list_reply", "stop_list_reply"]),
    (
        {"reply_limit": "x", "drop_words": ["END"], "keyword": [word("HELP", action="no")]},
        ["reply_limit", "drop_words[0]", "keyword[0].word", "keyword[0].action"],
    ),
]


@pytest.mark.parametrize("facts,expected", WRONG)
def test_every_problem_is_found(facts: dict[str, object], expected: list[str]) -> None:
    problems = check_line(line(**facts))
    assert keys(problems) == expected
    assert all(problem.wrong and problem.right for problem in problems)


def test_a_good_line_has_none() -> None:
    assert check_line(OPTIONS) == []
    assert odd_line(OPTIONS) == []
    free = line(drop_words=["INFO", "AIDE"], keyword=[word("info")], opt_out_words=["BYE", "STOP"])
    assert (check_line(free), odd_line(free)) == ([], [])
    assert check_line(line(stop_list_reply="")) == []


def test_what_is_odd_is_a_warning() -> None:
    odd = line(
        drop_words=["REMOVE", "INFO"],
        keyword=[word("A", rejoin=False), word("B", action="join", rejoin=False), word("C", rejoin=False, action="no")],
    )
    assert keys(odd_line(odd)) == ["drop_words[0]", "keyword[0].rejoin"]


@pytest.mark.parametrize(
    "facts,expected",
    [
        ({"address": "ACME"}, [("address", '"ACME" is no number: nobody can text STOP to it')]),
        ({"address": "+1 (212) 555-0100"}, []),
        (
            {"stop_reply": "", "help_reply": "", "start_reply": "", "clarify_reply": ""},
            [
                ("stop_reply", "is empty: no opt-out is confirmed"),
                ("help_reply", "is empty: nobody who texts HELP gets an answer"),
            ],
        ),
        (
            {"start_reply": "{name} {nmae} {nmae} { } {list}", "stop_list_reply": "{name} {list} {others} {other}"},
            [
                ("start_reply", "{nmae} would be sent as it stands"),
                ("start_reply", "{list} would be sent as it stands"),
                ("stop_list_reply", "{other} would be sent as it stands"),
            ],
        ),
        (
            {"keyword": [word("A", auto_welcome="Hi {first_name}")]},
            [("keyword[0].auto_welcome", "{first_name} would be sent as it stands")],
        ),
    ],
)
def test_what_subscribers_would_wonder_at(facts: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert check_line(line(**facts)) == []
    assert [(problem.key, problem.wrong) for problem in odd_line(line(**facts))] == expected


@pytest.mark.parametrize(
    "facts,right",
    [
        ({"keyword": [word("STOP")]}, "use another word; this one means the same on every line"),
        ({"keyword": [word("REMOVE")]}, "use another word, or put it into drop_words"),
        (
            {"opt_in_words": ["GO"], "keyword": [word("go")]},
            "use another word, or take it out of opt_in_words",
        ),
    ],
)
def test_what_to_do_about_a_reserved_word(facts: dict[str, object], right: str) -> None:
    assert [problem.right for problem in check_line(line(**facts))] == [right]


def test_options_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValidationError, match="unknown_key"):
        line(unknown_key=1)
    with pytest.raises(ValidationError, match="hold_days"):
        line(hold_days=0)
    for model in (LineOptions, KeywordOptions):
        assert all(field.description and field.description.endswith(".") for field in model.model_fields.values())


def test_compilation() -> None:
    rules = compile_line(
        line(
            name="",
            drop_words=["info", "stop"],
            opt_out_words=["BYE"],
            help_words=["what?"],
            hold_days=2,
            keyword=[
                word("NEWS", action="join", aliases=["N"], help_reply="of {name}"),
                word("TIME", list="news", help_reply="second"),
            ],
        ),
        3,
        config_hash="h",
    )
    assert (rules.name, rules.config_hash, rules.hold_s) == ("85700", "h", 172800.0)
    assert "stop" in rules.opt_out
    assert "bye" in rules.opt_out
    assert "info" not in rules.help
    assert "what" in rules.help
    assert rules.lists == {"news": "news", "n": "news", "time": "news"}
    assert rules.list_help == {"news": "of 85700"}
    assert compile_line(line(keyword=[word("HOURS")]), 1).lists == {}


def test_empty_texts_are_not_sent() -> None:
    rules = compile_line(line(clarify_reply="", stop_reply="", help_reply=""), 1)
    for body in ("not interested", "STOP", "HELP", "hi"):
        assert replies(judge_text(body, rules=rules)) == []


def test_limits() -> None:
    assert parse_limit("10/min") == ReplyLimit(10, 60.0)
    assert [parse_limit(t) for t in ("1/s", " 5 / h ")] == [ReplyLimit(1, 1.0), ReplyLimit(5, LONGEST_S)]
    assert ReplyLimit(3, 60.0).left((NOW - 61, NOW - 60, NOW - 59), NOW) == 2
    assert remembered((NOW - 4000, NOW - 5), 2, NOW) == (NOW - 5, NOW, NOW)
    assert len(remembered((NOW,) * 100, 5, NOW)) == 100


def test_replies_from_the_future_hold_nothing_back() -> None:
    """The clock was put back by an hour; until it had caught up, every reply would have been held back."""
    ahead = tuple(NOW + 3600 - n for n in range(10))
    assert ReplyLimit(10, 60.0).left((*ahead, NOW), NOW) == 9
    assert ReplyLimit(10, 60.0).left((NOW,), NOW) == 9
    assert remembered((*ahead, NOW), 1, NOW) == (NOW, NOW)


def test_the_five_actions_are_found_by_themselves() -> None:
    assert set(actions()) == {"join", "reply", "opt_in", "opt_out", "help"}


@pytest.mark.parametrize("action", actions().values(), ids=list(actions()))
@pytest.mark.parametrize("status,member,whole", list(product(ConsentStatus, (False, True), (False, True))))
def test_the_contract_of_an_action(action: Action, status: ConsentStatus, member: bool, whole: bool) -> None:
    lists = {"alerts": ConsentStatus.OPTED_IN} if member else {}
    use = Use(someone(status=status, lists=lists), RULES, RULES.keywords["join"], whole)
    effects = action.act(use)
    assert effects == action.act(use)
    assert all(isinstance(effect, Effect) for effect in effects)
    assert isinstance(action.outcome, TextOutcome)
    assert not (action.widens and action.narrows)
    changes = {effect.status for effect in effects if isinstance(effect, ChangeStatus)}
    assert action.widens or ConsentStatus.OPTED_IN not in changes
    assert action.narrows or ConsentStatus.OPTED_OUT not in changes


def test_explanation() -> None:
    assert json.loads(json.dumps(explanation("join!", judge_text("join!")))) == {
        "text": "join!",
        "outcome": "keyword",
        "keyword": "JOIN",
        "matched_by": "keyword:join",
        "replies": [RULES.keywords["join"].auto_welcome, "You're on the Acme list."],
        "because": 'the keyword "JOIN" is in the first two words',
    }
