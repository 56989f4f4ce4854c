"""Draws our few HTML pages from templates: the documentation from the OpenAPI document, and the problem types.

Owns the escaping (on, always) and the content security policy: no scripts, no frames, no forms, and the one style
sheet by its digest. It never invents content; what a page says is in the document or the table that it is given.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gateway.web.problems import ALL, BASE, Kind

_HERE: Final = Path(__file__).with_name("templates")
_STYLE: Final = _HERE.joinpath("style.css").read_text("utf-8")
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ORDER: Final = ("get", "post", "put", "delete")


def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    environment.filters["kind"] = kind_of
    environment.filters["words"] = _words
    environment.globals["style"] = Markup(_STYLE)  # noqa: S704  our own file, not a caller's text
    return environment


def _words(text: str) -> Markup:
    """Mark up the little that our descriptions use: `code` and **strong**, in paragraphs."""
    escaped = str(Markup.escape(text))
    for mark, tag in (("**", "strong"), ("`", "code")):
        pieces = escaped.split(mark)
        escaped = "".join(
            piece if number % 2 == 0 else f"<{tag}>{piece}</{tag}>" for number, piece in enumerate(pieces)
        )
    return Markup("".join(f"<p>{part}</p>" for part in escaped.split("\n\n")))  # noqa: S704  escaped above


def kind_of(schema: Mapping[str, Any]) -> str:
    """Name a JSON schema's type in a word or two: ``string``, ``array of StateView``, ``integer or null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(kind_of(one) for one in schema[several])
    if "enum" in schema:
        return " | ".join(str(word) for word in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"array of {kind_of(schema.get('items', {}))}"
    if "format" in schema:
        return str(schema["format"])
    return str(schema.get("type", "any"))


_ENVIRONMENT: Final = _environment()


def documentation(document: Mapping[str, Any]) -> HTMLResponse:
    """Return the documentation page for an OpenAPI document."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method in sorted(methods, key=_ORDER.index):
            operation = methods[method]
            entry = {"method": method.upper(), "path": path, "name": operation["operationId"], **operation}
            groups.setdefault(operation["tags"][0], []).append(entry)
    return _page("docs.html", document=document, groups=groups, problems=ALL, base=BASE)


def problem(slug: str, kind: Kind) -> HTMLResponse:
    """Return the page of a problem type."""
    return _page("problem.html", slug=slug, kind=kind)


def _page(template: str, **values: object) -> HTMLResponse:
    html = _ENVIRONMENT.get_template(template).render(**values)
    return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})
