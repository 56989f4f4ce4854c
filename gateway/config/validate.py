"""Turning one raw table into its option model, with every problem in it told at once and in plain words.

pydantic finds what is wrong; the tables here say it as a person would, with what would be right. What is wrong is
taken out and the rest is tried again, so that checks of the whole (a clash of two words, say) still run and a file
with five mistakes is told all five. Types are strict: TOML has types, and "2775" where a number belongs is a mistake.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.problems import Problem
from gateway.config.schema import Key, choices, default, key_at, keys, kind, toml
from gateway.config.secrets import element

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[int | str, ...]

_COUNTED: Final = ("whole", "number", "secret", "list", "table")  # kinds that read better with an article

# pydantic's error type -> what is wrong, from its context. The rest falls back to pydantic's own sentence.
_WHAT: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "greater_than_equal": lambda ctx: f"is below {ctx['ge']:g}",
    "greater_than": lambda ctx: f"is not above {ctx['gt']:g}",
    "less_than_equal": lambda ctx: f"is above {ctx['le']:g}",
    "less_than": lambda ctx: f"is not below {ctx['lt']:g}",
    "string_too_short": lambda ctx: (
        "is empty" if ctx["min_length"] == 1 else f"is under {ctx['min_length']} characters"
    ),
    "string_too_long": lambda ctx: f"has more than {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda _ctx: "is not written as it must be",
    "too_short": lambda ctx: f"has fewer than {ctx['min_length']} elements",
    "too_long": lambda ctx: f"has more than {ctx['max_length']} elements",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is nearest to ``word``, or the empty string if none is near."""
    found = difflib.get_close_matches(word.lower(), sorted(set(known)), n=1, cutoff=0.6)
    return found[0] if found else ""


