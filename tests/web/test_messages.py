"""Sending one and many, finding, cancelling, and settling what is uncertain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Actor, MessageQuery, Role, SendRequest
from gateway.model.views import SegmentRow
from gateway.web.openapi import MAY_FAIL
from gateway.web.problems import REFUSALS
from tests.kit.desk import GOOD, LINE, NOW, NUMBER_FOR, FakeDesk, row
from tests.web.faces import app_on, client_of, is_problem

ONE = {"line": LINE, "to": GOOD, "text": "Hello"}
SEND_REASONS = [reason for reason in Reason if reason in MAY_FAIL[("POST", "/api/v1/messages")]]


async def post(desk: FakeDesk, path: str, body: Any, role: Role = Role.OPERATOR) -> Any:
    async with client_of(app_on(desk), role) as client:
        return await client.post(path, json=body)


async def test_one_message_is_accepted_with_its_id_as_a_string() -> None:
    desk = FakeDesk()
    response = await post(desk, "/api/v1/messages", ONE)
    assert (response.status_code, response.json()) == (202, {"id": "9007199254740992", "state": "queued"})
    assert desk.calls == [("send", (SendRequest(LINE, GOOD, "Hello"),), Actor("the-operator", Role.OPERATOR), None)]


async def test_every_field_reaches_the_desk() -> None:
    desk = FakeDesk()
    full = {
        **ONE,
        "lane": "bulk",
        "list": "alerts",
        "expires_at": "2026-11-22T18:04:05.250+01:00",
        "ref": "r-1",
        "in_reply_to": "17",
    }
    await post(desk, "/api/v1/messages", full)
    wanted = SendRequest(LINE, GOOD, "Hello", Lane.BULK, "alerts", NOW, "r-1", 17)
    assert desk.calls[0][1] == (wanted,)


@pytest.mark.parametrize("reason", list(Reason))
async def test_every_reason_is_a_problem_with_its_status_alone_and_in_a_batch(reason: Reason) -> None:
    body = {**ONE, "to": NUMBER_FOR[reason]}
    alone = await post(FakeDesk(), "/api/v1/messages", body)
    document = is_problem(alone, str(reason))
    assert document["since"] == "2026-11-22T17:04:05.250Z"
    assert document["source"] == "text"
    waits = {Reason.BACKLOG_FULL: "60", Reason.UNAVAILABLE: "5", Reason.STORAGE_FULL: "30"}
    assert alone.headers.get("retry-after") == waits.get(reason)
    many = await post(FakeDesk(), "/api/v1/messages", {"messages": [ONE, body, ONE]})
    assert many.status_code == 200
    first, second, third = many.json()["results"]
    assert second == document
    assert (first["state"], third["state"]) == ("queued", "queued")


def test_every_reason_has_a_row() -> None:
    assert set(REFUSALS) == set(Reason)
    assert all(400 <= kind.status < 600 for kind in REFUSALS.values())


async def test_ten_thousand_messages_are_answered_in_order() -> None:
    desk = FakeDesk()
    numbers = [f"+1212555{n:04}" for n in range(10_000)]
    response = await post(desk, "/api/v1/messages", {"messages": [{**ONE, "to": number} for number in numbers]})
    results = response.json()["results"]
    assert len(results) == 10_000
    for number, result in zip(numbers, results, strict=True):
        assert ("id" in result) == (number not in NUMBER_FOR.values())
        if "id" in result:
            assert desk.rows[int(result["id"])].number == number


async def test_one_more_is_refused_whole() -> None:
    desk = FakeDesk()
    body = is_problem(await post(desk, "/api/v1/messages", {"messages": [ONE] * 10_001}), "invalid-request")
    fault = {"in": "body", "pointer": "/messages", "detail": "has too many items", "expected": "at most 10000"}
    assert body["errors"] == [fault]
    assert desk.calls == []


@pytest.mark.parametrize(
    "changes,slug",
    [
        ({"expires_at": "2026-11-22T17:04:05Z"}, "expired"),
        ({"text": " \n"}, "empty"),
        ({"text": "x" * 39_016}, "too-long"),
        ({"line": "1"}, "unknown-line"),
    ],
)
async def test_what_needs_no_look_at_the_subscriber(changes: dict[str, str], slug: str) -> None:
    is_problem(await post(FakeDesk(), "/api/v1/messages", {**ONE, **changes}), slug)


async def test_a_listing_gives_pages_with_a_cursor() -> None:
    desk = FakeDesk(rows={n: row(n) for n in range(1, 6)})
    async with client_of(app_on(desk), Role.VIEWER) as client:
        first = (await client.get("/api/v1/messages", params={"limit": 2})).json()
        assert [one["id"] for one in first["messages"]] == ["5", "4"]
        second = (await client.get("/api/v1/messages", params={"limit": 2, "cursor": first["next"]})).json()
        assert [one["id"] for one in second["messages"]] == ["3", "2"]
        last = (await client.get("/api/v1/messages", params={"limit": 2, "cursor": second["next"]})).json()
        assert ([one["id"] for one in last["messages"]], last["next"]) == (["1"], None)


async def test_every_condition_reaches_the_desk() -> None:
    desk = FakeDesk()
    params = {
        "line": LINE,
        "number": GOOD,
        "direction": "mt",
        "state": "uncertain",
        "lane": "bulk",
        "list": "alerts",
        "ref": "r",
        "carrier": "acme",
        "created_after": "2026-11-22T17:04:05.25Z",
        "created_before": "2026-11-22T17:04:05.25Z",
        "cursor": "9",
        "limit": "7",
    }
    async with client_of(app_on(desk), Role.VIEWER) as client:
        assert (await client.get("/api/v1/messages", params=params)).status_code == 200
    state, lane = MessageState.UNCERTAIN, Lane.BULK
    assert desk.calls == [
        ("messages", MessageQuery(LINE, GOOD, "mt", state, lane, "alerts", "r", NOW, NOW, 9, 7, "acme"))
    ]


@pytest.mark.parametrize("state", list(MessageState))
async def test_every_state_can_be_asked_for(state: MessageState) -> None:
    desk = FakeDesk(rows={1: row(1, state=state)})
    async with client_of(app_on(desk), Role.VIEWER) as client:
        body = (await client.get("/api/v1/messages", params={"state": state.word})).json()
    assert body["messages"][0]["state"] == state.word


async def test_a_refused_listing_is_a_problem() -> None:
    async with client_of(app_on(FakeDesk())) as client:
        number = NUMBER_FOR[Reason.NOT_A_NUMBER]
        is_problem(await client.get("/api/v1/messages", params={"number": number}), "not-a-number")


async def test_one_message_with_its_permits() -> None:
    received = row(2, direction="mo", lane=None, claim=None, permits=(), state=MessageState.RECEIVED, partial=True)
    mo = replace(received, outcome="opt_out")
    desk = FakeDesk(rows={1: row(1, in_reply_to=2, expires_at=NOW), 2: mo})
    async with client_of(app_on(desk), Role.VIEWER) as client:
        sent = (await client.get("/api/v1/messages/1")).json()
        came = (await client.get("/api/v1/messages/2")).json()
        is_problem(await client.get("/api/v1/messages/3"), "unknown-message")
        is_problem(await client.get("/api/v1/messages/x"), "invalid-request")
    assert sent["permits"][0]["minted_at"] == sent["expires_at"] == "2026-11-22T17:04:05.250Z"
    assert (sent["in_reply_to"], sent["lane"]) == ("2", "normal")
    assert (sent["partial"], came["partial"]) == (False, True)
    assert (came["direction"], came["lane"], came["permits"], came["outcome"]) == ("mo", None, [], "opt_out")


@pytest.mark.checklist("D2", "H10")
async def test_what_carriers_said_of_a_message() -> None:
    permits = (
        SegmentRow(1, "acme", "acme/0", "consent", NOW, "accepted", 0, "a1", "", "undelivered", "UNDELIV 27", NOW, 1),
        SegmentRow(2, "acme", "acme/0", "consent", NOW, "rejected", 11, "", "number ported", None, None, None, 3),
    )
    async with client_of(app_on(FakeDesk(rows={1: row(1, permits=permits)})), Role.VIEWER) as client:
        first, second = (await client.get("/api/v1/messages/1")).json()["permits"]
    assert (first["detail"], first["receipt_state"], first["receipt_error"]) == ("", "undelivered", "UNDELIV 27")
    assert (first["receipt_at"], first["attempts"]) == ("2026-11-22T17:04:05.250Z", 1)
    assert (second["detail"], second["status"], second["attempts"]) == ("number ported", 11, 3)
    assert (second["receipt_state"], second["receipt_error"], second["receipt_at"]) == (None, None, None)


async def test_cancelling_by_filter() -> None:
    desk = FakeDesk(rows={1: row(1)})
    asked = {"line": LINE, "lane": "bulk", "created_before": "2026-11-22T17:04:05.25Z"}
    response = await post(desk, "/api/v1/messages/cancel", asked)
    assert response.json() == {"cancelled": 1}
    query = MessageQuery(line=LINE, direction="mt", state=MessageState.QUEUED, lane=Lane.BULK, created_before=NOW)
    assert desk.calls == [("cancel", query, Actor("the-operator", Role.OPERATOR))]
    await post(desk, "/api/v1/messages/cancel", {"ref": "r"})
    assert desk.calls[1][1] == MessageQuery(direction="mt", state=MessageState.QUEUED, ref="r")


@pytest.mark.parametrize("body", [{}, {"line": None}])
async def test_an_empty_filter_cancels_nothing(body: dict[str, Any]) -> None:
    desk = FakeDesk()
    is_problem(await post(desk, "/api/v1/messages/cancel", body), "empty-filter")
    is_problem(await post(desk, "/api/v1/messages/cancel", {"lime": LINE}), "invalid-request")
    assert desk.calls == []


async def test_a_refused_filter_is_a_problem() -> None:
    body = {"number": NUMBER_FOR[Reason.NOT_A_NUMBER]}
    is_problem(await post(FakeDesk(), "/api/v1/messages/cancel", body), "not-a-number")


@pytest.mark.parametrize("action,state", [("resend", "queued"), ("fail", "failed")])
async def test_settling_what_is_uncertain(action: str, state: str) -> None:
    desk = FakeDesk(rows={1: row(1, state=MessageState.UNCERTAIN), 2: row(2)})
    assert (await post(desk, f"/api/v1/messages/1/{action}", None)).json() == {"id": "1", "state": state}
    is_problem(await post(desk, f"/api/v1/messages/2/{action}", None), "not-uncertain")
    is_problem(await post(desk, f"/api/v1/messages/3/{action}", None), "unknown-message")
    desk.calls.clear()
    many = (await post(desk, f"/api/v1/messages/{action}", {"ids": ["3", "1", "2", "1"]})).json()["results"]
    assert [result.get("state") or result["type"] for result in many] == [
        "/problems/unknown-message",
        state,
        "/problems/not-uncertain",
        state,
    ]
    assert desk.calls == [("resolve", (3, 1, 2), action, Actor("the-operator", Role.OPERATOR))]


class FullDesk(FakeDesk):
    """Has room for so many more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def _judge(self, request: SendRequest) -> Accepted | Refusal:
        self.room -= 1
        if self.room < 0:
            return Refusal(Reason.BACKLOG_FULL, "The queue holds 90 messages.", retry_after_s=7)
        return super()._judge(request)


@pytest.mark.parametrize("body", [ONE, {"messages": [ONE, ONE]}])
async def test_who_sends_faster_than_the_carriers_take_is_told_when_to_come_back(body: dict[str, object]) -> None:
    response = await post(FullDesk(0), "/api/v1/messages", body)
    document = is_problem(response, "backlog-full")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "7"
    assert document["retry_after_s"] == 7


async def test_a_batch_that_half_fits_says_so_item_by_item() -> None:
    response = await post(FullDesk(1), "/api/v1/messages", {"messages": [ONE, ONE, ONE]})
    assert response.status_code == 200
    first, *rest = response.json()["results"]
    assert first["state"] == "queued"
    assert [(item["type"], item["status"], item["retry_after_s"]) for item in rest] == [
        ("/problems/backlog-full", 429, 7)
    ] * 2
