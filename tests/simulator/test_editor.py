"""The prompt's line editor: what keys do, in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.simulator.editor import Entered, Left, LineEditor

UP, DOWN = b"\x1b[A", b"\x1b[B"


@pytest.mark.parametrize(
    "keys, done, left",
    [
        (b"JOIN\r", [Entered("JOIN")], ""),
        (b"JOIN\n", [Entered("JOIN")], ""),
        (b"JO", [], "JO"),
        (b"JOIM\x7fN", [], "JOIN"),
        (b"JOIM\bN", [], "JOIN"),
        (b"\x7fA", [], "A"),
        (b"stop it\x15JOIN", [], "JOIN"),
        (b"please stop \x17go", [], "please go"),
        (b"\x03", [Left()], ""),
        (b"abc\x03", [Left()], "abc"),
        (b"\x04", [Left()], ""),
        (b"abc\x04", [], "abc"),
        (b"a\x07\x01b", [], "ab"),
        (b"a\x1b[C\x1b[3~\x1b[1;5Db\x1bOPc\x1bxd", [], "abcd"),
        ("ж👍\r".encode(), [Entered("ж👍")], ""),
        (b"\xff\r", [Entered("\ufffd")], ""),
        (b"a\rb\rc", [Entered("a"), Entered("b")], "c"),
        (b"a\rb\r" + UP, [Entered("a"), Entered("b")], "b"),
        (b"a\rb\r" + UP + UP + UP, [Entered("a"), Entered("b")], "a"),
        (b"a\rb\r" + UP + UP + DOWN, [Entered("a"), Entered("b")], "b"),
        (b"a\rb\r" + UP + DOWN + DOWN, [Entered("a"), Entered("b")], ""),
        (b"a\ra\r\r" + b"\x1bOA\x1bOA", [Entered("a"), Entered("a"), Entered("")], "a"),
        (b"a\r" + UP + b"b\r", [Entered("a"), Entered("ab")], ""),
    ],
)
def test_keys(keys: bytes, done: list[Entered | Left], left: str) -> None:
    at_once = LineEditor()
    assert (at_once.feed(keys), at_once.line) == (done, left)
    one_by_one = LineEditor()
    assert [event for key in keys for event in one_by_one.feed(bytes((key,)))] == done
    assert one_by_one.line == left


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=8), max_size=8))
def test_no_keys_make_it_raise_or_put_a_control_character_into_a_line(pieces: list[bytes]) -> None:
    editor = LineEditor()
    for piece in pieces:
        for event in editor.feed(piece):
            assert isinstance(event, Left) or event.line.isprintable()
    assert editor.line.isprintable()
