"""The reserved words, as data: which words opt out, opt in and ask for help, and which no line may drop.

Owns the reading of ``rules/words.toml`` at import. Must never hold a word itself: a compliance person changes words in
the data file, where each group stands with its reason.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from gateway.policy.normalise import BREAK, fold


def load(name: str) -> dict[str, Any]:
    """Return the data file ``name`` of the rules directory."""
    return tomllib.loads((resources.files("gateway.policy") / "rules" / name).read_text(encoding="utf-8"))


def folded(words: Iterable[str]) -> frozenset[str]:
    """Return ``words`` as they appear in a folded text."""
    return frozenset(fold(word).text for word in words)


_DATA: Final = load("words.toml")

VERSION: Final[str] = _DATA["version"]
OPT_OUT: Final = folded(_DATA["opt_out"])
OPT_IN: Final = folded(_DATA["opt_in"])
HELP: Final = folded(_DATA["help"])
ALL: Final = folded(_DATA["all"])
ACCOUNT: Final = folded(_DATA["account"])
KEPT: Final = folded(_DATA["kept"])
REVOCATION: Final = folded(_DATA["revocation"])
NEGATIONS: Final = folded(_DATA["negations"])
MISSPELT: Final[Mapping[str, str]] = MappingProxyType(
    {fold(wrong).text: fold(right).text for right, wrongs in _DATA["misspelt"].items() for wrong in wrongs}
)
NEAR: Final[Mapping[str, int]] = MappingProxyType({fold(word).text: int(n) for word, n in _DATA["near"].items()})
NOT_NEAR: Final = folded(_DATA["not_near"])

_COURTESY: Final = re.compile(
    "(?<= )(?:" + "|".join(sorted(folded(_DATA["courtesy"]), key=len, reverse=True)) + rf")(?: {re.escape(BREAK)})? "
)
_EDGES: Final = f" {BREAK}"


def courteous(text: str) -> str:
    """Return a folded text without the courtesy in it: "please . start thanks" is "start"."""
    return _COURTESY.sub("", f" {text} ").strip(_EDGES)
