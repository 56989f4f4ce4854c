"""The carrier cuts the connection after each octet that it sends, and after each that it reads, in a conversation."""

from __future__ import annotations

import itertools
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from tests.kit.daemon import ON_THE_LIST, STOPPED, WELCOME
from tests.torture.carrier import Cut, text
from tests.torture.cases import WHOLE
from tests.torture.conversation import World
from tests.torture.judge import judge
from tests.torture.lives import Launcher
from tests.torture.play import Run, play

SOME = (1, 16, 17, 30, 75, 140, 230, 333, 470)
"""Of the octets: inside headers and bodies of the bind, of texts, of their answers, of submits and of receipts."""
SHARE = 100
"""So many places of cutting are tried with one daemon."""


@pytest.mark.checklist("I1", "I3")
@pytest.mark.parametrize("way", ["sent", "read"])
async def test_cut_at_every_octet(way: Literal["sent", "read"], launcher: Launcher, tmp_path: Path) -> None:
    over = False
    for share in itertools.count():
        places = range(1 + share * SHARE, 1 + (share + 1) * SHARE) if WHOLE else SOME
        run, over = await _cut_at(places, way, launcher, tmp_path / str(share))
        assert run.supervisor.ends == [0]
        judge(run)
        _once_each(run)
        if over or not WHOLE:
            break
    assert over or not WHOLE


async def _cut_at(places: range | tuple[int, ...], way: str, launcher: Launcher, folder: Path) -> tuple[Run, bool]:
    """Cut at each of these places; also return whether one of them lay behind the end of the conversation."""
    over = False

    async def script(world: World) -> None:
        nonlocal over
        for place in places:
            cut = Cut(sent=place) if way == "sent" else Cut(read=place)
            cut.abrupt = place % 2 == 1
            await _between(f"1646555{place % 10_000:04}", cut, world)
            if over := not cut.done:
                break
        await world.quiet()

    return await play(launcher, folder, script=script), over


async def _between(number: str, cut: Cut, world: World) -> None:
    """Hold the short conversation with a subscriber of its own, over a session of its own."""
    world.carrier.cut = cut
    await world.carrier.hang_up()
    await world.text(text(number, "JOIN"))
    await world.got(number, WELCOME, ON_THE_LIST)
    await world.text(text(number, "STOP"))
    await world.got(number, STOPPED)


def _once_each(run: Run) -> None:
    """Nobody's text had an effect twice, and nobody was confirmed more than once more than they stopped."""
    numbers = {item.source for item in run.world.carrier.texts}
    with closing(sqlite3.connect(run.store)) as store:
        said = Counter(store.execute("select subscriber, text from message"))
        outs = dict(store.execute("select subscriber, opt_outs from consent"))
        events = Counter(store.execute("select subscriber, kind from evidence"))
    for number in numbers:
        for expected in ("JOIN", WELCOME, ON_THE_LIST, "STOP", STOPPED):
            assert said[f"+{number}", expected] == 1, (number, expected)
        assert outs[f"+{number}"] == 1
        assert [events[f"+{number}", kind] for kind in ("opt_in", "list_join", "opt_out")] == [1, 1, 1]
        assert 1 <= run.world.carrier.whole(number).count(STOPPED) <= 2
