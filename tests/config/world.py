"""A configuration on disk: what the configuration tests share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.config import Config, ConfigErrors, load

GOOD = """
[gateway]
node = "gw1"
state_dir = "state"

[[carrier]]
name = "acme"

[[line]]
address = "85700"
name = "Acme Alerts"
carriers = ["acme"]

[[line.keyword]]
word = "JOIN"
action = "join"
list = "alerts"
user_reply = "You're on the list."
"""


def written(folder: Path, text: str) -> Path:
    """Write a configuration that only its owner may read."""
    file = folder / "gateway.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return file


def loaded(folder: Path, text: str = GOOD, environ: Mapping[str, str] | None = None) -> Config:
    """Load it, with no environment but the one given."""
    return load(written(folder, text), environ or {})


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return its problems as ``key: what; right``, without the file's name."""
    file = written(folder, text)
    with pytest.raises(ConfigErrors) as caught:
        load(file, environ or {})
    return [str(problem).removeprefix(f"{file}: ") for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    """Return the good configuration with one piece replaced."""
    assert old in GOOD
    return GOOD.replace(old, new)
