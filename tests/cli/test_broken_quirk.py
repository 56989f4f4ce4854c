"""A quirk file that somebody is still writing: told as what it is, and only to whom it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.carriers import quirks
from tests.cli.conftest import Run

SAID = "gateway/carriers/quirks/own_northern.py: NameError: name 'Quirk' is not defined"


@pytest.fixture(autouse=True)
def _broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "quirks"
    folder.mkdir()
    (folder / "own_northern.py").write_text('QUIRK = Quirk(name="northern")\n', "utf-8")
    monkeypatch.setattr(quirks, "__path__", [*quirks.__path__, str(folder)])
    quirks._all.cache_clear()
    yield
    quirks._all.cache_clear()


def test_who_names_it_has_a_wrong_configuration(run: Run, config: str) -> None:
    file = Path(config)
    file.write_text(file.read_text("utf-8").replace('name = "acme"', 'name = "acme"\nquirk = "northern"'), "utf-8")
    for command in ("check", "run"):
        ended = run(command, "-c", config)
        assert ended.status == 78
        assert f"{config}: carrier[acme].quirk: the quirk 'northern' cannot be used: {SAID}" in ended.err
        assert "internal error" not in ended.err


def test_everybody_else_has_a_warning(run: Run, config: str) -> None:
    ended = run("check", "-c", config)
    assert ended.status == 0
    assert f"warning: {SAID}; no carrier can use it" in ended.err
    assert run("check", "--strict", "-c", config).status == 78
