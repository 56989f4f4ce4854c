"""The OpenAPI document, the page made from it, and the pages of the problem types."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway.model.refusal import Reason
from gateway.web.access import ACCESS
from gateway.web.openapi import MAY_FAIL, operations
from gateway.web.pages import kind_of
from gateway.web.problems import ALL, FAULTS, REFUSALS
from gateway.web.schemas import SendMany, SendOne
from tests.kit.desk import FakeDesk
from tests.web.faces import app_on, client_of, is_problem, strings

DOCS = Path(__file__).parents[2] / "docs" / "http.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return app_on(FakeDesk()).openapi()


def resolve(document: dict[str, Any], reference: str) -> Any:
    value: Any = document
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def test_it_lists_every_route_once_with_its_role(document: dict[str, Any]) -> None:
    found = dict(operations(document))
    assert list(found) == sorted(found, key=list(found).index)
    assert set(found) == set(ACCESS)
    for key, operation in found.items():
        role = ACCESS[key]
        assert operation.get("x-role") == (None if role is None else role.word)
        assert ("security" in operation) == (role is not None)
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)


def test_every_operation_is_complete(document: dict[str, Any]) -> None:
    for key, operation in operations(document):
        assert operation["summary"], key
        assert operation["description"], key
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert good, key
        for status in good:
            content = operation["responses"][status].get("content", {})
            if "application/json" in content and key[1] != "/api/openapi.json":
                assert "example" in content["application/json"], key
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], key
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or parameter["name"] in ("id", "slug", "Idempotency-Key"), key


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        assert resolve(document, reference)
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_problem_is_in_the_document_under_its_status(document: dict[str, Any]) -> None:
    seen = set()
    for _, operation in operations(document):
        for status, response in operation["responses"].items():
            for slug in response.get("content", {}).get("application/problem+json", {}).get("examples", {}):
                assert ALL[slug].status == int(status)
                seen.add(slug)
    # these two are answers to what is no request to any route
    assert set(ALL) - seen == {"bad-request", "method-not-allowed"}


def test_examples_of_requests_are_valid_requests(document: dict[str, Any]) -> None:
    examples = resolve(document, "#/paths")["/api/v1/messages"]["post"]["requestBody"]["content"]["application/json"]
    SendOne.model_validate(examples["examples"]["one"]["value"])
    SendMany.model_validate(examples["examples"]["many"]["value"])


def test_reasons_and_faults_are_different_words() -> None:
    assert not set(map(str, REFUSALS)) & set(FAULTS)
    assert set(map(str, REFUSALS)) == set(map(str, Reason))
    assert all(set(slugs) <= set(ALL) for slugs in MAY_FAIL.values())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_page_shows_every_route_problem_and_model_and_needs_nothing_from_elsewhere() -> None:
    async with client_of(app_on(FakeDesk()), None) as client:
        response = await client.get("/api/docs")
        served = (await client.get("/api/openapi.json")).json()
        page = _Reader()
        page.feed(response.text)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert not page.tags & {"script", "link", "img", "iframe"}
        assert len(set(page.ids)) == len(page.ids)
        for link in set(page.links):
            if link.startswith("#"):
                assert link[1:] in page.ids
            else:
                assert (await client.get(link)).status_code == 200, link
    for _, path in ACCESS:
        assert path in page.text
    for word in (*ALL, *served["components"]["schemas"]):
        assert word in page.text
    assert not re.search(r"[{}]{2}|undefined|None\b", page.text)


@pytest.mark.parametrize("slug", list(ALL))
async def test_the_type_of_a_problem_leads_to_its_page(slug: str) -> None:
    async with client_of(app_on(FakeDesk()), None) as client:
        page = await client.get(f"/problems/{slug}")
        is_problem(await client.get(f"/problems/{slug}x"), "not-found")
    reader = _Reader()
    reader.feed(page.text)
    assert ALL[slug].title in reader.text
    assert ALL[slug].remedy in reader.text


@pytest.mark.parametrize(
    "schema,word",
    [
        ({"$ref": "#/components/schemas/X"}, "X"),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"enum": ["a", "b"]}, "a | b"),
        ({"const": "a"}, "a"),
        ({"type": "array", "items": {"type": "integer"}}, "array of integer"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({}, "any"),
    ],
)
def test_types_in_a_word(schema: dict[str, Any], word: str) -> None:
    assert kind_of(schema) == word


def test_the_handbook_names_every_route_with_its_role_and_every_problem_with_its_status() -> None:
    text = DOCS.read_text("utf-8")
    routes = set(re.findall(r"^\| `(GET|POST|PUT|DELETE) (/\S*)` \| (\w+) \|", text, re.MULTILINE))
    assert routes == {(method, path, "open" if role is None else role.word) for (method, path), role in ACCESS.items()}
    problems = set(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", text, re.MULTILINE))
    assert problems == {(slug, str(kind.status)) for slug, kind in ALL.items()}


def test_strings_walks_everything() -> None:
    assert list(strings({"a": ["b", {"c": 1}]})) == ["a", "b", "c"]
