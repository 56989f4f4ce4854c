"""``gateway quarantine``: what came from carriers and could not become a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from gateway.base import GatewayError
from gateway.cli.client import EX_DATAERR, ask
from gateway.cli.options import MESSAGE_ID, config_option, json_option
from gateway.cli.output import exact_time, local_time, show_json, show_next, show_record, show_table
from gateway.smpp.constants import describe

OCTETS_IN_A_LINE: Final = 16


class NotThereError(GatewayError):
    """What was asked for is not in quarantine."""

    exit_code = EX_DATAERR


@click.command(name="quarantine")
@config_option
@click.option("--raw", is_flag=True, help="Show the PDUs themselves, in hexadecimal, one a line.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="PDUs at most.")
@click.option("--cursor", type=MESSAGE_ID, metavar="ID", help="Go on where the page before ended.")
@json_option
@click.argument("pdu_id", type=MESSAGE_ID, metavar="[ID]", required=False)
def quarantine(config: Path, raw: bool, as_json: bool, pdu_id: str | None, **query: Any) -> None:
    """List the PDUs and texts that we failed on, newest first.

    With an ID, show that one, octet by octet.
    One that came again is listed once, with how often. The column "answer" is the status that the carrier got.

    \b
    Example:
      gateway quarantine -c gateway.toml
      gateway quarantine -c gateway.toml 7
      gateway quarantine -c gateway.toml --raw --limit 1
    """
    if pdu_id is not None:
        below = int(pdu_id) + 1
        found = ask(config, lambda client: client.get("/api/v1/quarantine", cursor=below, limit=1))["pdus"]
        if not found or found[0]["id"] != str(int(pdu_id)):
            raise NotThereError(f"there is no PDU {pdu_id} in quarantine; `gateway quarantine` lists what there is")
        _one(found[0], raw, as_json)
        return
    answer = ask(config, lambda client: client.get("/api/v1/quarantine", **query))
    if as_json:
        show_json(answer)
        return
    if raw:
        for pdu in answer["pdus"]:
            click.echo(pdu["raw"])
        return
    show_table(
        ("id", "bind", "last came", "times", "answer", "reason"),
        [
            (
                pdu["id"],
                pdu["bind"],
                local_time(pdu["last_at"]),
                pdu["times"],
                _answer(pdu),
                pdu["reason"],
            )
            for pdu in answer["pdus"]
        ],
        nothing="nothing is in quarantine",
    )
    show_next(answer)


def _one(pdu: dict[str, Any], raw: bool, as_json: bool) -> None:
    if as_json:
        show_json(pdu)
        return
    octets = pdu.pop("raw")
    if raw:
        click.echo(octets)
        return
    pdu |= {key: exact_time(pdu[key]) for key in ("received_at", "last_at")}
    show_record({**pdu, "status": describe(pdu["status"]), "octets": len(octets) // 2})
    click.echo("")
    for at in range(0, len(octets) // 2, OCTETS_IN_A_LINE):
        line = bytes.fromhex(octets[2 * at : 2 * (at + OCTETS_IN_A_LINE)])
        text = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in line)
        click.echo(f"{at:06x}  {line.hex(' '):{3 * OCTETS_IN_A_LINE}} {text}")


def _answer(pdu: dict[str, Any]) -> str:
    """Return the name of the status that answered it; of one without a name the number."""
    return describe(pdu["status"]).split(" ")[0].rstrip(":")


COMMAND = quarantine
