"""What can be wrong with a configuration, as values, and the one error that carries all of them.

A problem names the file, the key, what is wrong and what would be right; it never repeats a secret. Loading collects
problems instead of stopping at the first, because whoever mends a file wants to mend it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.base import GatewayError

EX_CONFIG = 78


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at ``key`` (``line[85700].keyword[JOIN].action``; empty: the whole file)."""

    file: Path
    key: str
    what: str
    right: str

    def __str__(self) -> str:
        """Return it as one line: ``gateway.toml: carrier[acme].port: … ; …``."""
        place = f"{self.file}: {self.key}" if self.key else f"{self.file}"
        return f"{place}: {self.what}; {self.right}" if self.right else f"{place}: {self.what}"


class ConfigErrors(GatewayError):
    """A configuration that cannot be used, with every problem found in it."""

    exit_code = EX_CONFIG

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
