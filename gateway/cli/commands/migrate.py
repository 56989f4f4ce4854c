"""``gateway migrate``: brings the store to this version, or moves it to another engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from gateway.base import SystemClock
from gateway.cli.client import listening, own
from gateway.cli.options import config_option
from gateway.cli.progress import progress
from gateway.config import Config, load
from gateway.store.engines import Engine, find_engine
from gateway.store.errors import StoreInUse, StoreMissing
from gateway.store.jobs import Committer
from gateway.store.move import Move, Moved
from gateway.store.schema import migrate as bring_up


@click.command(name="migrate")
@config_option
@click.option("--to", "target", metavar="URL", help="Move the store there, such as postgresql://user@host/database.")
def migrate(config: Path, target: str | None) -> None:
    """Bring the store up to date, or move it to a server.

    A start does the first by itself; this does it ahead of one. With --to, everything is copied into an empty database
    and then read again on both sides, counted and hashed. No gateway may run on the store meanwhile, and the store
    stays as it is. Interrupted, the same command goes on where it was. When it has ended, set [store] url to the new
    place. The password is [store] password, or what PGPASSWORD and ~/.pgpass say.

    \b
    Example:
      gateway migrate -c gateway.toml
      gateway migrate -c gateway.toml --to postgresql://gateway@db1,db2/gateway
    """
    loaded = load(config, secrets=False)
    source = find_engine(loaded.store, loaded.state_dir)
    if missing := source.missing():
        raise StoreMissing(f"there is no store at {missing}: nothing is there to be migrated")
    if listening(loaded.socket_path):
        raise StoreInUse(f"a gateway runs on this store (it listens on {loaded.socket_path}); stop it first")
    own(loaded.state_dir)
    with _held(source, loaded):
        if target is None:
            _bring_up(source, loaded)
            return
        engine = find_engine(loaded.store.model_copy(update={"url": target}), loaded.state_dir)
        with (
            _held(engine, loaded),
            closing(Move(source, engine, SystemClock())) as move,
            progress("moving", move.total) as advance,
        ):
            moved = move.run(advance)
    _tell(moved, target)


COMMAND = migrate


@contextmanager
def _held(engine: Engine, config: Config) -> Iterator[None]:
    ownership = engine.own(config.gateway.node)
    try:
        yield
    finally:
        ownership.release()


def _bring_up(engine: Engine, config: Config) -> None:
    with closing(Committer(engine, SystemClock())) as committer:
        applied = bring_up(committer.handle(), f"{config.store.url} in {config.state_dir}")
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("the store has this version's schema")


def _tell(moved: Moved, target: str) -> None:
    rows = moved.rows
    click.echo(
        f"moved to {target}, and verified: {sum(rows.values())} rows, of them {rows['consent']} consents, "
        f"{rows['evidence']} pieces of evidence, {rows['message']} messages"
    )
    click.echo(f"SHA-256 of all of it: {moved.digest}")
    click.echo(f'now set [store] url = "{target}", and keep the old store until you have seen the new one work')
