"""Completes the OpenAPI document that FastAPI draws: roles, problems, examples.

Owns which problems each route can answer. FastAPI knows parameters and models; what it cannot know (who may call,
what can go wrong, what it looks like) comes from our tables, so that the document says what the code does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.model.refusal import Reason
from gateway.web.access import ACCESS
from gateway.web.answers import ProblemBody
from gateway.web.examples import ANSWERS, REQUESTS
from gateway.web.problems import ALL, BASE, MEDIA_TYPE

DESCRIPTION: Final = """\
Send texts on your lines and look after consent. STOP is law: a message to a subscriber who has opted out is refused,
and none that was accepted before an opt-out goes after it.

Send `Authorization: Bearer` with a token of the configuration; each operation names the role that it needs (viewer,
operator or admin; each includes the ones before it). Errors are problem documents (RFC 9457): decide by `type`, show
`detail`. Ids are strings. Times are RFC 3339, and those that the gateway gives are UTC.
"""

R = Reason
_SEND: Final = (
    *(R.OPTED_OUT, R.NOT_OPTED_IN, R.HELD, R.SUSPENDED, R.NOT_A_MEMBER, R.QUIET_HOURS, R.NOT_MOBILE, R.NOT_A_NUMBER),
    *(R.UNKNOWN_LINE, R.UNKNOWN_LIST, R.UNKNOWN_MESSAGE, R.TOO_LONG, R.EMPTY, R.BACKLOG_FULL, R.EXPIRED, R.STALE),
    *(R.NOT_IN_ALPHABET, R.NOT_AN_ANSWER, R.REPLY_LIMIT, "key-in-use", "key-reused"),
)
_CONSENT: Final = (R.UNKNOWN_LINE, R.NOT_A_NUMBER)
_FILTER: Final = (R.UNKNOWN_LINE, R.UNKNOWN_LIST, R.NOT_A_NUMBER)
_UNCERTAIN: Final = (
    *(R.UNKNOWN_MESSAGE, R.NOT_UNCERTAIN, R.OPTED_OUT, R.NOT_OPTED_IN, R.HELD, R.EXPIRED, R.STALE),
    *(R.CANCELLED,),
)
_BRAKE: Final = (R.UNKNOWN_LINE, R.UNKNOWN_CARRIER, R.UNKNOWN_LANE)

MAY_FAIL: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("POST", "/api/v1/messages"): _SEND,
    ("GET", "/api/v1/messages"): _FILTER,
    ("GET", "/api/v1/messages/{id}"): (R.UNKNOWN_MESSAGE,),
    ("POST", "/api/v1/messages/cancel"): ("empty-filter", *_FILTER),
    ("POST", "/api/v1/messages/{id}/resend"): _UNCERTAIN,
    ("POST", "/api/v1/messages/{id}/fail"): _UNCERTAIN,
    ("GET", "/api/v1/consents/{line}/{number}"): _CONSENT,
    ("GET", "/api/v1/consents/{line}/{number}/evidence"): _CONSENT,
    ("PUT", "/api/v1/brakes/{kind}/{name}"): _BRAKE,
    ("DELETE", "/api/v1/brakes/{kind}/{name}"): _BRAKE,
    ("POST", "/api/v1/restore/records"): (R.BAD_LOG,),
    ("POST", "/api/v1/restore/accept-loss"): (R.NOT_RESTORED,),
    ("GET", "/api/v1/trace"): (R.UNKNOWN_CARRIER,),
    ("GET", "/api/v1/trace/unmasked"): (R.UNKNOWN_CARRIER,),
    ("GET", "/problems/{slug}"): ("not-found",),
}
_BODY: Final = ("malformed-json", "request-timeout", "too-large", "unsupported-media-type")


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the finished document; drawn once."""
    if app.openapi_schema is None:
        app.openapi_schema = _draw(app)
    return app.openapi_schema


def _draw(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(_problem_schema())
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of the configuration."}
    }
    document["paths"] = {path: document["paths"][path] for path in dict.fromkeys(path for _, path in ACCESS)}
    for key, operation in operations(document):
        _complete(key, operation)
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Walk all operations of a document as ((method, path), operation)."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method.upper(), path), operation


def _problem_schema() -> dict[str, Any]:
    schema = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    inner: dict[str, Any] = schema.pop("$defs")
    return {**inner, "ProblemBody": schema}


def _complete(key: tuple[str, str], operation: dict[str, Any]) -> None:
    role = ACCESS[key]
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    for status, example in ANSWERS.get(key, {}).items():
        media = responses[str(status)]["content"]["application/json"]
        media["example"] = example
    if key in REQUESTS:
        media = operation["requestBody"]["content"]["application/json"]
        media["examples"] = {name: {"value": value} for name, value in REQUESTS[key].items()}
    if role is not None:
        operation["security"] = [{"token": []}]
        operation["x-role"] = role.word
    for slug in problems_of(key, operation):
        _add_problem(responses, slug)


def problems_of(key: tuple[str, str], operation: Mapping[str, Any]) -> list[str]:
    """Return every problem type that an operation can answer, the particular ones first."""
    slugs = [str(slug) for slug in MAY_FAIL.get(key, ())]
    if ACCESS[key] is not None:
        slugs += ["unauthorized", "forbidden"]
    if "requestBody" in operation:
        slugs += _BODY
    if "requestBody" in operation or "parameters" in operation:
        slugs.append("invalid-request")
    if key[0] != "GET":
        slugs.append(R.STORAGE_FULL)
    return [*slugs, "internal-error", "unavailable"]


def _add_problem(responses: dict[str, Any], slug: str) -> None:
    kind = ALL[slug]
    response = responses.setdefault(str(kind.status), {"description": ""})
    response["description"] = f"{response['description']}\n\n**{slug}**: {kind.title}. {kind.remedy}".strip()
    media = response.setdefault("content", {}).setdefault(
        MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/ProblemBody"}, "examples": {}}
    )
    value = {"type": BASE + slug, "title": kind.title, "status": kind.status, "detail": kind.remedy}
    media["examples"][slug] = {"value": value}
    if slug == "unauthorized":
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 6750"}}
    if kind.retry_after_s is not None:
        header = {"schema": {"type": "integer"}, "description": "Seconds to wait before asking again."}
        response["headers"] = {"Retry-After": header}
