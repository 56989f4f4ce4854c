"""Tables of the nodes: who writes here, who of them is alive, and who owns which bind.

See ``gateway.store.tables`` for the house rules; nothing but columns belongs here.
"""

# ruff: noqa: D106 - the nested Meta is peewee's own vocabulary; there is nothing to say about each one of them

from __future__ import annotations

from typing import Final

from peewee import SQL, BigIntegerField, CompositeKey, DoubleField, IntegerField, TextField
from peewee import Node as SqlNode

from gateway.store.columns import Table, integer, string

_NONE: Final[list[SqlNode]] = [SQL("DEFAULT 0")]


class Node(Table):
    """A daemon that writes here. ``life`` counts its starts; ``incarnation`` names its evidence chain.

    ``epoch`` is the store's at its last start: it counts restores, and each node begins a new chain after one.

    Its heartbeat, where several nodes share a store: alive until ``expires_at``, since ``joined_at`` (unix seconds by
    the database's clock), over the connection ``backend``.
    """

    name = TextField(primary_key=True)
    incarnation = BigIntegerField()
    life = IntegerField()
    started_at = DoubleField()
    boot_id = string()
    epoch = BigIntegerField(default=0, constraints=_NONE)
    expires_at = DoubleField(default=0, constraints=_NONE)
    joined_at = DoubleField(default=0, constraints=_NONE)
    backend = string()

    class Meta:
        table_name = "node"


class Lease(Table):
    """One bind of a carrier, by its number, and the node that may hold it; ``fence`` is another with each owner.

    ``sessions`` are those that are live on it, with spaces between. The janitor's work is the lease of carrier "".
    """

    carrier = TextField()
    number = IntegerField()
    node = string()
    life = integer(0)
    fence = BigIntegerField(default=0, constraints=_NONE)
    sessions = string()
    since = DoubleField(default=0, constraints=_NONE)

    class Meta:
        table_name = "lease"
        primary_key = CompositeKey("carrier", "number")
        without_rowid = True
