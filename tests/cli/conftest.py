"""Running the command line inside the test process, and putting back what it sets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from gateway.cli.app import main

CONFIG = """
[gateway]
node = "gw1"
state_dir = "state"

[[carrier]]
name = "acme"

[[line]]
address = "85700"
name = "Acme Alerts"
carriers = ["acme"]
unknown = "allow"

[[line.keyword]]
word = "JOIN"
action = "join"
list = "alerts"
user_reply = "You're on the list."
"""


@dataclass
class Ended:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in ("GATEWAY_CONFIG", "XDG_STATE_HOME", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run ``gateway`` with arguments and return how it ended."""

    def call(*arguments: str) -> Ended:
        status = main(arguments)
        out, err = capfd.readouterr()
        return Ended(status, out, err)

    return call


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The name of a good configuration."""
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return str(file)
