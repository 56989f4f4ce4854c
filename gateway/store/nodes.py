"""Who writes here: the node's row, renewed at each start.

Owns ``life`` (counts the starts of a node: permits and sessions of an earlier life are known to be over) and
``incarnation`` (names a node's evidence chain). A new incarnation begins where the store is fresh, and for each
node at its first start after a restore (``restored``): the original may have gone on after the backup was taken, and
two rows with one place in one chain must never exist anywhere. It is taken from the clock, so that no restore can
repeat one.
"""

from __future__ import annotations

from pathlib import Path

from gateway.store.jobs import Identity
from gateway.store.restored import EPOCH, NOTHING, Signs, enter, facts, why_restored
from gateway.store.tables import Node
from gateway.store.tx import Tx


def boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """Return the id of this boot of the machine, "" where the system has none: boot clocks compare only within one."""
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


def identity_of(tx: Tx, name: str, boot: str, signs: Signs = NOTHING) -> Identity:
    """Return who node ``name`` is in the life that it has, for work that neither mints permits nor binds.

    A node that the store does not know, and a store that was restored, need a registration first.
    """
    known = facts(tx)
    found = tx.fetch(Node.select(Node.incarnation, Node.life, Node.epoch).where(Node.name == name))
    epoch = int(known.get(EPOCH, "0"))
    if not found or found[0][2] != epoch or why_restored(tx, known, signs) is not None:
        return register(tx, name, boot, signs)
    return Identity(name, found[0][0], found[0][1], epoch)


def register(tx: Tx, name: str, boot: str, signs: Signs = NOTHING) -> Identity:
    """Begin the next life of node ``name``; return who writes from now on."""
    epoch = enter(tx, facts(tx), signs)
    found = tx.fetch(Node.select(Node.incarnation, Node.life, Node.epoch).where(Node.name == name))
    incarnation, life, entered = found[0] if found else (0, 0, -1)
    if entered != epoch:
        incarnation = max(incarnation + 1, int(tx.now))
    row = {"incarnation": incarnation, "life": life + 1, "started_at": tx.now, "boot_id": boot, "epoch": epoch}
    tx.change(
        Node.insert(name=name, **row).on_conflict(
            conflict_target=[Node.name],
            preserve=[Node.incarnation, Node.life, Node.started_at, Node.boot_id, Node.epoch],
        )
    )
    return Identity(name, incarnation, life + 1, epoch)
