"""Traffic without a daemon: for commands that touch the store while nothing runs.

It takes the store's single-owner lock for as long as it works, so a daemon and a command never write side by side.
Nothing is sent: what is accepted waits for the next start. Only what has something to store may begin a store: to a
question, a state folder that is mistyped would show an empty record, as if nobody had ever opted out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from gateway.base import SystemClock
from gateway.config import Config
from gateway.daemon.flow import Flow
from gateway.daemon.folder import make_state_folder
from gateway.store.engines import find_engine
from gateway.store.errors import StoreMissing
from gateway.store.store import open_store
from gateway.telemetry.metrics import Metrics


@asynccontextmanager
async def offline_flow(config: Config, *, begins: bool) -> AsyncIterator[Flow]:
    """Open the store of a configuration with its desk; raises GatewayError where somebody else owns the store.

    Where there is none, it is made with ``begins``; without, StoreMissing is raised and nothing is made.
    """
    if not begins and (missing := find_engine(config.store, config.state_dir).missing()):
        raise StoreMissing(
            f"there is no store at {missing}: if a gateway has run with this configuration, correct "
            "[gateway] state_dir or [store] url; if not, `gateway run` makes one"
        )
    clock = SystemClock()
    make_state_folder(config.state_dir)
    async with open_store(config.store, config.state_dir, config.gateway.node, clock, starts=False) as store:
        flow = await Flow.begin(store, config, clock, Metrics(node=config.gateway.node))
        async with flow.among.visiting() if flow.among is not None else nullcontext():
            yield flow
