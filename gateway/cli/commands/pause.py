"""``gateway pause``: the operator's brake."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.client import Client, ask
from gateway.cli.options import brake_arguments, config_option, json_option
from gateway.cli.output import local_time, show_json


@click.command(name="pause")
@config_option
@click.option("--note", default="", help="Why, for whoever looks later.")
@json_option
@brake_arguments
def pause(config: Path, note: str, as_json: bool, kind: str, name: str) -> None:
    """Stop sending for a line, over a carrier or from a lane. Messages wait; texts are still read and answered later.

    \b
    Example:
      gateway pause -c gateway.toml --note "carrier works until six" carrier acme
    """

    async def work(client: Client) -> Any:
        return await client.put(f"/api/v1/brakes/{kind}/{quote(name, safe='')}", {"note": note})

    brake = ask(config, work, begins=True)
    if as_json:
        show_json(brake)
    else:
        click.echo(
            f"{brake['kind']} {brake['name']} is paused since {local_time(brake['paused_at'])}, by {brake['actor']}"
        )


COMMAND = pause
