"""Who writes here: the node's row, renewed at each start.

Owns ``life`` (counts the starts of a node: permits and sessions of an earlier life are known to be over) and
``incarnation`` (names a node's evidence chain). A new incarnation begins where the store is fresh, and where it was
restored from a backup: the original may have gone on after the backup was taken, and two rows with one place in one
chain must never exist anywhere. It is taken from the clock, so that no restore can repeat one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.store.jobs import Identity
from gateway.store.tables import Meta, Node
from gateway.store.tx import Tx

BACKUP_MARK: Final = "backup_taken_at"
"""The key in ``meta`` that a backup carries in its copy, and that its first start as a store takes away."""


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """Return the id of this boot of the machine, "" where the system has none: boot clocks compare only within one."""
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


def identity_of(tx: Tx, name: str, boot: str) -> Identity:
    """Return who node ``name`` is in the life that it has, for work that neither mints permits nor binds.

    A node that the store does not know, and a store that was restored, need a registration first.
    """
    restored = tx.fetch(Meta.select(Meta.key).where(Meta.key == BACKUP_MARK))
    found = tx.fetch(Node.select(Node.incarnation, Node.life).where(Node.name == name))
    return Identity(name, *found[0]) if found and not restored else register(tx, name, boot)


def register(tx: Tx, name: str, boot: str) -> Identity:
    """Begin the next life of node ``name``; return who writes from now on."""
    restored = tx.change(Meta.delete().where(Meta.key == BACKUP_MARK)) > 0
    found = tx.fetch(Node.select(Node.incarnation, Node.life).where(Node.name == name))
    incarnation, life = found[0] if found else (0, 0)
    if restored or not found:
        incarnation = max(incarnation + 1, int(tx.now))
    tx.change(
        Node.insert(name=name, incarnation=incarnation, life=life + 1, started_at=tx.now, boot_id=boot).on_conflict(
            conflict_target=[Node.name],
            preserve=[Node.incarnation, Node.life, Node.started_at, Node.boot_id],
        )
    )
    return Identity(name, incarnation, life + 1)
