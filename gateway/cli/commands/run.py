"""``gateway run``: the daemon."""

from __future__ import annotations

from pathlib import Path

import click
import trio

from gateway.cli.app import version
from gateway.cli.options import config_option
from gateway.daemon.daemon import run as run_daemon


@click.command(name="run")
@config_option
def run(config: Path) -> None:
    """Run the gateway until SIGTERM or Ctrl-C.

    SIGHUP reloads lines, keywords and carriers. It stops cleanly: nothing more is sent, what is under way is awaited,
    texts are acknowledged to the end. A second signal ends it at once; nothing is lost by that either.

    \b
    Example:
      gateway run -c /etc/gateway/gateway.toml
    """
    trio.run(run_daemon, config, version())


COMMAND = run
