"""``gateway check``: is this configuration right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from gateway.cli.options import config_option, json_option
from gateway.cli.output import show_json
from gateway.config import Config, ConfigErrors, Problem, load

LAW: Final = {
    "line": 'stop_scope is "line": plain STOP ends the line that it was sent to, and STOP ALL every line. Under '
    "47 CFR 64.1200(a)(10) a revocation can reach all texts of one sender: where your lines speak for one sender, "
    'ask your counsel whether "account" is due.',
    "account": 'stop_scope is "account": plain STOP ends every line of the account, as 47 CFR 64.1200(a)(10) asks of '
    "texts of one sender; START on a line brings that line back.",
}


@click.command(name="check")
@config_option
@click.option("--strict", is_flag=True, help="Count warnings as errors.")
@json_option
def check(config: Path, strict: bool, as_json: bool) -> int:
    """Read a configuration and tell every problem in it.

    Each problem says the file, the key, what is wrong and what would be right. The exit status is 78 if there is any.

    \b
    Example:
      gateway check -c /etc/gateway/gateway.toml
    """
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    loaded: Config | None = None
    try:
        loaded = load(config)
        warnings = loaded.warnings
    except ConfigErrors as errors:
        problems = errors.problems
    bad = bool(problems or (strict and warnings))
    if as_json:
        show_json({"ok": not bad, "problems": _plain(problems), "warnings": _plain(warnings)})
    else:
        _tell(config, loaded, problems, warnings)
    return ConfigErrors.exit_code if bad else 0


COMMAND = check


def _tell(file: Path, config: Config | None, problems: Sequence[Problem], warnings: Sequence[Problem]) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if config is None:
        click.echo(f"{file}: {_count(len(problems), 'problem')}", err=True)
        return
    keywords = sum(len(line.keyword) for line in config.lines)
    parts = (_count(len(config.carriers), "carrier"), _count(len(config.lines), "line"), _count(keywords, "keyword"))
    click.echo(f"{file}: good; {', '.join(parts)}; hash {config.config_hash[:12]}")
    if len(config.lines) > 1 or config.gateway.stop_scope == "account":
        click.echo(f"note: {LAW[config.gateway.stop_scope]}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _plain(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{key: str(value) for key, value in asdict(problem).items()} for problem in problems]
