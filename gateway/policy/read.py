"""What a text says: a signal, a keyword, or neither. Nothing of who sent it.

Owns the order of reading: opt-out (or an unclear wish for it), opt-in, help, keyword. Must never look at a standing,
so that a reading can be remembered; ``decide`` joins the two. The wish to stop is ``gateway.policy.wish``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from functools import lru_cache
from typing import Final

from gateway.base.value import value
from gateway.model.effects import Scope
from gateway.policy import words
from gateway.policy.compile import KeywordRules, LineRules
from gateway.policy.normalise import Folded, fold
from gateway.policy.wish import Verdict, wish_of

REMEMBERED_LENGTH: Final = 320
"""Longer texts are rarely sent twice, and remembering them would let a peer fill the memory."""

_LAW: Final = ", always a revocation by 47 CFR 64.1200(a)(10)"


class Sense(Enum):
    """What a text is, before anybody asks who sent it."""

    STOP = "opt-out"
    HOLD = "unclear"
    START = "opt-in"
    HELP = "help"
    KEYWORD = "keyword"
    OTHER = "other"


@value
class Reading:
    """What one text says, and what said so.

    ``scope`` is how far an opt-out reaches, ``list_name`` the one list that STOP or HELP names. ``keyword`` with
    ``whole``: the text is the keyword and courtesy words alone.
    """

    sense: Sense
    matched_by: str
    version: str
    because: str
    scope: Scope = Scope.LINE
    list_name: str | None = None
    keyword: KeywordRules | None = None
    whole: bool = False


def read(text: str, rules: LineRules) -> Reading:
    """Return what ``text`` says on the line of ``rules``."""
    return _remembered(text, rules) if len(text) <= REMEMBERED_LENGTH else _read(text, rules)


def read_otherwise(others: Sequence[str], rules: LineRules) -> Reading | None:
    """Return the opt-out that one of ``others`` is as a whole text; anything else that they say counts for nothing.

    They are what a text's octets say if they were declared wrongly (``gateway.sms.doubt``).
    """
    for text in others:
        folded = fold(text)
        found = _reserved(words.courteous(" ".join(folded.words)), rules)
        if found is not None:
            return replace(found, because=f"read without regard to its data_coding, {found.because}")
    return None


def _read(text: str, rules: LineRules) -> Reading:
    """Read without remembering: the first of the senses that applies."""
    folded = fold(text)
    core = words.courteous(" ".join(folded.words))
    return (
        _opt_out(text, folded, core, rules)
        or _opt_in(core, rules)
        or _help(core, rules)
        or _keyword(folded, core, rules)
        or Reading(Sense.OTHER, "none", words.VERSION, "no signal and no keyword in the first two words")
    )


_remembered = lru_cache(maxsize=8192)(_read)


def _opt_out(text: str, folded: Folded, core: str, rules: LineRules) -> Reading | None:
    """Read a wish to stop: whole texts of reserved words first, then phrases and everything else."""
    if (reserved := _reserved(core, rules)) is not None:
        return reserved
    wish = wish_of(text, folded, rules)
    if wish is None:
        return None
    if wish.verdict is Verdict.ACT:
        return Reading(Sense.STOP, wish.rule, wish.version, wish.because, scope=rules.stop_scope)
    return Reading(Sense.HOLD, wish.rule, wish.version, wish.because)


def _reserved(core: str, rules: LineRules) -> Reading | None:
    """Read a text that is an opt-out word, or one with what it stops: everything, or a list."""
    if core in rules.opt_out:
        account = core in words.ACCOUNT
        return Reading(
            Sense.STOP,
            "word:" + core.replace(" ", "-"),
            words.VERSION,
            f'the text is the opt-out word "{core}"{_LAW if core in words.REVOCATION else ""}',
            scope=Scope.ACCOUNT if account else rules.stop_scope,
        )
    head, _, tail = core.partition(" ")
    if f"{head} {tail.partition(' ')[0]}" in rules.opt_out:
        second, _, tail = tail.partition(" ")
        head = f"{head} {second}"
    if tail and head in rules.opt_out:
        if tail in words.ALL:
            return Reading(
                Sense.STOP, "stop-all", words.VERSION, f'"{head}" for the whole account', scope=Scope.ACCOUNT
            )
        if (name := rules.lists.get(tail)) is not None:
            return Reading(
                Sense.STOP, "stop-list", words.VERSION, f'"{head}" for the list "{name}"', rules.stop_scope, name
            )
    return None


def _opt_in(core: str, rules: LineRules) -> Reading | None:
    """Read an opt-in word: the whole text, courtesy aside."""
    if core not in rules.opt_in:
        return None
    return Reading(Sense.START, "word:" + core, words.VERSION, f'the text is the opt-in word "{core}"', whole=True)


def _help(core: str, rules: LineRules) -> Reading | None:
    """Read a help word at the start of the text, and the keyword or list behind it, if one is named."""
    head, _, tail = core.partition(" ")
    if head not in rules.help and core not in rules.help:
        return None
    name = rules.lists.get(tail)
    keyword = rules.keywords.get(tail)
    because = f'the text begins with the help word "{head}"'
    return Reading(Sense.HELP, "word:" + head, words.VERSION, because, list_name=name, keyword=keyword)


def _keyword(folded: Folded, core: str, rules: LineRules) -> Reading | None:
    """Read the keyword in the first two words: the first that is one counts, the longer of two that begin alike."""
    tokens = folded.words
    for spelling in (" ".join(tokens[:2]), *tokens[:2]):
        keyword = rules.keywords.get(spelling)
        if keyword is None:
            continue
        whole = core == spelling or " ".join(tokens) == spelling
        own = spelling.split(" ")
        negated = not whole and (
            any(t in words.NEGATIONS for t in tokens if t not in own) or folded.says_between(words.NEGATIONS)
        )
        if negated and (keyword.action.widens or any(t in words.NEGATIONS for t in tokens[:2] if t not in own)):
            return None
        return Reading(
            Sense.KEYWORD,
            "keyword:" + keyword.key,
            words.VERSION,
            f'the keyword "{keyword.word}" is in the first two words',
            keyword=keyword,
            whole=whole,
        )
    return None
