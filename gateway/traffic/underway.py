"""Which messages have permits out: on which bind each is, and whom they keep busy.

Pure memory of the dispatcher's. It is bounded by the windows: what is here has a permit at a bind, or had one whose end
the store has not recorded yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gateway.model.messages import Lane, Mt
from gateway.model.permit import Outcome, Permit
from gateway.store.hot_consent import Key

_URGENT: Final = Lane.URGENT  # a name costs a tenth of what asking the enumeration costs


class UnderWay:
    """``busy`` counts a pair's messages of lanes 2 to 4, ``handed`` are the ids of the permits that are out."""

    def __init__(self) -> None:
        self.busy: dict[Key, int] = {}
        self.handed: set[int] = set()
        self._messages: dict[int, tuple[Lane, str, Key | None]] = {}  # lane, bind, and whom it keeps busy
        self._on_bind: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._messages)

    def lanes_of(self, message_ids: Sequence[int]) -> list[Lane | None]:
        """Return the lane of each message; None for those that are not under way."""
        messages = self._messages
        return [messages[id_][0] if id_ in messages else None for id_ in message_ids]

    def is_idle(self, bind: str) -> bool:
        """Say whether nothing is under way on a bind."""
        return not self._on_bind[bind]

    def sets_out(self, bind: str, permits: Sequence[Permit], messages: Mapping[int, Mt]) -> None:
        """Note that these permits go to a bind. ``messages`` has theirs, none of which is under way."""
        self.handed.update([permit.id for permit in permits])
        ids = {permit.message_id for permit in permits}
        self._on_bind[bind] += len(ids)
        busy = self.busy
        under_way = self._messages
        for id_ in ids:
            mt = messages[id_]
            lane, key = mt.lane, None
            if lane is not _URGENT:
                key = (mt.line_id, mt.subscriber)
                busy[key] = busy.get(key, 0) + 1
            under_way[id_] = (lane, bind, key)

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Note that these permits are not out any more."""
        self.handed.difference_update([outcome.permit.id for outcome in outcomes])

    def leave(self, ids: Collection[int]) -> None:
        """Note that these messages are under way no more, if they were."""
        messages, busy = self._messages, self.busy
        if messages.keys().isdisjoint(ids):
            return
        for id_ in ids:
            found = messages.pop(id_, None)
            if found is None:
                continue
            _, bind, key = found
            self._on_bind[bind] -= 1
            if key is None:
                continue
            left = busy[key] - 1
            if left:
                busy[key] = left
            else:
                del busy[key]
