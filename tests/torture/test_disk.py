"""A disk that is full or broken at the k-th write, sync or statement, and mends itself: the daemon lives through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.cases import Case, Reference, at, try_each
from tests.torture.lives import Launcher
from tests.torture.points import AFTER, BEFORE, HALF


@pytest.mark.parametrize("times", [1, 8])
@pytest.mark.parametrize("deed, moment", [("full", BEFORE), ("full", HALF), ("ioerr", BEFORE), ("ioerr", AFTER)])
async def test_a_write_fails(
    deed: str, moment: str, times: int, launcher: Launcher, reference: Reference, tmp_path: Path
) -> None:
    place = at("disk.write", moment, deed, times=times)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),), disk=True, survives=True), stride=9)


@pytest.mark.parametrize("times", [1, 6])
async def test_a_sync_fails(times: int, launcher: Launcher, reference: Reference, tmp_path: Path) -> None:
    place = at("disk.sync", BEFORE, "ioerr", times=times)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),), disk=True, survives=True))


@pytest.mark.parametrize("times", [1, 8])
@pytest.mark.parametrize("deed", ["memory", "no_memory", "locked", "full"])
async def test_a_statement_fails(
    deed: str, times: int, launcher: Launcher, reference: Reference, tmp_path: Path
) -> None:
    """MemoryError, SQLITE_NOMEM, SQLITE_BUSY, SQLITE_FULL: in a job, in BEGIN, in COMMIT, in a reader's question."""
    place = at("statement", BEFORE, deed, times=times)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),), survives=True), stride=7)
