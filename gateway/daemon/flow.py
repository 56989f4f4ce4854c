"""Traffic, wired together: the one place where hub, dispatcher, desk and janitor meet the store and the carriers.

Owns the wiring and the book in force; decides nothing. The same wiring serves the daemon and, without carriers, the
commands that work directly on a store while no daemon runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.base import Clock
from gateway.carriers.carrier import Carrier
from gateway.carriers.observer import MetricsObserver
from gateway.carriers.options import CarrierOptions
from gateway.carriers.statuses import Verdict, verdict
from gateway.config import Config
from gateway.daemon.among import Among
from gateway.daemon.book import book_of, line_specs
from gateway.daemon.fleet import Fleet
from gateway.store.lines import sync_lines
from gateway.store.queries import brakes as stored_brakes
from gateway.store.store import Store
from gateway.telemetry.metrics import Metrics
from gateway.traffic.backlog import Backlog
from gateway.traffic.brake import Brakes
from gateway.traffic.desk import Desk
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.hub import Hub
from gateway.traffic.janitor import Janitor
from gateway.traffic.reports import Reports
from gateway.traffic.restoring import Restoring
from gateway.traffic.retention import Retention
from gateway.traffic.rulebook import RuleBook

_NO_OVERRIDES: Final[Mapping[int, Verdict]] = {}


class Flow:
    """All of traffic over one open store, made by ``begin``; ``book`` is the configuration in force."""

    def __init__(self, store: Store, config: Config, clock: Clock, metrics: Metrics, book: RuleBook) -> None:
        self.store = store
        self.clock = clock
        self.metrics = metrics
        self.book = book
        self._observer = MetricsObserver(metrics)
        self.among: Among | None = None
        if store.side is not None:
            self.among = Among(store, store.side, clock, config.store.lease_s, metrics, self._carriers)
            self._observer.turned = self.among.turned
        self.brakes = Brakes(self._paused)
        reports = Reports(metrics, clock)
        self.backlog = Backlog(store, clock)
        self.dispatcher = Dispatcher(
            store.writer,
            clock,
            self._carriers,
            self._book,
            self.brakes,
            self._verdict,
            reports,
            self.backlog.left,
            shared=self.among,
        )
        self.hub = Hub(store.writer, clock, self._book, self._carriers, self.dispatcher, self._verdict, reports)
        self.janitor = Janitor(
            store,
            clock,
            self._book,
            self.dispatcher,
            self.hub.fence,
            self._verdict,
            reports,
            metrics,
            config.store,
            self.backlog,
        )
        self.retention = Retention(store, clock, config.store, metrics, lambda: self.janitor.on_duty())
        self.desk = Desk(
            store,
            clock,
            self._book,
            self._carriers,
            self.brakes,
            self.dispatcher.ring,
            reports,
            self.backlog,
        )
        self.restoring = Restoring(store, self._book, self.hub.fence, self.brakes, self.dispatcher.ring_all)
        self.fleet = Fleet(config.carriers, self._make, self._gone)
        if self.among is not None:
            self.among.attach(self.dispatcher, self.hub.fence, self.janitor, self.brakes)
            self.desk.nodes = self.among.rows

    @classmethod
    async def begin(cls, store: Store, config: Config, clock: Clock, metrics: Metrics) -> Flow:
        """Bring the store's lines up to the configuration, take over its brakes, and return the flow over it."""
        ids = await store.writer.run(lambda tx: sync_lines(tx, line_specs(config)), "lines")
        flow = cls(store, config, clock, metrics, book_of(config, ids))
        flow.brakes.load(await store.read(stored_brakes))
        return flow

    async def adopt(self, config: Config) -> list[str]:
        """Put lines, keywords and carriers of a new configuration in force; return the carriers that begin or end."""
        ids = await self.store.writer.run(lambda tx: sync_lines(tx, line_specs(config)), "lines")
        self.book = book_of(config, ids)
        turned = self.fleet.want(config.carriers)
        self.dispatcher.ring_all()
        return turned

    @property
    def carriers(self) -> Sequence[Carrier]:
        """The carriers that have not ended."""
        return self.fleet.carriers

    def _make(self, options: CarrierOptions, made: int) -> Carrier:
        identity = self.store.identity
        life = f"{identity.node}-{identity.life}" + (f".{made}" if made else "")
        return Carrier(
            options,
            inward=self.hub,
            clock=self.clock,
            life=life,
            region_of=self._region_of,
            observer=self._observer,
            tenures=self.among.nodes.tenancy if self.among is not None else None,
        )

    def _paused(self, kind: str, name: str, paused: bool) -> None:
        self.metrics.paused(kind, name).set(paused)
        if self.among is not None:
            self.among.paused()

    def _gone(self, carrier: Carrier) -> None:
        self._observer.gone(carrier.name, [bind.name for bind in carrier.binds])

    def _book(self) -> RuleBook:
        return self.book

    def _carriers(self) -> Sequence[Carrier]:
        return self.fleet.carriers

    def _verdict(self, carrier: str, status: int) -> Verdict:
        found = self.fleet.latest.get(carrier)
        return found.verdict(status) if found else verdict(status, _NO_OVERRIDES)

    def _region_of(self, line: str) -> str:
        entry = self.book.by_address.get(line)
        return entry.region if entry else "US"
