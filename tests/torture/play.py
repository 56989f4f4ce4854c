"""A run: the carrier, the lives of the daemon and the conversation together; and what is left of it, to be judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests.torture.carrier import Carrier
from tests.torture.conversation import World, converse, write_config
from tests.torture.lives import Api, Launcher, Supervisor
from tests.torture.points import Fault

Script = Callable[[World], Awaitable[None]]
WHOLE_S = 120
"""How long a run may take on a machine that does other things."""


@dataclass(frozen=True)
class Run:
    """A run that came to its end."""

    world: World
    supervisor: Supervisor

    @property
    def store(self) -> Path:
        """The database."""
        return self.world.folder / "state" / "gateway.db"


async def play(
    launcher: Launcher,
    folder: Path,
    *faults: Fault,
    script: Script = converse,
    prepare: Callable[[Supervisor], None] = lambda supervisor: None,
    **order: Any,
) -> Run:
    """Hold the conversation in ``folder`` with these faults, stop the daemon, and return what to judge."""
    carrier, supervisor = Carrier(), Supervisor(launcher, folder, faults, **order)
    prepare(supervisor)
    world = World(folder, carrier, supervisor, Api(folder))
    with trio.move_on_after(WHOLE_S) as waited:
        async with trio.open_nursery() as nursery:
            await nursery.start(carrier.serve)
            async with trio.open_nursery() as lives:
                lives.start_soon(partial(supervisor.run, write_config(folder, carrier.port)))
                await script(world)
                await supervisor.finish()
            nursery.cancel_scope.cancel()
    assert not waited.cancelled_caught, f"no end after {WHOLE_S} s; {carrier.record[-5:]}\n{supervisor.log()[-4_000:]}"
    return Run(world, supervisor)
