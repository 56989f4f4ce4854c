"""The rules by which a wish to stop is read, loaded from ``rules/*.toml``.

Owns the shape of a rule file: a version, and rules with a name, an outcome (act, hold, pass), the reason, patterns,
and examples and counter-examples, which the tests run. Must never hold a rule itself. A file that is wrong stops the
import: rules ship with the code, and half a set of them would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, Final

from gateway.policy.pattern import Pattern, translate
from gateway.policy.words import load


class Outcome(StrEnum):
    """What a rule makes of a text: do it, pause and ask, or see nothing in these words."""

    ACT = "act"
    HOLD = "hold"
    ONWARD = "pass"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``patterns`` match anywhere in a text; ``after_word`` what follows an opt-out word at its beginning.

    ``raw`` are regular expressions for the text as it came, for what folding takes away.
    """

    name: str
    outcome: Outcome
    reason: str
    version: str
    patterns: tuple[Pattern, ...]
    after_word: tuple[Pattern, ...]
    raw: tuple[re.Pattern[str], ...]
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules of one outcome, found by the words that a text must have for one of their patterns to match."""

    rules: tuple[Rule, ...]
    by_word: dict[str, tuple[tuple[int, Rule, Pattern], ...]]

    def candidates(self, words: Iterable[str]) -> Sequence[tuple[Rule, Pattern]]:
        """Return the patterns that a text of these words may match, in the order of the files."""
        found = {entry[0]: entry for word in set(words) for entry in self.by_word.get(word, ())}
        return [found[number][1:] for number in sorted(found)] if found else ()


def read_rules(data: dict[str, Any]) -> list[Rule]:
    """Read the content of one rule file. Raises KeyError or ValueError where it is not in shape."""
    version, classes = data["version"], CLASSES
    return [
        Rule(
            name=entry["name"],
            outcome=Outcome(entry["outcome"]),
            reason=entry["reason"],
            version=version,
            patterns=tuple(translate(source, classes) for source in entry.get("patterns", ())),
            after_word=tuple(translate(source, classes, anchored=True) for source in entry.get("after_word", ())),
            raw=tuple(re.compile(source, re.IGNORECASE | re.DOTALL) for source in entry.get("raw", ())),
            examples=tuple(entry["examples"]),
            counter_examples=tuple(entry["counter_examples"]),
        )
        for entry in data["rule"]
    ]


def rule_set(rules: Iterable[Rule], *, after_word: bool = False) -> RuleSet:
    """Index rules by the words that trigger them."""
    kept = tuple(rules)
    index: dict[str, list[tuple[int, Rule, Pattern]]] = {}
    number = 0
    for rule in kept:
        for pattern in rule.after_word if after_word else rule.patterns:
            number += 1
            for word in pattern.triggers:
                index.setdefault(word, []).append((number, rule, pattern))
    return RuleSet(kept, {word: tuple(entries) for word, entries in index.items()})


def _files() -> list[str]:
    """Return the names of the rule files, in order."""
    names = (entry.name for entry in (resources.files("gateway.policy") / "rules").iterdir())
    return sorted(name for name in names if name.endswith(".toml") and name not in ("words.toml", "classes.toml"))


CLASSES: Final[dict[str, list[str]]] = load("classes.toml")["class"]
RULES: Final[tuple[Rule, ...]] = tuple(rule for name in _files() for rule in read_rules(load(name)))
ACT: Final = rule_set(rule for rule in RULES if rule.outcome is Outcome.ACT)
AFTER_WORD: Final = rule_set((rule for rule in RULES if rule.outcome is Outcome.ACT), after_word=True)
HOLD: Final = rule_set(rule for rule in RULES if rule.outcome is Outcome.HOLD)
PASS: Final = rule_set(rule for rule in RULES if rule.outcome is Outcome.ONWARD)
RAW: Final = tuple(raw for rule in RULES for raw in rule.raw)