def near(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean "x"?`` for the known word that is nearest, or the empty string."""
    guess = nearest(word, known)
    return f'did you mean "{guess}"?' if guess else ""


def tolerant(model: type[Model], table: dict[str, Any], at: str, file: Path) -> tuple[Model | None, list[Problem]]:
    """Check ``table`` (found at key ``at``) against ``model``.

    Returns the model, without what is wrong, and all problems; None where what is wrong cannot be left out.
    """
    problems: list[Problem] = []
    here: dict[str, Any] | None = _without_unknown(model, table, at, file, problems)
    untouched = True
    while here is not None:
        try:
            return model.model_validate_json(json.dumps(here, default=_foreign), strict=True), problems
        except ValidationError as error:
            # Unions report one mistake once per arm; the first is enough, and says which key.
            found = {_trim(model, details["loc"]): details for details in reversed(error.errors(include_url=False))}
            for loc, details in reversed(found.items()):
                # What is missing in a later round was taken out in an earlier one, and has been told.
                if untouched or details["type"] != "missing":
                    problems.append(_problem(model, here, loc, details, at, file))
            untouched = False
            cuts = {loc[:-1] if details["type"] == "missing" else loc for loc, details in found.items()}
            pruned = _prune(here, cuts)
            here = pruned if pruned != here else None
    return None, problems


def _foreign(value: object) -> dict[str, str]:
    """TOML's dates and times, which no key of ours takes: shown as something that fits nowhere."""
    return {"date": str(value)}


def _order(step: int | str) -> tuple[int, int, str]:
    return (0, step, "") if isinstance(step, int) else (1, 0, step)


def _without_unknown(
    model: type[BaseModel], table: dict[str, Any], at: str, file: Path, problems: list[Problem]
) -> dict[str, Any]:
    known = keys(model)
    result: dict[str, Any] = {}
    for name, value in table.items():
        key = known.get(name)
        place = f"{at}.{name}" if at else name
        if key is None:
            guess = nearest(name, known)
            right = f'did you mean "{guess}"?' if guess else f"keys here are: {', '.join(known)}"
            problems.append(Problem(file, place, "unknown key", right))
            if guess and guess not in table:  # taken for what was meant, so that it is not called missing as well
                table = {**table, guess: value}
                result[guess] = value
        elif key.table is not None and isinstance(value, list):
            result[name] = list(_items(key.table, value, place, file, problems))
        elif key.table is not None and isinstance(value, dict):
            result[name] = _without_unknown(key.table, value, place, file, problems)
        else:
            result[name] = value
    return result


def _items(model: type[BaseModel], array: list[Any], at: str, file: Path, problems: list[Problem]) -> Iterator[object]:
    for index, item in enumerate(array):
        if isinstance(item, dict):
            yield _without_unknown(model, item, element(at, item, index), file, problems)
        else:
            yield item


def _trim(model: type[BaseModel], loc: Loc) -> Loc:
    """Cut from a location what pydantic adds to name a union's arm, or an entry's key."""
    while loc and isinstance(loc[-1], str) and key_at(model, loc) is None and not _is_entry(model, loc):
        loc = loc[:-1]
    return loc


def _is_entry(model: type[BaseModel], loc: Loc) -> bool:
    """Say whether ``loc`` names an entry of a table whose keys the user chooses."""
    holder = key_at(model, loc[:-1])
    return holder is not None and get_origin(holder.field.annotation) is dict


def _problem(
    model: type[BaseModel], table: dict[str, Any], loc: Loc, details: ErrorDetails, at: str, file: Path
) -> Problem:
    entry = _is_entry(model, loc)
    key = key_at(model, loc[:-1] if entry else loc)
    place = path(table, loc, at)
    reason = details["type"]
    if reason == "missing":
        return Problem(file, place, "is missing", _describe(key))
    if reason == "value_error":
        message = details["msg"].partition(", ")[2]
        what, _, right = message.partition("; ")
        return Problem(file, place, what, right)
    misfit = reason.endswith(("_type", "_parsing")) or reason in ("enum", "literal_error")
    if key is not None and misfit and entry:
        known = ", ".join(f'"{word}"' for word in choices(key))
        value = details["input"]
        guess = near(value, choices(key)) if isinstance(value, str) else ""
        return Problem(file, place, f"{_shown(key, details)} does not fit", guess or f"write one of: {known}")
    if key is not None and misfit:
        return Problem(file, place, f"{_shown(key, details)} does not fit", _right(key, details))
    say = _WHAT.get(reason)
    what = say(details.get("ctx", {})) if say else details["msg"][:1].lower() + details["msg"][1:]
    bounded = reason.startswith(("greater", "less"))
    right = _right(key, details) if key is not None and bounded else _describe(key)
    return Problem(file, place, f"{_shown(key, details)} {what}", right)


def _shown(key: Key | None, details: ErrorDetails) -> str:
    """Return the value found, short, or only its kind where it may be a secret."""
    if key is None or key.secret or "sha256" in key.name:
        return "the value"
    value = details["input"]
    if isinstance(value, dict):
        return str(value["date"]) if value.keys() == {"date"} else "a table"
    text = toml(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _right(key: Key, details: ErrorDetails) -> str:
    value = details["input"]
    guess = near(value, choices(key)) if isinstance(value, str) and value.isalpha() else ""
    if guess:
        return guess
    shown = default(key)
    example = f" (the default is {shown})" if shown not in ("", '""', "unset") else ""
    what = kind(key)
    article = "an " if what.startswith("array") else "a " if what.startswith(_COUNTED) else ""
    return f"write {article}{what}{example}".replace("`", "")


def _describe(key: Key | None) -> str:
    return (key.field.description or "").rstrip(".").replace("`", "") if key is not None else ""


def path(table: Mapping[str, Any], loc: Sequence[int | str], at: str) -> str:
    """Return the key path of ``loc`` in ``table`` for people: ``line[85700].keyword[JOIN].action``."""
    result = at
    value: Any = table
    for step in loc:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
            result = element(result, value if isinstance(value, dict) else {}, step)
        else:
            value = value.get(step) if isinstance(value, dict) else None
            result = f"{result}.{step}" if result else step
    return result


def _prune(table: dict[str, Any], cuts: set[Loc]) -> dict[str, Any] | None:
    """Return ``table`` without what stands at ``cuts``; None where the whole table is one of them."""
    if () in cuts:
        return None
    copy: dict[str, Any] = json.loads(json.dumps(table, default=_foreign))
    inside = {loc for loc in cuts if not any(loc[:depth] in cuts for depth in range(1, len(loc)))}
    # Last first, so that removing an element does not move those that are still to be removed.
    for loc in sorted(inside, key=lambda loc: [_order(step) for step in loc], reverse=True):
        holder: Any = copy
        for step in loc[:-1]:
            holder = holder[step]
        del holder[loc[-1]]
    return copy
