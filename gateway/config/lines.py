"""The sense of each line, as ``gateway.policy`` sees it, told with file and key.

The rules themselves (clashing words, unknown actions, words that may not be dropped) are policy's own; this only puts
them in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.config.problems import Problem
from gateway.policy.options import LineOptions


def check_lines(file: Path, lines: Sequence[LineOptions]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with the lines, and what is odd about them."""
    return [], []
