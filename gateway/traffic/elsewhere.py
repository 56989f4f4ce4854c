"""Sessions that are alive on other nodes, as the duplicate rule asks it inside the transaction that takes a text in.

A text repeated on another node's live bind is a new text; one that comes again after a node's death is a redelivery.
What this node's ack ledger knows of its own sessions it cannot know of another's, so their acks count as written when
the first text was committed before the second came (by the nodes' wall clocks).
"""

from __future__ import annotations

from collections.abc import Container

from gateway.model.consent import Latest
from gateway.model.messages import Mo
from gateway.store.hot_leases import lives_elsewhere
from gateway.store.tx import Tx


class Everywhere(Container[str]):
    """The sessions that are alive, here or elsewhere. Asks the store only for those that are not ``here``."""

    def __init__(self, tx: Tx, here: frozenset[str]) -> None:
        self.here = here
        self._tx = tx

    def __contains__(self, session: object) -> bool:
        return session in self.here or lives_elsewhere(self._tx, str(session))


def everywhere(tx: Tx, here: frozenset[str]) -> Container[str]:
    """Return the sessions that are alive; where one node has the store to itself, those are its own."""
    return Everywhere(tx, here) if tx.dialect.several else here


def crossed(tx: Tx, mo: Mo, latest: Latest | None, alive: Container[str]) -> bool:
    """Say whether a text came before the same one, taken in on another node, was committed there."""
    if not isinstance(alive, Everywhere) or latest is None or latest.fingerprint != mo.fingerprint:
        return False
    if latest.session in alive.here:
        return False
    rows = tx.rows("select 1 from message where id = ? and updated_at >= ?", (latest.mo_id, mo.received_at))
    return bool(rows)
