"""What a reload says needs a restart: whatever differs from what the daemon began with, for as long as it does."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from gateway.config import load
from gateway.daemon.daemon import running

CONFIG = """
[gateway]
node = "gw1"
state_dir = "state"

[log]
format = "json"

[http]
listen = []

[[carrier]]
name = "acme"
port = 1

[[line]]
address = "85700"
carriers = ["acme"]
"""


async def test_a_restart_is_due_until_it_is_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gateway.toml"

    file.write_text(CONFIG, encoding="utf-8")
    said: list[list[tuple[str, object]]] = []
    async with running(load(file, {}), "") as gateway:
        capfd.readouterr()
        for text in (
            CONFIG.replace('"gw1"', '"gw2"'),
            CONFIG.replace('"gw1"', '"gw2"') + 'help_reply = "Call us."\n',
            CONFIG,
        ):
            file.write_text(text, encoding="utf-8")
            assert await gateway.reload(partial(load, file, {}))
            lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
            restarts = [line for line in lines if "need a restart" in line["event"]]
            said.append([(line["event"], line["keys"]) for line in restarts])
    due = ("these changes need a restart", ["gateway.node"])
    assert said == [[due], [due], []]
