"""The repository's own files, as the house tests look at them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (
    *("*.py", "*.js", "*.html", "*.css", "*.sql"),
    *("*.md", "*.toml", "*.cfg", "*.json", "*.yml", "*.service", "*.conf"),
)
FOLDERS: Final = ("gateway", "tests", "docs", "config", "systemd", "benchmarks", ".ci")


def python(*folders: str) -> list[Path]:
    """Return the Python files of these folders."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py") if _ours(file))


def written() -> list[Path]:
    """Return everything that people wrote."""
    inside = [file for folder in FOLDERS for kind in TEXT for file in (ROOT / folder).rglob(kind)]
    # What tools leave beside them (.coverage, a worktree's .git) begins with a dot, and nobody wrote it.
    top = [
        file
        for file in ROOT.iterdir()
        if file.is_file() and (file.suffix in (".md", ".cfg", ".toml") or not file.suffix)
        if not file.name.startswith(".") or file.name == ".gitignore"
    ]
    commands = [file for file in (ROOT / ".ci").iterdir() if file.is_file()]
    return sorted(file for file in {*inside, *top, *commands} if _ours(file))


def name(file: Path) -> str:
    """Return a file's path as a message shows it."""
    return str(file.relative_to(ROOT))


@cache
def tree(file: Path) -> ast.Module:
    """Return a Python file, parsed."""
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def imports(file: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def calls(file: Path) -> Iterator[str]:
    """Yield what a file calls, as it is spelt: ``print``, ``time.sleep``."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def _ours(file: Path) -> bool:
    return not {"node_modules", "__pycache__", "vendor"} & set(file.parts)
