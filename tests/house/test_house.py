"""The rules of the house, for all code at once. Each failure names the file and says how to mend it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT, calls, imports, name, python, tree, written

LONGEST = 400


def test_imports_point_down_only() -> None:
    """The contracts are in setup.cfg, each with a line that tells how to mend a breach."""
    command = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(command), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_is_long() -> None:
    code = [file for file in written() if file.suffix in (".py", ".js", ".html", ".css")]
    long = {name(file): lines for file in code if (lines := file.read_text(encoding="utf-8").count("\n")) > LONGEST}
    assert not long, "split these: a file has one thing to own"


@pytest.mark.checklist("I6")
def test_only_the_gate_makes_permits() -> None:
    makers = {name(file) for file in python("gateway") if "Permit" in calls(file) or "permit.Permit" in calls(file)}
    assert makers == {"gateway/traffic/gate.py"}, "ask the gate: every text out needs its leave"


def test_only_one_module_knows_smpplib() -> None:
    users = {name(file) for file in python("gateway") if any(m.split(".")[0] == "smpplib" for m in imports(file))}
    assert users == {"gateway/smpp/constants.py"}, "take the value from gateway.smpp.constants"


def test_only_the_clock_asks_for_the_time() -> None:
    askers = {name(file) for file in python("gateway") if "time" in imports(file)}
    assert askers == {"gateway/base/clock.py"}, "take a gateway.base.Clock"
    for file in python("gateway"):
        asked = {call for call in calls(file) if re.search(r"\b(datetime|date)\.(now|utcnow|today)$", call)}
        assert not asked, f"{name(file)}: {asked}: take a gateway.base.Clock"


def test_only_faces_print() -> None:
    faces = ("gateway/cli/", "gateway/simulator/")
    printers = [name(f) for f in python("gateway") if "print" in calls(f) and not name(f).startswith(faces)]
    assert not printers, "log an event, or return a value to whoever shows it"


def test_no_test_is_passed_over_or_sleeps() -> None:
    forbidden = {"skip", "skipif", "xfail", "importorskip"}
    for file in python("tests"):
        used = {node.attr for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute)} & forbidden
        assert not used, f"{name(file)}: {used}: a test runs, or it goes"
        assert "time.sleep" not in calls(file), f"{name(file)}: wait for an event, or move a clock"


@pytest.mark.parametrize("file", python("gateway", "tests", "benchmarks"), ids=name)
def test_ignores_are_specific_and_say_why(file: Path) -> None:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        blanket = re.search(r"#\s*(type:\s*ignore(?!\[)|noqa(?!:\s*[A-Z]))", line)
        assert not blanket, f"{name(file)}:{number}: name the rule"


def test_every_module_opens_with_what_it_owns() -> None:
    silent = [name(file) for file in python("gateway") if not ast.get_docstring(tree(file))]
    assert not silent, "say what it owns, what it must never do, why this way"


def test_tests_are_packages() -> None:
    bare = {name(file.parent) for file in python("tests") if not (file.parent / "__init__.py").exists()}
    assert not bare, "add an __init__.py"


def test_nothing_names_a_machine() -> None:
    """Paths and words of the place where it was written do not belong in the project."""
    place = re.compile(r"(?<![\w.~$}])/(?:root|home|srv|usr/local|tmp|[w]ork)/[a-z]")
    for file in written():
        found = place.search(file.read_text(encoding="utf-8"))
        assert not found, f"{name(file)}: {found}"


def test_nothing_is_left_to_be_done() -> None:
    unfinished = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    for file in python("gateway", "tests"):
        found = unfinished.search(file.read_text(encoding="utf-8"))
        assert not found, f"{name(file)}: {found}: do it, or file it"
