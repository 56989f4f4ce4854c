"""The wish to stop, in whatever words: act on it, hold and ask, or pass the text on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateway.policy import words
from gateway.policy.compile import LineRules
from gateway.policy.normalise import Folded


class Verdict(Enum):
    """What a text that may speak of stopping leads to; passing it on is no verdict."""

    ACT = "act"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Wish:
    """A verdict and the rule that led to it."""

    verdict: Verdict
    rule: str
    version: str
    because: str


def wish_of(text: str, folded: Folded, rules: LineRules) -> Wish | None:
    """Return the wish to stop that a text speaks of, or None where it speaks of none."""
    if not folded.words:
        return None
    if folded.words[0] in rules.opt_out:
        return Wish(Verdict.ACT, "first-word", words.VERSION, "an opt-out word comes first")
    if any(word in rules.opt_out for word in folded.words):
        return Wish(Verdict.HOLD, "word-elsewhere", words.VERSION, "an opt-out word is in the text")
    return None
