"""Engines: what a database must do for us, and how one is found by its URL.

An engine is one module of this package, named after the URL's scheme and offering ``ENGINE``; nothing else has to
change for a new one. It opens connections, brackets transactions, and says what an error means; it must never hold SQL
of the domain (hot statements are in ``hot_*.py``, cold ones are built by peewee in the dialect of ``Handle.database``).
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Protocol

from peewee import Database

from gateway.store.errors import StoreMisconfigured
from gateway.store.options import StoreOptions
from gateway.store.tx import Connection, Dialect


class Verdict(Enum):
    """What an error of a transaction means for the batch. The words label metrics."""

    JOB = "job"  # this job's own fault: the others go on without it
    STORE = "store"  # the store's fault, surely nothing was stored: fail the batch, do not trust the handle
    RETRY = "retry"  # somebody else was in the way: run the batch again
    UNKNOWN = "unknown"  # the commit may or may not have happened


@dataclass(frozen=True, slots=True)
class Handle:
    """One open connection: the driver's own, and the peewee database that speaks its dialect. Not for two threads.

    ``dialect`` is for what is written by hand.
    """

    connection: Connection
    database: Database
    dialect: Dialect
    writes: bool


class Ownership(Protocol):
    """The right to be the one process that writes, until released or until the process dies."""

    def release(self) -> None:
        """Give the right back."""
        ...


class Engine(Protocol):
    """What the store asks of a database. All methods block; none is called from the Trio thread while traffic flows."""

    keeps_witness: bool
    """Whether the witness belongs to the store as its other files do, so that a store without it was copied alone."""

    is_near: bool
    """Whether statements run in this process, on pages that are mostly in memory: then only a commit takes long."""

    @property
    def witness(self) -> Path:
        """Where this machine notes how far the store has come (``gateway.store.witness``)."""
        ...

    def identity(self, handle: Handle) -> str:
        """Return what names the place in which the store is, so that a copy in another one is noticed; "" for nothing.

        It must stay as it is for as long as the store does: through restarts, failovers and upgrades in place.
        """
        ...

    def check_backup(self) -> None:
        """Raise ``StoreMisconfigured`` where ``gateway.store.backup`` cannot copy this store, and say what does."""
        ...

    def missing(self) -> str:
        """Return where the store would be, if there is none; else nothing. Makes nothing."""
        ...

    def own(self, node: str) -> Ownership:
        """Become node ``node`` of the store, of which there is one; raise ``StoreInUse`` and name who is it already.

        Where a store has one owner, whoever it is, that is what this asks for. Where it has several nodes, the answer
        may come with the first ``open_writer``.
        """
        ...

    def open_writer(self) -> Handle:
        """Open the connection that writes; make the store if there is none. Raises StoreError or a driver's error."""
        ...

    def open_reader(self, limit_s: float = 0) -> Handle:
        """Open a connection that can only read; with ``limit_s``, one transaction may take so many seconds at most."""
        ...

    def check_durability(self, handle: Handle) -> None:
        """Raise ``StoreMisconfigured`` unless a commit on this handle survives the loss of power."""
        ...

    def begin(self, handle: Handle, *, waits: bool = True) -> None:
        """Begin a transaction; on a writer's handle, one that is sure to be allowed to write.

        Without ``waits``, fail at once where somebody else is in the way.
        """
        ...

    def commit(self, handle: Handle) -> None:
        """Commit: on return, everything is durable."""
        ...

    def rollback(self, handle: Handle) -> None:
        """Take the transaction back; must also work when the database already did."""
        ...

    def close(self, handle: Handle) -> None:
        """Close the connection; an open transaction is taken back."""
        ...

    def has_chores(self, handle: Handle) -> bool:
        """Say whether the database wants something done between two transactions of the writer. Asked after each."""
        ...

    def do_chores(self, handle: Handle) -> None:
        """Do it: some milliseconds, in which nothing can be committed. Never raises."""
        ...

    def is_full(self, error: Exception) -> bool:
        """Say whether an error is that the disk (or a quota) is full."""
        ...

    def classify(self, error: Exception, *, committing: bool) -> Verdict:
        """Say what an error means; with ``committing``, one of ``commit``, which is only ever RETRY or UNKNOWN."""
        ...


def engines() -> list[str]:
    """Return the schemes of the engines that are there, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find_engine(options: StoreOptions, state_dir: Path) -> Engine:
    """Return the engine for ``options.url``; a relative file is taken from ``state_dir``.

    Raises StoreMisconfigured if no engine answers to the URL's scheme.
    """
    scheme = options.url.partition(":")[0]
    if scheme not in engines():
        known = ", ".join(f'"{name}:"' for name in engines())
        raise StoreMisconfigured(f'[store] url = "{options.url}": no engine for "{scheme}:"; there is {known}')
    engine: Engine = import_module(f"{__name__}.{scheme}").ENGINE(options, state_dir)
    return engine
