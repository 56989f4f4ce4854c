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

    Everything runs on this machine, on real sockets, in a temporary folder. Ctrl-C ends it.

    \b
    Example:
      gateway demo
    """
    on_terminal = sys.stdout.isatty()
    audience = None if once else partial(_audience, on_terminal=sys.stdin.isatty())
    trio.run(partial(play, _say, version(), pause_s=PAUSE_S if on_terminal else 0.0, audience=audience, stay=not once))


COMMAND = demo


async def _audience(carrier: SimulatedCarrier, *, on_terminal: bool) -> None:
    """Let whoever is at the prompt text. Where nobody can be (no terminal), run until a signal comes."""
    click.echo("Text the line at the prompt (STOP, JOIN, anything); /help shows more, Ctrl-C ends the demonstration.")
    await talk(carrier)
    if not on_terminal:
        await trio.sleep_forever()


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
