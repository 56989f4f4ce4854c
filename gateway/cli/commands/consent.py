"""``gateway consent``: may a line text a number, and how do we know?"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.client import Client, ask
from gateway.cli.options import config_option, json_option
from gateway.cli.output import local_time, show_json, show_record, show_table


@click.group(name="consent")
def consent() -> None:
    """Look at consent records.

    \b
    Example:
      gateway consent show -c gateway.toml 85700 +12125550101
    """


@consent.command(name="show")
@config_option
@json_option
@click.argument("line")
@click.argument("number")
def show(config: Path, as_json: bool, line: str, number: str) -> None:
    """Show whether LINE may text NUMBER, and all events behind it.

    \b
    Example:
      gateway consent show -c gateway.toml 85700 "+1 212 555 0101"
    """
    url = f"/api/v1/consents/{quote(line, safe='')}/{quote(number, safe='')}"

    async def work(client: Client) -> tuple[Any, Any]:
        return await client.get(url), await client.get(f"{url}/evidence")

    record, evidence = ask(config, work)
    if as_json:
        show_json({**record, "evidence": evidence["evidence"]})
        return
    lists = [f"{item['name']} ({item['status']})" for item in record.pop("lists")]
    shown = {**record, "since": record["since"] and local_time(record["since"]), "lists": ", ".join(lists)}
    show_record({**shown, "held": "yes" if record["held"] else "no"})
    click.echo("")
    show_table(
        ("occurred", "what", "list", "before", "after", "method", "by", "rule", "text or note"),
        [
            (
                local_time(event["occurred_at"]),
                event["kind"],
                event["list"],
                event["before"],
                event["after"],
                event["method"],
                event["actor"],
                event["rule"],
                event["text"] or event["note"],
            )
            for event in evidence["evidence"]
        ],
        nothing="no evidence",
    )


COMMAND = consent
