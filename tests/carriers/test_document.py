"""docs/carriers.md: the quirk that it shows how to write works, and each key has its carrier."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from gateway.carriers import quirks
from gateway.carriers.options import CarrierOptions
from gateway.model.messages import Mo, Receipt, Unreadable
from tests.carriers import test_quirks as contract
from tests.carriers.test_quirks import beside

__all__ = ["beside"]

PAGE = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text("utf-8")
HOW_TO = PAGE[PAGE.index("### How to write a quirk") :]


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", HOW_TO, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_quirk_of_the_page_passes_its_contract(beside: Callable[[str, str], None]) -> None:
    beside("z_own_northern", example("python"))
    assert quirks.faults() == ()
    quirk = quirks.load("northern")
    transcript = tomllib.loads(example("toml"))
    assert transcript["quirk"] == quirk.name
    assert transcript["temporary"] == quirk.temporary_status
    assert not contract.unshown(quirk, [transcript])
    assert {case["becomes"] for case in transcript["deliver"]} == {"Mo", "Receipt"}
    for case in transcript["deliver"]:
        contract.test_what_comes_in(quirk, case)
    for case in transcript["submit"]:
        contract.test_what_goes_out(quirk, case)
    for case in transcript["verdict"]:
        contract.test_what_a_status_means(quirk, case)
    assert re.search(r"Source: .*https://", example("python"))


def test_every_field_of_a_quirk_is_in_the_page() -> None:
    table = HOW_TO[: HOW_TO.index("```python")]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    assert named == set(quirks.Quirk.__dataclass_fields__) - {"name", "summary"}


def test_what_a_transcript_may_say_is_there_to_be_said() -> None:
    for kind in (Mo, Receipt, Unreadable):
        (row,) = re.findall(rf"^\| .*`\[?.*\b{kind.__name__}` \| (.*) \|$", HOW_TO, re.MULTILINE)
        keys = re.findall(r"`([a-z_]+)`", re.sub(r"\(.*?\)", "", row))
        assert set(keys) <= set(kind.__dataclass_fields__), kind.__name__


def test_every_key_has_its_carrier() -> None:
    table = PAGE[PAGE.index("Which key is for which habit") : PAGE.index("## Names")]
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    assert sorted(named) == sorted(CarrierOptions.model_fields)
