"""A restored store that keeps everything in memory: what the tests of the HTTP face stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Actor
from gateway.model.restore import Covered, MergedRow
from gateway.model.views import BrakeRow, RestoredRow
from tests.kit.desk import NOW


@dataclass
class FakeRestore:
    """Implements ``gateway.web.ports.RestorePort``; ``asked`` is what was asked of it, and by whom."""

    owed: RestoredRow | None = None
    asked: list[tuple[str, str, object]] = field(default_factory=list)

    async def state(self) -> RestoredRow | None:
        return self.owed

    async def merge(self, lines: Sequence[str], actor: Actor) -> MergedRow | Refusal:
        self.asked.append(("merge", actor.name, list(lines)))
        if "bad" in lines:
            return Refusal(Reason.BAD_LOG, "Line 1 is no record.")
        fates = {"applied": len(lines), "lifted": 0, "known": 0, "outdone": 0}
        return MergedRow(fates, refused=1)

    async def finish(self, covered: Sequence[Covered], logs: Sequence[str], actor: Actor) -> RestoredRow | None:
        self.asked.append(("finish", actor.name, (list(covered), list(logs))))
        if self.owed is not None:
            named = {(each.node, each.incarnation): each.head for each in covered}
            chains = tuple(
                replace(c, covered=named.get((c.node, c.incarnation), c.seq + 1) <= c.seq) for c in self.owed.chains
            )
            self.owed = None if all(c.covered for c in chains) else replace(self.owed, chains=chains)
        return self.owed

    async def accept_loss(self, reason: str, actor: Actor) -> RestoredRow | Refusal:
        self.asked.append(("accept-loss", actor.name, reason))
        owed, self.owed = self.owed, None
        return owed or Refusal(Reason.NOT_RESTORED, "It was not restored.")

    async def mark(self, taken_at: float, actor: Actor) -> BrakeRow:
        self.asked.append(("mark", actor.name, taken_at))
        return BrakeRow("store", "restored", NOW, "gateway", "marked")
