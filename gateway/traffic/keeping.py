"""What is kept for a while only, and has had its time: joined parts, receipts that wait in vain, answers, quarantine.

Steps of the janitor's round. Each deletes a bounded number of rows in one transaction, found by an index, and again
until nothing is due: after a flood no transaction is longer than any other, and texts are taken in between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog

from gateway.store.desk import forget_answers
from gateway.store.hot_parts import (
    drop_joined_parts,
    drop_oldest_quarantined,
    drop_parked,
    drop_quarantined,
    newest_quarantined,
    quarantine_octets,
)
from gateway.store.options import StoreOptions
from gateway.store.store import Store
from gateway.store.tx import Tx
from gateway.telemetry.metrics import Metrics
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.taken import REDELIVERY_WINDOW_S

_log = structlog.get_logger(__name__)

PARKED_S: Final = 3600.0
ANSWERS_KEPT_S: Final = 2 * 86400.0
STEP: Final = 200
"""Rows of one kind that one transaction deletes at most."""
QUARANTINE_STEP: Final = 100
"""PDUs of the quarantine that one transaction deletes where it is full: each may have 64 KB."""


class Keeping:
    """Drops what was kept long enough. ``kept`` says how long a PDU stays in quarantine, and how much there may be."""

    def __init__(self, store: Store, metrics: Metrics, kept: StoreOptions) -> None:
        self._store = store
        self._metrics = metrics
        self._quarantine_s = kept.quarantine_days * 86400.0
        self._quarantine_octets = kept.quarantine_mb * 1_000_000
        self._measured: int | None = None

    async def drop(self, _book: RuleBook) -> None:
        """Drop what is due, some at a time, until nothing is."""
        more = True
        while more:
            gone = await self._store.writer.run(partial(drop_old, quarantine_s=self._quarantine_s), "drop")
            for what, count in gone.items():
                self._metrics.let_go(what).inc(count)
            more = max(gone.values()) >= STEP

    async def bound_quarantine(self, _book: RuleBook) -> None:
        """Let the oldest PDUs go, some at a time, until the quarantine is as small as it shall be.

        Measuring reads an index of all of it, so it is only done when something was added since the last time.
        """
        newest = await self._store.read(newest_quarantined)
        if newest == self._measured:
            return
        excess, gone = await self._store.read(quarantine_octets) - self._quarantine_octets, 0
        while excess > 0:
            drop = partial(drop_oldest_quarantined, octets=excess, limit=QUARANTINE_STEP)
            count, octets = await self._store.writer.run(drop, "quarantine")
            if not count:
                break
            excess, gone = excess - octets, gone + count
        self._measured = newest
        if gone:
            self._metrics.quarantine_dropped.inc(gone)
            _log.warning("quarantine is full: the oldest were let go", count=gone, octets=self._quarantine_octets)


def drop_old(tx: Tx, quarantine_s: float) -> Mapping[str, int]:
    """Delete some of what was kept for a while only; of the quarantine, what last came over ``quarantine_s`` ago.

    Return how many rows of each kind.
    """
    return {
        "part": drop_joined_parts(tx, tx.now - REDELIVERY_WINDOW_S, STEP),
        "receipt": drop_parked(tx, tx.now - PARKED_S, STEP),
        "answer": forget_answers(tx, tx.now - ANSWERS_KEPT_S, STEP),
        "quarantine": drop_quarantined(tx, tx.now - quarantine_s, STEP),
    }
