"""One file a command. A module here that has a ``COMMAND`` is a command; its name is the command's own."""

from __future__ import annotations

import importlib
import pkgutil

import click


def all_commands() -> dict[str, click.Command]:
    """Return every command by its name, in the order of the alphabet."""
    found: dict[str, click.Command] = {}
    for info in pkgutil.iter_modules(__path__):
        command = getattr(importlib.import_module(f"{__name__}.{info.name}"), "COMMAND", None)
        if isinstance(command, click.Command) and command.name is not None:
            found[command.name] = command
    return dict(sorted(found.items()))
