"""``gateway simulate``: a carrier to try the gateway against, with a prompt or a script."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import trio

from gateway.simulator import run_prompt, run_script
from gateway.simulator.carrier import DEFAULT_FROM, DEFAULT_LINE, DEFAULT_PORT
from gateway.simulator.tls import server_context

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="simulate")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="0: any free one."
)
@click.option("--system-id", help="Take only binds with this system_id; without it, any.")
@click.option("--password", help="Take only binds with this password; without it, any.")
@click.option("--tls-cert", type=_FILE, help="Speak TLS with this certificate, a PEM file.")
@click.option("--tls-key", type=_FILE, help="Its key, a PEM file; without it, the key is in --tls-cert, too.")
@click.option("--from", "from_", metavar="NUMBER", default=DEFAULT_FROM, show_default=True, help="Who texts first.")
@click.option("--line", metavar="ADDRESS", default=DEFAULT_LINE, show_default=True, help="The line texted to first.")
@click.option(
    "--script",
    type=_FILE,
    help="Play this conversation instead, and exit with 1 unless it goes as written.",
)
def simulate(
    host: str,
    port: int,
    system_id: str | None,
    password: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    from_: str,
    line: str,
    script: Path | None,
) -> int:
    """Be a carrier: text from a prompt, and see what arrives.

    \b
    Example:
      gateway simulate --port 2775
      gateway simulate --script conversation.toml
    """
    if tls_key is not None and tls_cert is None:
        raise click.UsageError("--tls-key is the key of a certificate; --tls-cert names that")
    tls = server_context(tls_cert, tls_key) if tls_cert is not None else None
    if script is not None:
        play = partial(run_script, script, host=host, port=port, system_id=system_id, password=password, tls=tls)
        return trio.run(play)
    prompt = partial(run_prompt, host=host, port=port, system_id=system_id, password=password, tls=tls)
    trio.run(partial(prompt, from_=from_, line=line))
    return 0


COMMAND = simulate
