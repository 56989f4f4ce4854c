"""``gateway send``: one message, through the same gate as all others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.client import Client, ask
from gateway.cli.options import MESSAGE_ID, config_option, json_option
from gateway.cli.output import show_json
from gateway.cli.times import ahead


@click.command(name="send")
@config_option
@click.option("--line", required=True, metavar="ADDRESS", help="The line to send from.")
@click.option("--to", required=True, metavar="NUMBER", help="The subscriber's number, in any usual spelling.")
@click.option("--bulk", is_flag=True, help="Yield to everything else.")
@click.option("--list", "list_name", metavar="NAME", help="Send only if the subscriber is on this list.")
@click.option("--ref", help="Your own reference; search by it later.")
@click.option("--in-reply-to", type=MESSAGE_ID, metavar="ID", help="The id of the subscriber's text that this answers.")
@click.option("--expires", callback=ahead, metavar="TIME", help="Not after this time (or 2h: two hours from now).")
@json_option
@click.argument("text")
def send(
    config: Path,
    line: str,
    to: str,
    bulk: bool,
    list_name: str | None,
    ref: str | None,
    in_reply_to: str | None,
    expires: str | None,
    as_json: bool,
    text: str,
) -> None:
    """Send TEXT to one subscriber.

    "-" reads TEXT from standard input. The message is stored before this returns. A subscriber who has opted out is not
    texted: that is an error.

    \b
    Example:
      gateway send -c gateway.toml --line 85700 --to "+1 212 555 0101" "Your table is ready."
    """
    body: dict[str, Any] = {
        "line": line,
        "to": to,
        "text": sys.stdin.read().rstrip("\n") if text == "-" else text,
        "lane": "bulk" if bulk else None,
        "list": list_name,
        "ref": ref,
        "in_reply_to": in_reply_to,
        "expires_at": expires,
    }

    async def work(client: Client) -> tuple[Any, bool]:
        return await client.post("/api/v1/messages", body), client.running

    answer, running = ask(config, work, begins=True)
    if as_json:
        show_json(answer)
        return
    click.echo(f"{answer['id']} {answer['state']}")
    if not running:
        click.echo("No gateway is running: it will be sent when one starts.", err=True)


COMMAND = send
