"""How carriers differ from the book: one file a quirk, found by itself.

A module in this package that has a ``QUIRK`` is a quirk; its name is the ``QUIRK``'s own. Adding a carrier's habits is
adding one file here and one transcript file for its contract test; nothing else names them.

Whoever adds a file makes mistakes in it. A file that cannot be used is a fault, told as the file and what is wrong with
it; it stops the configuration that names its quirk, and no other.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from gateway.carriers.quirks.quirk import IdBase, Numbering, Quirk, Request, Validity

__all__ = ["Fault", "IdBase", "Numbering", "Quirk", "Request", "Validity", "fault", "faults", "load", "names"]

FOLDER: Final = "gateway/carriers/quirks"
_SCHEMA: Final = "quirk"  # the module that says what a quirk is
_NAME: Final = re.compile(r"""\bname\s*=\s*["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is no quirk, and why; ``name`` is the quirk that it would be, as far as one can tell."""

    name: str
    file: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}: {self.why}"


@dataclass(frozen=True, slots=True)
class _Found:
    quirks: Mapping[str, Quirk]
    faults: tuple[Fault, ...]


@cache
def _all() -> _Found:
    found: dict[str, Quirk] = {}
    files: dict[str, str] = {}
    faults: list[Fault] = []
    for info in pkgutil.iter_modules(__path__):
        if info.name == _SCHEMA:
            continue
        file = f"{FOLDER}/{info.name}.py"
        read = _read(info.name, file)
        if isinstance(read, Fault):
            faults.append(read)
            continue
        if read.name in found:
            why = f"it defines the quirk {read.name!r}, as {files[read.name]} does; each needs a name of its own"
            faults.append(Fault(read.name, file, why))
            if info.name != read.name.replace("-", "_"):  # a copy never stands in for the one that it was copied from
                continue
        found[read.name], files[read.name] = read, file
    return _Found(found, tuple(faults))


def _read(module: str, file: str) -> Quirk | Fault:
    try:
        quirk = getattr(importlib.import_module(f"{__name__}.{module}"), "QUIRK", None)
    except Exception as error:  # noqa: BLE001 - whatever stands in the file runs here, and anything may go wrong in it
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        return Fault(_meant(module), file, f"{type(error).__name__}: {said}{line}")
    if not isinstance(quirk, Quirk):
        return Fault(
            _meant(module), file, 'it has no QUIRK; QUIRK: Final = Quirk(name="…", summary="…") would be right'
        )
    return quirk


def _meant(module: str) -> str:
    """Return the name that a broken file gives its quirk, else the file's own."""
    for folder in __path__:
        file = Path(folder) / f"{module}.py"
        if file.is_file() and (named := _NAME.search(file.read_text("utf-8", "replace"))):
            return named[1]
    return module.replace("_", "-")


def names() -> frozenset[str]:
    """Return the names that the configuration may use."""
    return frozenset(_all().quirks)


def faults() -> tuple[Fault, ...]:
    """Return the files here that are no quirks, each with the reason."""
    return _all().faults


def fault(name: str) -> Fault | None:
    """Return why there is no quirk ``name`` although a file would define it; None where no file would."""
    return next((one for one in faults() if one.name == name), None)


def load(name: str) -> Quirk:
    """Return the quirk called ``name``. Raises KeyError; the configuration has checked the name before."""
    return _all().quirks[name]
