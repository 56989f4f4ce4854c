"""What a keyword can do: one module each, found by itself.

A module of this package offers ``ACTION``, an ``Action``. A new action is one new file; the contract test judges every
one that it finds. Actions are pure: they return effects and never perform any.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from gateway.policy.actions.contract import Action


@cache
def actions() -> Mapping[str, Action]:
    """Return every action by the name that the configuration calls it."""
    found: dict[str, Action] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        action = getattr(importlib.import_module(f"{__name__}.{module}"), "ACTION", None)
        if isinstance(action, Action):
            found[action.name] = action
    return MappingProxyType(found)
