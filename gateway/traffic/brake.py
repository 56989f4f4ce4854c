"""The operator's brake: what is paused now, as memory that the dispatcher reads, written through the store.

A paused carrier is sent nothing. A paused lane stands still on every line. A paused line stands still in lanes 2 to 4:
the confirmation of an opt-out and the answer to HELP still go, because they are owed. MOs are always taken in: pausing
never loses a STOP. A store that was restored has a brake of its own: nothing goes at all, and no resume lifts it
(``gateway.traffic.restoring`` does).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from gateway.model.messages import Lane
from gateway.model.views import BrakeRow
from gateway.traffic.rulebook import LaneOfLine, RuleBook

KINDS: Final = ("line", "carrier", "lane")
"""What an operator may pause."""
STORE: Final = "store"
"""The kind of a restored store's brake."""


class Brakes:
    """What is paused. ``show`` is told of each change: (kind, name, paused)."""

    def __init__(self, show: Callable[[str, str, bool], None] = lambda kind, name, paused: None) -> None:
        self._rows: dict[tuple[str, str], BrakeRow] = {}
        self._show = show
        self._missing: Collection[tuple[str, str]] = ()
        self._carriers: frozenset[str] = frozenset()
        self.changes = 0
        """How often anything was paused or resumed: whoever decided by the brakes sees whether that still holds."""

    def load(self, rows: Iterable[BrakeRow]) -> None:
        """Take over what the store says, at the start."""
        for row in rows:
            self.set(row)

    def set(self, row: BrakeRow) -> None:
        """Pause."""
        self._rows[row.kind, row.name] = row
        self._changed()
        self._show(row.kind, row.name, True)

    def replace(self, rows: Iterable[BrakeRow]) -> bool:
        """Have these brakes, and no others: they were set or released on another node.

        Returns whether that changes anything. The brake of a restored store is let go only when it is missing twice in
        a row: what was read may be from just before it was set here.
        """
        wanted = {(row.kind, row.name): row for row in rows}
        missing = self._rows.keys() - wanted.keys()
        gone = [key for key in missing if key[0] != STORE or key in self._missing]
        self._missing = missing
        for kind, name in gone:
            self.release(kind, name)
        fresh = wanted.keys() - self._rows.keys()
        for key in fresh:
            self.set(wanted[key])
        return bool(gone or fresh)

    def release(self, kind: str, name: str) -> None:
        """Resume; what was not paused stays so."""
        if self._rows.pop((kind, name), None) is not None:
            self._changed()
            self._show(kind, name, False)

    @property
    def rows(self) -> list[BrakeRow]:
        """What is paused, the latest first."""
        return sorted(self._rows.values(), key=lambda row: -row.paused_at)

    @property
    def restored(self) -> bool:
        """Whether the store was restored, and must not send yet."""
        return any(kind == STORE for kind, _ in self._rows)

    @property
    def carriers(self) -> frozenset[str]:
        """Names of the paused carriers."""
        return self._carriers

    def _changed(self) -> None:
        self.changes += 1
        self._carriers = frozenset(name for kind, name in self._rows if kind == "carrier")

    def places(self, book: RuleBook) -> frozenset[LaneOfLine]:
        """Return the lanes of lines that stand still under this book."""
        if not self._rows:
            return frozenset()
        if self.restored:
            return frozenset((lane, line_id) for lane in Lane for line_id in book.by_id)
        lanes = {name for kind, name in self._rows if kind == "lane"}
        lines = {name for kind, name in self._rows if kind == "line"}
        return frozenset(
            (lane, entry.line_id)
            for lane in Lane
            for entry in book.by_id.values()
            if lane.word in lanes or (entry.address in lines and lane is not Lane.URGENT)
        )
