"""What is wrong with a line's options as a whole, all of it at once, and what is merely odd.

Owns the checks that need more than one key or the rules' data: clashing words, unknown actions, words that cannot be
dropped. Must never stop at the first problem. Types and ranges are pydantic's; other lines are ``gateway.config``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.model.address import is_region, read_line
from gateway.policy import words
from gateway.policy.actions import actions
from gateway.policy.limits import MOST, parse_limit
from gateway.policy.normalise import fold
from gateway.policy.options import KeywordOptions, LineOptions

_SIGNALS = (
    ("opt_out_words", words.OPT_OUT, "an opt-out word"),
    ("opt_in_words", words.OPT_IN, "an opt-in word"),
    ("help_words", words.HELP, "a help word"),
)
_MARK: Final = re.compile(r"\{\w*\}")
# Answers that people must get, and what their absence means. The other texts may be empty for a reason.
_OWED: Final = (
    ("stop_reply", "no opt-out is confirmed"),
    ("help_reply", "nobody who texts HELP gets an answer"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. ``key`` is its path within the line (``keyword[0].word``), ``right`` what would be right."""

    key: str
    wrong: str
    right: str


def check_line(options: LineOptions) -> list[Problem]:
    """Return every problem of a line's options; none means that ``compile_line`` takes them."""
    return [
        *_number(options),
        *_limit(options),
        *_dropped(options),
        *_signals(options),
        *_keywords(options),
        *_texts(options),
    ]


def odd_line(options: LineOptions) -> list[Problem]:
    """Return what is allowed and worth a warning."""
    return [
        *_no_number(options),
        *_dropped_oddly(options),
        *_keywords_of_no_effect(options),
        *_unanswered(options),
        *_unknown_marks(options),
    ]


def line_texts(options: LineOptions) -> Iterator[tuple[str, str]]:
    """Yield every text that the line can answer with, as its key within the line and the text as written."""
    for key in (name for name in type(options).model_fields if name.endswith("_reply")):
        yield key, getattr(options, key)
    for at, keyword in enumerate(options.keyword):
        for key in ("user_reply", "auto_welcome", "help_reply"):
            yield f"keyword[{at}].{key}", getattr(keyword, key)


def _number(options: LineOptions) -> Iterator[Problem]:
    if not read_line(options.address):
        yield Problem("address", "is empty", 'a short code or number, such as "85700"')
    if not is_region(options.region):
        yield Problem("region", f'"{options.region}" is no country', 'two capitals (ISO 3166 alpha-2), such as "US"')


def _limit(options: LineOptions) -> Iterator[Problem]:
    if parse_limit(options.reply_limit) is None:
        right = f'a number from 1 to {MOST} per "s", "min" or "h", for example "10/min"'
        yield Problem("reply_limit", f'"{options.reply_limit}" is no limit', right)


def _dropped(options: LineOptions) -> Iterator[Problem]:
    known = words.OPT_OUT | words.OPT_IN | words.HELP
    for at, word in enumerate(options.drop_words):
        folded = fold(word).text
        if folded in words.KEPT:
            yield Problem(
                f"drop_words[{at}]",
                f'"{word}" cannot be dropped',
                "carriers and 47 CFR 64.1200(a)(10) require it on every line; only these can be dropped: "
                + _listed(known - words.KEPT),
            )
        elif folded not in known:
            yield Problem(f"drop_words[{at}]", f'"{word}" is no reserved word', f"one of {_listed(known - words.KEPT)}")


def _signals(options: LineOptions) -> Iterator[Problem]:
    """A word has one meaning: added words must be words, and no other signal's."""
    seen: dict[str, str] = {}
    for key, own, _ in _SIGNALS:
        for word in own - words.folded(options.drop_words):
            seen[word] = key
    for key, _, meaning in _SIGNALS:
        for at, word in enumerate(getattr(options, key)):
            folded, path = fold(word), f"{key}[{at}]"
            if not 1 <= len(folded.words) <= 2:
                yield Problem(path, f'"{word}" is {_count(word)}', "one or two words of letters or digits")
            elif seen.setdefault(folded.text, key) != key:
                yield Problem(
                    path,
                    f'"{word}" is {_meaning(seen[folded.text])} already',
                    f"a word with no meaning yet can be {meaning}",
                )


