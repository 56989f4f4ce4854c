"""How far long work has come: a bar for people, a few lines for a log."""

from __future__ import annotations

import sys

import pytest

from gateway.cli.progress import progress


def test_a_log_gets_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("copying", 1000) as advance:
        for _ in range(1000):
            advance(1)
        advance(50)  # more came to be than was expected
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [f"copying: {tenth}0 %" for tenth in range(1, 11)]


def test_nothing_to_do_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("merging", 0):
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("copying", 4) as advance:
        advance(1)
        advance(3)
    said = capsys.readouterr()
    assert said.out == ""
    assert "100%" in said.err
    assert said.err.startswith("\r")
