"""The leases in memory: believed as long as the heartbeat, counted from before it was asked for."""

from __future__ import annotations

import math

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.model.nodes import JANITOR
from gateway.traffic.tenancy import Tenancy
from tests.kit.clock import FakeClock

ACME, OTHER = ("acme", 0), ("acme", 1)


def made() -> tuple[Tenancy, FakeClock]:
    clock = FakeClock()
    return Tenancy(clock), clock


async def wanting(tenancy: Tenancy, nursery: trio.Nursery, *keys: tuple[str, int]) -> None:
    """Let binds wait for these."""
    for key in keys:
        nursery.start_soon(tenancy(*key).granted)
    await wait_all_tasks_blocked()


async def test_what_is_taken_is_held_until_the_heartbeat_is_over(autojump_clock: MockClock) -> None:
    tenancy, clock = made()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME)
        assert tenancy.wanted() == [ACME]
        tenancy.renewed(clock.boot() + 5, {})
        tenancy.hold(ACME, 7)
    lease = tenancy(*ACME)
    assert (lease.until(), tenancy.fences()) == (clock.boot() + 5, {ACME: 7})
    clock.advance(4.9)
    assert not tenancy.expire()
    clock.advance(0.1)
    assert tenancy.fences() == {}
    assert clock.boot() >= lease.until()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lease.lost)
        await wait_all_tasks_blocked()
        assert tenancy.expire()
    assert lease.until() == -math.inf


async def test_what_was_taken_by_another_is_lost_and_what_nobody_took_is_held_again(autojump_clock: MockClock) -> None:
    tenancy, clock = made()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME, OTHER)
        tenancy.renewed(clock.boot() + 5, {ACME: 1, OTHER: 1})
    tenancy.renewed(clock.boot() + 6, {OTHER: 1})
    assert tenancy.fences() == {OTHER: 1}
    tenancy.renewed(clock.boot() + 7, {ACME: 3, OTHER: 3})  # OTHER was another's meanwhile
    assert tenancy.fences() == {ACME: 3}
    clock.advance(10)
    assert tenancy.expire()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME)
        tenancy.renewed(clock.boot() + 5, {ACME: 3})


async def test_a_lease_that_was_lost_and_won_back_unnoticed_is_lost_first(autojump_clock: MockClock) -> None:
    tenancy, clock = made()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME)
        tenancy.renewed(clock.boot() + 5, {ACME: 1})
    lease = tenancy(*ACME)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lease.lost)
        await wait_all_tasks_blocked()
        tenancy.renewed(clock.boot() + 5, {ACME: 3})
    assert lease.fence is None
    tenancy.renewed(clock.boot() + 5, {ACME: 3})
    assert lease.fence == 3


async def test_it_is_given_back_in_good_order(autojump_clock: MockClock) -> None:
    tenancy, clock = made()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME)
        tenancy.renewed(clock.boot() + 5, {ACME: 1})
    tenancy.ask_back(OTHER)  # that we do not hold: nothing happens
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tenancy(*ACME).wanted_back)
        await wait_all_tasks_blocked()
        tenancy.ask_back(ACME)
    assert tenancy.fences() == {ACME: 1}  # until its binds are down
    tenancy(*ACME).returned()
    assert (tenancy.fences(), tenancy.to_release, tenancy.wanted()) == ({}, {ACME}, [])
    with trio.fail_after(1):
        await tenancy.rung()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME)
        tenancy.renewed(clock.boot() + 5, {ACME: 1})  # it is to be released first
        assert tenancy.fences() == {}
        nursery.cancel_scope.cancel()


async def test_what_is_ours_and_nobody_here_wants_is_released(autojump_clock: MockClock) -> None:
    tenancy, clock = made()
    tenancy.renewed(clock.boot() + 5, {ACME: 1})
    tenancy.hold(OTHER, 1)
    assert tenancy.to_release == {ACME, OTHER}
    assert tenancy.fences() == {}


async def test_who_stops_waiting_wants_nothing(autojump_clock: MockClock) -> None:
    tenancy, _clock = made()
    async with trio.open_nursery() as nursery:
        await wanting(tenancy, nursery, ACME)
        nursery.cancel_scope.cancel()
    assert tenancy.wanted() == []


def test_the_janitors_work_is_a_lease_like_any_other() -> None:
    tenancy, clock = made()
    tenancy.renewed(clock.boot() + 5, {})
    assert not tenancy.on_duty
    tenancy.hold(JANITOR, 1)
    assert tenancy.on_duty
    assert tenancy.fences() == {}
    clock.advance(6)
    assert not tenancy.on_duty
