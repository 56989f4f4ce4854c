"""What several commands take: the configuration file, and the choice between people and machines."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
_ID: Final = re.compile(r"[0-9]{1,18}")


class _MessageId(click.ParamType[str]):
    """A message's id, kept as the text that the API takes."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return ``value`` if it is an id."""
        if not _ID.fullmatch(str(value)):
            self.fail(f'"{value}" is no message id; ids are numbers, as `messages list` shows them', param, ctx)
        return str(value)


MESSAGE_ID: Final = _MessageId()


def config_option(command: Command) -> Command:
    """Add ``-c FILE`` (or $GATEWAY_CONFIG), given to the command as ``config``."""
    return _config(required=True)(command)


def optional_config(command: Command) -> Command:
    """Add the same where the command can do without; ``config`` is then None."""
    return _config(required=False)(command)


def _config(*, required: bool) -> Callable[[Command], Command]:
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="GATEWAY_CONFIG",
        required=required,
        show_envvar=True,
        help="The configuration, a TOML file.",
    )


def json_option(command: Command) -> Command:
    """Add ``--json``, given to the command as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")(command)


def brake_arguments(command: Command) -> Command:
    """Add KIND and NAME, which say what is paused, given to the command as ``kind`` and ``name``."""
    named = click.argument("name")(command)
    return click.argument("kind", type=click.Choice(["line", "carrier", "lane"]))(named)
