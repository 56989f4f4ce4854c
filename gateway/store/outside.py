"""What is kept of a store outside of it: its witness and its suppression log, as one thing to open and to close.

Owns when each is written: at the start, once this life is registered; while it runs, when it is asked to; at the end.
Must never keep the store from working: a witness that cannot be written is a warning. A suppression log that is
configured and cannot be opened at all is a reason not to start, which its own module says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog

from gateway.store.engines import Engine
from gateway.store.evidence import chain_end
from gateway.store.jobs import Identity
from gateway.store.options import StoreOptions
from gateway.store.restored import STORE_ID, Signs, facts, state
from gateway.store.suppression_log import SuppressionLog
from gateway.store.tx import Source, Tx
from gateway.store.witness import Witness, WitnessFile

_log: Final = structlog.get_logger(__name__)


class Outside:
    """The witness and, where one is kept, the suppression log of a store that is being opened."""

    def __init__(self, engine: Engine, options: StoreOptions, state_dir: Path) -> None:
        """Open the log. Raises StoreMisconfigured or StoreInUse."""
        self.log = SuppressionLog(state_dir / options.suppression_log) if options.suppression_log else None
        self._witness = WitnessFile(engine.witness)
        self._needed = engine.keeps_witness
        self._who = Identity("", 0, 0)
        self._warned = False

    def signs(self, identity: str) -> Signs:
        """Return what is known of the store outside of it; ``identity`` is the engine's."""
        return Signs(identity, self._witness.read(), self._needed, self.log.last if self.log else None)

    def begin(self, tx: Tx, who: Identity, *, starts: bool) -> None:
        """Learn who writes from now on, in the transaction behind the one that registered it.

        Without ``starts`` nothing may come to be written, and the log is only told of it with the first event; unless
        it ends with another chain, of which a restored store may never have the end: that must not be asked for again.
        """
        self._who = who
        if self.log is not None:
            end = chain_end(tx, who.node, who.incarnation).seq
            last = self.log.last
            other = last is not None and (last.place.node, last.place.incarnation) != (who.node, who.incarnation)
            self.log.begin(who.node, who.incarnation, end, tx.now, at_once=starts or other)
        self.attest(tx)
        if starts and (owed := state(tx)) is not None:
            _log.error("this store was restored: nothing is sent", why=owed.why, taken_at=owed.taken_at)

    def attest(self, source: Source) -> None:
        """Write down how far the store has come."""
        who = self._who
        end = chain_end(source, who.node, who.incarnation)
        store = facts(source).get(STORE_ID, "")
        try:
            self._witness.write(Witness(store, who.node, who.incarnation, who.life, end.seq, end.hash.hex()))
        except OSError as error:
            if not self._warned:
                _log.warning("the witness of the store cannot be written", error=str(error))
            self._warned = True
        else:
            self._warned = False

    def close(self) -> None:
        """Close the log."""
        if self.log is not None:
            self.log.close()
