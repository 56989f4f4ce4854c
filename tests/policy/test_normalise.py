"""Folding: what is gone, what stays, and that nothing makes it fail."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.policy import spelling
from gateway.policy.normalise import fold, unsigned
from tests.policy.world import judge_text

STOPS = [
    "STOP",
    "stop",
    "Stop.",
    "¡STOP!",
    "“Stop”",
    "(stop)",
    "*stop*",
    "S T O P",
    "s.t.o.p.",
    "S-T-O-P",
    "S_T_O_P",
    "ＳＴＯＰ",
    "ЅТОР",
    "ΣTOP".replace("Σ", "S"),
    "st\u200bop",
    "\ufeffstop",
    "s\u0301top",
    "STOP\u00a0",
    "\u202eSTOP",
    "sto\u00adp",
    "STOP\x00",
    "STOP\n-- Bob",
    "STOP\n~ Bob",
    "STOP\n- Bob Smith",
    "STOP\nSent from my iPhone",
    "stop (Sent from my phone)",
    "Stop\n\nGet Outlook for Android",
    "STOP\nEnvoyé de mon iPhone",
    "STOP\nEnviado desde mi iPhone",
    "STOP\n--\nBob\n555",
]


@pytest.mark.checklist("F3", "I5")
@pytest.mark.parametrize("body", STOPS)
def test_every_spelling_of_stop_is_stop(body: str) -> None:
    assert fold(body).text == "stop"


@pytest.mark.parametrize(
    "body,folded",
    [
        ("Don't  STOP", "dont stop"),
        ("wrong number, STOP!", "wrong number . stop"),
        ("stop... now?!", "stop . now"),
        ("arrêt", "arret"),
        ("opt-out", "opt out"),
        ("stop -Bob", "stop . bob"),
        ("plan b is", "plan b is"),
        ("a b", "a b"),
        ("tic\ttac\ntoe", "tic tac . toe"),
        ("don’t", "dont"),
        ("½ off", "1 2 off"),
        ("STOP 🛑", "stop"),
        ("日本", "日本"),
        ("", ""),
        ("...", ""),
    ],
)
def test_folding(body: str, folded: str) -> None:
    assert fold(body).text == folded
    assert fold(body).words == tuple(token for token in folded.split() if token != ".")


def test_a_signature_is_only_one_behind_something() -> None:
    assert unsigned("Sent from my iPhone") == "Sent from my iPhone"
    assert unsigned("yes") == "yes"


def test_long_texts_fold_alike() -> None:
    assert fold("Stop, " * 400).words == ("stop",) * 400


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
@example("ŉ")
@example("İ")
@example("a a a b")
@example("\u1e9e")
@example("-- a")
def test_folding_never_fails_and_folds_once(body: str) -> None:
    once = fold(body)
    assert fold(once.text) == once


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="stopSTOP .-'\n,~ЅТОР\u200báé!", max_size=40))
def test_folding_folds_once_near_the_words_that_matter(body: str) -> None:
    once = fold(body)
    assert fold(once.text) == once


HEAVY = [
    "( ",
    "\n",
    "\n-",
    "-",
    "~ ",
    "sent from ",
    " ",
    "é",
    "s.t.",
    "please ",
    "stop ",
    "please stop ",
    "i dont want ",
    "a b c ",
    "“",
]


@pytest.mark.parametrize("unit", HEAVY)
def test_no_text_is_too_much(unit: str) -> None:
    body = unit * (60_000 // len(unit))
    assert isinstance(judge_text(body).because, str)


def test_endless_words_are_corrected_and_not_remembered() -> None:
    before = spelling._remembered.cache_info().currsize
    for letter in "opqrst":
        assert spelling.meant("st" + "o" * 60_000 + "p") == "stop"
        assert spelling.meant(letter * 60_000) == letter * 60_000
    assert spelling._remembered.cache_info().currsize == before
