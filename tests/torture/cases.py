"""The same conversation again and again, each time with the fault one step later: all of them, or a sample.

A *series* is a kind of fault with its place left open; ``try_each`` plays it at place 1, 2, 3, ... until one lies
behind the end of the conversation and nothing happens any more. ``make test`` plays a place or two of each, other ones
in each series; ``make torture`` sets ``TORTURE=whole`` and plays all of them (of long series: each ``stride``-th).
"""

from __future__ import annotations

import itertools
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import trio

from tests.torture.conversation import converse
from tests.torture.image import PoweredDisk
from tests.torture.judge import Effects, effects, judge
from tests.torture.lives import KILLED, STORE_UNAVAILABLE, Launcher, Supervisor
from tests.torture.play import Run, Script, play
from tests.torture.points import POINTS, Fault

WHOLE: Final = os.environ.get("TORTURE") == "whole"
SAMPLE: Final = 1
"""How many places of each series are played where not all are."""
TOGETHER: Final = 2
"""How many conversations are held at a time."""
TRIED: Final[dict[tuple[str, str], int]] = {}
"""How many places were tried, by what went wrong and the series' name."""


@dataclass(frozen=True)
class Case:
    """One conversation: its faults, and whether the power goes with the process (``kept`` as ``PoweredDisk.cut``).

    ``survives``: the daemon must outlive it. A start that finds no store to open may end; it is started anew.
    """

    faults: tuple[Fault, ...] = ()
    disk: bool = False
    kept: str = ""
    synchronous: str = ""
    survives: bool = False


@dataclass(frozen=True)
class Reference:
    """What the conversation leads to without any fault, and how often it passes each point."""

    effects: Effects
    counts: dict[str, int]


async def play_case(launcher: Launcher, folder: Path, case: Case, script: Script = converse) -> Run:
    """Hold one conversation."""
    disk = PoweredDisk(folder / "state" / "gateway.db", folder)

    def prepare(supervisor: Supervisor) -> None:
        def died() -> None:
            if supervisor.ends[-1] == KILLED:
                disk.cut(case.kept, len(case.faults) and case.faults[0].first)

        if case.kept:
            supervisor.on_death = died
        if any(fault.deed != "kill" for fault in case.faults):
            supervisor.allowed.add(STORE_UNAVAILABLE)

    order = {"disk": str(folder)} if case.disk or case.kept else {}
    return await play(
        launcher, folder, *case.faults, script=script, prepare=prepare, synchronous=case.synchronous, **order
    )


async def refer(launcher: Launcher, folder: Path) -> Reference:
    """Hold the conversation without any fault."""
    run = await play_case(launcher, folder, Case(disk=True))
    judge(run)
    return Reference(effects(run), {point: run.supervisor.points.count(point) for point in POINTS})


async def try_each(
    launcher: Launcher,
    reference: Reference,
    folder: Path,
    make: Callable[[int], Case],
    *,
    stride: int = 1,
    sample: int = SAMPLE,
) -> None:
    """Play a series. Fails with the first conversations that were judged wrong."""
    wrong: list[str] = []
    tried = 0
    point = make(1).faults[0].point
    places = itertools.count(1, stride) if WHOLE else _spread(reference.counts[point], sample, folder.name)
    over = trio.Event()

    async def work() -> None:
        nonlocal tried
        for place in places:
            if over.is_set() or len(wrong) >= 3:
                return
            case = make(place)
            where = folder / str(place)
            try:
                run = await play_case(launcher, where, case)
                if run.supervisor.fired:
                    tried += 1
                else:
                    over.set()
                judge(run, reference.effects)
                _outlived(run, case)
            except* AssertionError as group:
                wrong.extend(f"{' and '.join(map(str, case.faults))}: {error}" for error in _leaves(group))
            else:
                shutil.rmtree(where)

    async with trio.open_nursery() as nursery:
        for _ in range(TOGETHER):
            nursery.start_soon(work)
    assert not wrong, "\n\n".join(wrong)
    assert tried, "nothing happened at any place"
    TRIED[str(make(0).faults[0]).replace(" 0", ""), folder.name] = tried


def _outlived(run: Run, case: Case) -> None:
    """Nobody but the operator ended it: twice, in the middle and at the end. One that did not start is started anew."""
    ends = [end for end in run.supervisor.ends if end != STORE_UNAVAILABLE]
    assert not case.survives or ends == [0, 0], f"the daemon did not outlive this: {run.supervisor.ends}"


def _spread(count: int, sample: int, series: str) -> Iterator[int]:
    """Return a place in each of ``sample`` equal stretches: always the same of a series.

    They end at two thirds of ``count``: it differs by some from run to run, as reads and commits hold more or less.
    """
    within = zlib.crc32(series.encode()) / 2**32
    return iter([1 + int(count * 2 / 3 * (number + within) / sample) for number in range(sample)])


def _leaves(group: BaseExceptionGroup[AssertionError]) -> Iterator[AssertionError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def at(point: str, moment: str, deed: str = "kill", **more: object) -> Callable[[int], Fault]:
    """Return faults whose place is open."""
    return partial(_fault, point, deed, moment, more)


def _fault(point: str, deed: str, moment: str, more: dict[str, object], place: int) -> Fault:
    return Fault(point, place, deed, moment, **more)  # type: ignore[arg-type]  # its own keywords
