"""``gateway backup``: a whole, verified copy of the store, taken while the gateway runs or while it does not."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.base import SystemClock
from gateway.cli.client import listening, own
from gateway.cli.options import config_option, json_option
from gateway.cli.output import show_json, show_table
from gateway.cli.progress import progress
from gateway.config import Config, load
from gateway.store.backup import Backup, reading
from gateway.store.engines import Engine, find_engine
from gateway.store.errors import StoreMissing

MEGABYTE = 1_000_000
NICE = 10


@click.command(name="backup")
@config_option
@click.option("--force", is_flag=True, help="Replace TARGET if it is there.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=100.0,
    show_default=True,
    help="Megabytes that are copied a second, at most; 0: as fast as it goes.",
)
@json_option
@click.argument("target", type=click.Path(path_type=Path), required=False)
def backup(config: Path, force: bool, rate: float, as_json: bool, target: Path | None) -> None:
    """Copy the store, whole and verified.

    TARGET is a file, or a folder (by default this one). The gateway may run meanwhile. The copy is readable for you
    alone, and has its name once it is whole, synced and verified. It knows that it is a backup: a gateway that is
    started on it sends nothing until what came since is merged (`gateway restore`). A store in PostgreSQL is backed up
    with PostgreSQL's own tools; this says how.

    \b
    Example:
      gateway backup -c gateway.toml /mnt/backups
    """
    loaded = load(config, secrets=False)
    engine = find_engine(loaded.store, loaded.state_dir)
    engine.check_backup()
    if missing := engine.missing():
        raise StoreMissing(f"there is no store at {missing}: nothing is there to be backed up")
    os.nice(NICE)  # the gateway's own work comes first
    now = SystemClock().wall()
    path = _path(target, now)
    with _held(loaded, engine), reading(engine, now) as copying, progress("copying", copying.total) as advance:
        taken = copying.write(path, force=force, rate=rate * MEGABYTE, pause=threading.Event().wait, advance=advance)
    _tell(taken, as_json)


COMMAND = backup


def _path(target: Path | None, now: float) -> Path:
    if target is not None and not target.is_dir():
        return target
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    return (target or Path()) / f"gateway-{stamp}.db"


@contextmanager
def _held(config: Config, engine: Engine) -> Iterator[None]:
    """Keep a daemon from starting while we copy; beside a running one, SQLite itself keeps us out of its way."""
    if listening(config.socket_path):
        yield
        return
    own(config.state_dir)
    ownership = engine.own(config.gateway.node)
    try:
        yield
    finally:
        ownership.release()


def _tell(taken: Backup, as_json: bool) -> None:
    when = datetime.fromtimestamp(taken.taken_at, UTC).isoformat(timespec="seconds")
    chains = [
        {"node": node, "incarnation": incarnation, "seq": seq, "hash": digest}
        for node, incarnation, seq, digest in taken.contents.chains
    ]
    if as_json:
        facts = {"path": str(taken.path), "taken_at": when, "octets": taken.octets, "rows": dict(taken.contents.rows)}
        show_json({**facts, "evidence_chains": chains})
        return
    rows = taken.contents.rows
    click.echo(
        f"{taken.path}: {taken.octets / MEGABYTE:.1f} MB as of {when}, verified; {rows['consent']} consents, "
        f"{rows['evidence']} pieces of evidence, {rows['message']} messages"
    )
    click.echo("")
    show_table(
        ("evidence of", "chain", "ends at", "hash"),
        [(each["node"], each["incarnation"], each["seq"], each["hash"]) for each in chains],
        nothing="no evidence yet",
    )
