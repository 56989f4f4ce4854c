"""The kind of route that every route is: it knows its role, asks for it first, and reads JSON strictly.

Owns the order of things: identity, role, content type, body, validation, handler. A caller without the right role
learns nothing and makes us read nothing. A route that ``access.ACCESS`` does not list fails when it is declared.
It also owns what handlers may ask of a request (``DeskHere``, ``Caller``), so that none of them reaches into the app.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import from_json

from gateway.model.refusal import Refusal
from gateway.model.requests import Actor
from gateway.web.access import ACCESS, authorise
from gateway.web.inflight import InFlight
from gateway.web.ports import DeskPort, MetricsRender, RestorePort, TracePort
from gateway.web.problems import Problem, ProblemError, of_refusal, respond

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_NO_MEMORY: Final = Problem("unavailable", "There is not enough memory for this request now.")


class StrictRequest(Request):
    """A request whose JSON is read by pydantic's parser: lone surrogates, NaN and endless nesting are errors.

    Where there is no memory for it, that is said: FastAPI would call it the caller's mistake.
    """

    async def body(self) -> bytes:
        """Return the body."""
        try:
            return await super().body()
        except MemoryError:
            raise ProblemError(_NO_MEMORY) from None

    async def json(self) -> Any:
        """Return the parsed body; ProblemError where it is not JSON."""
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            detail = f"The body is not JSON: {error}."
            raise ProblemError(Problem("malformed-json", detail)) from None
        except MemoryError:
            raise ProblemError(_NO_MEMORY) from None


class GuardedRoute(APIRoute):
    """A route behind its line of the access table."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler: who is asking comes before everything else."""
        inner = super().get_route_handler()
        methods = self.methods or set()
        needed = max((ACCESS[(method, self.path)] for method in methods), key=lambda role: role or 0)
        takes_body = self.body_field is not None

        async def guarded(request: Request) -> Response:
            request.state.actor = authorise(request, needed, request.app.state.authority)
            if takes_body:
                _require_json(request)
            return await inner(StrictRequest(request.scope, request.receive))

        return guarded


def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return
    if kind or request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        said = f"The body came as {kind}." if kind else "The body came without a Content-Type."
        raise ProblemError(Problem("unsupported-media-type", f"{said} Send application/json."))


def group(tag: str) -> APIRouter:
    """Return a router for one group of routes; ``tag`` is the group's heading in the documentation."""
    return APIRouter(route_class=GuardedRoute, tags=[tag], redirect_slashes=False)


def answer(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a model as the answer. Absent members of a problem are left out; those of other answers are null."""
    return Response(model.model_dump_json(), status, headers, media_type="application/json")


def refuse(refusal: Refusal) -> Response:
    """Return a refusal as the answer."""
    return respond(of_refusal(refusal))


def _desk(request: Request) -> DeskPort:
    desk: DeskPort = request.app.state.desk
    return desk


def _caller(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


def _metrics(request: Request) -> MetricsRender:
    render: MetricsRender = request.app.state.metrics_render
    return render


def _trace(request: Request) -> TracePort:
    trace: TracePort = request.app.state.trace
    return trace


def _restore(request: Request) -> RestorePort:
    restore: RestorePort = request.app.state.restore
    return restore


def _in_flight(request: Request) -> InFlight:
    in_flight: InFlight = request.app.state.in_flight
    return in_flight


DeskHere = Annotated[DeskPort, Depends(_desk)]
Caller = Annotated[Actor, Depends(_caller)]
MetricsHere = Annotated[MetricsRender, Depends(_metrics)]
TraceHere = Annotated[TracePort, Depends(_trace)]
RestoreHere = Annotated[RestorePort, Depends(_restore)]
InFlightHere = Annotated[InFlight, Depends(_in_flight)]
