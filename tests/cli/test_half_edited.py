"""The file on disk is half edited: a running gateway stays within reach, and nothing else is done by such a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio

from tests.cli.conftest import Run
from tests.cli.test_desk_commands import daemon
from tests.kit.desk import FakeDesk

HALF = ['[[carrier]]\nname = "ac', "[[carrier]]\nport = 5\n", "[nonsense]\n"]
COMMANDS = [("brakes",), ("pause", "lane", "bulk"), ("resume", "lane", "bulk"), ("status",), ("messages", "list")]


@pytest.fixture(autouse=True)
def _here(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.chdir(tmp_path)


def spoil(config: str, added: str, old: str = "\0", new: str = "") -> None:
    file = Path(config)
    file.write_text(file.read_text("utf-8").replace(old, new) + added, "utf-8")


@pytest.mark.parametrize("half", HALF)
@pytest.mark.parametrize("command", COMMANDS, ids="-".join)
async def test_the_running_gateway_is_asked(run: Run, config: str, half: str, command: tuple[str, ...]) -> None:
    async with daemon(FakeDesk()):
        as_it_should_be = await trio.to_thread.run_sync(partial(run, *command))
        spoil(config, half)
        ended = await trio.to_thread.run_sync(partial(run, *command))
    assert (ended.status, ended.out) == (as_it_should_be.status, as_it_should_be.out)
    assert ended.err.startswith(f"warning: {config} has ")
    assert ended.err.endswith(as_it_should_be.err)


@pytest.mark.parametrize("half", HALF)
def test_where_none_runs_the_file_must_be_whole(run: Run, config: str, half: str) -> None:
    spoil(config, half)
    for command in (*COMMANDS, ("trace",)):
        ended = run(*command)
        assert ended.status == 78
        assert "warning" not in ended.err
    assert not Path("state").exists()


async def test_no_gateway_is_guessed(run: Run, config: str) -> None:
    """The folder that the file means cannot be read from it: what listens elsewhere is another gateway, perhaps."""
    async with daemon(FakeDesk()):
        spoil(config, "", '"state"', '"state')
        ended = await trio.to_thread.run_sync(partial(run, "brakes"))
    assert ended.status == 78
