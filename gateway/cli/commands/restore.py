"""``gateway restore``: what a store that was restored lacks, and the ways to let it send again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from gateway.base import GatewayError
from gateway.cli.client import EX_DATAERR, Client, ask
from gateway.cli.options import config_option, json_option
from gateway.cli.output import local_time, plain, show_json, show_table
from gateway.cli.progress import progress
from gateway.cli.times import ago
from gateway.store.suppression_reading import Reading, open_logs, size_of

BATCH: Final = 2000
_FATES: Final = ("applied", "lifted", "known", "outdone", "refused")


class StillOwedError(GatewayError):
    """Not all that a restored store lacks was merged."""

    exit_code = EX_DATAERR


@click.group(name="restore")
def restore() -> None:
    """Let a restored store send again.

    A store that was restored from a backup lacks what came after it: it takes texts in, and sends nothing until the
    opt-outs that it lacks are merged, or it is accepted that they are lost.

    \b
    Example:
      gateway restore status -c gateway.toml
      gateway restore merge -c gateway.toml /mnt/other/suppression.log
    """


@restore.command(name="status")
@config_option
@json_option
def status(config: Path, as_json: bool) -> None:
    """Show whether the store was restored, and whose suppression logs it lacks.

    \b
    Example:
      gateway restore status -c gateway.toml
    """
    state = ask(config, lambda client: client.get("/api/v1/restore"))
    if as_json:
        show_json(state)
        return
    if not state["restored"]:
        click.echo("the store was not restored, or that is settled: it sends")
        return
    click.echo(f"restored ({state['why']}), noticed {local_time(state['noticed_at'])}: nothing is sent")
    if state["taken_at"]:
        click.echo(f"the backup was taken {local_time(state['taken_at'])}")
    click.echo("")
    _show_chains(state)


@restore.command(name="merge")
@config_option
@json_option
@click.argument("logs", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, required=True)
def merge(config: Path, as_json: bool, logs: Sequence[Path]) -> None:
    """Merge suppression logs: all of one node's that reach back to the backup, and those of all nodes.

    Opt-outs that the store lacks are in force at once. When the logs have everything since the backup, the store sends
    again; else the exit status is 65, and what is missing is told. Merging again does no harm.

    \b
    Example:
      gateway restore merge -c gateway.toml /mnt/other/suppression.log.1 /mnt/other/suppression.log
    """
    reading = open_logs(logs)

    async def work(client: Client) -> tuple[dict[str, int], Any]:
        counts = dict.fromkeys(_FATES, 0)
        with progress("merging", size_of(logs)) as advance:
            for batch in _batches(reading.lines(advance)):
                merged = await client.post("/api/v1/restore/records", {"lines": batch})
                for fate in _FATES:
                    counts[fate] += merged[fate]
        covered = [
            {"node": each.node, "incarnation": each.incarnation, "head": each.head} for each in reading.covered()
        ]
        before = await client.get("/api/v1/restore")
        body = {"covered": covered, "logs": [str(path) for path in logs]}
        after = await client.post("/api/v1/restore/finish", body) if before["restored"] else before
        return counts, {"was_restored": before["restored"], **after}

    counts, state = ask(config, work)
    if as_json:
        show_json({**counts, "records": reading.records, "torn": reading.torn, "faults": reading.faults, **state})
    else:
        _tell(reading, counts)
    if state["restored"]:
        if not as_json:
            _show_chains(state)
        raise StillOwedError(
            "still nothing is sent: the logs given do not have everything since the backup; give those that are "
            "missing, or accept the loss (gateway restore accept-loss)"
        )
    if state["was_restored"] and not as_json:
        click.echo("the logs have everything since the backup: the store sends again")


@restore.command(name="accept-loss")
@config_option
@click.option("--reason", required=True, help="Why the opt-outs that are missing cannot be merged; it is audited.")
def accept_loss(config: Path, reason: str) -> None:
    """Send again although opt-outs may be missing. People who said STOP since the backup may get texts.

    \b
    Example:
      gateway restore accept-loss -c gateway.toml --reason "moved by hand, nothing ran since"
    """
    ask(config, lambda client: client.post("/api/v1/restore/accept-loss", {"reason": reason}))
    click.echo("the loss is accepted and audited: the store sends again")


@restore.command(name="mark")
@config_option
@click.option(
    "--taken-at", callback=ago, metavar="TIME", required=True, help="When the backup was taken (or 2h: two hours ago)."
)
def mark(config: Path, taken_at: str) -> None:
    """Say that the store was restored, where nothing shows it: a snapshot of a machine, a server set back.

    It stands still from then on; the next start tells what is owed.

    \b
    Example:
      gateway restore mark -c gateway.toml --taken-at 2026-11-22T03:00
    """
    ask(config, lambda client: client.post("/api/v1/restore/mark", {"taken_at": taken_at}))
    click.echo(
        "the store is marked as restored and sends nothing; restart the gateway, and see `gateway restore status`"
    )


def _batches(lines: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(lines, BATCH)):
        yield batch


def _tell(reading: Reading, counts: dict[str, int]) -> None:
    for fault in reading.faults:
        click.echo(f"warning: {plain(fault)}", err=True)
    if reading.torn:
        click.echo(f"{reading.torn} lines were cut off by a crash: nobody was promised what they say", err=True)
    ends = datetime.fromtimestamp(reading.until, UTC).isoformat()
    click.echo(
        f"{reading.records} records, the last of {local_time(ends)}: {counts['applied']} put in force, "
        f"{counts['lifted']} lifted by the subscriber's own text, {counts['known']} known, "
        f"{counts['outdone']} outdone by something later; {counts['refused']} waiting messages refused"
    )


def _show_chains(state: dict[str, Any]) -> None:
    show_table(
        ("node", "chain", "up to", "its log"),
        [
            (chain["node"], chain["incarnation"], chain["seq"], "merged" if chain["covered"] else "is missing")
            for chain in state["chains"]
        ],
        nothing="no node had written there",
    )


COMMAND = restore
