"""What a terminal gets: whole lines, no longer than it is wide, and nothing that it would obey."""

from __future__ import annotations

import sys

import pytest

from gateway.cli.output import plain, show_table

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    "text,shown",
    [
        (FAMILY, FAMILY),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("\u0646\u200c\u0627", "\u0646\u200c\u0627"),
        ("a\u202eb\u2066c\u200ed\u061ce", "a b c d e"),
        ("a\x1b[31m\nb\x9bc\x7f\u2028d", "a [31m b c  d"),
        (None, ""),
        (7, "7"),
    ],
)
def test_what_a_terminal_obeys_is_left_out(text: object, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    "text,kept",
    [
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("\u6f22" * 10, "\u6f22" * 10),  # two columns each
        ("\u6f22" * 11, "\u6f22" * 9 + "…"),
        ("e\u0301" * 20, "e\u0301" * 20),  # an accent takes none
        ("x" * 14 + FAMILY + "xxx", "x" * 14 + "…"),
        (FAMILY * 4, FAMILY * 3 + "…"),
        ("\u200d" * 3 + "x" * 30, "\u200d" * 3 + "x" * 19 + "…"),
    ],
)
def test_a_line_is_cut_where_the_terminal_ends(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], text: str, kept: str
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show_table(("id", "text"), [("1", text)], "")
    assert capfd.readouterr().out.splitlines()[1] == f"1   {kept}"


def test_no_terminal_no_cut(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    show_table(("id", "text"), [("1", "x" * 400)], "")
    assert len(capfd.readouterr().out.splitlines()[1]) == 404


def test_wide_characters_do_not_move_the_columns_behind(capfd: pytest.CaptureFixture[str]) -> None:
    show_table(("a", "b"), [("\u6f22", "x"), ("abc", "y")], "")
    assert capfd.readouterr().out.splitlines() == ["a    b", "\u6f22   x", "abc  y"]
