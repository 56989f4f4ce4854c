"""``gateway quarantine``: what came from carriers and could not become a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.client import ask
from gateway.cli.options import MESSAGE_ID, config_option, json_option
from gateway.cli.output import local_time, show_json, show_table
from gateway.smpp.constants import describe


@click.command(name="quarantine")
@config_option
@click.option("--raw", is_flag=True, help="Show the PDUs themselves, in hexadecimal, one a line.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="PDUs at most.")
@click.option("--cursor", type=MESSAGE_ID, metavar="ID", help="Go on where the page before ended.")
@json_option
def quarantine(config: Path, raw: bool, as_json: bool, **query: Any) -> None:
    """List the PDUs that we could not read and the texts that we failed on, newest first.

    One that came again is listed once, with how often. The column "answer" is the status that the carrier got.

    \b
    Example:
      gateway quarantine -c gateway.toml
      gateway quarantine -c gateway.toml --raw --limit 1
    """
    answer = ask(config, lambda client: client.get("/api/v1/quarantine", **query))
    if as_json:
        show_json(answer)
        return
    if raw:
        for pdu in answer["pdus"]:
            click.echo(pdu["raw"])
        return
    show_table(
        ("id", "carrier", "last came", "times", "answer", "reason"),
        [
            (
                pdu["id"],
                pdu["carrier"],
                local_time(pdu["last_at"]),
                pdu["times"],
                describe(pdu["status"]).split(" ")[0].rstrip(":"),
                pdu["reason"],
            )
            for pdu in answer["pdus"]
        ],
        nothing="nothing is in quarantine",
    )
    if answer["next"]:
        click.echo(f"more: --cursor {answer['next']}", err=True)


COMMAND = quarantine
