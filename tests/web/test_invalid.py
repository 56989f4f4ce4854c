"""Requests that are not right: each is a problem that lists every field, what is wrong and what would be right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.web.invalid import MAX_FAULTS, fault_of
from tests.kit.desk import GOOD, LINE, NUMBER_FOR, FakeDesk
from tests.web.faces import app_on, client_of, is_problem

ONE = {"line": LINE, "to": GOOD, "text": "Hello"}
STRING = ("is not a string", "a JSON string")
TIME = ("is no time as RFC 3339 writes it", "date, T, time and offset, such as 2026-11-23T09:00:00-05:00")
ID = ("has a wrong form", "text that matches ^[0-9]{1,18}$")


async def errors_of(body: Any) -> list[dict[str, str]]:
    async with client_of(app_on(FakeDesk())) as client:
        document = is_problem(await client.post("/api/v1/messages", json=body), "invalid-request")
    errors: list[dict[str, str]] = document["errors"]
    return errors


@pytest.mark.parametrize(
    "body,pointer,wrong,right",
    [
        ({**ONE, "text": 5}, "/text", *STRING),
        ({**ONE, "to": 12125550101}, "/to", *STRING),
        ({**ONE, "text": None}, "/text", *STRING),
        ({"line": LINE, "to": GOOD}, "/text", "is missing", "a value"),
        ({**ONE, "txt": ""}, "/txt", "is not known here", "leave it out, or look for a slip in its spelling"),
        ({**ONE, "a/b~c": ""}, "/a~1b~0c", "is not known here", "leave it out, or look for a slip in its spelling"),
        ({**ONE, "lane": "urgent"}, "/lane", "is none of the words allowed here", "'normal' or 'bulk'"),
        ({**ONE, "ref": "r" * 201}, "/ref", "is too long", "at most 200 characters"),
        ({**ONE, "text": "a\x00"}, "/text", "contains the character U+0000", "text without it"),
        ({**ONE, "in_reply_to": 17}, "/in_reply_to", *STRING),
        ({**ONE, "in_reply_to": "-1"}, "/in_reply_to", *ID),
        ({**ONE, "in_reply_to": "9" * 19}, "/in_reply_to", *ID),
        ({**ONE, "expires_at": 1795367045}, "/expires_at", *TIME),
        ({**ONE, "expires_at": "2026-11-23"}, "/expires_at", *TIME),
        ({**ONE, "expires_at": "2026-11-23T09:00:00"}, "/expires_at", *TIME),
        ({**ONE, "expires_at": "2026-13-23T09:00:00Z"}, "/expires_at", *TIME),
        ({**ONE, "expires_at": "2026-11-23T09:00:00+25:00"}, "/expires_at", *TIME),
        ({"messages": [ONE, {**ONE, "to": []}]}, "/messages/1/to", *STRING),
        ({"messages": {}}, "/messages", "is not an array", "a JSON array"),
        ({"messages": []}, "/messages", "has too few items", "at least 1"),
        ({"messages": ["x"]}, "/messages/0", "is not an object", "a JSON object"),
        ([], "", "is not an object", "a JSON object"),
        ("text", "", "is not an object", "a JSON object"),
    ],
)
async def test_what_is_wrong_with_a_body(body: Any, pointer: str, wrong: str, right: str) -> None:
    assert await errors_of(body) == [{"in": "body", "pointer": pointer, "detail": wrong, "expected": right}]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:00:00Z",
        "2026-11-23t09:00:00z",
        "2026-11-23T09:00:00.1-05:00",
        "2026-11-23T09:00:00.123456789+05:30",
    ],
)
async def test_times_as_rfc_3339_writes_them(text: str) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        assert (await client.post("/api/v1/messages", json={**ONE, "expires_at": text})).status_code == 202


async def test_every_field_is_listed_and_never_its_value() -> None:
    errors = await errors_of({"line": 1, "to": 2, "text": ["my secret"], "lane": "x"})
    assert [error["pointer"] for error in errors] == ["/line", "/to", "/text", "/lane"]
    assert "secret" not in str(errors)


async def test_faults_in_every_slice_are_listed_with_their_place() -> None:
    messages: list[Any] = [ONE] * 1500
    messages[3] = messages[1203] = {**ONE, "text": 5}
    assert [error["pointer"] for error in await errors_of({"messages": messages})] == [
        "/messages/3/text",
        "/messages/1203/text",
    ]


async def test_a_hopeless_batch_lists_a_hundred_of_them() -> None:
    assert len(await errors_of({"messages": [{}] * 200})) == MAX_FAULTS


def test_an_error_that_nobody_foresaw_shows_no_inner_words() -> None:
    fault = fault_of({"type": "brand_new", "loc": ("cookie", "c"), "msg": "inner words"})
    assert (fault.detail, fault.expected) == ("is not right", "see /api/docs")


@pytest.mark.parametrize(
    "query,pointer,wrong",
    [
        ("limit=0", "limit", "is too small"),
        ("limit=1001", "limit", "is too large"),
        ("limit=many", "limit", "is not a whole number"),
        ("state=lost", "state", "is none of the words allowed here"),
        ("stat=sent", "stat", "is not known here"),
        ("cursor=abc", "cursor", "has a wrong form"),
        ("line=%00", "line", "contains the character U+0000"),
        ("created_after=yesterday", "created_after", "is no time as RFC 3339 writes it"),
    ],
)
async def test_what_is_wrong_with_a_query(query: str, pointer: str, wrong: str) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        body = is_problem(await client.get(f"/api/v1/messages?{query}"), "invalid-request")
    assert [(error["in"], error["pointer"], error["detail"]) for error in body["errors"]] == [("query", pointer, wrong)]


@pytest.mark.parametrize(
    "raw",
    [b"{", b"", b"\xff\xfe", b'{"line": NaN}', b'{"text": "\\ud800"}', b"[" * 100_000, b"{} {}", b"'single'"],
)
async def test_what_is_no_json(raw: bytes) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        response = await client.post("/api/v1/messages", content=raw, headers={"Content-Type": "application/json"})
    is_problem(response, "invalid-request" if raw == b"" else "malformed-json")


@pytest.mark.parametrize("where", ["gateway.web.route.from_json", "starlette.requests.Request.body"])
async def test_a_body_that_there_is_no_memory_for_is_no_mistake_of_the_callers(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shortage(*_: object, **__: object) -> object:
        raise MemoryError

    async with client_of(app_on(FakeDesk())) as client:
        monkeypatch.setattr(where, shortage)
        response = await client.post("/api/v1/messages", json=ONE)
    is_problem(response, "unavailable")
    assert response.status_code == 503
    assert response.headers["retry-after"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", None])
async def test_what_does_not_call_itself_json(kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    async with client_of(app_on(FakeDesk())) as client:
        is_problem(await client.post("/api/v1/messages", content=b"{}", headers=headers), "unsupported-media-type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.x+json"])
async def test_what_calls_itself_json(kind: str) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        response = await client.post("/api/v1/messages/cancel", content=b'{"ref": "r"}', headers={"Content-Type": kind})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "method,path,slug,allow",
    [
        ("GET", "/", "not-found", None),
        ("GET", "/api/v1/messages/", "not-found", None),
        ("POST", "/api/v2/messages", "not-found", None),
        ("GET", "/problems/nothing-we-know", "not-found", None),
        ("PATCH", "/api/v1/messages", "method-not-allowed", "GET, POST"),
        ("GET", "/api/v1/brakes/line/85700", "method-not-allowed", "DELETE, PUT"),
        ("BREW", "/healthz", "method-not-allowed", "GET"),
    ],
)
async def test_routes_and_methods_that_do_not_exist(method: str, path: str, slug: str, allow: str | None) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        response = await client.request(method, path)
    is_problem(response, slug)
    assert response.headers.get("allow") == allow


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ONE, "messages", "lane", "list", "expires_at", "ref", "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(body=json_values)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_json_gets_an_orderly_answer(body: Any) -> None:
    async with client_of(app_on(FakeDesk())) as client:
        response = await client.post("/api/v1/messages", json=body)
    assert response.status_code in (200, 202, 404, 409, 422)


def test_each_reason_has_a_number_in_the_fake() -> None:
    assert len(set(NUMBER_FOR.values())) == len(NUMBER_FOR)
