"""``gateway explain``: what would a text do on a line, or what would it cost? Nothing happens: no store, no carrier."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from gateway.base import Clock, GatewayError, SystemClock
from gateway.cli.options import json_option, optional_config
from gateway.cli.output import show_record
from gateway.cli.segments import account, show_account
from gateway.config import Config, load
from gateway.model.address import Msisdn, read_line
from gateway.model.consent import ConsentStatus, Standing
from gateway.model.effects import Decision
from gateway.model.messages import Mo
from gateway.policy.compile import LineRules, compile_line
from gateway.policy.decide import decide
from gateway.policy.explain import explanation
from gateway.policy.options import LineOptions

SOMEBODY: Final = Msisdn("+12125550100")
Judge = Callable[[str], dict[str, Any]]
STATUSES: Final = click.Choice([status.word for status in ConsentStatus])


class InputError(GatewayError):
    """What we were asked about cannot be read."""

    exit_code = 65  # EX_DATAERR


@click.command(name="explain")
@optional_config
@click.option("--line", metavar="ADDRESS", help="The line that the text is sent to.")
@click.option(
    "--status",
    type=STATUSES,
    default=ConsentStatus.OPTED_IN.word,
    show_default=True,
    help="The subscriber's consent before the text; who is opted in is a member of all lists.",
)
@click.option(
    "--segments",
    is_flag=True,
    help="Say instead what TEXT would cost if we sent it: coding, segments, and which characters make it dear."
    " With --line, as that line would send it, and whether it would be refused as too long.",
)
@json_option
@click.argument("text", required=False)
def explain(
    config: Path | None, line: str | None, status: str, segments: bool, as_json: bool, text: str | None
) -> None:
    """Say what TEXT would do on a line, and why. Nothing happens.

    "-" reads TEXT from standard input. Without TEXT, read one JSON string a line from standard input and write one JSON
    decision a line.

    \b
    Example:
      gateway explain -c gateway.toml --line 85700 "please stop texting me"
      echo '"JOIN"' | gateway explain -c gateway.toml --line 85700
      gateway explain --segments "Don’t miss it"
    """
    judge = _measured(config, line) if segments else _judged(config, line, status)
    show = show_account if segments else _show
    if text is None:
        for number, asked in enumerate(sys.stdin, start=1):
            if asked.strip():
                _show_json(judge(_string(asked, number)))
        return
    explained = judge(sys.stdin.read().rstrip("\n") if text == "-" else text)
    if as_json:
        _show_json(explained)
    else:
        show(explained)


def _measured(config: Path | None, address: str | None) -> Judge:
    """Return the function that measures a text, as the line sends it if one is named."""
    if address is None:
        return account
    loaded = _loaded(config)
    return partial(account, plain=_line(loaded, address).transliterate, most=loaded.gateway.max_segments)


def _judged(config: Path | None, address: str | None, status: str) -> Judge:
    """Return the function that explains a text on the line ``address``."""
    if address is None:
        raise click.UsageError("--line ADDRESS is needed: the line that the text is sent to")
    return _judge(_loaded(config), address, ConsentStatus[status.upper()], SystemClock())


def _loaded(config: Path | None) -> Config:
    if config is None:
        raise click.UsageError("-c FILE is needed: the configuration that the line is in")
    return load(config, secrets=False)


def _line(config: Config, address: str) -> LineOptions:
    """Return the line ``address``, however it is spelt."""
    options = next((line for line in config.lines if read_line(line.address) == read_line(address)), None)
    if options is None:
        known = ", ".join(line.address for line in config.lines)
        raise InputError(f'there is no line "{address}" in {config.path}; its lines are: {known}')
    return options


def _judge(config: Config, address: str, status: ConsentStatus, clock: Clock) -> Judge:
    """Return the function that explains a text on the line ``address``."""
    options = _line(config, address)
    rules = compile_line(options, 1, stop_scope=config.gateway.stop_scope, config_hash=config.config_hash)
    standing = _standing(rules, status)

    def judge(text: str) -> dict[str, Any]:
        now = clock.wall()
        decision: Decision = decide(_mo(text, address, now), standing, rules, now)
        return explanation(text, decision)

    return judge


def _standing(rules: LineRules, status: ConsentStatus) -> Standing:
    if status is not ConsentStatus.OPTED_IN:
        return Standing(rules.line_id, SOMEBODY, status=status)
    lists = {keyword.list_name: ConsentStatus.OPTED_IN for keyword in rules.keywords.values() if keyword.list_name}
    return Standing(rules.line_id, SOMEBODY, status=status, lists=lists)


def _mo(text: str, address: str, now: float) -> Mo:
    return Mo(
        carrier="",
        bind="",
        session="",
        sequence=1,
        line=address,
        subscriber=SOMEBODY,
        text=text,
        raw=text.encode("utf-8", "replace"),
        data_coding=0,
        fingerprint=b"",
        received_at=now,
    )


def _string(asked: str, number: int) -> str:
    try:
        value = json.loads(asked)
    except ValueError as error:
        raise InputError(f'line {number} of the input is not JSON ({error}); write each text as "text"') from error
    if not isinstance(value, str):
        raise InputError(f'line {number} of the input is no JSON string; write each text as "text"')
    return value


def _show_json(explained: dict[str, Any]) -> None:
    # ASCII only: a lone surrogate, which JSON can hold, has no other way out. Flushed, so that one can converse.
    sys.stdout.write(json.dumps(explained) + "\n")
    sys.stdout.flush()


def _show(explained: dict[str, Any]) -> None:
    replies = explained["replies"]
    show_record(
        {
            "outcome": explained["outcome"],
            "keyword": explained["keyword"],
            "matched by": explained["matched_by"],
            "because": explained["because"],
            "replies": None if replies else "none",
        }
    )
    for reply in replies:
        click.echo(f"  -> {reply}")


COMMAND = explain
