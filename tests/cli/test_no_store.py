"""Where no store is: what has something to store begins one and says so; all else refuses, and makes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.kit.desk import GOOD


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("brakes",),
        ("consent", "show", "85700", GOOD),
        ("messages", "list"),
        ("messages", "uncertain"),
        ("messages", "show", "1"),
        ("messages", "cancel", "--line", "85700"),
        ("messages", "resend", "1"),
        ("messages", "fail", "1"),
        ("resume", "line", "85700"),
    ],
    ids=" ".join,
)
def test_what_stores_nothing_begins_no_store(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], *, folder: bool
) -> None:
    """A state folder that is mistyped would show an empty record as if nobody had ever opted out."""
    if folder:
        Path("state").mkdir()
    ended = run(*arguments)
    assert (ended.status, ended.out) == (66, "")
    assert ended.err.startswith(f"gateway: there is no store at {tmp_path / 'state' / 'gateway.db'}: ")
    assert ended.err.count("\n") == 1
    assert Path("state").exists() is folder
    assert not folder or not list(Path("state").iterdir())


@pytest.mark.parametrize(
    "arguments", [("send", "--line", "85700", "--to", GOOD, "hello"), ("pause", "line", "85700")], ids=" ".join
)
def test_a_store_that_begins_is_said(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = f"There was no store at {tmp_path / 'state' / 'gateway.db'}; this has begun one.\n"
    assert run(*arguments).err.startswith(said)
    assert said not in run(*arguments).err
