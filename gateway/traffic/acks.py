"""Which MOs' acks went wrong, as the duplicate rule asks it.

A carrier sends a text again because it did not see our ack, so the same octets are a duplicate only if the first one's
ack was not yet written when the second came, took over five seconds, had a non-zero status, or went to a session that
has ended since. In an undisturbed session the same text again is a new text: somebody wrote JOIN twice.

What was answered with a temporary error is in no journal, and its carrier brings it again after seconds or hours. When
it came first is kept, because words from before an opt-out do not lift it (docs/decisions/0009). The same holds for
what had no answer when its session ended. Kept until the text's ack has gone its way, for ``PUT_OFF_S`` at most.

Memory alone: after a restart no session of before is alive, which makes every recent text's ack a disturbed one; but
what was put off before it is forgotten. It is bounded by the MOs that wait for their ack, by what was disturbed within
the redelivery window, and by ``MOST_PUT_OFF``.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.model.messages import Mo

SLOW_ACK_S: Final = 5.0
_MOST: Final = 100_000
PUT_OFF_S: Final = 86_400.0
"""How long a text that was put off is remembered after it last was."""
MOST_PUT_OFF: Final = 10_000

AckKey = tuple[str, str, str, bytes]
"""Carrier, line, subscriber, fingerprint: what makes two MOs the same text."""


def ack_key(mo: Mo) -> AckKey:
    """Return what makes this MO the same as another one."""
    return (mo.carrier, mo.line, mo.subscriber, mo.fingerprint)


@dataclass(slots=True)
class _Open:
    """An MO whose answer is not written. ``arrived`` in monotonic seconds, ``wall`` in unix seconds.

    ``disturbed``: whether the ack of the same text before it was. ``behind`` is what came later under the same number.
    """

    key: AckKey
    arrived: float
    wall: float
    disturbed: bool
    status: int | None = None
    behind: _Open | None = None


@dataclass(slots=True)
class _PutOff:
    """When a text came first, by both clocks, and when it was put off last (monotonic seconds)."""

    arrived: float
    wall: float
    last: float


class AckLedger:
    """Follows each MO from its arrival until its ack is taken by the kernel. Times are monotonic seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        # By session and sequence. A peer may use a sequence number again while it is open: answers to it leave in the
        # order of arrival.
        self._open: dict[str, dict[int, _Open]] = {}
        self._unacked: dict[AckKey, int] = {}
        self._disturbed: OrderedDict[AckKey, float] = OrderedDict()
        self._put_off: OrderedDict[AckKey, _PutOff] = OrderedDict()

    def arrived(self, mo: Mo, now: float) -> tuple[bool, float | None]:
        """Note an MO; return whether the ack of the same text before it was disturbed, and when it came first.

        The latter in unix seconds, if it was put off then; None otherwise. -inf if it was no new text then either. It
        is the earlier of what the wall clock said then and what its age says now: a clock that was put back or forward
        meanwhile makes no text younger.
        """
        disturbed, first_came = self.all_arrived([mo], now)
        return disturbed[0], first_came[0]

    def all_arrived(self, texts: Sequence[Mo], now: float) -> tuple[list[bool], list[float | None]]:
        """Note the MOs that one read of a session brought, in order; return both for each."""
        if not texts:
            return [], []
        if self._put_off or self._disturbed:
            self._forget(now)
        unacked, disturbed = self._unacked, self._disturbed
        open_ = self._open.setdefault(texts[0].session, {})
        items: list[_Open] = []
        for mo in texts:
            key, sequence = ack_key(mo), mo.sequence
            item = _Open(key, now, mo.received_at, key in unacked or key in disturbed)
            items.append(item)
            unacked[key] = unacked.get(key, 0) + 1
            if sequence in open_:
                _last(open_[sequence]).behind = item
            else:
                open_[sequence] = item
        first_came: list[float | None] = [None] * len(items)
        if self._put_off:
            first_came = [self._first_came(item) for item in items]
        return [item.disturbed for item in items], first_came

    def put_off(self, mo: Mo, now: float) -> None:
        """Note an MO that was told to come again at once."""
        self._forget(now)
        key = ack_key(mo)
        item = _Open(key, now, mo.received_at, key in self._unacked or key in self._disturbed)
        self._note_put_off(item, now)
        self._disturb(key, now)

    def _first_came(self, item: _Open) -> float | None:
        put_off = self._put_off.get(item.key)
        if put_off is None or item.arrived - put_off.last > PUT_OFF_S:
            return None
        return min(put_off.wall, item.wall - (item.arrived - put_off.arrived))

    def answered(self, session: str, answers: Iterable[tuple[int, int]], now: float) -> None:
        """Note with which status MOs were answered: (sequence, status) each."""
        open_ = self._open.get(session, {})
        for sequence, status in answers:
            item = open_.get(sequence)
            while item is not None and item.status is not None:
                item = item.behind
            if item is not None:
                item.status = status
            if status:
                if item is not None:
                    self._note_put_off(item, now)
                for each in _all(open_.get(sequence)):
                    self._disturb(each.key, now)

    def written(self, session: str, sequences: Iterable[int], now: float) -> list[float]:
        """Note that answers were wholly taken by the kernel; return the seconds since their MOs' arrival."""
        open_ = self._open.get(session, {})
        took: list[float] = []
        for sequence in sequences:
            item = open_.pop(sequence, None)
            if item is None:
                continue
            if item.behind is not None:
                open_[sequence] = item.behind
            seconds, key = now - item.arrived, item.key
            took.append(seconds)
            self._close(key)
            if seconds > SLOW_ACK_S:
                self._disturb(key, now)
            elif self._disturbed or self._put_off:
                self._went_well(item, now)
        return took

    def _went_well(self, item: _Open, now: float) -> None:
        """An ack was written in time: what was amiss before is known to the carrier by now, for this one was not."""
        if self._disturbed.get(item.key, now) < item.arrived:
            del self._disturbed[item.key]
        if item.status == 0:
            self._put_off.pop(item.key, None)

    def session_ended(self, session: str, now: float) -> None:
        """Note that what was not written to this session never will be."""
        for first in self._open.pop(session, {}).values():
            for item in _all(first):
                self._close(item.key)
                self._disturb(item.key, now)
                if item.status is None:
                    self._note_put_off(item, now)

    def __len__(self) -> int:
        return sum(self._unacked.values()) + len(self._disturbed) + len(self._put_off)

    def _close(self, key: AckKey) -> None:
        left = self._unacked[key] - 1
        if left > 0:
            self._unacked[key] = left
        else:
            del self._unacked[key]

    def _disturb(self, key: AckKey, now: float) -> None:
        self._disturbed[key] = now
        self._disturbed.move_to_end(key)
        if len(self._disturbed) > _MOST:
            self._disturbed.popitem(last=False)

    def _note_put_off(self, item: _Open, now: float) -> None:
        known = self._put_off.pop(item.key, None)
        first = -math.inf if item.disturbed else item.wall  # no new text: it came before we know when
        self._put_off[item.key] = known or _PutOff(item.arrived, first, now)
        self._put_off[item.key].last = now
        if len(self._put_off) > MOST_PUT_OFF:
            self._put_off.popitem(last=False)

    def _forget(self, now: float) -> None:
        while self._put_off and now - next(iter(self._put_off.values())).last > PUT_OFF_S:
            self._put_off.popitem(last=False)
        while self._disturbed and now - next(iter(self._disturbed.values())) > self._window_s:
            self._disturbed.popitem(last=False)


def _all(first: _Open | None) -> Iterator[_Open]:
    """Yield what waits under one number, in the order of arrival."""
    while first is not None:
        yield first
        first = first.behind


def _last(item: _Open) -> _Open:
    while item.behind is not None:
        item = item.behind
    return item
