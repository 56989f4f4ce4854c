"""Texts of 64 KB, laid to be dear: what reading one may cost, counted and not timed; and what is heard in them."""

from __future__ import annotations

import sys
import unicodedata
from types import FrameType

import pytest

from gateway.model.effects import TextOutcome
from gateway.policy import normalise
from gateway.policy.decide import decide
from gateway.policy.normalise import BEGINNING, END, fold
from gateway.policy.pattern import _GAP
from gateway.policy.rules import RULES
from tests.policy.world import NOW, judge_text, someone, text
from tests.policy.world import RULES as LINE

OCTETS = 65_535
"""Of the longest message_payload, and more than 255 parts of 255 octets have."""
UNITS = OCTETS // 2
MOST_FOLDED = BEGINNING + END + 12

GSM = {
    "one letter": "a",
    "blanks": " ",
    "letters apart": "s t o p ",
    "two letters apart": "a b ",
    "words": "stop ",
    "words with an object": "cancel my ",
    "courtesy": "please ",
    "negations": "don't not ",
    "slips": "unsubscrib ",
    "letters held down": "stoooooooooooooop",
    "triggers": "want to get off your list me from ",
    "dashes": "-",
    "dashes and blanks": "\n -~",
    "quotes": '"',
    "line breaks": "\n",
    "signatures that are none": "\n-",
    "almost signatures": " sent from von meinem x",
    "full stops": ". ",
    "escapes": "\x1b",
    "NULs": "\0",
    "our own words": "You're on the Acme list. ",
}
UCS2 = {
    "marks of two classes": "\u0300\u0316",
    "marks of five classes": "\u0315\u0300\u0316\u0327\u0334",
    "marks that become letters": "\u0345\u0334",
    "marks in disguise": "\uff9e\u0345\u0f73",
    "eighteen for one": "\ufdfa",
    "three for one when folded": "\u0390",
    "ligatures": "\ufb03",
    "emoji": "\U0001f600\u200d",
    "joiners": "\u200d",
    "overrides": "\u202e",
    "full width": "ＳＴＯＰ ",
    "look-alikes": "ЅТОР ",
    "reactions": "Liked \u201c",
    "Hangul in pieces": "\u1100\u1161\u11a8",
    "every character": "".join(chr(code) for code in range(0x20, 0xD800)),
}
FAMILIES = {
    **{name: (piece * OCTETS)[:OCTETS] for name, piece in GSM.items()},
    **{name: (piece * UNITS)[:UNITS] for name, piece in UCS2.items()},
}


def steps(body: str) -> int:
    """Return how many functions are called, Python's own included, to decide what ``body`` leads to."""
    count = 0

    def called(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    mo = text(body)
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        decide(mo, someone(), LINE, NOW)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", FAMILIES)
def test_a_long_text_costs_little_whatever_it_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def normalize(form: str, body: str) -> str:
        seen.append(body)
        return unicodedata.normalize(form, body)  # type: ignore[arg-type]  # one of the two that the module asks for

    class Watched:
        category = staticmethod(unicodedata.category)

    Watched.normalize = staticmethod(normalize)  # type: ignore[attr-defined]  # laid on, so that both names are plain
    monkeypatch.setattr(normalise, "unicodedata", Watched)
    body = FAMILIES[name]
    folded = fold(body)
    assert len(folded.text) <= 3 * MOST_FOLDED, "a full stop becomes three characters"
    assert len(folded.between) <= 2 * len(body) + 2
    assert all(len(one) <= 3 * MOST_FOLDED for one in seen)
    assert all(unicodedata.category(character)[0] != "M" for character in seen[0]) if seen else True
    assert steps(body) < 12_000 + 3 * len(set(body)), "per character of the window, and per different one"


def test_what_is_no_mark_brings_no_run_of_marks() -> None:
    """Putting marks in order costs the square of a run of several classes; a run of one class costs nothing."""
    leading = {
        unicodedata.combining(unicodedata.normalize("NFKD", character)[0])
        for character in map(chr, range(0x110000))
        if unicodedata.category(character)[0] != "M"
    }
    assert leading == {0, 8}, "the voicing marks of half width are letters, all of one class"


def test_patterns_repeat_nothing_without_a_bound_but_a_word() -> None:
    for rule in RULES:
        for pattern in (*rule.patterns, *rule.after_word):
            rest = pattern.regex.pattern.replace(_GAP, "").replace(r"\.", "")
            assert not set(rest) & set("+*{"), pattern.source
        for raw in rule.raw:
            assert raw.pattern.startswith("^"), "tried at the beginning alone"


def test_marks_over_letters_are_gone_and_the_letters_are_not() -> None:
    assert fold("S\u0315\u0300\u0316\u0327\u0334TO\u0345P").text == "stop"
    assert fold("S" + "\u0315\u0300\u0316" * 10_000 + "TOP").text == "stop"


FILLING = "we met the old man and saw his boat there "


def long(first: str, last: str = "", middle: str = "") -> str:
    """A text of 40,000 characters with something to hear in it."""
    half = FILLING * (20_000 // len(FILLING))
    return f"{first} {half} {middle} {half} {last}"


@pytest.mark.checklist("G1")
@pytest.mark.parametrize(
    "body, outcome",
    [
        (long("STOP."), TextOutcome.OPT_OUT),
        (long("Please take me off your list."), TextOutcome.OPT_OUT),
        (long("Hello", last="and now. STOP"), TextOutcome.OPT_OUT),
        (long("Hello", last="so leave me alone"), TextOutcome.OPT_OUT),
        (long("Hello", middle="STOP"), TextOutcome.HOLD),
        (long("Hello", middle="opt out"), TextOutcome.HOLD),
        (long("Hello", middle="\u0405\u0422\u041e\u0420"), TextOutcome.HOLD),
        (long("JOIN", middle="STOP"), TextOutcome.HOLD),
        (long("JOIN", middle="don’t"), TextOutcome.NONE),
        (long("JOIN"), TextOutcome.KEYWORD),
        (long("Hello"), TextOutcome.NONE),
        (long("Hello", middle="nonstop"), TextOutcome.NONE),
        (long("Hello\n-- Bob", middle="stop"), TextOutcome.NONE),
        (long("START"), TextOutcome.NONE),
        ("\u200b" * 9_000 + "ST\u0300\u0301OP" + "\0" * 9_000, TextOutcome.OPT_OUT),
        (" " * 9_000 + "START" + "\n" * 9_000, TextOutcome.OPT_IN),
        ("a" * (BEGINNING - 2) + " stop" + "a" * 9_000, TextOutcome.NONE),
    ],
)
def test_what_is_heard_in_a_long_text(body: str, outcome: TextOutcome) -> None:
    assert judge_text(body).outcome is outcome


@pytest.mark.parametrize("at", range(BEGINNING - 8, BEGINNING + 8))
def test_a_word_that_is_cut_in_two_is_one_word_still(at: int) -> None:
    body = "b" * (at - 1) + " unsubscribe " + "b" * 9_000
    assert judge_text(body).outcome is TextOutcome.HOLD
    assert judge_text(body.replace("unsubscribe", "stoplight")).outcome is TextOutcome.NONE
