"""The rule files: each example is read as its rule says, each counter-example is not that rule's."""

from __future__ import annotations

import pytest

from gateway.policy import words
from gateway.policy.normalise import fold
from gateway.policy.pattern import padded, translate
from gateway.policy.rules import CLASSES, RULES, Outcome, Rule, read_rules
from gateway.policy.spelling import distance, meant
from gateway.policy.wish import wish_of
from tests.policy.world import RULES as LINE

EXAMPLES = [(rule, body) for rule in RULES for body in rule.examples]
COUNTER = [(rule, body) for rule in RULES for body in rule.counter_examples]


def touches(rule: Rule, body: str) -> bool:
    """Say whether a rule takes something out of a text, or decides about it."""
    if rule.outcome is Outcome.ONWARD:
        found = any(pattern.regex.search(padded(fold(body).text)) for pattern in rule.patterns)
        return found or any(raw.search(body) for raw in rule.raw)
    wish = wish_of(body, fold(body), LINE)
    return wish is not None and wish.rule == rule.name


@pytest.mark.parametrize("rule,body", EXAMPLES, ids=[f"{rule.name}: {body}" for rule, body in EXAMPLES])
def test_example(rule: Rule, body: str) -> None:
    wish = wish_of(body, fold(body), LINE)
    assert (wish.verdict.value if wish else "pass") == rule.outcome.value


@pytest.mark.parametrize("rule,body", COUNTER, ids=[f"{rule.name}: {body}" for rule, body in COUNTER])
def test_counter_example(rule: Rule, body: str) -> None:
    assert not touches(rule, body)


def test_rules_are_complete_and_named_once() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {rule.outcome for rule in RULES} == set(Outcome)
    for rule in RULES:
        assert rule.reason.endswith(".")
        assert rule.version
        assert rule.examples
        assert rule.counter_examples
        assert rule.patterns or rule.after_word or rule.raw


def test_the_seven_words_start_and_help_cannot_be_dropped() -> None:
    assert words.REVOCATION < words.KEPT
    assert words.folded(["STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE"]) == words.REVOCATION
    assert {"start", "help"} == words.KEPT - words.REVOCATION
    assert len(words.OPT_OUT) == 12
    assert {"start", "unstop"} == words.OPT_IN
    assert {"help", "info", "aide", "ayuda"} == words.HELP


@pytest.mark.parametrize(
    "source,text,found",
    [
        ("stop [the] {messages}", "please stop . the texts", True),
        ("stop [the] {messages}", "stop their texts", False),
        ("(a|b c) d", "x b c d", True),
        ("(a|b c) d", "b d", False),
        ("^ stop $", "stop", True),
        ("^ stop $", "stop it", False),
        (". stop", "well . stop it", True),
        (". stop", "well stop", False),
        ("stop * now", "stop a b c now", True),
        ("stop * now", "stop a b c d now", False),
    ],
)
def test_pattern_language(source: str, text: str, found: bool) -> None:
    pattern = translate(source, CLASSES)
    assert bool(pattern.regex.search(padded(text))) is found
    assert not found or pattern.triggers & set(text.split())


@pytest.mark.parametrize(
    "source,match",
    [
        ("a ) b", "too many"),
        ("(a|b", "does not close"),
        ("[a) b", "does not close"),
        ("{nosuch} b", "classes.toml"),
        ("[a] *", "must be there"),
        ("([a]|b)", "must be there"),
    ],
)
def test_a_bad_pattern_is_refused(source: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        translate(source, CLASSES)


def test_a_rule_without_a_reason_is_refused() -> None:
    with pytest.raises(KeyError, match="reason"):
        read_rules({"version": "1", "rule": [{"name": "x", "outcome": "act", "patterns": ["a"]}]})


@pytest.mark.parametrize(
    "word,right",
    [
        ("unsuscribe", "unsubscribe"),
        ("unsbuscribe", "unsubscribe"),
        ("unsubscribee", "unsubscribe"),
        ("subscribe", "subscribe"),
        ("unsubscribed", "unsubscribed"),
        ("uncle", "uncle"),
        ("stooop", "stop"),
        ("hmmm", "hmmm"),
        ("cancle", "cancel"),
        ("cancer", "cancer"),
        ("stoop", "stoop"),
        ("11111", "11111"),
    ],
)
def test_slips(word: str, right: str) -> None:
    assert meant(word) == right


def test_distance_counts_slips() -> None:
    others = ("stop", "sotp", "stp", "stopp", "atop", "start")
    assert [distance("stop", other) for other in others] == [0, 1, 1, 1, 1, 3]
