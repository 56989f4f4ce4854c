"""The routes, one file a group. A new file with a ``router`` is found by itself.

A handler translates: a request into the desk's values, the desk's answer into a model of ``gateway.web.answers``. It
decides nothing, checks no role (``gateway.web.route`` did) and catches nothing (``gateway.web.app`` does).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from fastapi import APIRouter


def found() -> Sequence[APIRouter]:
    """Return the router of every module in this package, by name of module."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [import_module(f"{__name__}.{name}").router for name in names]
