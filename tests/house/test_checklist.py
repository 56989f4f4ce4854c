"""The table "What carriers do" and the tests that show it are one: no row without a test, no mark without a row."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from tests.house.files import ROOT, name, python, tree

PAGE: Final = (ROOT / "docs" / "carriers.md").read_text(encoding="utf-8").split("\n## What carriers do\n")[1]
LINES: Final = {"A": 9, "B": 9, "C": 8, "D": 6, "E": 9, "F": 5, "G": 5, "H": 10, "I": 7}
"""How many rows each part of the table has."""
EVERY: Final = [f"{part}{number}" for part, count in LINES.items() for number in range(1, count + 1)]


def _rows() -> list[list[str]]:
    lines = [line for line in PAGE.split("\n## ")[0].splitlines() if re.match(r"\| [A-Z]\d", line)]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def _marks() -> Iterator[tuple[str, str]]:
    """Yield each id that a test, or a whole file of tests, bears, and where. Ids are written out."""
    for file in python("tests"):
        for node in ast.walk(tree(file)):
            marks: list[ast.expr] = []
            where = name(file)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                marks, where = node.decorator_list, f"{where}::{node.name}"
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
                marks = [node.value]
            for mark in marks:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.checklist":
                    assert file.name.startswith("test_"), f"{where} is never collected"
                    assert "::" not in where or "::test_" in where, f"{where} is never collected"
                    assert mark.args, f"{where}: name the lines"
                    for argument in mark.args:
                        assert isinstance(argument, ast.Constant), f"{where}: write the ids out"
                        yield str(argument.value), where


def test_the_table_has_every_line_once_with_a_habit_and_an_answer() -> None:
    rows = _rows()
    assert [row[0] for row in rows] == EVERY
    for row in rows:
        assert len(row) == 3
        assert all(cell.endswith((".", ")")) for cell in row[1:]), row


def test_every_line_has_a_test_and_every_mark_a_line() -> None:
    shown: dict[str, list[str]] = {}
    for line, where in _marks():
        shown.setdefault(line, []).append(where)
    unknown = {line: shown[line] for line in shown.keys() - set(EVERY)}
    assert not unknown, "no row of the table has that id"
    without = [line for line in EVERY if line not in shown]
    assert not without, "write a test that shows the line, and mark it"
