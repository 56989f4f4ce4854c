"""What the tests of the web package share: three tokens, an application on a fake desk, a client in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from fastapi import FastAPI

from gateway.model.requests import Role
from gateway.web.access import Authority
from gateway.web.app import build_app
from gateway.web.options import TokenOptions
from gateway.web.problems import ALL
from tests.kit.desk import FakeDesk, as_port
from tests.kit.restore import FakeRestore

TOKENS: Final = {role: f"{role.word}-token" for role in Role}
METRICS: Final = (b"gateway_up 1\n", "text/plain; version=0.0.4; charset=utf-8")


def authority() -> Authority:
    return Authority(
        [
            TokenOptions.model_validate(
                {"name": f"the-{role.word}", "sha256": hashlib.sha256(token.encode()).hexdigest(), "role": role.word}
            )
            for role, token in TOKENS.items()
        ]
    )


def app_on(desk: FakeDesk) -> FastAPI:
    return build_app(as_port(desk), FakeRestore(), authority(), lambda: METRICS, version="1.2.3")


def bearer(role: Role | None) -> dict[str, str]:
    return {} if role is None else {"Authorization": f"Bearer {TOKENS[role]}"}


@asynccontextmanager
async def client_of(app: Any, role: Role | None = Role.ADMIN) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://gw", headers=bearer(role)) as client:
        yield client


def strings(value: Any) -> Iterator[str]:
    """Walk every string in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def is_problem(response: httpx.Response, slug: str) -> dict[str, Any]:
    """Check that an answer is the problem ``slug`` in good form, and return its document."""
    body: dict[str, Any] = response.json()
    assert (response.headers["content-type"], body["type"]) == ("application/problem+json", f"/problems/{slug}")
    assert response.status_code == body["status"] == ALL[slug].status
    assert body["title"] == ALL[slug].title
    assert body["detail"]
    assert all("Traceback" not in text and "gateway/" not in text for text in strings(body))
    return body
