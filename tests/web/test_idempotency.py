"""Idempotency-Key: the first answer again, another body refused, a duplicate under way refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio

from gateway.model.refusal import Reason
from gateway.model.requests import Actor, Role
from gateway.web.inflight import InFlight, read_key
from gateway.web.problems import ProblemError
from tests.kit.desk import GOOD, LINE, NUMBER_FOR, FakeDesk
from tests.web.faces import app_on, bearer, client_of, is_problem

ONE = {"line": LINE, "to": GOOD, "text": "Hello"}
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@pytest.mark.parametrize(
    "body",
    [
        ONE,
        {**ONE, "to": NUMBER_FOR[Reason.OPTED_OUT]},
        {"messages": [ONE, {**ONE, "to": NUMBER_FOR[Reason.OPTED_OUT]}]},
    ],
)
async def test_the_same_request_gets_the_same_answer_and_sends_once(body: dict[str, Any]) -> None:
    desk = FakeDesk()
    async with client_of(app_on(desk), Role.OPERATOR) as client:
        first = await client.post("/api/v1/messages", json=body, headers=KEY)
        sent = len(desk.rows)
        second = await client.post("/api/v1/messages", json=body, headers=KEY)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.headers["content-type"] == second.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert len(desk.rows) == sent


async def test_another_body_under_the_same_key_is_refused() -> None:
    desk = FakeDesk()
    async with client_of(app_on(desk), Role.OPERATOR) as client:
        await client.post("/api/v1/messages", json=ONE, headers=KEY)
        is_problem(await client.post("/api/v1/messages", json={**ONE, "text": "Other"}, headers=KEY), "key-reused")
    assert len(desk.rows) == 1


async def test_keys_of_different_tokens_are_different_keys() -> None:
    desk = FakeDesk()
    async with client_of(app_on(desk), None) as client:
        for role in (Role.OPERATOR, Role.ADMIN):
            response = await client.post("/api/v1/messages", json=ONE, headers={**KEY, **bearer(role)})
            assert "idempotency-replayed" not in response.headers
    assert len(desk.rows) == 2


async def test_a_duplicate_while_the_first_is_under_way() -> None:
    desk = FakeDesk(gate=trio.Event())
    answers: list[httpx.Response] = []
    async with client_of(app_on(desk), Role.OPERATOR) as client, trio.open_nursery() as nursery:

        async def first() -> None:
            answers.append(await client.post("/api/v1/messages", json=ONE, headers=KEY))

        nursery.start_soon(first)
        await desk.started.wait()
        duplicate = await client.post("/api/v1/messages", json=ONE, headers=KEY)
        is_problem(duplicate, "key-in-use")
        assert duplicate.headers["retry-after"] == "1"
        assert desk.gate is not None
        desk.gate.set()
    assert answers[0].status_code == 202
    assert len(desk.calls) == 1


async def test_a_failed_request_leaves_its_key_free() -> None:
    desk = FakeDesk(failure=ValueError("broken"))
    async with client_of(app_on(desk), Role.OPERATOR) as client:
        is_problem(await client.post("/api/v1/messages", json=ONE, headers=KEY), "internal-error")
        is_problem(await client.post("/api/v1/messages", json={}, headers=KEY), "invalid-request")
        desk.failure = None
        assert (await client.post("/api/v1/messages", json=ONE, headers=KEY)).status_code == 202


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "caf\xe9"])
async def test_keys_of_a_wrong_form(key: str) -> None:
    async with client_of(app_on(FakeDesk()), Role.OPERATOR) as client:
        headers = {b"Idempotency-Key": key.encode("latin-1")}
        body = is_problem(await client.post("/api/v1/messages", json=ONE, headers=headers), "invalid-request")
    assert (body["errors"][0]["in"], body["errors"][0]["pointer"]) == ("header", "Idempotency-Key")


def test_without_a_key_nothing_is_held() -> None:
    in_flight = InFlight()
    with in_flight.hold(None), in_flight.hold(None):
        pass
    idempotency = read_key("k", b"", Actor("a", Role.ADMIN))
    with in_flight.hold(idempotency), pytest.raises(ProblemError, match="under way"), in_flight.hold(idempotency):
        pass
    with in_flight.hold(idempotency):
        pass
