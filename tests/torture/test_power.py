"""The power goes with the process: what was not synced is lost, or half there; what was acked must be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.daemon import ON_THE_LIST, STOPPED, WELCOME
from tests.torture.carrier import text
from tests.torture.cases import Case, Reference, at, play_case, try_each
from tests.torture.conversation import ANNE, World
from tests.torture.image import ALL, NONE, SOME
from tests.torture.judge import judge
from tests.torture.lives import Launcher
from tests.torture.points import AFTER, BEFORE

MOMENTS = (("wire.write", AFTER), ("http.write", AFTER), ("disk.sync", BEFORE), ("disk.sync", AFTER), ("commit", AFTER))


@pytest.mark.parametrize("kept", [NONE, SOME, ALL])
@pytest.mark.parametrize("point, moment", MOMENTS)
async def test_the_power_goes(
    point: str, moment: str, kept: str, launcher: Launcher, reference: Reference, tmp_path: Path
) -> None:
    place = at(point, moment)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),), kept=kept))


@pytest.mark.parametrize("kept", [NONE, SOME])
async def test_the_power_goes_between_two_writes(
    kept: str, launcher: Launcher, reference: Reference, tmp_path: Path
) -> None:
    place = at("disk.write", AFTER)
    await try_each(launcher, reference, tmp_path, lambda k: Case((place(k),), kept=kept), stride=9)


@pytest.mark.parametrize("later", [1, 3])
@pytest.mark.parametrize("kept", [NONE, SOME])
async def test_a_sync_failed_and_then_the_power_goes(
    kept: str, later: int, launcher: Launcher, reference: Reference, tmp_path: Path
) -> None:
    """What a failed sync should have saved is not saved by the next one."""
    fails, goes = at("disk.sync", BEFORE, "ioerr"), at("disk.sync", AFTER)
    make = lambda k: Case((fails(k), goes(k + later)), kept=kept)  # noqa: E731
    await try_each(launcher, reference, tmp_path, make)


async def _stopped_and_off(world: World) -> None:
    """A STOP is acked, and the power goes."""
    await world.text(text(ANNE, "JOIN"))
    await world.got(ANNE, WELCOME, ON_THE_LIST)
    await world.text(text(ANNE, "STOP"))
    await world.got(ANNE, STOPPED)
    await world.supervisor.kill()
    await world.quiet()


@pytest.mark.parametrize("synchronous", ["", "NORMAL", "OFF"])
async def test_the_harness_sees_what_is_not_synced(synchronous: str, launcher: Launcher, tmp_path: Path) -> None:
    """Without a sync in each commit, the harness must find it wrong: so what it finds right is right for a reason."""
    run = await play_case(launcher, tmp_path / "run", Case(kept=NONE, synchronous=synchronous), _stopped_and_off)
    if not synchronous:
        judge(run)
        return
    with pytest.raises(AssertionError, match=r"acked and lost: .*STOP"):
        judge(run)
