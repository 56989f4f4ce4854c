"""Consent, brakes, quarantine, status, health, readiness, metrics: what each answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from gateway.model.refusal import Reason
from gateway.model.requests import Actor, Role
from gateway.model.views import BindRow, BrakeRow, NodeView, Readiness
from tests.kit.desk import GOOD, NOW, NUMBER_FOR, FakeDesk
from tests.web.faces import METRICS, app_on, client_of, is_problem

AT = "2026-11-22T17:04:05.250Z"


async def test_consent_with_and_without_a_row() -> None:
    desk = FakeDesk()
    async with client_of(app_on(desk), Role.VIEWER) as client:
        known = (await client.get(f"/api/v1/consents/85700/{GOOD}")).json()
        unknown = (await client.get("/api/v1/consents/85700/(212)%20555-0199")).json()
    assert known == {
        "line": "85700",
        "number": GOOD,
        "status": "opted_in",
        "held": False,
        "since": AT,
        "source": "text",
        "opt_outs": 1,
        "lists": [{"name": "alerts", "status": "opted_in", "since": AT, "suspended": False}],
    }
    assert (unknown["status"], unknown["since"], unknown["lists"]) == ("not_defined", None, [])
    assert desk.calls[1] == ("consent", "85700", "(212) 555-0199")


async def test_evidence_shows_the_exact_octets() -> None:
    async with client_of(app_on(FakeDesk()), Role.VIEWER) as client:
        (event,) = (await client.get(f"/api/v1/consents/85700/{GOOD}/evidence")).json()["evidence"]
        none = (await client.get("/api/v1/consents/85700/+12125550199/evidence")).json()
    assert (event["raw"], event["before"], event["after"], event["mo_id"]) == (
        "4a4f494e00ff",
        "not_defined",
        "opted_in",
        "9",
    )
    assert none == {"evidence": []}


@pytest.mark.parametrize("tail", ["", "/evidence"])
@pytest.mark.parametrize("reason", [Reason.UNKNOWN_LINE, Reason.NOT_A_NUMBER])
async def test_consent_that_cannot_be_looked_up(tail: str, reason: Reason) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        is_problem(await client.get(f"/api/v1/consents/85700/{NUMBER_FOR[reason]}{tail}"), str(reason))
        is_problem(await client.get(f"/api/v1/consents/85700/%00{tail}"), "invalid-request")


async def test_the_brake() -> None:
    desk = FakeDesk()
    who = Actor("the-operator", Role.OPERATOR)
    async with client_of(app_on(desk), Role.OPERATOR) as client:
        brake = (await client.put("/api/v1/brakes/line/85700", json={"note": "why"})).json()
        assert brake == {"kind": "line", "name": "85700", "paused_at": AT, "actor": "the-operator", "note": "why"}
        assert (await client.put("/api/v1/brakes/lane/bulk")).json()["note"] == ""
        assert [one["name"] for one in (await client.get("/api/v1/brakes")).json()["brakes"]] == ["85700", "bulk"]
        released = {"kind": "lane", "name": "bulk", "resumed": True}
        assert (await client.delete("/api/v1/brakes/lane/bulk")).json() == released
        assert (await client.delete("/api/v1/brakes/lane/bulk")).json() == {**released, "resumed": False}
    assert desk.calls[0] == ("pause", "line", "85700", who, "why")
    assert desk.calls[3] == ("resume", "lane", "bulk", who)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("kind", ["line", "carrier", "lane"])
async def test_a_brake_on_what_does_not_exist(method: str, kind: str) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        is_problem(await client.request(method, f"/api/v1/brakes/{kind}/nothing"), f"unknown-{kind}")
        body = is_problem(await client.request(method, "/api/v1/brakes/country/nl"), "invalid-request")
    assert body["errors"] == [
        {
            "in": "path",
            "pointer": "kind",
            "detail": "is none of the words allowed here",
            "expected": "'line', 'carrier' or 'lane'",
        }
    ]


async def test_quarantine() -> None:
    desk = FakeDesk()
    async with client_of(app_on(desk), Role.VIEWER) as client:
        page = (await client.get("/api/v1/quarantine?cursor=9&limit=1")).json()
        await client.get("/api/v1/quarantine")
    assert (page["pdus"][0]["raw"], page["next"]) == ("00ff", "7")
    assert page["pdus"][0]["times"] == 2
    assert page["pdus"][0]["last_at"] > page["pdus"][0]["received_at"]
    assert desk.calls == [("quarantine", 9, 1), ("quarantine", None, 100)]


async def test_status_shows_everything_in_one_look() -> None:
    async with client_of(app_on(FakeDesk()), Role.VIEWER) as client:
        status = (await client.get("/api/v1/status")).json()
    assert status["store"] == {"ok": True, "detail": "takes writes"}
    assert (status["binds"][0]["name"], status["binds"][0]["state"], status["brakes"]) == ("acme/0", "up", [])
    assert status["binds"][0]["next_try_at"] is None
    assert (status["node"], status["uncertain"], status["quarantined"]) == ("", 0, 0)
    assert "version" in status
    assert status["queue"] == [
        {"lane": "normal", "queued": 2, "oldest_at": AT},
        {"lane": "bulk", "queued": 0, "oldest_at": None},
    ]


async def test_health_asks_nobody() -> None:
    desk = FakeDesk()
    async with client_of(app_on(desk), None) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert desk.calls == []


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("bind", ["up", "down"])
@pytest.mark.parametrize("asked", [None, "0", "1"])
async def test_readiness(store: bool, bind: str, asked: str | None) -> None:
    desk = FakeDesk()
    state = replace(desk.ready.binds[0], state=bind, detail="secret words of an inner error")
    desk.ready = replace(desk.ready, store_ok=store, detail="more of them", binds=(state,))
    async with client_of(app_on(desk), None) as client:
        response = await client.get("/readyz", params={} if asked is None else {"binds": asked})
    ready = store and (asked != "1" or bind == "up")
    assert response.status_code == (200 if ready else 503)
    states = [{"name": "acme/0", "carrier": "acme", "state": bind, "since": AT}]
    assert response.json() == {"ready": ready, "store": store, "restored": False, "binds": states}


async def test_a_restored_store_is_not_ready() -> None:
    brake = BrakeRow("store", "restored", NOW, "gateway", "it was restored")
    app = app_on(FakeDesk(paused={("store", "restored"): brake}))
    async with client_of(app, Role.VIEWER) as client:
        response = await client.get("/readyz")
        status = (await client.get("/api/v1/status")).json()
    assert (response.status_code, response.json()["restored"], response.json()["store"]) == (503, True, True)
    assert [each["kind"] for each in status["brakes"]] == ["store"]


async def test_a_store_that_does_not_answer_is_not_ready(autojump_clock: trio.testing.MockClock) -> None:
    desk = FakeDesk(gate=trio.Event())
    async with client_of(app_on(desk), None) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["store"]) == (503, False)


async def test_metrics() -> None:
    async with client_of(app_on(FakeDesk()), None) as client:
        response = await client.get("/metrics")
    assert (response.content, response.headers["content-type"]) == METRICS


async def test_a_bind_that_another_node_holds_serves() -> None:
    bind = BindRow("acme/0", "acme", "transceiver", "elsewhere", 0, "held by node gw2", 10, 0)
    nodes = (NodeView("gw1", True, ()), NodeView("gw2", True, ("acme/0",)))
    desk = FakeDesk(ready=Readiness(True, "takes writes", (bind,), node="gw1", nodes=nodes))
    async with client_of(app_on(desk), Role.VIEWER) as client:
        assert (await client.get("/readyz?binds=1")).status_code == 200
        status = (await client.get("/api/v1/status")).json()
    assert status["nodes"] == [
        {"name": "gw1", "alive": True, "binds": []},
        {"name": "gw2", "alive": True, "binds": ["acme/0"]},
    ]
