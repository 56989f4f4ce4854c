"""The sense of each line, as ``gateway.policy`` sees it, told with file and key.

The rules themselves (clashing words, unknown actions, words that may not be dropped) are policy's own; this only puts
them in place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gateway.config.problems import Problem
from gateway.policy.check import Problem as LineProblem
from gateway.policy.check import check_line, odd_line
from gateway.policy.options import LineOptions

_NUMBERED: Final = re.compile(r"^keyword\[(\d+)\]")


def check_lines(file: Path, lines: Sequence[LineOptions]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with the lines and what is odd, at full keys: ``line[85700].keyword[JOIN].action``."""
    wrong = [placed(file, line, found) for line in lines for found in check_line(line)]
    odd = [placed(file, line, found) for line in lines for found in odd_line(line)]
    return wrong, odd


def placed(file: Path, line: LineOptions, found: LineProblem) -> Problem:
    """Return a line's problem at its full key."""
    return Problem(file, f"line[{line.address}].{_named(line, found.key)}", found.wrong, found.right)


def _named(line: LineOptions, key: str) -> str:
    """Name keywords by their word instead of their index: that is what a reader searches the file for."""
    return _NUMBERED.sub(lambda match: f"keyword[{line.keyword[int(match[1])].word or match[1]}]", key)
