"""Segments and codings of 2,000 texts, against npm sms-segments-calculator; every disagreement has its reason here.

The texts are drawn with a fixed seed, so that a failure is the same everywhere. Node runs once for all of them.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.sms import Encoding, count_segments, encode, measure
from gateway.sms.gsm import BASIC, EXTENSION

PEERS: Final = Path(__file__).parents[1] / "peers"
LENGTHS: Final = (0, 1, 66, 67, 68, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 305, 306, 307, 459, 460)
GSM: Final = "".join(character for character in BASIC if character != "\x1b")
EXTENDED: Final = "".join(EXTENSION.values())
EMOJI: Final = ("😀", "👍", "🎉", "❤️", "🇩🇪", "1️⃣")
JOINED: Final = ("👩‍👩‍👧‍👦", "🏳️‍🌈", "👨🏽‍🚀")
COMBINED: Final = ("e\u0301", "a\u0308", "n\u0303\u0320", "क्षि", "각")
CJK: Final = "停止退订一中国文字テストひらがな정지"
TYPOGRAPHIC: Final = "’“”–…•\u00a0"
NEAR_GSM: Final = "`çáíóúâêôãõşğłžабвγώ"


def drawn(pieces: tuple[str, ...] | str, also: str = "") -> Callable[[random.Random, int], str]:
    """Texts of up to ``length`` UTF-16 units from ``pieces``, with ``also`` in between."""

    def draw(source: random.Random, length: int) -> str:
        text = ""
        while True:
            piece = source.choice(also) if also and source.random() < 0.7 else source.choice(pieces)
            if len((text + piece).encode("utf-16-be")) > length * 2:
                return text
            text += piece

    return draw


def at_a_boundary(source: random.Random, length: int) -> str:
    """GSM with a run of extension characters where a part or a message ends."""
    at = source.choice((150, 151, 152, 153, 158, 159, 160, 304, 305, 306))
    run = "".join(source.choice(EXTENDED) for _ in range(source.randint(1, 4)))
    return "a" * at + run + "b" * (length % 40)


def pair_at_a_boundary(source: random.Random, length: int) -> str:
    """UCS-2 with a surrogate pair where a part or a message ends."""
    at = source.choice((65, 66, 67, 68, 69, 70, 132, 133, 134))
    return "ж" * at + "😀" * source.randint(1, 3) + "ж" * (length % 40)


CLASSES: Final[dict[str, Callable[[random.Random, int], str]]] = {
    "gsm": drawn(GSM),
    "extension": drawn(GSM + EXTENDED),
    "extension at a boundary": at_a_boundary,
    "pair at a boundary": pair_at_a_boundary,
    "emoji": drawn(EMOJI, "abc "),
    "joined emoji": drawn(JOINED, "abc "),
    "combining": drawn(COMBINED, "abc "),
    "cjk": drawn(CJK),
    "typographic": drawn(TYPOGRAPHIC, "abc "),
    "near": drawn(NEAR_GSM, GSM),
    "line breaks": drawn(("\r\n", "\n", "\r"), "abc "),
    "mixed": drawn((*EMOJI, *JOINED, *COMBINED, *CJK, *TYPOGRAPHIC), GSM + EXTENDED),
}


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    theirs: dict[str, Any]


def texts() -> list[tuple[str, str]]:
    source = random.Random(20261122)
    names = list(CLASSES)
    found = [(names[at % len(names)], source.choice(LENGTHS)) for at in range(2_000)]
    return [(name, CLASSES[name](source, length)) for name, length in found]


def asked(questions: list[str]) -> list[dict[str, Any]]:
    """What the other side makes of each text."""
    assert (PEERS / "node_modules" / "sms-segments-calculator").is_dir(), "`make test` installs the peers"
    ended = subprocess.run(
        ["node", str(PEERS / "segments.js")],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers: list[dict[str, Any]] = json.loads(ended.stdout)
    return answers


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    found = texts()
    answers = asked([text for _, text in found])
    return [Case(name, text, theirs) for (name, text), theirs in zip(found, answers, strict=True)]


def uncut(clusters: list[str]) -> int:
    """Count segments as the other side cuts UCS-2: no cluster (what a reader sees as one character) is cut in two.

    Ours cuts between the code points of one, as handsets do: the receiving handset joins the parts before it shows
    them, and a text is not dearer for it. A surrogate pair we do not cut either.
    """
    sizes = [len(cluster.encode("utf-16-be")) // 2 for cluster in clusters]
    if sum(sizes) <= 70:
        return 1
    segments, left = 1, 67
    for size in sizes:
        if size > left:
            segments, left = segments + 1, 67
        left -= size
    return segments


def test_the_texts_are_2000_and_of_every_kind(cases: list[Case]) -> None:
    assert len(cases) == 2_000
    assert min(Counter(case.name for case in cases).values()) > 150
    assert {case.theirs["segments"] for case in cases} >= {1, 2, 3, 4, 5, 7}
    assert len({case.text for case in cases}) > 1_500


@pytest.mark.checklist("F4")
def test_codings_agree(cases: list[Case]) -> None:
    names = {Encoding.GSM: "GSM-7", Encoding.UCS2: "UCS-2"}
    assert [case.text for case in cases if names[encode(case.text).encoding] != case.theirs["encoding"]] == []


@pytest.mark.checklist("F4")
def test_codings_agree_on_every_single_character() -> None:
    """Of the basic plane; what is beyond takes two units and is in no GSM table."""
    characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    theirs = {c for c, answer in zip(characters, asked(characters), strict=True) if answer["encoding"] == "GSM-7"}
    assert theirs == {c for c in characters if encode(c).encoding is Encoding.GSM}


@pytest.mark.checklist("F4")
def test_counts_agree_but_for_one_reason(cases: list[Case]) -> None:
    others = [case for case in cases if count_segments(case.text) != case.theirs["segments"]]
    unexplained = [
        (case.text, count_segments(case.text), case.theirs["segments"])
        for case in others
        if encode(case.text).encoding is Encoding.GSM or uncut(case.theirs["clusters"]) != case.theirs["segments"]
    ]
    assert unexplained == []
    assert others, "the reason is not needed any more"
    assert all(case.theirs["segments"] > count_segments(case.text) for case in others)
    assert {case.name for case in others} <= {"emoji", "joined emoji", "combining", "mixed"}


def test_the_account_for_people_counts_the_same(cases: list[Case]) -> None:
    for case in cases:
        found = measure(case.text)
        assert found.segments == count_segments(case.text)
        assert found.encoding is encode(case.text).encoding
