"""The MOs of one session that wait for their answer: which command asked under which number, and how many octets.

A peer may use one sequence number twice; then its questions are answered in their order. Nothing is decided here.
"""

from __future__ import annotations

from collections import deque


class Unanswered:
    """Questions by sequence number. ``count`` and ``octets`` are of all of them."""

    def __init__(self) -> None:
        self.count = 0
        self.octets = 0
        self._first: dict[int, tuple[int, int]] = {}
        self._more: dict[int, deque[tuple[int, int]]] = {}  # under a number that waits already: hardly ever

    def ask(self, command_id: int, sequence: int, octets: int) -> None:
        """Note one more."""
        self.count += 1
        self.octets += octets
        if sequence in self._first:
            self._more.setdefault(sequence, deque()).append((command_id, octets))
        else:
            self._first[sequence] = (command_id, octets)

    def answer(self, sequence: int) -> int | None:
        """Take out the one that has waited longest under ``sequence``; return its command, None if there is none."""
        asked = self._first.pop(sequence, None)
        if asked is None:
            return None
        if self._more and (more := self._more.get(sequence)):
            self._first[sequence] = more.popleft()
            if not more:
                del self._more[sequence]
        command_id, octets = asked
        self.count -= 1
        self.octets -= octets
        return command_id
