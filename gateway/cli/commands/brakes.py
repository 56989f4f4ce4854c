"""``gateway brakes``: what is paused?"""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.client import ask
from gateway.cli.options import config_option, json_option
from gateway.cli.output import local_time, show_json, show_table


@click.command(name="brakes")
@config_option
@json_option
def brakes(config: Path, as_json: bool) -> None:
    """List what is paused, by whom and why.

    \b
    Example:
      gateway brakes -c gateway.toml
    """
    answer = ask(config, lambda client: client.get("/api/v1/brakes"))
    if as_json:
        show_json(answer)
        return
    show_table(
        ("kind", "name", "paused", "by", "note"),
        [
            (brake["kind"], brake["name"], local_time(brake["paused_at"]), brake["actor"], brake["note"])
            for brake in answer["brakes"]
        ],
        nothing="nothing is paused",
    )


COMMAND = brakes
