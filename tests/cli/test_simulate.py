"""``gateway simulate``: what it passes on. The simulator itself has tests of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_a_prompt_that_ends_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        ended = run("simulate", "--port", "0", "--system-id", "demo")
    assert (ended.status, ended.err) == (0, "")
    assert "for system_id demo" in ended.out


def test_a_script_that_cannot_be_played(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text("nothing = 1", encoding="utf-8")
    ended = run("simulate", "--port", "0", "--script", str(script))
    assert ended.status == 65
    assert ended.err.startswith("gateway: ")


def test_an_address_that_cannot_be_had(run: Run) -> None:
    ended = run("simulate", "--host", "203.0.113.1", "--port", "0")
    assert ended.status == 69
    assert "cannot listen on 203.0.113.1:0" in ended.err
