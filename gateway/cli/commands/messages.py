"""``gateway messages``: finding messages, cancelling what waits, settling what is uncertain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from gateway.carriers.habits import habits
from gateway.carriers.statuses import UNSENDABLE, verdict
from gateway.cli.client import EX_DATAERR, Client, ask
from gateway.cli.options import MESSAGE_ID, config_option, json_option
from gateway.cli.output import exact_time, local_time, show_json, show_next, show_record, show_table
from gateway.cli.times import ago
from gateway.config import load
from gateway.model.messages import Lane, MessageState
from gateway.smpp.constants import Status

Function = TypeVar("Function", bound=Callable[..., Any])
URL = "/api/v1/messages"
LANES = click.Choice([lane.word for lane in Lane])
STATES = click.Choice([state.word for state in MessageState])
REFUSABLE: Final = frozenset({"queued", "failed", "partial"})
"""States in which the last refusal of a carrier says why."""


def _filters(command: Function) -> Function:
    """Add the conditions that listing and cancelling share."""
    for option in (
        click.option(
            "--until",
            "created_before",
            callback=ago,
            metavar="TIME",
            help="Created before this time (or 2h: two hours ago).",
        ),
        click.option(
            "--since", "created_after", callback=ago, metavar="TIME", help="Created at or after this time (or 2h)."
        ),
        click.option("--ref", help="The sender's own reference."),
        click.option("--list", "list", metavar="NAME", help="The list of a list send."),
        click.option("--lane", type=LANES, help="The lane."),
        click.option("--number", help="The subscriber's number, in any usual spelling."),
        click.option("--line", metavar="ADDRESS", help="The line."),
    ):
        command = option(command)
    return command


@click.group(name="messages")
def messages() -> None:
    """Look at messages of both directions, cancel and settle them.

    \b
    Example:
      gateway messages list -c gateway.toml --number +12125550101
    """


@messages.command(name="list")
@config_option
@_filters
@click.option("--direction", type=click.Choice(["mo", "mt"]), help="mo: from subscribers; mt: to them.")
@click.option("--carrier", metavar="NAME", help="The carrier that it came from or was last handed to.")
@click.option("--state", type=STATES, help="The state; a text from a subscriber is always received.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Messages at most.")
@click.option("--cursor", type=MESSAGE_ID, metavar="ID", help="Go on where the page before ended.")
@json_option
def listing(config: Path, as_json: bool, **query: Any) -> None:
    """List messages, newest first.

    \b
    Example:
      gateway messages list -c gateway.toml --line 85700 --state queued --since 2h
    """
    _show_page(ask(config, lambda client: client.get(URL, **query)), as_json)


@messages.command(name="uncertain")
@config_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Messages at most.")
@click.option("--cursor", type=MESSAGE_ID, metavar="ID", help="Go on where the page before ended.")
@json_option
def uncertain(config: Path, as_json: bool, **query: Any) -> None:
    """List messages that a carrier took and never answered for. A person decides: resend or fail.

    \b
    Example:
      gateway messages uncertain -c gateway.toml
    """
    _show_page(ask(config, lambda client: client.get(URL, state="uncertain", **query)), as_json)


@messages.command(name="show")
@config_option
@json_option
@click.argument("message_id", type=MESSAGE_ID, metavar="ID")
def show(config: Path, as_json: bool, message_id: str) -> None:
    """Show one message, its permits, and what carriers said of it.

    "claim" is under what the message asked to go when it was accepted. "grounds" is what was found true, right before
    each segment was handed to a carrier, and is kept with its permit. "verdict" is what the carrier's status means by
    the configuration: sent, throttle and retry (again), fail, opted_out.

    \b
    Example:
      gateway messages show -c gateway.toml 4711
    """
    message = ask(config, lambda client: client.get(f"{URL}/{message_id}"))
    if as_json:
        show_json(message)
        return
    permits = message.pop("permits")
    times = ("created_at", "updated_at", "expires_at")
    message["partial"] = "yes" if message["partial"] else ""
    status = message.pop("status")
    shown = {key: exact_time(value) if key in times else value for key, value in message.items()}
    show_record({**shown, "refused with": None if status is None else _name(status)})
    if permits:
        means = _verdicts(config)
        click.echo("")
        show_table(
            (
                "segment",
                "bind",
                "grounds",
                "minted",
                "fate",
                "status",
                "verdict",
                "carrier's id",
                "receipt",
                "attempts",
            ),
            [
                (
                    permit["segment"],
                    permit["bind"],
                    permit["grounds"],
                    exact_time(permit["minted_at"]),
                    permit["fate"],
                    "" if permit["status"] is None else _name(permit["status"]),
                    "" if permit["status"] is None else means(permit["carrier"], permit["status"]),
                    permit["carrier_id"],
                    permit["receipt_state"],
                    permit["attempts"],
                )
                for permit in permits
            ],
            nothing="",
        )
        # Sentences of the carrier's: below the table, where no terminal is too narrow for them.
        show_record({f"segment {permit['segment']}": permit["detail"] for permit in permits})
        show_record({f"receipt {permit['segment']}": _receipt(permit) for permit in permits})


def _name(status: int) -> str:
    """Return a status by its name in SMPP 3.4; a carrier's own by its number."""
    if status == UNSENDABLE:
        return "no PDU can hold it"
    try:
        return Status(status).name
    except ValueError:
        return f"0x{status:08X}"


