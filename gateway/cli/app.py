"""The ``gateway`` command: finds its commands, and turns whatever goes wrong into one line and an exit status.

A user never sees a traceback: errors that are meant for people say what, where and what would be right; anything else
is our bug, and its traceback goes to a file that the one line names (or to stderr with ``--debug``). Exit statuses are
those of sysexits(3), so that a supervisor can tell a wrong configuration (78) from a bug (70).
"""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from gateway.base import GatewayError
from gateway.cli import commands
from gateway.config.options import state_directory
from gateway.telemetry.logs import masked

EX_OK: Final = 0
EX_USAGE: Final = 64
EX_SOFTWARE: Final = 70
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells say it
BROKEN_PIPE: Final = 141  # 128 + SIGPIPE
_UNTOLD: Final = b"gateway: internal error: it cannot be told, for want of memory or of a place to write to\n"


def version() -> str:
    """Return the installed version, or ``unknown`` where the package is not installed."""
    try:
        return importlib.metadata.version("smpp-consent-gateway")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


class Commands(click.Group):
    """A group whose commands are the modules of ``gateway.cli.commands``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return commands.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, None if there is none of that name."""
        return commands.find(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for; of one that there is not, say which was meant."""
        name = args[0]
        if not name.startswith("-") and commands.find(name) is None:
            near = difflib.get_close_matches(name, commands.names(), 1)
            guess = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{guess}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
@click.version_option(version(), prog_name="gateway", message="%(prog)s %(version)s")
@click.pass_context
def gateway(ctx: click.Context, debug: bool) -> None:
    """Stand between your applications and the mobile carriers, and keep your subscribers' consent.

    \b
    Example:
      gateway demo                        see it work, with a carrier of its own
      gateway check -c gateway.toml       is this configuration right?
      gateway run -c gateway.toml         run the gateway
    """
    ctx.obj = debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Never raises, and never prints a traceback unless asked to."""
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    try:
        given = None if arguments is None else list(arguments)
        result = gateway.main(args=given, prog_name="gateway", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 - the last handler: every way to end becomes an exit status here
        try:
            return _ended_by(error, debug)
        except (MemoryError, OSError):  # there are no words for it, or no place for them
            with suppress(OSError):
                os.write(2, _UNTOLD)
            return EX_SOFTWARE
    return result if isinstance(result, int) else EX_OK


def _ended_by(error: BaseException, debug: bool) -> int:
    leaves = list(_leaves(error))
    for leaf in leaves:
        if isinstance(leaf, click.exceptions.Exit):
            return leaf.exit_code
        if isinstance(leaf, click.ClickException):
            _say(leaf)
            return EX_USAGE if isinstance(leaf, click.UsageError) else leaf.exit_code
        if isinstance(leaf, SystemExit):
            return leaf.code if isinstance(leaf.code, int) else EX_SOFTWARE
    if any(isinstance(leaf, BrokenPipeError) for leaf in leaves):
        # Whoever read our output has gone; keep Python's own shutdown from complaining about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    told = [leaf for leaf in leaves if isinstance(leaf, GatewayError)]
    if told and len(told) == len([leaf for leaf in leaves if not isinstance(leaf, KeyboardInterrupt)]):
        for leaf in told:
            click.echo(f"gateway: {leaf}", err=True)
        if debug:
            _print_traceback(error)
        return told[0].exit_code
    if all(isinstance(leaf, KeyboardInterrupt | click.Abort) for leaf in leaves):
        return INTERRUPTED
    return _bug(error, leaves[0], debug)


def _say(error: click.ClickException) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    hint = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"see {error.ctx.command_path} --help"
    said = error.format_message().rstrip(".")
    if said.endswith(("?", "?)")):  # click asks whether something else was meant
        hint = f" {hint.capitalize()}"
    elif hint:
        hint = f"; {hint}"
    click.echo(f"gateway: {said}{hint}", err=True)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield what a group of exceptions (Trio's nurseries raise them) consists of."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _bug(error: BaseException, leaf: BaseException, debug: bool) -> int:
    summary = f"gateway: internal error: {type(leaf).__name__}: {masked(str(leaf))}; please report it"
    if debug:
        click.echo(summary, err=True)
        _print_traceback(error)
        return EX_SOFTWARE
    where = _kept(error)
    click.echo(f"{summary} with {where}" if where else f"{summary} with the output of --debug", err=True)
    return EX_SOFTWARE


def _print_traceback(error: BaseException) -> None:
    click.echo(masked("".join(traceback.format_exception(error))), err=True)


def _kept(error: BaseException) -> str:
    """Write the traceback to a file of its own and return its name; empty where none can be written."""
    text = str(masked("".join(traceback.format_exception(error))))
    for folder in (state_directory("", Path()), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix="gateway-error-", suffix=".log", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue  # the next folder; with none left, the caller says how to see the traceback
        return name
    return ""
