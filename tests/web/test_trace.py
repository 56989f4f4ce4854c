"""The trace over HTTP: what is asked, what is answered, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fastapi import FastAPI

from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Actor, Role
from gateway.model.trace import PartRow, TlvRow, TracePage, TraceQuery, TraceRow
from gateway.web.app import build_app
from tests.kit.desk import NOW, FakeDesk, as_port
from tests.kit.restore import FakeRestore
from tests.web.faces import METRICS, app_on, authority, client_of, is_problem

ROW = TraceRow(
    at=NOW,
    bind="acme/0",
    session="gw1-1-acme/0-1",
    incoming=True,
    command="deliver_sm",
    status=0,
    status_name="ESME_ROK",
    sequence=7,
    fields={"source_addr": "12…0101", "sm_length": 1},
    tlvs=(TlvRow(0x1E, "receipted_message_id", "9f01ab"),),
    text=None,
    hidden=True,
    fault=None,
    octets=b"\x01*",
    part=PartRow(1, 2, 31),
)
PAGE = TracePage((ROW, replace(ROW, incoming=False)), "acme/0=8", more=True, missed={"acme/0": 3}, off=("b/0",))
PDU = {
    "at": "2026-11-22T17:04:05.250Z",
    "bind": "acme/0",
    "session": "gw1-1-acme/0-1",
    "direction": "in",
    "command": "deliver_sm",
    "status": 0,
    "status_name": "ESME_ROK",
    "sequence": 7,
    "fields": {"source_addr": "12…0101", "sm_length": 1},
    "tlvs": [{"tag": 30, "name": "receipted_message_id", "value": "9f01ab"}],
    "text": None,
    "hidden": True,
    "part": {"number": 1, "total": 2, "reference": 31},
    "fault": None,
    "octets": "012a",
}


@dataclass
class FakeTrace:
    asked: list[tuple[TraceQuery, Actor]] = field(default_factory=list)

    async def read(self, query: TraceQuery, actor: Actor) -> TracePage | Refusal:
        self.asked.append((query, actor))
        if query.carrier == "bcme":
            return Refusal(Reason.UNKNOWN_CARRIER, "There is no such carrier.")
        return PAGE


def app(trace: FakeTrace) -> FastAPI:
    return build_app(as_port(FakeDesk()), FakeRestore(), authority(), lambda: METRICS, version="1", trace=trace)


@pytest.mark.parametrize("path,unmask,role", [("", False, Role.OPERATOR), ("/unmasked", True, Role.ADMIN)])
async def test_a_page(path: str, unmask: bool, role: Role) -> None:
    trace = FakeTrace()
    async with client_of(app(trace), role) as client:
        query: dict[str, Any] = {"carrier": "acme/0", "cursor": "acme/0=7,b.c-d/1.tx=8", "limit": 5}
        answer = await client.get(f"/api/v1/trace{path}", params=query)
        await client.get(f"/api/v1/trace{path}", params={"last": 9})
    out = {**PDU, "direction": "out"}
    assert answer.json() == {
        "pdus": [PDU, out],
        "next": "acme/0=8",
        "more": True,
        "missed": {"acme/0": 3},
        "off": ["b/0"],
    }
    assert trace.asked == [
        (TraceQuery("acme/0", "acme/0=7,b.c-d/1.tx=8", None, 5, unmask), Actor(f"the-{role.word}", role)),
        (TraceQuery(None, None, 9, 100, unmask), Actor(f"the-{role.word}", role)),
    ]


@pytest.mark.parametrize(
    "query",
    [{"cursor": "acme"}, {"cursor": "acme/0=x"}, {"last": "0"}, {"last": "1001"}, {"limit": "0"}, {"unmask": "true"}],
)
async def test_what_makes_no_sense_is_not_asked(query: dict[str, str]) -> None:
    trace = FakeTrace()
    async with client_of(app(trace)) as client:
        is_problem(await client.get("/api/v1/trace", params=query), "invalid-request")
    assert trace.asked == []


async def test_an_unknown_carrier_and_no_binds_at_all() -> None:
    async with client_of(app(FakeTrace())) as client:
        is_problem(await client.get("/api/v1/trace?carrier=bcme"), "unknown-carrier")
    async with client_of(app_on(FakeDesk())) as client:
        empty = (await client.get("/api/v1/trace?cursor=")).json()
    assert empty == {"pdus": [], "next": "", "more": False, "missed": {}, "off": []}
