"""Puts the application together: routes, roles, limits, problems, documentation.

Owns the assembly and the translation of every kind of failure into a problem document; each part is its own module.
``build_app`` makes what the API's listeners and the Unix socket serve.
Nothing here opens a socket, and nothing asks for anything but the ports that it is given.
"""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import compile_path

from gateway.web import invalid, routes
from gateway.web.access import ACCESS, Authority
from gateway.web.inflight import InFlight
from gateway.web.limits import Budget, Limits
from gateway.web.openapi import describe
from gateway.web.ports import DeskPort, MetricsRender, NothingRuns, RestorePort, TracePort
from gateway.web.problems import Problem, ProblemError, of_status, respond

_TEMPLATES: Final = tuple((method, compile_path(path)[0]) for method, path in ACCESS)


def build_app(
    desk: DeskPort,
    restore: RestorePort,
    authority: Authority,
    metrics_render: MetricsRender,
    *,
    version: str,
    trace: TracePort | None = None,
) -> FastAPI:
    """Return the whole HTTP face. ``version`` is shown in the documentation; ``trace`` is that of the running binds."""
    app = _bare("SMPP consent gateway", version)
    app.state.desk = desk
    app.state.restore = restore
    app.state.authority = authority
    app.state.metrics_render = metrics_render
    app.state.trace = trace or NothingRuns()
    app.state.in_flight = InFlight()
    for router in routes.found():
        app.include_router(router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's own way to replace it
    return app


def _bare(title: str, version: str) -> FastAPI:
    app = FastAPI(
        title=title,
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Limits, budget=Budget())],
    )
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    return app


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  it is registered for nothing else
    return respond(invalid.problem_of(error.errors()))


async def _http(request: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return respond(error.problem)
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for nothing else
    if error.status_code == 405:
        return respond(_wrong_method(request))
    return respond(of_status(error.status_code, error.headers))


def _wrong_method(request: Request) -> Problem:
    allowed = sorted(method for method, pattern in _TEMPLATES if pattern.match(request.url.path))
    detail = f"{request.method} is not for this route; it takes {' and '.join(allowed)}."
    return Problem("method-not-allowed", detail, headers={"Allow": ", ".join(allowed)})
