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
from collections import Counter, OrderedDict
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

    ``disturbed``: whether the ack of the same text before it was.
    """

    key: AckKey
    arrived: float
    wall: float
    disturbed: bool
    status: int | None = None


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
        # A peer may use a sequence number again while it is open: answers to it leave in the order of arrival.
        self._open: dict[tuple[str, int], tuple[_Open, ...]] = {}
        self._unacked: Counter[AckKey] = Counter()
        self._disturbed: OrderedDict[AckKey, float] = OrderedDict()
        self._put_off: OrderedDict[AckKey, _PutOff] = OrderedDict()

    def arrived(self, mo: Mo, now: float) -> bool:
        """Note an MO; return whether the ack of the same text before it was disturbed, as of now."""
        self._forget(now)
        item = self._item(mo, now)
        self._unacked[item.key] += 1
        at = (mo.session, mo.sequence)
        self._open[at] = (*self._open.get(at, ()), item)
        return item.disturbed

    def put_off(self, mo: Mo, now: float) -> None:
        """Note an MO that was told to come again at once."""
        self._forget(now)
        item = self._item(mo, now)
        self._note_put_off(item, now)
        self._disturb(item.key, now)

    def _item(self, mo: Mo, now: float) -> _Open:
        key = ack_key(mo)
        return _Open(key, now, mo.received_at, self._unacked[key] > 0 or key in self._disturbed)

    def first_came(self, mo: Mo, now: float) -> float | None:
        """Return when this text came first (unix seconds), if it was put off then; None otherwise.

        -inf if it was no new text then either. The earlier of what the wall clock said then and what its age says now:
        a clock that was put back or forward meanwhile makes no text younger.
        """
        put_off = self._put_off.get(ack_key(mo))
        if put_off is None or now - put_off.last > PUT_OFF_S:
            return None
        return min(put_off.wall, mo.received_at - (now - put_off.arrived))

    def answered(self, session: str, sequence: int, status: int, now: float) -> None:
        """Note with which status an MO was answered."""
        waiting = self._open.get((session, sequence), ())
        if (first := next((item for item in waiting if item.status is None), None)) is not None:
            first.status = status
            if status:
                self._note_put_off(first, now)
        if status:
            for item in waiting:
                self._disturb(item.key, now)

    def written(self, session: str, sequence: int, now: float) -> float | None:
        """Note that the answer was wholly taken by the kernel; return the seconds since the MO's arrival."""
        entries = self._open.pop((session, sequence), ())
        if not entries:
            return None
        item, *others = entries
        if others:
            self._open[session, sequence] = tuple(others)
        key, seconds = item.key, now - item.arrived
        self._close(key)
        if seconds > SLOW_ACK_S:
            self._disturb(key, now)
            return seconds
        if self._disturbed.get(key, now) < item.arrived:
            del self._disturbed[key]  # what was disturbed before is known to the carrier by now: this ack was not
        if item.status == 0:
            self._put_off.pop(key, None)
        return seconds

    def session_ended(self, session: str, now: float) -> None:
        """Note that what was not written to this session never will be."""
        for at in [at for at in self._open if at[0] == session]:
            for item in self._open.pop(at):
                self._close(item.key)
                self._disturb(item.key, now)
                if item.status is None:
                    self._note_put_off(item, now)

    def __len__(self) -> int:
        return len(self._open) + len(self._disturbed) + len(self._put_off)

    def _close(self, key: AckKey) -> None:
        self._unacked[key] -= 1
        if self._unacked[key] <= 0:
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
