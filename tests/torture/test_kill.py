"""SIGKILL at the k-th commit, write and read of the conversation: before it, in the middle, after it, for every k."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.cases import Case, Reference, at, try_each
from tests.torture.lives import Launcher
from tests.torture.points import AFTER, BEFORE, HALF

PLACES = (
    ("commit", BEFORE),
    ("commit", AFTER),
    ("wire.read", AFTER),
    ("wire.write", BEFORE),
    ("wire.write", HALF),
    ("wire.write", AFTER),
    ("http.read", AFTER),
    ("http.write", BEFORE),
    ("http.write", HALF),
    ("http.write", AFTER),
)


@pytest.mark.parametrize("point, moment", PLACES)
async def test_killed(point: str, moment: str, launcher: Launcher, reference: Reference, tmp_path: Path) -> None:
    place = at(point, moment)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),)), sample=2)


@pytest.mark.parametrize("gap", [1, 2, 5])
async def test_killed_and_killed_again(gap: int, launcher: Launcher, reference: Reference, tmp_path: Path) -> None:
    """The second time while what the first one left is being put right."""
    place = at("commit", AFTER)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k), place(k + gap))), stride=2)
