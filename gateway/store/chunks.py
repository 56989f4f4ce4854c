"""Many values in one ``in (…)``: cut into pieces that an engine takes, of few shapes for its statement cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

Value = TypeVar("Value")

SIZE: Final = 500  # below SQLite's smallest limit of 999 parameters, with room for a statement's others


def chunks(values: Iterable[Value]) -> Iterator[tuple[str, list[Value]]]:
    """Yield (placeholders, values), padded by the last value to a multiple of an eighth of the power of two above."""
    rest = iter(values)
    while chunk := list(islice(rest, SIZE)):
        step = max(1, (1 << (len(chunk) - 1).bit_length()) // 8)
        chunk += chunk[-1:] * (-len(chunk) % step)
        yield ", ".join("?" * len(chunk)), chunk
