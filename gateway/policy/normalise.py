"""A text as it is read for matching: lower case, plain letters, words apart, clauses apart.

Owns the folding alone: what the words mean is ``gateway.policy.read``'s business, and the text as it came is never
changed (it is evidence). Why one pass for everything: a STOP written in full width, in Cyrillic look-alikes, with a
zero-width space or as "S.T.O.P." is the same wish, so each such difference must be gone before any word is compared.
Folding what is folded changes nothing (but for a very long text, which may be cut again).

Must never cost more than a few milliseconds, whatever a peer sends: up to 64 KB come in one PDU. So of a text that is
longer than any telephone writes, the beginning and the end are folded, and what lies between is searched for words
alone (``Folded.between``); marks over letters go before Unicode sorts them, which costs the square of their number; and
what grows when it is folded (one character stands for up to 18) is cut again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gateway.base.value import value

BREAK: Final = "."
"""The token between two clauses: it stands where punctuation or a line break stood."""

_CACHED_LENGTH: Final = 320
"""Longer texts are rarely sent twice, and caching them would let a peer fill the memory."""

BEGINNING: Final = 2000
"""Characters of a long text that are folded at its beginning: more than a telephone sends as one text."""

END: Final = 500
"""Characters of a long text that are folded at its end."""

_SEAM: Final = "\u0436" * 12
"""What stands for the middle of a long text: it makes no word of what is cut on either side, and is near to none."""

_OVERLAP: Final = 32
"""Characters on either side of a cut that are searched for words as well: one may be cut in two there."""

_LOOKALIKES: Final = str.maketrans(
    # Cyrillic and Greek letters that a reader takes for Latin ones; upper and lower case differ in what they look like.
    "АВЕЅІЈКМНОРСТУХЅԁеоѕіјкмнорстухагєӏԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεικνορτυχϲϳıłøđ",
    "ABESIJKMHOPCTYXSdeosijkmhopctyxarelqwABEZHIKMNOPTYXabeikvoptyxcjilod",
)
_APOSTROPHES: Final = "'’‘ʼ`´′＇"
_BREAKS: Final = ".,!?;:\n\r\u2026\u3002\uff0c\u00a1\u00bf\u2014\u2013|"
_UNSEEN: Final = frozenset("\u3164\u115f\u1160\uffa0\u2800\ufffd")
_WORD: Final = re.compile(r"[^\W_]+")
_LETTER_RUN: Final = re.compile(r"(?<![^ ])[^\W\d_](?: (?:\. )?[^\W\d_](?![^ ])){2,}")
_DASH: Final = re.compile(r"(?:(?<=\s)|^)[-~]+(?=\s|\w)")
_SIGNATURE: Final = re.compile(
    r"""  # a line that begins with a dash, and what follows it; or what telephones add by themselves
    \n[ \t]*(?:--+|~+|[-\u2013\u2014](?=[ \t]*[^\W\d_])).*\Z
    | (?<=[\s(\[])(?:sent\ (?:from|via|by|with)\ (?:my|the|an?|outlook|yahoo|gmail|proton)\b
        | get\ outlook\ for\b | envoy[eé]\ (?:de|depuis)\ mon\b | enviado\ (?:desde|do)\ (?:mi|meu)\b
        | von\ meinem\ \w+\ gesendet | gesendet\ von\ mein | inviato\ da(?:l\ mio)?\b).*\Z
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def _ascii_table() -> dict[int, str]:
    """Return what each ASCII character becomes: itself, a blank, a break, or nothing."""
    table: dict[int, str] = {}
    for code in range(128):
        character = chr(code)
        if character.isalnum():
            table[code] = character.lower()
        elif character in _BREAKS:
            table[code] = " . "
        elif character in _APOSTROPHES or (code < 32 and character != "\t") or code == 127:
            table[code] = ""
        else:
            table[code] = " "
    return table


_ASCII: Final = _ascii_table()
_SPELT: Final[dict[int, int | None]] = {**_LOOKALIKES, **{ord(character): None for character in _APOSTROPHES}}
"""How the words in the middle of a long text are spelt: plain letters, no apostrophes."""


@value
class Folded:
    """A text for matching. ``text`` has one blank between tokens and ``BREAK`` between clauses.

    ``words`` are the tokens without the breaks. ``between`` is the middle of a text that is too long to be folded
    whole: its words in lower case with a blank on either side of each; it is empty in every other text.
    """

    text: str
    words: tuple[str, ...]
    between: str = ""

    def says_between(self, words: Iterable[str]) -> bool:
        """Say whether one of ``words`` (as folded) stands in the middle of a text that is too long."""
        return bool(self.between) and any(f" {word} " in self.between for word in words)


def fold(text: str) -> Folded:
    """Return ``text`` as it is read for matching. Any string will do; nothing is raised."""
    return _remembered(text) if len(text) <= _CACHED_LENGTH else _fold(text)


def _fold(text: str) -> Folded:
    """Fold without remembering."""
    body, between = (text, "") if len(text) <= BEGINNING + END else _shortened(text)
    body = unsigned(body)
    if "-" in body or "~" in body:
        body = _DASH.sub(" . ", body)
    plain = body.translate(_ASCII) if body.isascii() else _plain(body)
    tokens = _without_needless_breaks(plain.split())
    joined = " ".join(tokens)
    if len(tokens) > 2:
        joined = _LETTER_RUN.sub(_joined_letters, joined)
        tokens = joined.split(" ")
    # What follows a signature is part of it.
    left = between if _SEAM in body else ""
    return Folded(joined, tuple(token for token in tokens if token != BREAK), left)


_remembered = lru_cache(maxsize=8192)(_fold)


def unsigned(text: str) -> str:
    """Return ``text`` without a signature after it: a line "-- Bob", "Sent from my …"."""
    if len(text) < 4:
        return text
    return _SIGNATURE.sub("", text, count=1) or text


def _shortened(text: str) -> tuple[str, str]:
    """Return the beginning and the end of a long text with the seam between them, and the words in its middle.

    What nobody sees does not count towards the length. The middle is empty if the rest is short enough to be folded.
    """
    seen = text if text.isascii() and text.isprintable() else text.translate(_unseen(text))
    seen = seen.strip()
    if len(seen) <= BEGINNING + END:
        return seen, ""
    middle = seen[BEGINNING - _OVERLAP : _OVERLAP - END].lower().translate(_SPELT)
    return _cut(seen), f" {' '.join(_WORD.findall(middle))} "


def _cut(text: str) -> str:
    """Return ``text``, or its beginning and its end if it is too long."""
    return text if len(text) <= BEGINNING + END + len(_SEAM) else f"{text[:BEGINNING]}{_SEAM}{text[-END:]}"


def _unseen(text: str) -> dict[int, None]:
    """Return the characters of ``text`` that folding takes away, as ``str.translate`` wants them."""
    return {
        ord(character): None
        for character in set(text)
        if not character.isspace() and (character in _UNSEEN or unicodedata.category(character)[0] in "MC")
    }


def _plain(text: str) -> str:
    """Bring letters of any script and width to their plain form, everything else to a blank, a break or nothing."""
    marks = {ord(character): None for character in set(text) if unicodedata.category(character)[0] == "M"}
    composed = _cut(unicodedata.normalize("NFKC", text.translate(marks) if marks else text))
    composed = composed.translate(_LOOKALIKES).casefold()
    out: list[str] = []
    for character in _cut(unicodedata.normalize("NFKD", composed)).translate(_LOOKALIKES):
        if character < "\x80":
            out.append(_ASCII[ord(character)])
        elif character in _UNSEEN or character in _APOSTROPHES:
            continue
        elif character in _BREAKS:
            out.append(" . ")
        else:
            kind = unicodedata.category(character)
            if kind[0] == "L" or kind[0] == "N":
                out.append(character.casefold())
            elif kind[0] != "M" and kind[0] != "C":
                out.append(" ")
    return "".join(out)


def _without_needless_breaks(tokens: list[str]) -> list[str]:
    """Drop breaks at the edges and all but one of a run."""
    kept: list[str] = []
    for token in tokens:
        if token != BREAK or (kept and kept[-1] != BREAK):
            kept.append(token)
    if kept and kept[-1] == BREAK:
        kept.pop()
    return kept


def _joined_letters(match: re.Match[str]) -> str:
    """Make one word of letters that stand alone: "s t o p", "s . t . o . p"."""
    return match[0].replace(" ", "").replace(BREAK, "")
