"""Values of ours as the server reads them, and statements with its placeholders.

Numbers and texts travel without a type of their own, so that the server takes the type of the column that they meet,
and one statement is prepared once, whatever the size of its numbers. *Octets* travel as they are. PostgreSQL's text
holds every character but U+0000: that one is stored as U+FFFD (a text's octets are kept beside it, so nothing is lost).
*Placeholders*: our statements say ``?``, peewee's ``%s``; the server wants ``$1``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.pq import Format

NO_NUL: Final = "\ufffd"
"""What stands in a stored text where U+0000 was."""

_TOKENS: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\?|%s""")

_Dumped = tuple[bytes | None, int]
_TEXT: Final = int(Format.TEXT)
_BINARY: Final = int(Format.BINARY)


def _text(value: str) -> _Dumped:
    return (value.replace("\0", NO_NUL) if "\0" in value else value).encode(), _TEXT


# By the class of a value, or one that it is made from.
_KINDS: Final[dict[type, Callable[[Any], _Dumped]]] = {
    str: _text,
    int: lambda value: (b"%d" % value, _TEXT),  # also of what only counts as a number: an enum, a bool
    float: lambda value: (float.__repr__(value).encode(), _TEXT),
    bytes: lambda value: (value, _BINARY),
    type(None): lambda value: (None, _TEXT),
    bytearray: lambda value: (bytes(value), _BINARY),
    memoryview: lambda value: (bytes(value), _BINARY),
    psycopg.Binary: lambda value: (bytes(value.obj), _BINARY),  # peewee's octets
}


_known = dict(_KINDS)  # with the classes that are made from those, once they were met


def _dumper(kind: type) -> Callable[[Any], _Dumped]:
    for each in kind.__mro__:
        if each in _KINDS:
            _known[kind] = _KINDS[each]
            return _known[kind]
    raise psycopg.ProgrammingError(f"no column holds a {kind.__name__}")


def dumped(values: Iterable[Any]) -> tuple[list[bytes | None], list[int]]:
    """Return the values as they travel, and their formats. Raises psycopg.ProgrammingError for what has none."""
    octets: list[bytes | None] = []
    formats: list[int] = []
    for value in values:
        kind = type(value)
        written, form = (_known.get(kind) or _dumper(kind))(value)
        octets.append(written)
        formats.append(form)
    return octets, formats


@lru_cache(maxsize=4096)
def native(sql: str) -> bytes:
    """Return a statement with ``$1``, ``$2``, ... for its placeholders. Quoted words and comments have none."""
    number = 0

    def place(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] not in ("?", "%s"):
            return found[0]
        number += 1
        return f"${number}"

    return _TOKENS.sub(place, sql).encode()
