"""A carrier with one bind or more, its wires in memory, and the SMSC at their other ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from gateway.carriers.bind import Bind
from gateway.carriers.carrier import Carrier
from gateway.carriers.observer import Observer
from gateway.carriers.options import CarrierOptions
from gateway.carriers.tenure import Tenures
from gateway.carriers.wire import Wire, WireError
from tests.kit.smsc import Ledger, Smsc, TrioClock
from tests.kit.wire import MemoryWire, memory_wires


class Rig:
    """``smscs`` and ``wires`` are those of all connections so far; ``dialled`` when each was asked for.

    ``prepare`` may change each SMSC before it serves; ``unreachable`` makes so many dials fail.
    """

    def __init__(self, *, observer: Observer | None = None, tenures: Tenures | None = None, **keys: Any) -> None:
        self.ledger = Ledger()
        self.smscs: list[Smsc] = []
        self.wires: list[MemoryWire] = []
        self.dialled: list[float] = []
        self.unreachable = 0
        self.prepare: Callable[[Smsc], None] = lambda smsc: None
        self.serve: Callable[[Smsc], Awaitable[None]] = Smsc.run
        self._nursery: trio.Nursery | None = None
        self.carrier = Carrier(
            CarrierOptions.model_validate({"name": "acme", "system_id": "demo"} | keys),
            inward=self.ledger,
            clock=TrioClock(),
            life="gw1-7",
            region_of=lambda line: "US",
            observer=observer,
            dial=self._dial,
            dice=lambda: 0.5,
            tenures=tenures,
        )

    @property
    def bind(self) -> Bind:
        return self.carrier.binds[0]

    @property
    def smsc(self) -> Smsc:
        return self.smscs[-1]

    @property
    def wire(self) -> MemoryWire:
        """Our end of the latest connection."""
        return self.wires[-1]

    async def _dial(self) -> Wire:
        await trio.lowlevel.checkpoint()
        self.dialled.append(trio.current_time())
        if len(self.dialled) <= self.unreachable:
            raise WireError("nobody listens")
        ours, theirs = memory_wires()
        smsc = Smsc(theirs, window=10_000)
        self.wires.append(ours)
        self.smscs.append(smsc)
        self.prepare(smsc)
        assert self._nursery is not None
        self._nursery.start_soon(self.serve, smsc)
        return ours

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Rig]:
        """Run the carrier; leaving the block cancels it."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self.carrier.run)
            yield self
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[Rig]:
        """Run it until its first bind is up."""
        async with self.running():
            await settle()
            assert self.bind.bound
            yield self


async def settle() -> None:
    """Let every task do all that it can without time passing."""
    await trio.testing.wait_all_tasks_blocked()
