"""A PostgreSQL store: which database it is in is part of what it is, and its opt-outs are logged as any other's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.evidence import add_evidence
from gateway.store.lines import ensure_line
from gateway.store.restored import state
from gateway.store.store import Store, open_store
from tests.kit.clock import FakeClock
from tests.kit.stores import copy_store, on_engine, opt_out, options_at


@pytest.fixture(autouse=True)
def _on_postgresql() -> Iterator[None]:
    with on_engine("postgresql"):
        yield


async def stop(store: Store) -> None:
    await store.writer.run(lambda tx: add_evidence(tx, [opt_out(ensure_line(tx, "85700"))]), "stop")


async def why(store: Store) -> str:
    found = await store.read(state)
    return found.why if found else ""


async def test_a_copy_in_another_database_is_noticed_and_a_restart_is_not(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    for _ in range(2):
        async with open_store(options_at(here), here, "gw1", FakeClock(), threads=False) as store:
            await stop(store)
            assert await why(store) == ""
    copy_store(here, there)
    async with open_store(options_at(there), there, "gw1", FakeClock(), threads=False) as store:
        assert await why(store) == "copy"
        found = await store.read(state)
        assert found is not None
        assert [chain.seq for chain in found.chains] == [2]


async def test_a_new_state_folder_is_no_sign(tmp_path: Path) -> None:
    """Where nodes come and go, their folders are new each time."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        async with open_store(options_at(tmp_path), tmp_path / name, "gw1", FakeClock(), threads=False) as store:
            await stop(store)
            assert await why(store) == ""


async def test_a_server_that_was_set_back_is_noticed_by_the_witness(tmp_path: Path) -> None:
    options = options_at(tmp_path)
    async with open_store(options, tmp_path, "gw1", FakeClock(), threads=False) as store:
        await stop(store)
    have_seen_more(tmp_path)
    async with open_store(options, tmp_path, "gw1", FakeClock(), threads=False) as store:
        assert await why(store) == "older"


def have_seen_more(folder: Path) -> None:
    """Let the witness know of later evidence."""
    [witness] = folder.glob("*.witness")
    said = json.loads(witness.read_text())
    witness.write_text(json.dumps({**said, "seq": said["seq"] + 3}))


async def test_opt_outs_are_in_the_log_with_the_stores_own_hash(tmp_path: Path) -> None:
    options = options_at(tmp_path, suppression_log="suppression.log")
    async with open_store(options, tmp_path, "gw1", FakeClock(), threads=False) as store:
        await stop(store)
        [[digest]] = await store.read(lambda reader: reader.rows("select hash from evidence"))
    lines = [json.loads(line) for line in (tmp_path / "suppression.log").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["begin", "opt_out"]
    assert lines[1]["hash"] == bytes(digest).hex()
