"""Many values in one ``in (…)``: cut into pieces that an engine takes, of few shapes for its statement cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

Value = TypeVar("Value")

SIZE: Final = 500  # below SQLite's smallest limit of 999 parameters, with room for a statement's others


def chunks(values: Iterable[Value]) -> Iterator[tuple[str, list[Value]]]:
    """Yield (placeholders, values), each padded to a power of two by repeating its last value."""
    rest = iter(values)
    while chunk := list(islice(rest, SIZE)):
        chunk += chunk[-1:] * ((1 << (len(chunk) - 1).bit_length()) - len(chunk))
        yield ", ".join("?" * len(chunk)), chunk