def _keywords(options: LineOptions) -> Iterator[Problem]:
    reserved = _reserved(options)
    seen: dict[str, str] = {}
    for at, keyword in enumerate(options.keyword):
        for path, word in _spellings(at, keyword):
            folded = fold(word)
            if not 1 <= len(folded.words) <= 2:
                yield Problem(path, f'"{word}" is {_count(word)}', "one or two words of letters or digits")
            elif folded.text in reserved:
                yield Problem(path, f'"{word}" is {reserved[folded.text]} on this line', _instead(options, folded.text))
            elif folded.text in seen:
                yield Problem(path, f'"{word}" is {seen[folded.text]} already', "each word and alias once on a line")
            else:
                seen[folded.text] = path
        if keyword.action not in actions():
            right = "one of " + ", ".join(f'"{name}"' for name in sorted(actions()))
            yield Problem(f"keyword[{at}].action", f'there is no action "{keyword.action}"', right)
        elif keyword.action == "reply" and not (keyword.user_reply or keyword.auto_welcome):
            yield Problem(
                f"keyword[{at}].user_reply", "is empty, and the action is to reply", "give the text of the reply"
            )


def _texts(options: LineOptions) -> Iterator[Problem]:
    """The confirmation of STOP for one list has to say what is still on."""
    for mark in ("{list}", "{others}"):
        if options.stop_list_reply and mark not in options.stop_list_reply:
            right = (
                'a text with {list} and {others}, such as "No more {list}. Still on: {others}. Reply STOP to end all."'
            )
            yield Problem("stop_list_reply", f"does not have {mark}", right)


def _no_number(options: LineOptions) -> Iterator[Problem]:
    address = read_line(options.address)
    if address and not address.isdigit():
        wrong = f'"{options.address}" is no number: nobody can text STOP to it'
        yield Problem("address", wrong, "a short code or number that can be texted")


def _unanswered(options: LineOptions) -> Iterator[Problem]:
    for key, lack in _OWED:
        if not getattr(options, key):
            yield Problem(key, f"is empty: {lack}", "a text, or leave the key out for the usual one")


def _unknown_marks(options: LineOptions) -> Iterator[Problem]:
    for key, text in line_texts(options):
        known = ("{name}", "{list}", "{others}") if key == "stop_list_reply" else ("{name}",)
        for mark in dict.fromkeys(_MARK.findall(text)):
            if mark not in known:
                yield Problem(key, f"{mark} would be sent as it stands", f"what is filled in: {', '.join(known)}")


def _dropped_oddly(options: LineOptions) -> Iterator[Problem]:
    for at, word in enumerate(options.drop_words):
        if fold(word).text in words.OPT_OUT - words.KEPT:
            wrong = f'"{word}" no longer opts out on this line'
            yield Problem(
                f"drop_words[{at}]", wrong, "keep it unless a keyword needs it: subscribers expect it to work"
            )


def _keywords_of_no_effect(options: LineOptions) -> Iterator[Problem]:
    for at, keyword in enumerate(options.keyword):
        if not keyword.rejoin and keyword.action in actions() and not actions()[keyword.action].widens:
            wrong = f'means nothing with the action "{keyword.action}", which brings nobody in'
            yield Problem(f"keyword[{at}].rejoin", wrong, "leave it out")


def _reserved(options: LineOptions) -> dict[str, str]:
    """Return every word that is still reserved on the line, with what it is."""
    dropped = words.folded(options.drop_words) - words.KEPT
    return {
        word: meaning
        for key, own, meaning in _SIGNALS
        for word in (own - dropped) | words.folded(getattr(options, key))
    }


def _instead(options: LineOptions, word: str) -> str:
    """Say how a keyword can do without, or get, a word that is reserved."""
    if word in words.KEPT:
        return "use another word; this one means the same on every line"
    added = next((key for key, _, _ in _SIGNALS if word in words.folded(getattr(options, key))), "")
    return f"use another word, or take it out of {added}" if added else "use another word, or put it into drop_words"


def _spellings(at: int, keyword: KeywordOptions) -> Iterator[tuple[str, str]]:
    yield f"keyword[{at}].word", keyword.word
    for number, alias in enumerate(keyword.aliases):
        yield f"keyword[{at}].aliases[{number}]", alias


def _meaning(key: str) -> str:
    return next(meaning for name, _, meaning in _SIGNALS if name == key)


def _count(word: str) -> str:
    return "more than two words" if fold(word).words else "no word"


def _listed(found: frozenset[str]) -> str:
    return ", ".join(sorted(word.upper() for word in found))
