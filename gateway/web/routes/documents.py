"""What there is to read: the OpenAPI document, the documentation page made from it, and a page for each problem type.

The pages are drawn here, without scripts and without anything from elsewhere, so that they open on a machine that has
no way to the internet.
"""

from __future__ import annotations

import json

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from gateway.web import pages
from gateway.web.problems import ALL, Problem, respond
from gateway.web.route import group
from gateway.web.schemas import Text

router = group("Documentation")


@router.get("/api/openapi.json", summary="The OpenAPI document")
async def openapi(request: Request) -> Response:
    """Return the description of this API in OpenAPI 3.1."""
    return Response(json.dumps(request.app.openapi(), ensure_ascii=False), media_type="application/json")


@router.get("/api/docs", response_class=HTMLResponse, summary="This documentation")
async def docs(request: Request) -> Response:
    """Return the same description as a page for people."""
    return pages.documentation(request.app.openapi())


@router.get("/problems/{slug}", response_class=HTMLResponse, summary="What a problem type means")
async def problem(slug: Text) -> Response:
    """Explain a problem type: its `type` URI leads here."""
    if slug not in ALL:
        return respond(Problem("not-found", "There is no such problem type; see /api/docs for all of them."))
    return pages.problem(slug, ALL[slug])
