"""The wish to stop, in whatever words: act on it, hold and ask, or pass the text on.

Owns the order in which rules are tried. First what is not the subscriber's own wish is taken out of the text
(reactions, quotes of our own texts, negations, idioms: the pass rules); in what remains, phrases and the place
of an opt-out word decide. Whatever still has an opt-out word in it is held, never passed over: doubt is a person's.
Must never look at who sent the text. The rules themselves are data (``gateway.policy.rules``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from gateway.policy import words
from gateway.policy.compile import QUOTE_WORDS, LineRules
from gateway.policy.normalise import BEGINNING, BREAK, Folded
from gateway.policy.pattern import padded
from gateway.policy.rules import ACT, AFTER_WORD, HOLD, PASS, RAW, Rule, RuleSet
from gateway.policy.spelling import meant

_BLANK: Final = "_ "
"""What stands where words were taken out; folding never leaves such a token."""


_COURTESY_AHEAD: Final = re.compile(r"(?: (?:please|pls|plz|just|so|now))+$")
"""Words between the end of a sentence and an opt-out word that leave the word a sentence of its own."""


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
    """Return the wish to stop that ``text`` (``folded``) speaks of on this line, or None where it speaks of none."""
    if not folded.words or any(raw.search(text[:BEGINNING]) for raw in RAW):
        return None
    tokens = [_meant(token, rules) for token in _without_quotes(folded, rules).split()]
    own = padded(" ".join(tokens))
    for _, pattern in PASS.candidates(tokens):
        own = pattern.regex.sub(_BLANK, own)
    left = own.split()
    if (rule := _first(ACT, own, left)) is not None:
        return _by(rule, Verdict.ACT)
    return _by_place(left, rules) or _soft(own, left) or _between(folded, rules)


def _meant(token: str, rules: LineRules) -> str:
    """Correct one word, unless it is a word of this line already or a reserved one that the line has dropped."""
    right = meant(token)
    return right if right != token and right in rules.opt_out and token not in rules.keywords else token


def _without_quotes(folded: Folded, rules: LineRules) -> str:
    """Take our own texts out of a folded text that quotes them."""
    text = padded(folded.text)
    if len(folded.words) >= QUOTE_WORDS:
        for said in rules.own_texts:
            text = text.replace(padded(said), " " + _BLANK)
    return text


def _first(rules: RuleSet, text: str, tokens: list[str]) -> Rule | None:
    """Return the first rule of the set that matches a padded text."""
    return next((rule for rule, pattern in rules.candidates(tokens) if pattern.regex.search(text)), None)


def _by_place(tokens: list[str], rules: LineRules) -> Wish | None:
    """Judge by where an opt-out word stands: first, as a clause of its own, or elsewhere."""
    places = [at for at in range(len(tokens)) if _word_at(tokens, at, rules)]
    if not places:
        return None
    first = places[0]
    word, behind = _split(tokens, first, rules)
    if not words.courteous(" ".join(tokens[:first])):
        rest = " ".join(behind)
        if not words.courteous(rest) or rest[0] == BREAK:
            return Wish(Verdict.ACT, "word-first", words.VERSION, f'the opt-out word "{word}" comes first')
        rest = words.courteous(rest)
        if rest.isdigit():
            return Wish(Verdict.ACT, "word-and-number", words.VERSION, f'the opt-out word "{word}" and a number alone')
        if (rule := _first(AFTER_WORD, padded(rest), rest.split())) is not None:
            return _by(rule, Verdict.ACT)
        because = f'the opt-out word "{word}" comes first, but speaks of something else or of what we do not know'
        return Wish(Verdict.HOLD, "word-with-object", words.VERSION, because)
    if _invites(tokens, rules):
        return Wish(Verdict.HOLD, "in-and-out", words.VERSION, f'the text asks to come in, and has "{word}" in it')
    word, behind = _split(tokens, places[-1], rules)
    ahead = _COURTESY_AHEAD.sub("", " ".join(tokens[max(0, places[-1] - 5) : places[-1]]))
    if not words.courteous(" ".join(behind)) and ahead.endswith(BREAK):
        because = f'the text ends with the opt-out word "{word}" as a sentence of its own'
        return Wish(Verdict.ACT, "word-last-clause", words.VERSION, because)
    return Wish(Verdict.HOLD, "word-elsewhere", words.VERSION, f'the opt-out word "{word}" is somewhere in the text')


def _word_at(tokens: list[str], at: int, rules: LineRules) -> bool:
    """Say whether an opt-out word of one or two tokens begins at ``at``."""
    return tokens[at] in rules.opt_out or " ".join(tokens[at : at + 2]) in rules.opt_out


def _split(tokens: list[str], at: int, rules: LineRules) -> tuple[str, list[str]]:
    """Return the opt-out word at ``at`` and the tokens behind it."""
    pair = " ".join(tokens[at : at + 2])
    return (pair, tokens[at + 2 :]) if pair in rules.opt_out else (tokens[at], tokens[at + 1 :])


def _invites(tokens: list[str], rules: LineRules) -> bool:
    """Say whether the text begins with a word that would bring somebody in."""
    for token in [token for token in tokens if token != BREAK][:2]:
        keyword = rules.keywords.get(token)
        if token in rules.opt_in or (keyword is not None and keyword.action.widens):
            return True
    return False


def _soft(text: str, tokens: list[str]) -> Wish | None:
    """Look for a refusal that does not speak of stopping in so many words."""
    rule = _first(HOLD, text, tokens)
    return None if rule is None else _by(rule, Verdict.HOLD)


def _between(folded: Folded, rules: LineRules) -> Wish | None:
    """Look for an opt-out word in the middle of a text that is too long to be read whole: a person will read it."""
    if not folded.says_between(rules.opt_out):
        return None
    because = "an opt-out word is somewhere in a text that is too long to be read whole"
    return Wish(Verdict.HOLD, "word-in-long-text", words.VERSION, because)


def _by(rule: Rule, verdict: Verdict) -> Wish:
    """Return the verdict of a rule."""
    return Wish(verdict, rule.name, rule.version, rule.reason)
