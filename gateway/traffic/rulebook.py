"""The configuration as traffic sees it: one frozen book of lines, swapped whole on a reload.

A batch takes the book once and uses it to its end, so that one transaction is judged by one configuration. A line that
is no longer in the configuration is not in the book: what is queued for it waits, and an MO that comes for it gets the
rules of an unknown line, under which STOP is in force and nothing is answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.model.messages import Lane
from gateway.policy.compile import LineRules, unknown_line_rules

LaneOfLine = tuple[Lane, int]
"""A lane of a line (by id): what gets messages, and what is paused."""


@dataclass(frozen=True, slots=True)
class Way:
    """One carrier of a line. ``weight`` 0: only in place of others. ``failover_after_s``: seconds down until then."""

    carrier: str
    weight: int = 1
    prefixes: tuple[str, ...] = ()
    failover_after_s: float = 30.0


@dataclass(frozen=True, slots=True)
class LineEntry:
    """A line with its rules, the carriers that submit for it, and how it reads national numbers.

    ``max_per_second`` is its own limit, over all of its carriers, ``max_backlog`` that of what may wait; 0 is none.
    """

    rules: LineRules
    ways: tuple[Way, ...]
    region: str
    max_per_second: float = 0
    max_backlog: int = 0

    @property
    def line_id(self) -> int:
        """The line's id in the store."""
        return self.rules.line_id

    @property
    def address(self) -> str:
        """The line's own number."""
        return self.rules.address


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All lines of one configuration, by address and by id; ``config_hash`` is stored with evidence.

    ``choices`` are the carriers of the lines that have several, by id.
    """

    by_address: Mapping[str, LineEntry]
    by_id: Mapping[int, LineEntry]
    config_hash: str
    stop_scope: str = "line"
    max_segments: int = 10
    max_backlog: int = 1_000_000
    choices: Mapping[int, tuple[Way, ...]] = field(init=False)

    def __post_init__(self) -> None:
        """Find the lines that have a choice."""
        several = {line_id: entry.ways for line_id, entry in self.by_id.items() if len(entry.ways) > 1}
        object.__setattr__(self, "choices", MappingProxyType(several))

    def rules(self, line_id: int, address: str) -> LineRules:
        """Return the rules of a line, or those of a line that the configuration does not know."""
        entry = self.by_id.get(line_id)
        return (
            entry.rules
            if entry
            else unknown_line_rules(address, line_id, stop_scope=self.stop_scope, config_hash=self.config_hash)
        )

    def ways(self, line_id: int) -> tuple[Way, ...]:
        """Return the carriers between which a line has the choice; none where it has no choice."""
        return self.choices.get(line_id, ())

    def on_uncertain(self, line_id: int) -> str:
        """Return "hold", "resend" or "fail"; a line that is gone holds."""
        entry = self.by_id.get(line_id)
        return entry.rules.on_uncertain if entry else "hold"


def rule_book(
    entries: Iterable[LineEntry],
    config_hash: str,
    *,
    stop_scope: str = "line",
    max_segments: int = 10,
    max_backlog: int = 1_000_000,
) -> RuleBook:
    """Bind entries into a book. ``max_segments`` and ``max_backlog`` are the limits of what is accepted to be sent."""
    lines = list(entries)
    return RuleBook(
        MappingProxyType({line.address: line for line in lines}),
        MappingProxyType({line.line_id: line for line in lines}),
        config_hash,
        stop_scope,
        max_segments,
        max_backlog,
    )
