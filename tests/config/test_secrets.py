"""Secrets: every way to give one, every way to fail at it, and that none is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from gateway.config.secrets import SecretFinder


class Peer(BaseModel):
    name: str = ""
    password: SecretStr = SecretStr("")


class Table(BaseModel):
    key: SecretStr = SecretStr("")
    peer: tuple[Peer, ...] = ()
    only: Peer | None = None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("from the file\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"a" * 65_537)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "secret").write_text("from the credentials", encoding="utf-8")
    return tmp_path


def resolve(folder: Path, table: dict[str, Any], **environ: str) -> tuple[dict[str, Any], list[str]]:
    finder = SecretFinder(folder / "gateway.toml", environ)
    found = finder.resolve(Table, table, "t")
    return found, [str(problem).removeprefix(f"{folder}/gateway.toml: ") for problem in finder.problems]


@pytest.mark.parametrize(
    "table,secret",
    [
        ({"key": "literal"}, "literal"),
        ({"key": ""}, ""),
        ({"key": "env:THE_KEY"}, "from the environment"),
        ({"key_file": "secret"}, "from the file"),
    ],
)
def test_every_way_to_give_one(folder: Path, table: dict[str, Any], secret: str) -> None:
    assert resolve(folder, table, THE_KEY="from the environment") == ({"key": secret}, [])


def test_an_absolute_file(folder: Path) -> None:
    assert resolve(folder, {"key_file": str(folder / "secret")}) == ({"key": "from the file"}, [])


def test_credentials_come_first(folder: Path) -> None:
    credentials = str(folder / "credentials")
    assert resolve(folder, {"key_file": "secret"}, CREDENTIALS_DIRECTORY=credentials)[0] == {
        "key": "from the credentials"
    }
    assert resolve(folder, {"key_file": "deep/secret"}, CREDENTIALS_DIRECTORY=credentials)[0] == {
        "key": "from the credentials"
    }
    (folder / "other").write_text("beside", encoding="utf-8")
    assert resolve(folder, {"key_file": "other"}, CREDENTIALS_DIRECTORY=credentials)[0] == {"key": "beside"}


@pytest.mark.parametrize(
    "table,problem",
    [
        ({"key": "env:NOPE"}, "t.key: the environment variable NOPE is not set; set it, or use key_file"),
        ({"key": "env:"}, "t.key: the environment variable (no name) is not set; set it, or use key_file"),
        ({"key_file": 5}, 't.key_file: is not the name of a file; write key_file = "name"'),
        ({"key_file": ""}, 't.key_file: is not the name of a file; write key_file = "name"'),
        ({"key_file": "empty"}, "t.key_file: {}/empty is empty; write the secret into it, on one line"),
        ({"key_file": "binary"}, "t.key_file: {}/binary is not UTF-8 text; write the secret as text, on one line"),
        ({"key_file": "large"}, "t.key_file: {}/large holds 65537 octets; a secret has at most 65536"),
        (
            {"key_file": "nope"},
            "t.key_file: cannot read {}/nope: No such file or directory; name a file that the gateway's user may read",
        ),
    ],
)
def test_every_way_to_fail(folder: Path, table: dict[str, Any], problem: str) -> None:
    found, problems = resolve(folder, table)
    assert found == {"key": ""}
    assert problems == [problem.format(folder)]


def test_two_ways_at_once(folder: Path) -> None:
    found, problems = resolve(folder, {"key": "a", "key_file": "secret"})
    assert found == {"key": "a"}
    assert problems == ["t.key_file: stands beside key; give one of key and key_file"]


def test_at_any_depth(folder: Path) -> None:
    table = {
        "peer": [{"name": "a", "password": "env:NOPE"}, {"password_file": "secret"}, 5],
        "only": {"password_file": "secret"},
    }
    found, problems = resolve(folder, table)
    assert found["peer"] == [{"name": "a", "password": ""}, {"password": "from the file"}, 5]
    assert found["only"] == {"password": "from the file"}
    assert problems == ["t.peer[a].password: the environment variable NOPE is not set; set it, or use password_file"]
    assert table["peer"][1] == {"password_file": "secret"}, "the table that came in stays as it was"  # type: ignore[index]  # a mixed table


def test_what_is_no_table_or_no_text_is_left_to_validation(folder: Path) -> None:
    assert resolve(folder, {"key": 5, "peer": 5}) == ({"key": 5, "peer": 5}, [])


def test_literal_secrets_are_noted(folder: Path) -> None:
    finder = SecretFinder(folder / "gateway.toml", {})
    finder.resolve(Table, {"key": "x", "peer": [{"password": ""}, {"name": "b", "password": "y"}]}, "t")
    assert finder.literal == ["t.key", "t.peer[b].password"]
