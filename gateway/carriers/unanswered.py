"""The MOs of one session that wait for their answer: which command asked under which number, and how many octets.

A peer may use one sequence number twice; then its questions are answered in their order. Nothing is decided here.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_NOBODY: Final = (None, 0)


class Unanswered:
    """Questions by sequence number. ``count`` and ``octets`` are of all of them."""

    def __init__(self) -> None:
        self.octets = 0
        self._first: dict[int, tuple[int, int]] = {}
        self._more: dict[int, deque[tuple[int, int]]] = {}  # under a number that waits already: hardly ever

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._first) + sum(map(len, self._more.values())) if self._more else len(self._first)

    def ask(self, command_id: int, sequence: int, octets: int) -> None:
        """Note one more."""
        self.octets += octets
        if sequence in self._first:
            self._more.setdefault(sequence, deque()).append((command_id, octets))
        else:
            self._first[sequence] = (command_id, octets)

    def answer(self, sequence: int) -> int | None:
        """Take out the one that has waited longest under ``sequence``; return its command, None if there is none."""
        command_id, octets = self._first.pop(sequence, _NOBODY)
        self.octets -= octets
        if self._more and (more := self._more.get(sequence)):
            self._first[sequence] = more.popleft()
            if not more:
                del self._more[sequence]
        return command_id
