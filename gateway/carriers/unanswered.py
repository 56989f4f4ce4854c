"""The MOs of one session that wait for their answer: which command asked under which number, and how many octets.

A peer may use one sequence number twice; then its questions are answered in their order. Nothing is decided here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
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

    def answer_all(self, sequences: Iterable[int]) -> list[int | None]:
        """Take out the ones that have waited longest under these numbers; return each one's command.

        None stands for a number under which nobody waits.
        """
        waiting, more = self._first, self._more
        commands: list[int | None] = []
        for sequence in sequences:
            command_id, octets = waiting.pop(sequence, _NOBODY)
            commands.append(command_id)
            self.octets -= octets
            if more and sequence in more:
                waiting[sequence] = more[sequence].popleft()
                if not more[sequence]:
                    del more[sequence]
        return commands
