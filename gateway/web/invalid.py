"""Turns a validator's findings into sentences for the caller: where, what is wrong, what would be right.

Owns the table of pydantic's error types. It never repeats the caller's value (it may hold a text or a number) and
never shows a word of ours that is not in this table: an error type that nobody foresaw is described by the field alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from gateway.web.answers import Fault
from gateway.web.problems import Problem
from gateway.web.schemas import NUL_FREE

MAX_FAULTS: Final = 100
_TAGS: Final = frozenset({"one", "many"})  # of the union of one message and many
_PLACES: Final[Mapping[str, Literal["body", "query", "path", "header"]]] = {
    "body": "body",
    "query": "query",
    "path": "path",
    "header": "header",
}

Context = Mapping[str, Any]
_SAYINGS: Final[Mapping[str, tuple[str, Callable[[Context], str]]]] = {
    "missing": ("is missing", lambda _: "a value"),
    "extra_forbidden": ("is not known here", lambda _: "leave it out, or look for a slip in its spelling"),
    "string_type": ("is not a string", lambda _: "a JSON string"),
    "int_type": ("is not a whole number", lambda _: "a whole number"),
    "int_parsing": ("is not a whole number", lambda _: "a whole number"),
    "list_type": ("is not an array", lambda _: "a JSON array"),
    "tuple_type": ("is not an array", lambda _: "a JSON array"),
    "dict_type": ("is not an object", lambda _: "a JSON object"),
    "model_type": ("is not an object", lambda _: "a JSON object"),
    "model_attributes_type": ("is not an object", lambda _: "a JSON object"),
    "bool_parsing": ("is neither true nor false", lambda _: "1 or 0"),
    "literal_error": ("is none of the words allowed here", lambda c: str(c["expected"])),
    "too_short": ("has too few items", lambda c: f"at least {c['min_length']}"),
    "too_long": ("has too many items", lambda c: f"at most {c['max_length']}"),
    "string_too_short": ("is too short", lambda c: f"at least {c['min_length']} characters"),
    "string_too_long": ("is too long", lambda c: f"at most {c['max_length']} characters"),
    "string_pattern_mismatch": ("has a wrong form", lambda c: f"text that matches {c['pattern']}"),
    "greater_than_equal": ("is too small", lambda c: f"at least {c['ge']}"),
    "less_than_equal": ("is too large", lambda c: f"at most {c['le']}"),
    "rfc3339": (
        "is no time as RFC 3339 writes it",
        lambda _: "date, T, time and offset, such as 2026-11-23T09:00:00-05:00",
    ),
}
_NUL: Final = ("contains the character U+0000", lambda _: "text without it")
_UNFORESEEN: Final = ("is not right", lambda _: "see /api/docs")


def problem_of(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the problem for a validator's findings (pydantic's ``errors()`` form), at most the first 100 of them."""
    faults = tuple(fault_of(error) for error in errors[:MAX_FAULTS])
    first = faults[0]
    more = "" if len(errors) == 1 else f" ({len(errors) - 1} more under errors)"
    subject = first.pointer or f"the {first.place}"
    return Problem(
        "invalid-request", f"{subject} {first.detail}; right would be: {first.expected}.{more}", errors=faults
    )


def fault_of(error: Mapping[str, Any]) -> Fault:
    """Describe one finding."""
    place, *path = error["loc"]
    where = _PLACES.get(str(place), "body")
    context: Context = error.get("ctx", {})
    wrong, right = _NUL if context.get("pattern") == NUL_FREE else _SAYINGS.get(error["type"], _UNFORESEEN)
    return Fault(place=where, pointer=_pointer(where, path), detail=wrong, expected=right(context))


def _pointer(where: str, path: Sequence[str | int]) -> str:
    if where != "body":
        return str(path[0]) if path else ""
    steps = path[1:] if path and path[0] in _TAGS else path
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
