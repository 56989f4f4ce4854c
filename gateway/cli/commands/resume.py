"""``gateway resume``: release a brake."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.client import ask
from gateway.cli.options import brake_arguments, config_option, json_option
from gateway.cli.output import show_json


@click.command(name="resume")
@config_option
@json_option
@brake_arguments
def resume(config: Path, as_json: bool, kind: str, name: str) -> None:
    """Send again for a line, over a carrier or from a lane.

    \b
    Example:
      gateway resume -c gateway.toml carrier acme
    """
    answer = ask(config, lambda client: client.delete(f"/api/v1/brakes/{kind}/{quote(name, safe='')}"))
    if as_json:
        show_json(answer)
    else:
        click.echo(f"{kind} {name} {'goes on' if answer['resumed'] else 'was not paused'}")


COMMAND = resume
