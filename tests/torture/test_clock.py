"""The clock jumps an hour, either way, and the machine sleeps for one: at the k-th commit of the conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.cases import Case, Reference, at, try_each
from tests.torture.lives import Launcher
from tests.torture.points import BEFORE

HOUR_S = 3_600.0


@pytest.mark.parametrize("deed, seconds", [("jump", HOUR_S), ("jump", -HOUR_S), ("sleep", HOUR_S)])
async def test_the_clock_moves(
    deed: str, seconds: float, launcher: Launcher, reference: Reference, tmp_path: Path
) -> None:
    place = at("commit", BEFORE, deed, amount=seconds)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),), survives=True))
