"""This node among others on one store: what of several nodes is wired to the flows, and what the flows ask of it.

Exists only where the store's engine is one that several nodes share. Owns the wiring and the answers that are made of
the last heartbeat (who is up elsewhere, which part of a rate is ours); decides nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio

from gateway.base import Clock
from gateway.carriers.carrier import Carrier
from gateway.model.messages import Lane
from gateway.model.nodes import JANITOR, LeaseKey, Pulse, lease_of
from gateway.model.views import NodeView
from gateway.store.errors import StoreError
from gateway.store.queries import brakes as stored_brakes
from gateway.store.side import Side
from gateway.store.store import Store
from gateway.telemetry.metrics import Metrics
from gateway.traffic.abroad import Abroad
from gateway.traffic.brake import Brakes
from gateway.traffic.claims import Place
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.fence import Fence
from gateway.traffic.janitor import Janitor
from gateway.traffic.nodes import Nodes
from gateway.traffic.rulebook import Way
from gateway.traffic.voices import BRAKES, RING, Voices

_log = structlog.get_logger(__name__)


class Among:
    """See ``gateway.traffic.contended.Shared`` for what the dispatcher asks. ``attach`` completes it."""

    def __init__(
        self,
        store: Store,
        side: Side,
        clock: Clock,
        lease_s: float,
        metrics: Metrics,
        carriers: Callable[[], Sequence[Carrier]],
    ) -> None:
        self._store = store
        self._side = side
        self._clock = clock
        self._metrics = metrics
        self._carriers = carriers
        self._janitor: Janitor | None = None
        self._brakes: Brakes | None = None
        self._dispatcher: Dispatcher | None = None
        self._abroad: Abroad | None = None
        self._stale = trio.Event()
        self._loading = False
        self.voices = Voices(side, clock, store.identity)
        self.nodes = Nodes(side, clock, store.identity, lease_s, self.voices, self._sessions, self._sweep, self._seen)
        self.voices.on(RING, self._rung)
        self.voices.on(BRAKES, lambda node, life, message: self._stale.set())

    def attach(self, dispatcher: Dispatcher, fence: Fence, janitor: Janitor, brakes: Brakes) -> None:
        """Join what was made after this."""
        self._dispatcher, self._janitor, self._brakes = dispatcher, janitor, brakes
        self._abroad = Abroad(self._side, self._store.writer, self._clock, self._store.identity, self.voices, fence)
        self._abroad.waited = lambda seconds: self._metrics.fence_seconds.observe([seconds])
        fence.others = self._abroad
        janitor.on_duty = lambda: self.nodes.tenancy.on_duty
        dispatcher.part_of_lines(self._part)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Beat, talk and listen until cancelled. Started once the first heartbeat was taken."""
        await self.nodes.join()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.voices.run)
            nursery.start_soon(self.nodes.run)
            nursery.start_soon(self._follow_brakes)
            if self._abroad is not None:
                nursery.start_soon(self._abroad.run)
            task_status.started()

    @property
    def asked(self) -> int:
        """How often other nodes held permits of somebody whose consent was narrowed here, and were asked."""
        return self._abroad.questions if self._abroad is not None else 0

    @asynccontextmanager
    async def visiting(self) -> AsyncIterator[None]:
        """Talk and listen while the block runs, and hold nothing: a command works beside the nodes that run."""
        raised: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.voices.run)
            if self._abroad is not None:
                nursery.start_soon(self._abroad.run)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised below, as it is rather than in a group
                raised = error
            await self.voices.flush()
            nursery.cancel_scope.cancel()
        if raised is not None:
            raise raised

    # What the flows ask.

    def fences(self) -> Mapping[LeaseKey, int]:
        """See ``Shared``."""
        return self.nodes.tenancy.fences()

    def ring(self, places: Collection[Place]) -> None:
        """See ``Shared``."""
        if self.nodes.others:
            self.voices.ring(places)

    def up_elsewhere(self) -> Collection[str]:
        """See ``Shared``."""
        return {
            lease.key[0]
            for lease in self.nodes.pulse.leases
            if lease.sessions and self.nodes.pulse.owner(lease) not in ("", self._store.identity.node)
        }

    def owners(self) -> Mapping[LeaseKey, str]:
        """Return which node holds which bind; "" for none."""
        return self.nodes.owners()

    def rows(self) -> tuple[NodeView, ...]:
        """Return the nodes for status pages."""
        owners = self.nodes.owners()
        return tuple(
            NodeView(node.name, node.alive, tuple(f"{key[0]}/{key[1]}" for key in owners if owners[key] == node.name))
            for node in self.nodes.pulse.nodes
        )

    def paused(self) -> None:
        """Learn that something was paused or resumed here."""
        if not self._loading:
            self.voices.say(BRAKES)

    def turned(self) -> None:
        """Learn that a bind came up or went down."""
        self.nodes.tenancy.changed()

    # What comes back.

    def _sessions(self) -> Mapping[LeaseKey, frozenset[str]]:
        live: dict[LeaseKey, set[str]] = {key: set() for key in self.fences()}
        for carrier in self._carriers():
            for bind in carrier.binds:
                if bind.bound and (key := lease_of(bind.name)) in live:
                    live[key].add(bind.session)
        return {key: frozenset(sessions) for key, sessions in live.items()}

    async def _sweep(self) -> int:
        if self._janitor is None or self._dispatcher is None:
            return 0
        count = await self._janitor.recover()
        self._dispatcher.ring_all()  # what may be sent once more waits
        return count

    def _seen(self, pulse: Pulse, taken_over: int) -> None:
        """Follow a heartbeat: rates, metrics, and a look at queue and brakes, in case nobody said that they changed."""
        held = self.fences()
        for carrier in self._carriers():
            mine = sum(key[0] == carrier.name for key in held)
            carrier.share(max(mine, 1) / carrier.options.binds)
            self._metrics.leases_held(carrier.name).set(mine)
        self._metrics.nodes_alive.set(len(pulse.living))
        self._metrics.takeovers.inc(taken_over)
        if self.nodes.others and self._dispatcher is not None:
            self._dispatcher.ring_all()
            self._stale.set()

    def _part(self, ways: Sequence[Way]) -> float:
        """Return which part of a line's rate is ours: as many as we hold of its carriers' binds."""
        names = {way.carrier for way in ways}
        known = {lease.key for lease in self.nodes.pulse.leases if lease.key != JANITOR and lease.key[0] in names}
        mine = known & self.fences().keys()
        return len(mine) / len(known) if mine else 1.0

    def _rung(self, node: str, life: int, message: Mapping[str, Any]) -> None:
        if self._dispatcher is not None:
            self._dispatcher.ring({(Lane(place[0]), int(place[1])) for place in message["places"]})

    async def _follow_brakes(self) -> None:
        """Take over what was paused or resumed on another node."""
        while True:
            await self._stale.wait()
            self._stale = trio.Event()
            try:
                rows = await self._store.read(stored_brakes)
            except StoreError as error:
                _log.warning("not known what is paused: the store cannot be read", error=str(error))
                await trio.sleep(1)
                self._stale.set()
                continue
            if self._brakes is not None and self._dispatcher is not None:
                self._loading = True
                changed = self._brakes.replace(rows)
                self._loading = False
                if changed:
                    self._dispatcher.ring_all()
