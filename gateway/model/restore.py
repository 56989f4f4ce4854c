"""What a restored store is asked and answers: the words between the faces and whoever merges.

A store that was restored lacks what came after its backup. See ``gateway.model.views.RestoredRow`` for what is owed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Covered:
    """A suppression log that was merged: of this chain, it has everything behind place ``head``, to its end."""

    node: str
    incarnation: int
    head: int


@dataclass(frozen=True, slots=True)
class MergedRow:
    """What merging some records did. ``fates`` counts them: "applied", "lifted", "known", "outdone"."""

    fates: Mapping[str, int]
    refused: int
