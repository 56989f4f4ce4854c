"""``gateway status``: how is the gateway?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client, ask
from gateway.cli.options import config_option, json_option
from gateway.cli.output import local_time, show_json, show_table


@click.command(name="status")
@config_option
@json_option
def status(config: Path, as_json: bool) -> None:
    """Show the store, the binds, what is paused and what waits.

    \b
    Example:
      gateway status -c gateway.toml
    """

    async def work(client: Client) -> tuple[Any, bool]:
        return await client.get("/api/v1/status"), client.running

    answer, running = ask(config, work)
    if as_json:
        show_json({"running": running, **answer})
        return
    store = "good" if answer["store"]["ok"] else f"failing: {answer['store']['detail']}"
    click.echo(f"gateway  {'running' if running else 'not running'}\nstore    {store}")
    for brake in answer["brakes"]:
        click.echo(f"paused   {brake['kind']} {brake['name']} {brake['note']}".rstrip())
    click.echo("")
    show_table(
        ("bind", "state", "since", "mode", "window", "detail"),
        [
            (
                bind["name"],
                bind["state"],
                local_time(bind["since"]),
                bind["mode"],
                f"{bind['outstanding']}/{bind['window']}",
                bind["detail"],
            )
            for bind in answer["binds"]
        ],
        nothing="no binds",
    )
    click.echo("")
    show_table(
        ("lane", "waiting", "oldest"),
        [(lane["lane"], lane["queued"], local_time(lane["oldest_at"])) for lane in answer["queue"]],
        nothing="nothing waits",
    )


COMMAND = status
