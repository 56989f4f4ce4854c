"""Two nodes as the store sees them: two open stores on one database, and a connection beside each writer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway.base import SystemClock
from gateway.model.nodes import LeaseKey, LeaseRow, Pulse
from gateway.store.hot_leases import beat, take
from gateway.store.jobs import Identity
from gateway.store.options import StoreOptions
from gateway.store.side import Side, SideTx
from gateway.store.store import Store, open_store
from gateway.store.tx import Tx
from tests.kit.nodes import database

T = TypeVar("T")
ACME: LeaseKey = ("acme", 0)
OTHER: LeaseKey = ("acme", 1)


@dataclass
class Node:
    """A store and what it is asked."""

    store: Store
    side: Side

    @property
    def me(self) -> Identity:
        return self.store.identity

    async def beat(self) -> Pulse:
        pulse = await self.side.run(lambda tx: beat(tx, self.me, 5))
        assert pulse is not None
        return pulse

    async def take(self, key: LeaseKey, seen: LeaseRow | None = None) -> int | None:
        return await self.side.run(lambda tx: take(tx, self.me, key, seen))

    async def tx(self, fn: Callable[[Tx], T]) -> T:
        return await self.store.writer.run(fn, "test")

    async def aside(self, fn: Callable[[SideTx], T]) -> T:
        return await self.side.run(fn)

    async def sql(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        return await self.tx(lambda tx: tx.rows(sql, params) if sql.startswith("select") else _done(tx, sql, params))

    async def expire(self, name: str, seconds: float = 100) -> None:
        """Let a node's heartbeat have run out so long ago, and let it have been there for longer."""
        await self.sql(
            "update node set expires_at = extract(epoch from clock_timestamp()) - ?, joined_at = joined_at - 1000"
            " where name = ?",
            seconds,
            name,
        )

    def lease(self, pulse: Pulse, key: LeaseKey = ACME) -> LeaseRow:
        return next(row for row in pulse.leases if row.key == key)


def _done(tx: Tx, sql: str, params: tuple[object, ...]) -> list[tuple[Any, ...]]:
    tx.execute(sql, params)
    return []


@asynccontextmanager
async def nodes(folder: Path) -> AsyncIterator[tuple[Node, Node]]:
    """Open the stores of two nodes, whose first heartbeats were taken."""
    with database() as url:
        options = StoreOptions(url=url)
        async with (
            open_store(options, folder, "gw1", SystemClock()) as one,
            open_store(options, folder, "gw2", SystemClock()) as two,
        ):
            assert one.side is not None
            assert two.side is not None
            first, second = Node(one, one.side), Node(two, two.side)
            await first.beat()
            await second.beat()
            yield first, second
