"""Writes docs/commands.md from the commands themselves: ``python -m gateway.cli.document > docs/commands.md``.

A house test compares the page with this output, so that what the page says is what ``--help`` says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from gateway.cli.app import gateway

HEAD = """# Commands

Every command has `--help`. Where a command needs the configuration, `-c FILE` names it, or the environment variable
`GATEWAY_CONFIG`. With `--json`, a command prints JSON for machines instead of text for people; a refusal is then the
problem that the [HTTP API](http.md#problems) would answer, so that a script can decide by its `type`. Times for people
are in the time zone of the machine, and a time that is given without an offset is taken so; JSON and logs are in UTC.
Results go to stdout, everything else to stderr.

Commands that read or change what is stored go to the running gateway through its Unix socket (`gateway.sock` in the
state folder). The gateway's own user and root may use it; others may not. With no gateway running, they work on the
store itself and hold its lock meanwhile, so that nothing can start in between. `send` and `pause` make a store where
there is none, and say so: then look whether `state_dir` is the right one. The others end with 66.

Exit statuses are those of sysexits(3):

| status | meaning |
|---|---|
| 0 | done |
| 1 | `simulate --script`: the conversation did not go as written; `bench`: a text was lost or answered twice |
| 64 | the command line is wrong |
| 65 | refused: the subscriber has opted out, there is no such line, the number is no number, … |
| 66 | there is no store, and the command only looks |
| 69 | the running gateway does not answer, or an address to listen on is taken |
| 70 | an internal error; the one line that is printed names the file with the details |
| 71 | an address cannot be listened on: it is none of this machine, or the port is not ours to take |
| 73 | the state folder cannot be made |
| 74 | the store cannot be read or written: no store of ours, a full disk, a broken one |
| 75 | try again later: the queue is full, or another process owns the store |
| 77 | not allowed |
| 78 | the configuration is wrong |
| 130 | interrupted with Ctrl-C; `trace` and `run`, which end so, exit with 0 |
| 143 | `bench`: ended by SIGTERM |

"""

FOOT = "\nThis page is made by `python -m gateway.cli.document`.\n"


def page() -> str:
    """Return docs/commands.md."""
    return HEAD + "".join(_sections(gateway, "gateway")) + FOOT


def _sections(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[str]:
    # A width of its own: the page must not depend on the terminal that it is made in.
    context = click.Context(command, parent, info_name=path.rpartition(" ")[2], terminal_width=96)
    context.help_option_names = ["-h", "--help"]
    context.show_default = None
    depth = "##" if parent is None or parent.parent is None else "###"
    yield f"\n{depth} `{path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _sections(inner, f"{path} {name}", context)


if __name__ == "__main__":
    sys.stdout.write(page())
