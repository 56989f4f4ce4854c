"""A standing with some fields changed is what ``dataclasses.replace`` would make of it; a slip of the pen is told."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Hold, Latest, Standing

STANDING = Standing(1, Msisdn("+12125550101"))
CHANGES: dict[str, Any] = {
    "status": ConsentStatus.OPTED_OUT,
    "since": 1.0,
    "source": "text",
    "opt_outs": 2,
    "hold": Hold(1.0, 7),
    "how_to_return": True,
    "account_out": True,
    "keywords": {"JOIN": 1},
    "lists": {"alerts": ConsentStatus.OPTED_IN},
    "suspended": frozenset({"alerts"}),
    "replies": (1.0,),
    "latest": Latest(7, "acme", "s", b"x", 1.0),
    "last_carrier": "acme",
}


@pytest.mark.parametrize("names", [(), *((name,) for name in CHANGES), tuple(CHANGES)], ids=str)
def test_it_is_what_replace_makes(names: tuple[str, ...]) -> None:
    changes = {name: CHANGES[name] for name in names}
    assert STANDING.but(**changes) == replace(STANDING, **changes)


def test_every_field_but_whose_it_is_may_change() -> None:
    assert {field.name for field in fields(Standing)} - CHANGES.keys() == {"line_id", "subscriber"}


@pytest.mark.parametrize("name", ["line_id", "statsu"])
def test_what_may_not_change_is_told(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        STANDING.but(**{name: 2})
