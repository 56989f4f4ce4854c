"""Reading the option models: what may stand where, in words."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from gateway.carriers.options import CarrierOptions, Mode
from gateway.config.options import SECTIONS
from gateway.config.schema import choices, default, key_at, keys, kind, table_at, toml
from gateway.policy.options import KeywordOptions, LineOptions

Share = Annotated[float, Field(gt=0, lt=1)]


class Table(BaseModel):
    text: str = "a"
    needed: str
    mode: Mode = Mode.PAIR
    share: Share = 0.5
    either: Share | Literal["auto"] = "auto"
    maybe: int | None = None
    many: tuple[Annotated[int, Field(ge=0)], ...] = (1, 2)
    named: dict[str, Literal["a", "b"]] = {}
    deep: Annotated[Annotated[int, Field(ge=1)] | None, "more"] = None
    hidden: SecretStr = SecretStr("x")
    anything: object = "x"


KEYS = keys(Table)


@pytest.mark.parametrize(
    "name,words",
    [
        ("text", "text"),
        ("mode", '`"transceiver"` or `"transmitter+receiver"` or `"receiver"` or `"transmitter"`'),
        ("share", "number, above 0 to below 1"),
        ("either", 'number or `"auto"`, above 0 to below 1'),
        ("maybe", "whole number"),
        ("many", "list of whole number"),
        ("named", 'table of `"a"` or `"b"`'),
        ("deep", "whole number, at least 1"),
        ("hidden", "secret"),
        ("anything", "text"),
    ],
)
def test_kinds(name: str, words: str) -> None:
    assert kind(KEYS[name]) == words


@pytest.mark.parametrize(
    "name,shown",
    [
        ("text", '"a"'),
        ("needed", ""),
        ("mode", '"transmitter+receiver"'),
        ("many", "[1, 2]"),
        ("named", "{}"),
        ("hidden", '""'),
    ],
)
def test_defaults(name: str, shown: str) -> None:
    assert default(KEYS[name]) == shown


def test_secrets_are_known() -> None:
    assert [key.name for key in KEYS.values() if key.secret] == ["hidden"]


def test_choices() -> None:
    assert choices(KEYS["either"]) == ["auto"]
    assert choices(KEYS["text"]) == []


@pytest.mark.parametrize(
    "value,spelt",
    [(None, "unset"), (True, "true"), (2.0, "2"), ('a"b\\\n', '"a\\"b\\\\\\n"'), ([1, "a"], '[1, "a"]'), (3, "3")],
)
def test_toml(value: object, spelt: str) -> None:
    assert toml(value) == spelt


def test_locations() -> None:
    assert table_at(LineOptions, ("keyword", 3)) is KeywordOptions
    assert table_at(LineOptions, ("nowhere", 3, "deeper")) is None
    word = key_at(LineOptions, ("keyword", 3, "word"))
    assert word is not None
    assert word.required
    assert key_at(LineOptions, ("keyword", 3, "nothing")) is None
    assert key_at(LineOptions, ("name", "deeper")) is None
    assert key_at(LineOptions, (3,)) is None
    assert "list" in keys(KeywordOptions), "keys are spelt as the file spells them"


def test_every_key_has_a_sentence_and_a_default_or_is_needed() -> None:
    models = [model for _name, model, _many in SECTIONS]
    while models:
        model = models.pop()
        for key in keys(model).values():
            description = key.field.description or ""
            assert description.endswith("."), f"{model.__name__}.{key.name} needs a sentence"
            if key.table is not None:
                models.append(key.table)


def test_bounds_are_read_from_the_carriers_real_options() -> None:
    assert kind(keys(CarrierOptions)["port"]) == "whole number, 1 to 65535"
    assert kind(keys(CarrierOptions)["source_ton"]) == "whole number, 0 to 255"
