"""How a value that is built for every message is declared: slots, equality, a hash, immutable to the type checker.

A frozen dataclass of a deliver_sm's 18 fields takes about 2.5 microseconds to build here, because each field goes
through ``object.__setattr__``; the same class unfrozen takes 0.4. PDUs, events, texts, permits and standings are built
for every message, so ``value`` builds the unfrozen class and declares it frozen: mypy refuses an assignment, nothing is
paid at run time. See docs/decisions/0002-own-codec.md. Nobody may assign to a value's fields, whatever the interpreter
allows. What is built once (options, rules) stays a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[_T]) -> type[_T]:
    """Make ``cls`` a slotted, hashable dataclass whose fields are for reading only."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