def _verdicts(config: Path) -> Callable[[str, int], str]:
    """Return the function that says what a status means from a carrier, as it is configured now."""
    known = {carrier.name: habits(carrier).verdicts for carrier in load(config, secrets=False).carriers}
    return lambda carrier, status: verdict(status, known.get(carrier, {})).value


def _receipt(permit: Mapping[str, Any]) -> str:
    """Return when a segment's receipt came and what it said; empty before one came."""
    if permit["receipt_at"] is None:
        return ""
    return f"{exact_time(permit['receipt_at'])} {permit['receipt_state']} {permit['receipt_error']}".rstrip()


@messages.command(name="cancel")
@config_option
@_filters
@json_option
def cancel(config: Path, as_json: bool, **query: Any) -> None:
    """Cancel every queued message that meets all conditions. What a carrier already has is not touched.

    \b
    Example:
      gateway messages cancel -c gateway.toml --line 85700 --lane bulk
    """
    answer = ask(config, lambda client: client.post(f"{URL}/cancel", query))
    if as_json:
        show_json(answer)
    else:
        click.echo(f"{answer['cancelled']} cancelled")


@messages.command(name="resend")
@config_option
@json_option
@click.argument("ids", type=MESSAGE_ID, metavar="ID...", nargs=-1, required=True)
def resend(config: Path, as_json: bool, ids: Sequence[str]) -> int:
    """Queue uncertain messages again. They may arrive twice.

    \b
    Example:
      gateway messages resend -c gateway.toml 4711 4712
    """
    return _settle(config, "resend", ids, as_json)


@messages.command(name="fail")
@config_option
@json_option
@click.argument("ids", type=MESSAGE_ID, metavar="ID...", nargs=-1, required=True)
def fail(config: Path, as_json: bool, ids: Sequence[str]) -> int:
    """Mark uncertain messages as failed.

    \b
    Example:
      gateway messages fail -c gateway.toml 4711
    """
    return _settle(config, "fail", ids, as_json)


def _settle(config: Path, action: str, ids: Sequence[str], as_json: bool) -> int:
    async def work(client: Client) -> Any:
        return await client.post(f"{URL}/{action}", {"ids": list(ids)})

    answer = ask(config, work)
    refused = [result for result in answer["results"] if "state" not in result]
    if as_json:
        show_json(answer)
    else:
        for message_id, result in zip(ids, answer["results"], strict=True):
            click.echo(f"{message_id} {result.get('state') or 'unchanged: ' + result['detail']}", err=result in refused)
    return EX_DATAERR if refused else 0


def _state(message: Mapping[str, Any]) -> str:
    """Return the state with what a person wants to know with it: why it is so, or that a text came in part."""
    why = message["reason"] or ("partial" if message["partial"] else "")
    if message["status"] is not None and message["state"] in REFUSABLE and why in ("", "rejected"):
        why = _name(message["status"])
    return f"{message['state']} ({why})" if why else str(message["state"])


def _show_page(page: Any, as_json: bool) -> None:
    if as_json:
        show_json(page)
        return
    show_table(
        ("id", "created", "", "line", "number", "carrier", "state", "text"),
        [
            (
                message["id"],
                local_time(message["created_at"]),
                "<-" if message["direction"] == "mo" else "->",
                message["line"],
                message["number"],
                message["carrier"],
                _state(message),
                message["text"],
            )
            for message in page["messages"]
        ],
        nothing="no messages",
    )
    show_next(page)


COMMAND = messages
