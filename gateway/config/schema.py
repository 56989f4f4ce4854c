"""Walking the option models: which keys a table has, and what may stand there.

Both the loader (for "did you mean") and the documentation read the models through here, so what a page promises and
what a message suggests cannot differ from what is checked. Knows pydantic's field descriptions; reads no file.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

# What names a table inside an array of tables, for people: line[85700], keyword[JOIN].
IDENTITIES = ("address", "word", "name")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: ``table`` is its model, set where the key holds a table (``many``: an array of them)."""

    name: str
    field: FieldInfo
    table: type[BaseModel] | None
    many: bool
    secret: bool

    @property
    def required(self) -> bool:
        """Whether the key must be given."""
        return self.field.is_required()


def keys(model: type[BaseModel]) -> dict[str, Key]:
    """Return the keys of a table, in the order of its model."""
    result = {}
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        kinds = tuple(_leaves(field.annotation))
        table = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        many = typing.get_origin(_without_none(field.annotation)) in (tuple, list)
        result[name] = Key(name, field, table, many, secret=SecretStr in kinds)
    return result


def table_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel] | None:
    """Return the model of the table at ``loc`` (pydantic's location; list indexes are ints), None if it is no table."""
    here: type[BaseModel] | None = model
    for step in loc:
        if isinstance(step, int):
            continue
        found = keys(here).get(step) if here is not None else None
        here = found.table if found is not None else None
    return here


def key_at(model: type[BaseModel], loc: Sequence[int | str]) -> Key | None:
    """Return the key that ``loc`` ends in, None where there is none."""
    names = [step for step in loc if isinstance(step, str)]
    table = table_at(model, names[:-1])
    return keys(table).get(names[-1]) if table is not None and names else None


def kind(key: Key) -> str:
    """Return what may stand at ``key``, for people: ``whole number, 1 to 65535``."""
    if key.table is not None:
        return "array of tables" if key.many else "table"
    words = _words(_without_none(key.field.annotation))
    bounds = _bounds([*key.field.metadata, *_inner_metadata(key.field.annotation)])
    return f"{words}, {bounds}" if bounds else words


def choices(key: Key) -> list[str]:
    """Return the words allowed at ``key`` where it is a choice, else nothing."""
    found: list[str] = []
    for leaf in _leaves(key.field.annotation):
        if isinstance(leaf, type) and issubclass(leaf, enum.Enum):
            found += [str(member.value) for member in leaf]
        elif isinstance(leaf, str):
            found.append(leaf)
    return found


def default(key: Key) -> str:
    """Return the key's default as the file would spell it; empty where there is none."""
    extra = key.field.json_schema_extra
    if isinstance(extra, dict) and "shown_default" in extra:
        return str(extra["shown_default"])
    if key.required or key.table is not None:
        return ""
    return toml(key.field.get_default(call_default_factory=True, validated_data={}))


def toml(value: object) -> str:
    """Spell a value as TOML; None, which TOML does not have, as ``unset``."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, enum.Enum):
        return toml(value.value)
    if isinstance(value, tuple | list | set | frozenset):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return str(value)


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) is typing.Annotated:
        return _without_none(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [arm for arm in typing.get_args(annotation) if arm is not type(None)]
        return _without_none(rest[0]) if len(rest) == 1 else typing.Union[tuple(rest)]  # noqa: UP007 - made at run time
    return annotation


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the plain types and literal values that an annotation is made of."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        yield from typing.get_args(annotation)
    elif origin is typing.Annotated:
        yield from _leaves(typing.get_args(annotation)[0])
    elif origin is None:
        yield annotation
    else:
        for argument in typing.get_args(annotation):
            yield from _leaves(argument)


def _inner_metadata(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) is typing.Annotated:
        return list(typing.get_args(annotation)[1:])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [item for arm in typing.get_args(annotation) for item in _inner_metadata(arm)]
    return []


_NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    SecretStr: "secret",
}


def _words(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " or ".join(f'`"{word}"`' for word in typing.get_args(annotation))
    if origin in (tuple, list):
        return f"list of {_words(_without_none(typing.get_args(annotation)[0]))}"
    if origin is dict:
        return f"table of {_words(_without_none(typing.get_args(annotation)[1]))}"
    if origin is not None:
        return " or ".join(_words(_without_none(arm)) for arm in typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " or ".join(f'`"{member.value}"`' for member in annotation)
    return _NAMES.get(annotation, "text")


def _bounds(metadata: Sequence[Any]) -> str:
    low = high = ""
    flat: list[Any] = []
    for item in metadata:
        flat += item.metadata if isinstance(item, FieldInfo) else [item]
    for item in flat:
        if isinstance(item, annotated_types.Ge):
            low = f"{item.ge:g}" if isinstance(item.ge, int | float) else str(item.ge)
        elif isinstance(item, annotated_types.Gt):
            low = f"above {item.gt}"
        elif isinstance(item, annotated_types.Le):
            high = str(item.le)
        elif isinstance(item, annotated_types.Lt):
            high = f"below {item.lt}"
    if low and high:
        return f"{low} to {high}"
    if low:
        return low if low.startswith("above") else f"at least {low}"
    return f"at most {high}" if high else ""
