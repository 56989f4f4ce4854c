"""The state folder of a file that is none at the moment: read for certain, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.folder import state_folder

BROKEN = "\n[[carrier]]\nname = \n"


@pytest.mark.parametrize("rest", ["", BROKEN, '\n[[carrier]]\nname = "acme', "\n[[line]\n", "\nnonsense\n"])
@pytest.mark.parametrize(
    "head, folder",
    [
        ("", "home/.local/state/gateway"),
        ('[gateway]\nnode = "gw1"', "home/.local/state/gateway"),
        ("[log]\n# state_dir = 'old'", "home/.local/state/gateway"),
        ('[gateway]\nstate_dir = "state"', "state"),
        ('[log]\nlevel = "info"\n\n [ gateway ] # us\n state_dir="state" # here', "state"),
        ("[gateway]\nstate_dir = '/var/lib/x'\n[log]", "/var/lib/x"),
    ],
)
def test_it_is_found_whatever_else_is_wrong(tmp_path: Path, head: str, folder: str, rest: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(head + rest, "utf-8")
    assert state_folder(file, {"HOME": str(tmp_path / "home")}) == tmp_path / folder


@pytest.mark.parametrize(
    "text",
    [
        '[gateway]\nstate_dir = "sta',
        "[gateway]\nstate_dir = 5",
        "[gateway]\nstate_dir = 5" + BROKEN,
        '[gateway]\nstate_dir = "a"\nstate_dir = "b"',
        '[gatewa\nstate_dir = "a"',
        '[log]\nstate_dir = "a"' + BROKEN,
        '[gateway]\nnode = "x"\nold_state_dir = "a"' + BROKEN,
        'gateway = {state_dir = "a"}' + BROKEN,
        'gateway.state_dir = "a"' + BROKEN,
        "gateway = 5",
    ],
)
def test_nothing_is_guessed(tmp_path: Path, text: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(text, "utf-8")
    assert state_folder(file, {}) is None


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert state_folder(tmp_path / "gone.toml", {}) is None
