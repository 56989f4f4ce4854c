"""``gateway simulate``: a carrier to try the gateway against, with a prompt or a script."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import trio

from gateway.simulator import run_prompt, run_script
from gateway.simulator.carrier import DEFAULT_FROM, DEFAULT_LINE, DEFAULT_PORT


@click.command(name="simulate")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="0: any free one."
)
@click.option("--system-id", help="Take only binds with this system_id; without it, any.")
@click.option("--password", help="Take only binds with this password; without it, any.")
@click.option("--from", "from_", metavar="NUMBER", default=DEFAULT_FROM, show_default=True, help="Who texts first.")
@click.option("--line", metavar="ADDRESS", default=DEFAULT_LINE, show_default=True, help="The line texted to first.")
@click.option(
    "--script",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Play this conversation instead, and exit with 1 unless it goes as written.",
)
def simulate(
    host: str, port: int, system_id: str | None, password: str | None, from_: str, line: str, script: Path | None
) -> int:
    """Be a carrier: the gateway binds to it, you text from a prompt, and see what arrives.

    \b
    Example:
      gateway simulate --port 2775
      gateway simulate --script conversation.toml
    """
    if script is not None:
        return trio.run(partial(run_script, script, host=host, port=port, system_id=system_id, password=password))
    trio.run(partial(run_prompt, host=host, port=port, system_id=system_id, password=password, from_=from_, line=line))
    return 0


COMMAND = simulate
