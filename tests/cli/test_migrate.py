"""``gateway migrate``: the schema of this version, and the way to PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store.errors import StoreInUse
from tests.cli.conftest import Run
from tests.kit import postgres
from tests.kit.stores import look, migrated, sqlite_engine


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of ``config``, without a store."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def test_a_store_of_before_is_brought_up(run: Run, config: str, state: Path) -> None:
    engine = sqlite_engine(state)
    engine.close(engine.open_writer())
    first = run("migrate", "-c", config)
    assert (first.status, first.err) == (0, "")
    assert first.out.startswith("applied 0001_initial\napplied 0002_append_only\n")
    assert run("migrate", "-c", config).out == "the store has this version's schema\n"


def test_where_no_store_is_nothing_is_made(run: Run, config: str, state: Path) -> None:
    ended = run("migrate", "-c", config)
    assert ended.status == 66
    assert "there is no store at" in ended.err
    assert list(state.iterdir()) == []


def test_a_store_in_use_is_left_alone(run: Run, config: str, state: Path) -> None:
    migrated(state)
    ownership = sqlite_engine(state).own("gw1")
    ended = run("migrate", "-c", config)
    ownership.release()
    assert ended.status == StoreInUse.exit_code
    assert "is in use by process" in ended.err


def test_a_store_moves_and_the_command_tells_what_is_next(run: Run, config: str, state: Path) -> None:
    migrated(state)
    look(state, "insert into consent (line_id, subscriber) values (1, '+12125550101')")
    with postgres.database() as name:
        url = postgres.server().url(name)
        ended = run("migrate", "-c", config, "--to", url)
        assert ended.status == 0, ended.err
        assert (
            f"moved to {url}, and verified: 2 rows, of them 1 consents, 0 pieces of evidence, 0 messages" in ended.out
        )
        assert f'now set [store] url = "{url}"' in ended.out
        assert "moving: 100 %" in ended.err
        assert postgres.server().execute("select subscriber from consent", database=name) == [("+12125550101",)]
        again = run("migrate", "-c", config, "--to", url)
        assert again.status == 65
        assert "the target holds a store already" in again.err


def test_a_password_in_the_url_is_not_shown(run: Run, config: str, state: Path) -> None:
    migrated(state)
    ended = run("migrate", "-c", config, "--to", "postgresql://gateway:hush@127.0.0.1/gateway")
    assert ended.status == 78
    assert "has a password in it" in ended.err
    assert "hush" not in ended.out + ended.err
