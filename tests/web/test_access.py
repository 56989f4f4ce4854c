"""Every role with every route, and every way to present an identity."""

from __future__ import annotations

import os

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from gateway.model.requests import Actor, Role
from gateway.web import routes
from gateway.web.access import ACCESS, Authority, Peer
from gateway.web.problems import Problem
from gateway.web.route import group
from tests.kit.desk import FakeDesk
from tests.web.faces import TOKENS, app_on, authority, bearer, client_of, is_problem

ROLES = (None, *Role)
PAIRS = [(role, method, path) for method, path in ACCESS for role in ROLES]
FILLED = {"{id}": "1", "{line}": "85700", "{number}": "+12125550101", "{kind}": "line", "{name}": "85700"}


def filled(path: str) -> str:
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path.replace("{slug}", "opted-out")


def declared() -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for router in routes.found()
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def test_the_table_and_the_routes_are_the_same_set() -> None:
    assert declared() == set(ACCESS)


def test_a_route_without_a_line_in_the_table_cannot_be_declared() -> None:
    router: APIRouter = group("Test")
    with pytest.raises(KeyError, match="/api/v1/backdoor"):
        router.get("/api/v1/backdoor")(lambda: None)


@pytest.mark.parametrize("role,method,path", PAIRS)
async def test_every_role_with_every_route(role: Role | None, method: str, path: str) -> None:
    desk = FakeDesk()
    needed = ACCESS[(method, path)]
    async with client_of(app_on(desk), role) as client:
        response = await client.request(method, filled(path))
    if needed is None:
        assert response.status_code == 200
    elif role is None:
        is_problem(response, "unauthorized")
        assert response.headers["www-authenticate"] == 'Bearer realm="gateway"'
    elif role < needed:
        body = is_problem(response, "forbidden")
        assert body["role"] == needed.word
        assert needed.word in body["detail"]
    else:
        assert response.status_code not in (401, 403)
    if needed is not None and (role is None or role < needed):
        assert desk.calls == []


@pytest.mark.parametrize(
    "header,error",
    [
        ("Basic YTpi", "invalid_request"),
        ("Bearer", "invalid_request"),
        ("Bearer   ", "invalid_request"),
        ("", "invalid_request"),
        ("Bearer wrong", "invalid_token"),
        ("Bearer viewer-token2", "invalid_token"),
        ("Bearer caf\xe9", "invalid_token"),
        ("Bearer viewer-token operator-token", "invalid_token"),
    ],
)
async def test_what_is_no_token_of_ours_is_refused(header: str, error: str) -> None:
    async with client_of(app_on(FakeDesk()), None) as client:
        response = await client.get("/api/v1/brakes", headers={b"Authorization": header.encode("latin-1")})
    is_problem(response, "unauthorized")
    assert response.headers["www-authenticate"] == f'Bearer realm="gateway", error="{error}"'


async def test_a_refused_caller_hears_nothing_about_its_body() -> None:
    async with client_of(app_on(FakeDesk()), None) as client:
        is_problem(await client.post("/api/v1/messages", content=b"{"), "unauthorized")


def test_the_scheme_is_not_case_sensitive_and_the_actor_has_the_tokens_name() -> None:
    assert authority().actor(f"bearer  {TOKENS[Role.VIEWER]} ", None) == Actor("the-viewer", Role.VIEWER)


def test_the_gateways_own_user_and_root_need_no_token_on_the_unix_socket() -> None:
    own = authority().actor(None, Peer(1, os.geteuid(), 0))
    assert isinstance(own, Actor)
    assert own.role is Role.ADMIN
    assert authority().actor(None, Peer(1, 0, 0)) == Actor("local:root", Role.ADMIN)


def test_another_local_user_needs_a_token() -> None:
    guard = Authority((), local_uids=frozenset({0}))
    stranger = Peer(1, 4_000_000_000, 0)
    denied = guard.actor(None, stranger)
    assert isinstance(denied, Problem)
    assert "4000000000" in denied.detail


def test_a_presented_token_decides_even_for_root() -> None:
    assert authority().actor(bearer(Role.VIEWER)["Authorization"], Peer(1, 0, 0)) == Actor("the-viewer", Role.VIEWER)
    assert isinstance(authority().actor("Bearer wrong", Peer(1, 0, 0)), Problem)
