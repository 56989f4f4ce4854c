"""Texts that may have been declared wrongly, and texts of ours made plain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.model.consent import ConsentStatus
from gateway.model.effects import ChangeStatus, Scope, TextOutcome
from gateway.policy.compile import LineRules, compile_line
from gateway.policy.decide import decide
from gateway.policy.options import KeywordOptions, LineOptions
from tests.policy.world import NOW, RULES, judge_text, replies, someone, text

OUT = ConsentStatus.OPTED_OUT


def judged(body: str, *others: str, partial: bool = False, rules: LineRules = RULES) -> tuple[TextOutcome, str, str]:
    """(outcome, matched_by, because) of a text with these other readings."""
    mo = replace(text(body, partial=partial), other_readings=others)
    decision = decide(mo, someone(), rules, NOW)
    return decision.outcome, decision.matched_by, decision.because


@pytest.mark.checklist("F1", "F3")
@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    "others, rule",
    [
        (("STOP",), "word:stop"),
        (("\nStop please, thanks",), "word:stop"),
        (("", "hello", "STOPALL"), "word:stopall"),
        (("STOP ALL",), "stop-all"),
        (("stop alerts",), "stop-list"),
        (("ARRÊT",), "word:arret"),
    ],
)
def test_an_opt_out_word_is_heard_in_another_reading(others: tuple[str, ...], rule: str, partial: bool) -> None:
    outcome, matched_by, because = judged("協佐", *others, partial=partial)
    assert (outcome, matched_by) == (TextOutcome.OPT_OUT, rule)
    assert because.startswith("read without regard to its data_coding, ")


def test_it_reaches_as_far_as_the_word_does() -> None:
    for word, scope in (("STOP", Scope.LINE), ("STOPALL", Scope.ACCOUNT)):
        mo = replace(text("協佐"), other_readings=(word,))
        assert ChangeStatus(OUT, scope) in decide(mo, someone(), RULES, NOW).effects


@pytest.mark.checklist("F3")
@pytest.mark.parametrize(
    "other",
    ["JOIN", "HELP", "START", "please stop texting me", "stop it now and go", "stopp", "I want out", "", "協佐"],
)
def test_nothing_else_follows_from_another_reading(other: str) -> None:
    """Neither keywords nor phrases: only the whole text, only an opt-out word, spelt as it is."""
    assert judged("協佐", other) == judged("協佐")
    assert judged("JOIN", other) == judged("JOIN")


def test_what_a_text_says_itself_comes_first() -> None:
    assert judged("STOP", "STOPALL")[1] == "word:stop"


def line(**facts: object) -> LineOptions:
    """A line with these options, whose texts are typographic."""
    curly = {
        "address": "85700",
        "name": "Anne’s",
        "help_reply": "{name}: call “us” – 5…",
        "default_reply": "Don’t know 😀",
        "stop_list_reply": "No more ‘{list}’. Still on: {others}. Reply STOP to end all.",
        "keyword": (
            KeywordOptions(
                word="JOIN",
                action="join",
                list="alerts",
                user_reply="You’re on.",
                auto_welcome="Hi…",
                help_reply="It’s {name}",
            ),
            KeywordOptions(word="NEWS", action="join", list="news—daily"),
        ),
    }
    return LineOptions.model_validate(curly | facts)


def test_texts_are_made_plain_where_the_line_says_so() -> None:
    rules = compile_line(line(transliterate=True), 1)
    assert rules.help_reply == 'Anne\'s: call "us" - 5...'
    assert rules.stop_reply.startswith("Anne's: ")
    assert rules.default_reply == "Don’t know 😀", "it is UCS-2 anyway"
    assert replies(judge_text("JOIN", rules=rules)) == ["Hi...", "You're on."]
    assert rules.list_help == {"alerts": "It's Anne's"}
    assert rules.list_confirmation("alerts", ("news—daily",)).startswith("No more 'alerts'. Still on: news-daily.")
    assert rules.outgoing("it’s") == "it's"


def test_texts_stay_as_they_are_otherwise() -> None:
    rules = compile_line(line(), 1)
    assert rules.help_reply == "Anne’s: call “us” – 5…"
    assert replies(judge_text("JOIN", rules=rules)) == ["Hi…", "You’re on."]
    assert rules.list_confirmation("alerts", ("news—daily",)).startswith("No more ‘alerts’. Still on: news—daily.")
    assert rules.outgoing("it’s") == "it’s"


def test_a_quote_of_a_text_made_plain_is_known_as_ours() -> None:
    """Handsets quote what they got; the words are the same either way."""
    for plain in (True, False):
        rules = compile_line(line(transliterate=plain, help_reply="Reply STOP and we’ll “never” text you again"), 1)
        found = judge_text('Reply STOP and we\'ll "never" text you again', rules=rules)
        assert found.outcome is TextOutcome.NONE
