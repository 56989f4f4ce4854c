"""Who sees whole texts is written down before they are shown, once a look and again while it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.base import SystemClock
from gateway.carriers.carrier import Carrier
from gateway.carriers.options import CarrierOptions
from gateway.daemon.tracing import AGAIN_S, Tracer
from gateway.model.refusal import Refusal
from gateway.model.requests import Actor, Role
from gateway.model.trace import TraceQuery
from gateway.smpp.codec import encode
from gateway.smpp.pdu import DeliverSm
from gateway.store import tables
from gateway.store.errors import StoreError
from gateway.store.options import StoreOptions
from gateway.store.store import Store, open_store
from tests.kit.clock import FakeClock
from tests.kit.smsc import Ledger

ADMIN = Actor("local:root", Role.ADMIN)


def tracer(store: Store, clock: FakeClock) -> Tracer:
    carrier = Carrier(
        CarrierOptions.model_validate({"name": "acme"}),
        inward=Ledger(),
        clock=clock,
        life="gw1-1",
        region_of=lambda line: "US",
    )
    ring = carrier.binds[0].ring
    assert ring is not None
    ring.take("in", encode(DeliverSm(source_addr="12125550101", short_message=b"hello"), 1))
    return Tracer(store, clock, lambda: [carrier])


async def audited(store: Store) -> list[tuple[str, str, str, str, object]]:
    table = tables.Audit
    query = table.select(table.actor, table.role, table.verb, table.object, table.detail).order_by(table.id)
    rows = await store.read(lambda source: source.fetch(query))
    return [(actor, role, verb, what, json.loads(detail)) for actor, role, verb, what, detail in rows]


async def test_an_unmasked_look_is_audited_once_and_again_after_ten_minutes(tmp_path: Path) -> None:
    clock = FakeClock()
    async with open_store(StoreOptions(), tmp_path, "gw1", SystemClock()) as store:
        trace = tracer(store, clock)
        for query in (TraceQuery(), TraceQuery("acme")):
            page = await trace.read(query, ADMIN)
            assert not isinstance(page, Refusal)
            assert page.rows[0].text is None
        assert await audited(store) == []
        for _ in range(3):
            page = await trace.read(TraceQuery(unmask=True), ADMIN)
            assert not isinstance(page, Refusal)
            assert page.rows[0].text == "hello"
        row = ("local:root", "admin", "trace", "all carriers", {"unmasked": True})
        assert await audited(store) == [row]
        clock.advance(AGAIN_S)
        await trace.read(TraceQuery(unmask=True), ADMIN)
        await trace.read(TraceQuery("acme", unmask=True), ADMIN)
        other = Actor("crm", Role.ADMIN)
        await trace.read(TraceQuery("acme", unmask=True), other)
        assert await audited(store) == [row, row, (*row[:3], "acme", row[4]), ("crm", *row[1:3], "acme", row[4])]
        assert isinstance(await trace.read(TraceQuery("bcme", unmask=True), ADMIN), Refusal)
        assert len(await audited(store)) == 4


async def test_what_cannot_be_audited_is_not_shown(tmp_path: Path) -> None:
    async with open_store(StoreOptions(), tmp_path, "gw1", SystemClock()) as store:
        trace = tracer(store, FakeClock())
    with pytest.raises(StoreError):
        await trace.read(TraceQuery(unmask=True), ADMIN)
