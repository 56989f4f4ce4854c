"""docs/simulator.md names every key of a script and every command of the prompt, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.simulator.prompt import HELP
from gateway.simulator.script import Script, Step, read_script

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text("utf-8")


def keys(heading: str) -> list[str]:
    table = PAGE[PAGE.index(heading) :].split("\n\n")[1]
    return re.findall(r"^\| `(\w+)`", table, re.MULTILINE)


def test_every_key_is_documented_in_its_order() -> None:
    assert keys("Keys of the file") == [field.alias or name for name, field in Script.model_fields.items()]
    assert keys("Keys of a step.") == [field.alias or name for name, field in Step.model_fields.items()]


def test_every_command_is_documented() -> None:
    assert set(re.findall(r"^(/\w+)", HELP, re.MULTILINE)) == set(re.findall(r"^\| `(/\w+)", PAGE, re.MULTILINE))


def test_the_example_can_be_played(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "example.toml"
    path.write_text(example[1], "utf-8")
    assert len(read_script(path).step) == 4
