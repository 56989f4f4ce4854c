"""What the routes of a restored store are asked and answer.

Owns their spelling, as ``answers`` and ``schemas`` do for the others. A record of a suppression log travels as the line
that it is in its file: it has a checksum of its own, and one place that reads it.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from gateway.model.restore import Covered, MergedRow
from gateway.model.views import RestoredRow
from gateway.web.answers import Answer, Time, rfc3339
from gateway.web.schemas import NUL_FREE, Asked, Text, When

MAX_LINES = 10_000

Line = Annotated[str, Field(max_length=4096, pattern=NUL_FREE)]
Name = Annotated[str, Field(max_length=1000, pattern=NUL_FREE)]


class LinesBody(Asked):
    """Lines of suppression logs."""

    lines: list[Line] = Field(
        min_length=1, max_length=MAX_LINES, description="Whole lines, in the order in which they happened."
    )


class CoveredBody(Asked):
    """A log that was merged whole, from some point on."""

    node: Text = Field(description="Whose log it is.", examples=["gw1"])
    incarnation: int = Field(description="Of which of the node's evidence chains.", examples=[1795367000])
    head: int = Field(ge=0, description="It has everything behind this place of the chain.", examples=[4711])


class FinishBody(Asked):
    """Which logs were merged."""

    covered: list[CoveredBody] = Field(max_length=1000, description="What the logs have without a gap, to their end.")
    logs: list[Name] = Field(max_length=1000, description="The files' names, for the audit trail.")

    def values(self) -> list[Covered]:
        """Return them as the desk's values."""
        return [Covered(item.node, item.incarnation, item.head) for item in self.covered]


class LossBody(Asked):
    """Why the loss of opt-outs is accepted."""

    reason: str = Field(
        min_length=1, max_length=500, pattern=r"^[^\u0000]*\S[^\u0000]*$", examples=["the log's disk is lost, too"]
    )


class MarkBody(Asked):
    """Of when the store is."""

    taken_at: When = Field(description="When the backup was taken that the store was restored from.")


class ChainView(Answer):
    """An evidence chain that may have gone on after the backup."""

    node: str = Field(examples=["gw1"])
    incarnation: int
    seq: int = Field(description="The store has it up to this place.")
    covered: bool = Field(description="Whether the log of what came then is merged.")


class RestoreView(Answer):
    """Whether the store was restored and sends nothing, and what is owed until it does."""

    restored: bool
    why: str | None = Field(description="How it shows: `backup`, `copy` or `older`.", examples=["backup"])
    taken_at: Time | None = Field(description="When the backup was taken, where that is known.")
    noticed_at: Time | None = Field(description="When it was noticed.")
    chains: list[ChainView]

    @classmethod
    def of(cls, row: RestoredRow | None) -> Self:
        """Show what is owed; None: nothing is."""
        if row is None:
            return cls(restored=False, why=None, taken_at=None, noticed_at=None, chains=[])
        chains = [
            ChainView(node=chain.node, incarnation=chain.incarnation, seq=chain.seq, covered=chain.covered)
            for chain in row.chains
        ]
        taken_at = None if row.taken_at is None else rfc3339(row.taken_at)
        return cls(restored=True, why=row.why, taken_at=taken_at, noticed_at=rfc3339(row.noticed_at), chains=chains)


class MergedView(Answer):
    """What became of the records."""

    applied: int = Field(description="They narrow a consent, from now on.")
    lifted: int = Field(description="The subscriber's own text, later than what it ended.")
    known: int = Field(description="The store has them, or they were merged before.")
    outdone: int = Field(description="Something later says otherwise, or there was nothing to lift.")
    refused: int = Field(description="Waiting messages that were refused for it.")

    @classmethod
    def of(cls, row: MergedRow) -> Self:
        """Show what a merge did."""
        return cls(**row.fates, refused=row.refused)
