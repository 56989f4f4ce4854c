"""One file a command: the module is named as the command is, and its ``COMMAND`` is it. They are found by themselves.

Only the module of the command that runs is imported, so that ``gateway token`` does not wait for the web.
"""

from __future__ import annotations

import importlib
import pkgutil

import click


def names() -> list[str]:
    """Return the names of all commands, in the order of the alphabet."""
    return sorted(info.name.rstrip("_") for info in pkgutil.iter_modules(__path__))


def find(name: str) -> click.Command | None:
    """Return the command ``name``, None if there is none. A module ends in ``_`` where its name is a word of Python."""
    modules = {info.name.rstrip("_"): info.name for info in pkgutil.iter_modules(__path__)}
    if name not in modules:
        return None
    command = importlib.import_module(f"{__name__}.{modules[name]}").COMMAND
    assert isinstance(command, click.Command)  # noqa: S101 - a module here without one is a bug
    return command
