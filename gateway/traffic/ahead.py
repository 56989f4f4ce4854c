"""What a batch of texts will need to know, asked as soon as it can be asked, where the store is elsewhere.

Owns the questions whose answers nothing in the batch changes, once its pairs are locked: the latest message of each,
what is queued for them, and whose the binds are. They share the way with what the standings ask, and the server works
on them while the texts are decided. Must never be used where something of the batch did change an answer.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from gateway.model.address import Msisdn
from gateway.store.hot_consent import Key
from gateway.store.hot_leases import ask_latest, ask_owned, stand_behind
from gateway.store.hot_messages import ask_queued
from gateway.store.tx import Answered, Tx


class Ahead:
    """The questions about ``keys``. ``shared``: the binds are held under leases."""

    def __init__(self, tx: Tx, keys: Collection[Key], *, shared: bool) -> None:
        self._tx = tx
        self.keys = frozenset(keys)
        self._shared = shared
        self._latest: Answered = list
        self._queued: list[tuple[int, Answered]] = []
        self.owned: Answered | None = None

    def ask(self) -> None:
        """Ask, or ask anew."""
        self._latest = ask_latest(self._tx, self.keys)
        self._queued = [
            (line_id, ask_queued(self._tx, line_id, [subscriber for _, subscriber in pairs]))
            for line_id, pairs in groupby(sorted(self.keys), key=lambda key: key[0])
        ]
        self.owned = ask_owned(self._tx) if self._shared else None

    def keep_order(self) -> None:
        """Have new messages stand behind the pairs' latest ones."""
        stand_behind(self._tx, self._latest)

    def waiting(self) -> set[Key]:
        """Return those of the pairs for whom messages wait."""
        return {(line_id, Msisdn(row[0])) for line_id, answer in self._queued for row in answer()}
