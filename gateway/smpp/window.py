"""Sequence numbers and the requests that wait for a response: who asked what, when, and is there room for one more.

Numbers run from 1 to 0x7FFFFFFF and start over (SMPP 3.4 section 5.1.4); one that is still waited for, or whose late
response may still come, is stepped over. Each request is settled exactly once: by ``settle``, ``expire``, ``withdraw``
or ``close``. Only *counted* requests take a slot; bind, unbind and the session's own enquire_link must get through
when the window is full. What expired is remembered for a while, so that a late response can be told from a stray one;
that memory is as large as the window and no larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.smpp.constants import MAX_SEQUENCE, RESPONSE_BIT, CommandId
from gateway.smpp.errors import LocalProtocolError

_GENERIC_NACK: Final = int(CommandId.GENERIC_NACK)
LATE_MEMORY_S: Final = 300.0
"""Seconds for which an expired request is remembered."""


class Waiting(NamedTuple):
    """A request that has no response yet. ``sent_at`` in seconds of the session's clock."""

    sequence: int
    command_id: int
    token: object
    sent_at: float
    counted: bool

    def answered_by(self, command_id: int) -> bool:
        """Say whether ``command_id`` answers it: its own response, or generic_nack."""
        return command_id in (_GENERIC_NACK, self.command_id | RESPONSE_BIT)


_new = tuple.__new__
"""Makes a ``Waiting`` of a tuple of its fields, in half the time."""


class Window:
    """Up to ``size`` counted requests under way at a time. ``first`` is the sequence number to begin with."""

    def __init__(self, size: int, first: int = 1) -> None:
        self._size = size
        self._next = first
        self._waiting: dict[int, Waiting] = {}
        self._late: dict[int, Waiting] = {}
        self._counted = 0
        self.find = self._waiting.get  # a dictionary's own method: it is asked of each response
        """Return the request that waits under a sequence number, and leave it waiting; None if there is none."""

    @property
    def free(self) -> int:
        """How many more counted requests may be opened."""
        return self._size - self._counted

    @property
    def outstanding(self) -> int:
        """How many counted requests wait."""
        return self._counted

    def peek(self) -> int:
        """Return the sequence number that the next ``open`` will take."""
        sequence = self._next
        while sequence in self._waiting or sequence in self._late:
            sequence = sequence + 1 if sequence < MAX_SEQUENCE else 1
        return sequence

    def open(self, token: object, now: float, command_id: int = 0, *, counted: bool = True) -> int:
        """Note a request and return its sequence number; raise LocalProtocolError where the window is full."""
        if counted and self._counted >= self._size:
            raise LocalProtocolError(f"the window is full: {self._size} requests wait for a response")
        sequence = self.peek()
        self._next = sequence + 1 if sequence < MAX_SEQUENCE else 1
        self._waiting[sequence] = Waiting(sequence, command_id, token, now, counted)
        self._counted += counted
        return sequence

    def open_all(self, tokens: Sequence[object], now: float, command_id: int) -> Sequence[int]:
        """Do what ``open`` does for several counted requests of one command; either all fit or none is noted."""
        count, first = len(tokens), self._next
        if self._counted + count > self._size:
            raise LocalProtocolError(f"the window is full: {self._size} requests wait for a response")
        numbers = range(first, first + count)
        known = self._waiting.keys() | self._late.keys() if self._late else self._waiting.keys()
        if first + count > MAX_SEQUENCE or not known.isdisjoint(numbers):
            return [self.open(token, now, command_id) for token in tokens]
        for number, token in zip(numbers, tokens, strict=True):
            self._waiting[number] = _new(Waiting, (number, command_id, token, now, True))
        self._next = first + count
        self._counted += count
        return numbers

    def settle(self, sequence: int) -> Waiting | None:
        """Take out the request that waits under ``sequence``; None if there is none."""
        waiting = self._waiting.pop(sequence, None)
        if waiting is not None:
            self._counted -= waiting.counted
        return waiting

    def find_late(self, sequence: int) -> Waiting | None:
        """Return the request that expired under ``sequence`` not long ago, and keep it in memory."""
        return self._late.get(sequence)

    def settle_late(self, sequence: int) -> None:
        """Forget the request that expired under ``sequence``: its late response has come."""
        self._late.pop(sequence, None)

    def oldest(self) -> float | None:
        """Return when the counted request that waits longest was sent; None if none waits."""
        return next((waiting.sent_at for waiting in self._waiting.values() if waiting.counted), None)

    def expire(self, now: float, timeout: float) -> list[Waiting]:
        """Take out the counted requests sent ``timeout`` seconds ago or earlier, oldest first, and remember them."""
        expired: list[Waiting] = []
        for waiting in self._waiting.values():  # insertion order is the order of sending
            if now < waiting.sent_at + timeout:
                break
            if waiting.counted:  # the others have timers of their own
                expired.append(waiting)
        for waiting in expired:
            self.settle(waiting.sequence)
            self._late[waiting.sequence] = waiting
        self._forget(now - timeout - LATE_MEMORY_S)
        return expired

    def _forget(self, before: float) -> None:
        for waiting in list(self._late.values()):
            if waiting.sent_at > before and len(self._late) <= self._size:
                break
            del self._late[waiting.sequence]

    def close(self) -> tuple[Waiting, ...]:
        """Take out all that wait, oldest first."""
        rest = tuple(self._waiting.values())
        self._waiting.clear()
        self._counted = 0
        return rest
