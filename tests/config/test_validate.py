"""One table against its model: each kind of mistake, said as a person would."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gateway.config.validate import near, tolerant

FILE = Path("gateway.toml")


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    word: str = Field(description="The word.")
    count: int = Field(default=3, ge=1, le=9, description="How many.")

    @model_validator(mode="after")
    def _lucky(self) -> Inner:
        if self.word == "unlucky":
            raise ValueError("is an unlucky word; take another")
        if self.word == "odd":
            raise PydanticCustomError("odd", "Is an odd word")
        return self


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(default="x", min_length=1, max_length=5, pattern="^[a-z]+$", description="Small letters.")
    long: str = Field(default="abc", min_length=3, description="Three at least.")
    share: float = Field(default=0.5, gt=0, lt=1, description="A share.")
    most: int = Field(default=1, le=10, description="At most ten.")
    least: int = Field(default=1, gt=0, description="Positive.")
    on: bool = Field(default=True, description="Whether.")
    kind: Literal["red", "green"] = Field(default="red", description="Which colour.")
    words: tuple[str, ...] = Field(default=(), max_length=2, description="Words.")
    pair: tuple[str, ...] = Field(default=("a", "b"), min_length=2, description="Two words.")
    either: int | Literal["auto"] = Field(default="auto", description="A number, or auto.")
    maybe: Annotated[int, Field(ge=0)] | None = Field(default=None, description="A number, or nothing.")
    password: SecretStr = Field(default=SecretStr(""), description="The password.")
    sha256: str = Field(default="", max_length=4, description="A digest.")
    inner: tuple[Inner, ...] = Field(default=(), description="Tables.")
    one: Inner | None = Field(default=None, description="A table.")

    @field_validator("name")
    @classmethod
    def _not_bad(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("is bad; say good")
        return value


@pytest.mark.parametrize(
    "table,expected",
    [
        ({"nmae": "a"}, ['t.nmae: unknown key; did you mean "name"?']),
        ({"share": "a"}, ['t.share: "a" does not fit; write a number, above 0 to below 1 (the default is 0.5)']),
        ({"share": 1}, ["t.share: 1 is not below 1; write a number, above 0 to below 1 (the default is 0.5)"]),
        ({"share": 0.0}, ["t.share: 0 is not above 0; write a number, above 0 to below 1 (the default is 0.5)"]),
        ({"most": 11}, ["t.most: 11 is above 10; write a whole number, at most 10 (the default is 1)"]),
        ({"least": 0}, ["t.least: 0 is not above 0; write a whole number, above 0 (the default is 1)"]),
        ({"maybe": -1}, ["t.maybe: -1 is below 0; write a whole number, at least 0"]),
        ({"on": "yes"}, ['t.on: "yes" does not fit; write true or false (the default is true)']),
        ({"on": 1}, ["t.on: 1 does not fit; write true or false (the default is true)"]),
        ({"kind": "gren"}, ['t.kind: "gren" does not fit; did you mean "green"?']),
        ({"kind": 5}, ['t.kind: 5 does not fit; write "red" or "green" (the default is "red")']),
        ({"name": ""}, ['t.name: "" is empty; Small letters']),
        ({"name": "UP"}, ['t.name: "UP" is not written as it must be; Small letters']),
        ({"name": "toolong"}, ['t.name: "toolong" has more than 5 characters; Small letters']),
        ({"long": "a"}, ['t.long: "a" is under 3 characters; Three at least']),
        ({"name": "bad"}, ["t.name: is bad; say good"]),
        ({"words": "a"}, ['t.words: "a" does not fit; write a list of text (the default is [])']),
        ({"words": ["a", 2]}, ["t.words[1]: 2 does not fit; write a list of text (the default is [])"]),
        ({"words": ["a", "b", "c"]}, ['t.words: ["a", "b", "c"] has more than 2 elements; Words']),
        ({"pair": ["a"]}, ['t.pair: ["a"] has fewer than 2 elements; Two words']),
        ({"either": "auot"}, ['t.either: "auot" does not fit; did you mean "auto"?']),
        ({"password": 5}, ["t.password: the value does not fit; write a secret"]),
        ({"sha256": "t0ken"}, ["t.sha256: the value has more than 4 characters; A digest"]),
        ({"name": {"a": 1}}, ['t.name: a table does not fit; write text (the default is "x")']),
        ({"long": "a" * 50, "name": "a" * 50}, [f't.name: "{"a" * 38}… has more than 5 characters; Small letters']),
        ({"inner": 5}, ["t.inner: 5 does not fit; write an array of tables"]),
        ({"inner": [5]}, ["t.inner[0]: 5 does not fit; write an array of tables"]),
        ({"inner": [{}]}, ["t.inner[0].word: is missing; The word"]),
        ({"inner": [{"word": 5}]}, ["t.inner[0].word: 5 does not fit; write text"]),
        ({"inner": [{"wrod": "a"}]}, ['t.inner[0].wrod: unknown key; did you mean "word"?']),
        ({"inner": [{"wrod": "a", "word": "b"}]}, ['t.inner[b].wrod: unknown key; did you mean "word"?']),
        ({"inner": [{"word": "a", "zz": 1}]}, ["t.inner[a].zz: unknown key; keys here are: word, count"]),
        ({"inner": [{"word": "unlucky"}]}, ["t.inner[unlucky]: is an unlucky word; take another"]),
        ({"inner": [{"word": "odd"}]}, ["t.inner[odd]: a table is an odd word; Tables"]),
        ({"one": {"word": "a", "zz": 1}}, ["t.one.zz: unknown key; keys here are: word, count"]),
        (
            {"inner": [{"word": "a", "count": 10}, {"count": 0}, {"word": "c", "count": 0}], "most": "x"},
            [
                't.most: "x" does not fit; write a whole number, at most 10 (the default is 1)',
                "t.inner[a].count: 10 is above 9; write a whole number, 1 to 9 (the default is 3)",
                "t.inner[1].word: is missing; The word",
                "t.inner[1].count: 0 is below 1; write a whole number, 1 to 9 (the default is 3)",
                "t.inner[c].count: 0 is below 1; write a whole number, 1 to 9 (the default is 3)",
            ],
        ),
    ],
)
def test_mistakes(table: dict[str, Any], expected: list[str]) -> None:
    found, problems = tolerant(Outer, table, "t", FILE)
    assert [str(problem).removeprefix("gateway.toml: ") for problem in problems] == expected
    assert found is not None, "what is right of it must remain"


def test_what_is_right_remains() -> None:
    table = {"name": "ok", "most": 99, "inner": [{"count": 1}, {"word": "a", "count": 99}]}
    found, problems = tolerant(Outer, table, "", FILE)
    assert found == Outer(name="ok", inner=(Inner(word="a"),))
    assert [problem.key for problem in problems] == ["most", "inner[0].word", "inner[a].count"]


def test_what_cannot_be_left_out() -> None:
    found, problems = tolerant(Inner, {"count": 1}, "t", FILE)
    assert found is None
    assert [problem.key for problem in problems] == ["t.word"]
    found, problems = tolerant(Inner, {"word": "unlucky"}, "t", FILE)
    assert found is None
    assert [str(problem) for problem in problems] == ["gateway.toml: t: is an unlucky word; take another"]


def test_mistakes_that_only_show_once_others_are_gone() -> None:
    found, problems = tolerant(Inner, {"word": "unlucky", "count": "x"}, "t", FILE)
    assert found is None
    assert [problem.key for problem in problems] == ["t.count", "t"]


def test_a_date_fits_nowhere() -> None:
    import datetime

    found, problems = tolerant(Outer, {"name": datetime.date(2026, 1, 2)}, "t", FILE)
    assert found == Outer()
    assert problems[0].what == "2026-01-02 does not fit"


def test_near() -> None:
    assert near("lien", ["line", "carrier"]) == 'did you mean "line"?'
    assert near("zzz", ["line", "carrier"]) == ""
