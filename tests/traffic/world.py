"""All of traffic over one real store and carriers of the test's choice, wired as the daemon wires it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import trio
import trio.testing

from gateway.base import Clock, SystemClock
from gateway.carriers.interface import CarrierPort
from gateway.carriers.statuses import Verdict, verdict
from gateway.model.address import Msisdn
from gateway.model.messages import Arrival, Lane, MessageState
from gateway.model.requests import Accepted, Actor, Role, SendRequest
from gateway.store.engines import Engine
from gateway.store.options import StoreOptions
from gateway.store.queries import brakes
from gateway.store.store import Store, open_store
from gateway.store.tx import Tx
from gateway.store.writer import Hooks
from gateway.telemetry.metrics import Metrics
from gateway.traffic.backlog import Backlog
from gateway.traffic.brake import Brakes
from gateway.traffic.desk import Desk
from gateway.traffic.dispatch import Dispatcher
from gateway.traffic.hub import Hub
from gateway.traffic.janitor import Janitor
from gateway.traffic.reports import Reports
from gateway.traffic.rulebook import RuleBook
from tests.kit.binds import FakeBind, FakeCarrier
from tests.kit.smsc import TrioClock
from tests.kit.stores import copy_store, is_there, options_at
from tests.traffic.bench import ANNE, LINE, book, mo, template

T = TypeVar("T")
ADMIN = Actor("ada", Role.ADMIN)


class World:
    """``carrier`` and ``bind`` are the first fakes; ``carriers`` may be real ones."""

    def __init__(self, store: Store, clock: Clock, carriers: Sequence[CarrierPort], rules: RuleBook) -> None:
        self.store = store
        self.clock = clock
        self.carriers: list[CarrierPort] = list(carriers)
        self.book = rules
        self.nursery: trio.Nursery | None = None
        self.metrics = Metrics()
        self.brakes = Brakes(lambda kind, name, paused: self.metrics.paused(kind, name).set(paused))
        reports = Reports(self.metrics, clock)
        self.backlog = Backlog(store, clock)
        self.dispatcher = Dispatcher(
            store.writer, clock, self._carriers, self._book, self.brakes, self._verdict, reports, self.backlog.left
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
            self.metrics,
            StoreOptions(),
            self.backlog,
        )
        ring = self.dispatcher.ring
        self.desk = Desk(store, clock, self._book, self._carriers, self.brakes, ring, reports, self.backlog)

    def _book(self) -> RuleBook:
        return self.book

    def _carriers(self) -> Sequence[CarrierPort]:
        return self.carriers

    def _verdict(self, carrier: str, status: int) -> Verdict:
        found = next((item for item in self.carriers if item.name == carrier), None)
        return found.verdict(status) if found else verdict(status, {})

    @property
    def carrier(self) -> FakeCarrier:
        first = self.carriers[0]
        assert isinstance(first, FakeCarrier)
        return first

    @property
    def bind(self) -> FakeBind:
        return self.carrier.binds[0]

    # What a test does.

    async def tx(self, fn: Callable[[Tx], T]) -> T:
        return await self.store.writer.run(fn, "test")

    async def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return await self.store.read(lambda reader: reader.rows(sql, params))

    async def one(self, sql: str, *params: object) -> Any:
        ((value,),) = await self.rows(sql, *params)
        return value

    async def send(
        self, text: str = "hi", subscriber: Msisdn = ANNE, lane: Lane = Lane.NORMAL, line: str = LINE, **changes: Any
    ) -> int:
        """Have a message accepted; return its id."""
        results = await self.desk.send([SendRequest(line, subscriber, text, lane, **changes)], ADMIN)
        assert isinstance(results, list)
        assert isinstance(results[0], Accepted), results
        return results[0].id

    def say(self, *texts: str, subscriber: Msisdn = ANNE, bind: FakeBind | None = None) -> list[int]:
        """Let one read of a bind bring these texts; return their sequence numbers."""
        at = bind or self.bind
        wall = self.clock.wall()
        mos = [mo(text, subscriber, bind=at.name, session=at.session, received_at=wall) for text in texts]
        at.say(*mos)
        return [item.sequence for item in mos]

    def bring(self, *arrivals: Arrival, bind: FakeBind | None = None) -> None:
        """Let one read of a bind bring these, in its present session, now."""
        at, now = bind or self.bind, self.clock.wall()
        at.say(*(replace(item, bind=at.name, session=at.session, received_at=now) for item in arrivals))

    async def state(self, message_id: int) -> MessageState:
        row = await self.desk.message(message_id)
        assert row is not None
        return row.state

    def texts(self, bind: FakeBind | None = None) -> list[str]:
        """What a bind was offered, in order."""
        return [permit.body.decode() for permit in (bind or self.bind).offered]


def store_at(directory: Path) -> None:
    """Put an empty store with its lines there, unless there is one."""
    if not is_there(directory):
        copy_store(template(), directory)


@asynccontextmanager
async def world(
    directory: Path,
    carriers: Sequence[CarrierPort] | None = None,
    *,
    rules: RuleBook | None = None,
    threads: bool = False,
    engine: Engine | None = None,
    clock: Clock | None = None,
    up: bool = True,
    dispatching: bool = True,
) -> AsyncIterator[World]:
    """A world that runs: hub and dispatcher, but no janitor's rounds. With ``up``, the fakes' binds are bound."""
    store_at(directory)
    clock = clock or (SystemClock() if threads else TrioClock())
    made: list[World] = []

    def failed(kind: str) -> None:
        if made and kind == "unknown":
            made[0].dispatcher.doubt()

    options = options_at(directory, busy_timeout_s=0.01)
    hooks = Hooks(failed=failed)
    async with open_store(options, directory, "gw1", clock, hooks=hooks, threads=threads, engine=engine) as store:
        here = World(store, clock, [FakeCarrier()] if carriers is None else carriers, rules or book())
        made.append(here)
        here.brakes.load(await store.read(brakes))
        async with trio.open_nursery() as nursery:
            here.nursery = nursery
            await nursery.start(here.hub.run)
            await here.janitor.recover()
            for carrier in here.carriers:
                if isinstance(carrier, FakeCarrier):
                    carrier.attach(here.hub)
                    for bind in carrier.binds:
                        bind.life = f"gw1-{store.identity.life}"
                        if up:
                            bind.come_up()
            if dispatching:
                nursery.start_soon(here.dispatcher.run)
            yield here
            nursery.cancel_scope.cancel()


async def settle() -> None:
    """Let every task do all that it can without time passing."""
    await trio.testing.wait_all_tasks_blocked()
