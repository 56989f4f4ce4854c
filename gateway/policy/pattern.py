"""The small language in which the rule files describe phrases, and its translation to regular expressions.

A pattern is words as they are folded. ``[x]`` may be missing, ``(a|b c)`` is one of, ``{name}`` is one of a class of
``classes.toml``, ``*`` is up to three words of any kind, ``^`` is the start of the text, ``$`` its end, ``.`` the start
of a clause. Between two words a clause may end, so "stop, texting me" is "stop texting me". Written so that somebody
who knows no regular expressions can read a rule and add one; a pattern that does not parse stops the import.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"\{\w+\}|[\[\]()|^$.*]|[^\s\[\](){}|^$.*]+")
_GAP: Final = r"(?:\S+ ){0,3}?"

Classes = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A translated pattern. ``triggers``: a text that it matches has at least one of these words."""

    source: str
    regex: re.Pattern[str]
    triggers: frozenset[str]


def padded(text: str) -> str:
    """Return a folded text as patterns see it: each token, the last included, with a blank on either side."""
    return f" {text} "


def translate(source: str, classes: Classes, *, anchored: bool = False) -> Pattern:
    """Translate a pattern. ``anchored`` makes it match at the start of the text alone.

    Raises ValueError where it does not parse, names no class, or could match without any word of its own.
    """
    parser = _Parser(source, classes)
    body, triggers = parser.sequence()
    if parser.rest:
        raise ValueError(f'the pattern "{source}" has a "{parser.rest[0]}" too many')
    if not triggers:
        raise ValueError(f'the pattern "{source}" has no word that must be there')
    start = r"\A " if anchored else "(?<= )"
    return Pattern(source, re.compile(start + body), triggers)


class _Parser:
    """One descent through a pattern. Each step returns the expression and the words one of which must be there."""

    def __init__(self, source: str, classes: Classes) -> None:
        self.source = source
        self.classes = classes
        self.rest = _TOKEN.findall(source)

    def sequence(self) -> tuple[str, frozenset[str]]:
        """Read items until a bar or a closing bracket."""
        parts: list[str] = []
        best: frozenset[str] = frozenset()
        while self.rest and self.rest[0] not in ("|", ")", "]"):
            part, triggers = self.item()
            parts.append(part)
            if triggers and (not best or _rarity(triggers) > _rarity(best)):
                best = triggers
        return "".join(parts), best

    def item(self) -> tuple[str, frozenset[str]]:
        """Read one item."""
        token = self.rest.pop(0)
        match token:
            case "^":
                return r"(?<=\A )", frozenset()
            case "$":
                return r"\Z", frozenset()
            case ".":
                return r"(?:(?<=\A )|(?<=\. ))", frozenset()
            case "*":
                return _GAP, frozenset()
            case "(":
                return self.choice(")")
            case "[":
                return self.choice("]")[0] + "?", frozenset()
        if token.startswith("{"):
            return self.of_class(token[1:-1])
        return rf"{re.escape(token)}(?: \.)? ", frozenset((token,))

    def choice(self, closing: str) -> tuple[str, frozenset[str]]:
        """Read alternatives up to the closing bracket."""
        options = [self.sequence()]
        while self.rest and self.rest[0] == "|":
            self.rest.pop(0)
            options.append(self.sequence())
        if not self.rest or self.rest.pop(0) != closing:
            raise ValueError(f'the pattern "{self.source}" has a bracket that does not close')
        return _one_of(options)

    def of_class(self, name: str) -> tuple[str, frozenset[str]]:
        """Read a class by its name."""
        if name not in self.classes:
            raise ValueError(f'the pattern "{self.source}" names the class "{name}", which classes.toml does not have')
        return _one_of([_Parser(member, self.classes).sequence() for member in self.classes[name]])


def _one_of(options: Sequence[tuple[str, frozenset[str]]]) -> tuple[str, frozenset[str]]:
    """Join alternatives: a word must be there only if each of them has one."""
    expression = "(?:" + "|".join(body for body, _ in options) + ")"
    sets = [triggers for _, triggers in options]
    return expression, frozenset().union(*sets) if all(sets) else frozenset()


def _rarity(triggers: frozenset[str]) -> int:
    """Rank sets of triggers: the longer their shortest word, the fewer texts have one of them."""
    return min(len(word) for word in triggers) * 100 - len(triggers)
