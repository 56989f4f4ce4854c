"""Slips of the thumb: the opt-out word that a misspelt one stands for.

Owns the correction of single words, for the wish to stop alone: an opt-in word or a keyword is never guessed, because
consent only widens by what somebody really wrote. Short words are corrected by a list (``misspelt`` in words.toml),
long ones by distance, and any by letters held down ("STOOOOP").
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from gateway.policy import words

_REMEMBERED_LENGTH: Final = 64
"""Longer words are rarely sent twice, and remembering them would let a peer fill the memory."""

_HELD_DOWN: Final = re.compile(r"([^\W\d_])\1{2,}")


def meant(word: str) -> str:
    """Return the reserved opt-out word that ``word`` stands for, or ``word`` itself."""
    return _remembered(word) if len(word) <= _REMEMBERED_LENGTH else _meant(word)


def _meant(word: str) -> str:
    if word in words.OPT_OUT or word.isdigit():
        return word
    if (known := words.MISSPELT.get(word)) is not None:
        return known
    if (short := _HELD_DOWN.sub(r"\1", word)) != word and short in words.OPT_OUT:
        return short
    if word not in words.NOT_NEAR:
        for right, slips in words.NEAR.items():
            if word[0] == right[0] and abs(len(word) - len(right)) <= slips and distance(word, right) <= slips:
                return right
    return word


_remembered = lru_cache(maxsize=8192)(_meant)


def distance(a: str, b: str) -> int:
    """Count the slips between two words: a letter too many, too few, wrong, or two neighbours swapped."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
