"""Who owns what, by the database's clock and locks alone: takings, renewals and mints that meet."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.model.address import Msisdn
from gateway.model.nodes import Pulse
from gateway.store.errors import StoreUnavailable
from gateway.store.hot_leases import (
    ALONE_S,
    OVER_S,
    beat,
    busy_elsewhere,
    holders,
    leave,
    lives_elsewhere,
    not_first,
    note_sessions,
    owned,
    permits_of_the_dead,
    release,
    take,
)
from tests.nodes.rig import ACME, OTHER, Node, nodes

ANNE, BOB = Msisdn("+12125550101"), Msisdn("+12125550102")
MINT = (
    "insert into permit (id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds, opt_outs,"
    " minted_at, dies_at) values (?, ?, 1, 1, ?, 'acme', 'acme/0', ?, ?, 0, 0, 0, 0)"
)
QUEUE = (
    "insert into message (id, line_id, subscriber, direction, state, lane, claim, text, created_at, updated_at, route)"
    " values (?, 1, ?, 1, ?, ?, 0, 'hi', 0, 0, '')"
)


async def mint(node: Node, owner: Node, number: int, subscriber: str = ANNE) -> None:
    await node.sql(MINT, number, number, subscriber, owner.me.node, owner.me.life)


async def test_a_lease_has_one_owner(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        assert await one.take(ACME) == 1
        assert await two.take(ACME) is None
        row = two.lease(await two.beat())
        assert (row.node, row.life, row.fence) == ("gw1", 1, 1)
        assert await two.take(ACME, row) is None  # its owner lives
        await one.aside(lambda tx: release(tx, one.me, ACME))
        free = two.lease(await two.beat())
        assert free.node == ""
        assert await two.take(ACME, free) == 2
        await one.aside(lambda tx: release(tx, one.me, ACME))  # it is not ours any more
        assert two.lease(await two.beat()).node == "gw2"


async def test_a_dead_nodes_lease_is_taken_over(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        await one.take(ACME)
        await two.expire("gw1", 0.5)
        pulse = await two.beat()
        assert (sorted(pulse.living), pulse.owner(two.lease(pulse))) == (["gw2"], "")
        assert await two.take(ACME, two.lease(pulse)) == 2
        assert one.lease(await one.beat()).node == "gw2"  # it wakes up, and sees


async def test_a_renewal_and_a_taking_meet(tmp_path: Path) -> None:
    """Whoever is first has it: a renewal that waits finds the lease gone, a taking that waits finds its owner alive."""
    async with nodes(tmp_path) as (one, two):
        await one.take(ACME)
        await two.expire("gw1")
        row = two.lease(await two.beat())
        taken: list[int | None] = []
        seen: list[Pulse] = []

        async def try_to_take() -> None:
            taken.append(await two.take(ACME, row))

        async def renew() -> None:
            seen.append(await one.beat())

        async with trio.open_nursery() as nursery:
            await one.tx(lambda tx: (beat(tx, one.me, 5), trio.from_thread.run_sync(nursery.start_soon, try_to_take)))
        assert taken == [None]
        await two.expire("gw1")
        row = two.lease(await two.beat())
        async with trio.open_nursery() as nursery:
            await two.tx(lambda tx: (take(tx, two.me, ACME, row), trio.from_thread.run_sync(nursery.start_soon, renew)))
        assert one.lease(seen[0]).node == "gw2"


async def test_a_mint_keeps_takings_waiting_and_a_taking_ends_minting(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        await one.take(ACME)
        await one.take(OTHER)
        fences = {ACME: 1, OTHER: 1}
        assert await one.tx(lambda tx: owned(tx, fences)) == ({ACME, OTHER}, False)
        assert await one.tx(lambda tx: owned(tx, {ACME: 7})) == (set(), False)
        await one.sql("update lease set since = since - ?", ALONE_S)
        assert await one.tx(lambda tx: owned(tx, fences)) == ({ACME, OTHER}, True)
        await two.expire("gw1")
        row = two.lease(await two.beat())

        def mint_while_others_take(tx: object) -> None:
            owned(tx, fences)  # type: ignore[arg-type]
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                trio.from_thread.run(two.take, ACME, row)

        await one.tx(mint_while_others_take)
        assert await two.take(ACME, row) == 2
        assert await one.tx(lambda tx: owned(tx, fences)) == ({OTHER}, False)
        assert await two.tx(lambda tx: owned(tx, {ACME: 2})) == ({ACME}, False)


async def test_a_life_that_was_followed_is_over(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        await one.take(ACME)
        await two.sql("update node set life = 2 where name = 'gw1'")
        assert await one.aside(lambda tx: beat(tx, one.me, 5)) is None
        pulse = await two.beat()
        assert pulse.owner(two.lease(pulse)) == ""
        assert await two.take(ACME, two.lease(pulse)) == 2


async def test_who_leaves_owns_nothing_and_is_over_at_once(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        await one.take(ACME)
        await one.aside(lambda tx: leave(tx, one.me))
        pulse = await two.beat()
        assert list(pulse.living) == ["gw2"]
        assert two.lease(pulse).node == ""


async def test_a_session_is_alive_while_its_owner_is_there(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        await one.take(ACME)
        await one.aside(lambda tx: note_sessions(tx, one.me, {ACME: {"gw1-1-acme/0.tx-1", "gw1-1-acme/0.rx-1"}}))
        assert two.lease(await two.beat()).sessions == ("gw1-1-acme/0.rx-1", "gw1-1-acme/0.tx-1")

        async def alive(session: str) -> bool:
            return await two.tx(lambda tx: lives_elsewhere(tx, session))

        assert await alive("gw1-1-acme/0.tx-1")
        assert not await alive("gw1-1-acme/0.tx")
        assert not await alive("gw1_1_acme/0.tx_1")
        one.side.close()  # as the process's end does, long before its heartbeat runs out
        for _ in range(100):
            if not await alive("gw1-1-acme/0.tx-1"):
                break
            await trio.sleep(0.02)
        assert not await alive("gw1-1-acme/0.tx-1")
        await one.beat()
        assert await alive("gw1-1-acme/0.tx-1")
        await two.expire("gw1", 0.1)
        assert not await alive("gw1-1-acme/0.tx-1")


async def test_permits_of_other_nodes_and_of_those_that_are_over(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        await mint(one, one, 1)
        await mint(one, one, 2, BOB)

        async def held(*subscribers: Msisdn) -> list[tuple[str, int]]:
            return await two.aside(lambda tx: holders(tx, two.me, {(1, who) for who in subscribers}))

        assert await held(ANNE) == await held(ANNE, BOB) == [("gw1", 1)]
        assert await held(Msisdn("+12125550103")) == []
        assert await one.aside(lambda tx: holders(tx, one.me, {(1, ANNE)})) == []

        async def dead() -> list[tuple[int, int]]:
            return await two.aside(lambda tx: permits_of_the_dead(tx, two.me, 10))

        assert await dead() == []
        await two.expire("gw1", OVER_S - 1)
        assert await dead() == []  # they may still be written
        await two.expire("gw1", OVER_S + 1)
        assert sorted(await dead()) == [(1, 1), (2, 2)]
        await two.sql("update node set life = 2 where name = 'gw1'")
        await two.sql("update node set joined_at = extract(epoch from clock_timestamp()) where name = 'gw1'")
        assert await dead() == []  # the process that was replaced may hang, and wake up
        await two.sql("update node set joined_at = joined_at - ? where name = 'gw1'", OVER_S + 1)
        assert len(await dead()) == 2


async def test_what_another_node_has_under_way_and_what_comes_before(tmp_path: Path) -> None:
    async with nodes(tmp_path) as (one, two):
        for number, subscriber, state, lane in ((1, ANNE, 1, 3), (2, BOB, 1, 1), (3, ANNE, 0, 3), (4, ANNE, 0, 3)):
            await one.sql(QUEUE, number, subscriber, state, lane)
        await mint(one, one, 1, ANNE)
        await mint(one, one, 2, BOB)  # lane 1 keeps nobody waiting
        keys = {(1, ANNE), (1, BOB)}
        assert await two.tx(lambda tx: busy_elsewhere(tx, keys)) == {(1, ANNE)}
        assert await one.tx(lambda tx: busy_elsewhere(tx, keys)) == set()
        assert await two.tx(lambda tx: not_first(tx, [3, 4])) == {4}
