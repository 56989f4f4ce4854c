"""``gateway demo``: see it work, with nothing to configure."""

from __future__ import annotations

import sys
from functools import partial

import click
import trio

from gateway.cli.app import version
from gateway.daemon.demo import demo as play
from gateway.simulator import SimulatedCarrier, talk

PAUSE_S = 0.4


@click.command(name="demo")
@click.option("--once", is_flag=True, help="End after the conversation, instead of letting you text.")
def demo(once: bool) -> None:
    """Play a conversation with a simulated carrier; then you text.

    Everything runs on this machine, on real sockets, in a temporary folder. Ctrl-C ends it, and so does
    the end of its input.

    \b
    Example:
      gateway demo
    """
    pause_s = PAUSE_S if sys.stdout.isatty() else 0.0
    trio.run(partial(play, _say, version(), pause_s=pause_s, audience=None if once else _audience))


COMMAND = demo


async def _audience(carrier: SimulatedCarrier) -> None:
    """Let whoever is at the prompt text. Where nobody is (a pipe, no input at all), its end is the end."""
    click.echo("Text the line at the prompt (STOP, JOIN, anything); /help shows more, Ctrl-C ends the demonstration.")
    await talk(carrier)


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
