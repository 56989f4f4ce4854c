"""``gateway status``: how is the gateway?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client, ask
from gateway.cli.options import config_option, json_option
from gateway.cli.output import local_time, plain, show_json, show_table
from gateway.model.views import MOST_COUNTED


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
    who = f"node {answer['node']}, version {answer['version']}"
    click.echo(f"gateway  {'running' if running else 'not running'}, {plain(who)}\nstore    {plain(store)}")
    for brake in answer["brakes"]:
        word = "RESTORED" if brake["kind"] == "store" else "paused  "
        click.echo(f"{word} {plain(_paused(brake))}")
    for found, look in ((answer["uncertain"], "messages uncertain"), (answer["quarantined"], "quarantine")):
        if found:
            click.echo(f"to do    {_count(found)} in `gateway {look}`")
    click.echo("")
    stopped = {brake["name"] for brake in answer["brakes"] if brake["kind"] == "carrier"}
    show_table(
        ("bind", "state", "since", "mode", "window", "detail"),
        [
            (
                bind["name"],
                bind["state"] + (", paused" if bind["carrier"] in stopped else ""),
                local_time(bind["since"]) if running else "-",
                bind["mode"],
                f"{bind['outstanding']}/{bind['window']}",
                _detail(bind),
            )
            for bind in answer["binds"]
        ],
        nothing="no binds",
    )
    if answer["nodes"]:
        click.echo("")
        show_table(
            ("node", "state", "binds"),
            [
                (node["name"], "alive" if node["alive"] else "over", " ".join(node["binds"]) or "-")
                for node in answer["nodes"]
            ],
            nothing="no nodes",
        )
    click.echo("")
    show_table(
        ("lane", "waiting", "oldest"),
        [(lane["lane"], lane["queued"], local_time(lane["oldest_at"])) for lane in answer["queue"]],
        nothing="nothing waits",
    )


def _paused(brake: Mapping[str, Any]) -> str:
    """Say what is paused, since when, by whom and why."""
    if brake["kind"] == "store":
        return f"{local_time(brake['paused_at'])}: {brake['note']}"
    since = f"{brake['kind']} {brake['name']} since {local_time(brake['paused_at'])}, by {brake['actor']}"
    return f'{since}: "{brake["note"]}"' if brake["note"] else since


def _count(found: int) -> str:
    return f"{found} or more" if found >= MOST_COUNTED else str(found)


def _detail(bind: Mapping[str, Any]) -> str:
    """Say how a bind is, and when it is tried again."""
    again = bind["next_try_at"]
    return f"{bind['detail']}; next try {local_time(again)}" if again else str(bind["detail"])


COMMAND = status
