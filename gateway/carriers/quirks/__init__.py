"""How carriers differ from the book: one file a quirk, found by itself.

A module in this package that has a ``QUIRK`` is a quirk; its name is the ``QUIRK``'s own. Adding a carrier's habits is
adding one file here and one transcript file for its contract test; nothing else names them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from gateway.carriers.quirks.quirk import IdBase, Numbering, Quirk, Request, Validity

__all__ = ["IdBase", "Numbering", "Quirk", "Request", "Validity", "all_quirks", "load", "names"]


@cache
def all_quirks() -> Mapping[str, Quirk]:
    """Return every quirk by its name. Raises ValueError if two files claim one name: that is a bug of ours."""
    found: dict[str, Quirk] = {}
    for info in pkgutil.iter_modules(__path__):
        quirk = getattr(importlib.import_module(f"{__name__}.{info.name}"), "QUIRK", None)
        if isinstance(quirk, Quirk):
            if quirk.name in found:
                raise ValueError(f"two files of gateway.carriers.quirks define the quirk {quirk.name!r}")
            found[quirk.name] = quirk
    return MappingProxyType(found)


def names() -> frozenset[str]:
    """Return the names that the configuration may use."""
    return frozenset(all_quirks())


def load(name: str) -> Quirk:
    """Return the quirk called ``name``. Raises KeyError; the configuration has checked the name before."""
    return all_quirks()[name]
