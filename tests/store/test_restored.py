"""A store knows that it was restored, by every sign that there can be, and that it was not."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.model.views import BrakeRow, ChainRow, RestoredRow
from gateway.store import restored
from gateway.store.engines import Handle
from gateway.store.engines.sqlite import SqliteEngine
from gateway.store.errors import StoreMisconfigured, StoreUnavailable
from gateway.store.evidence import add_evidence
from gateway.store.lines import ensure_line
from gateway.store.options import StoreOptions
from gateway.store.queries import brakes
from gateway.store.restored import BACKUP_CHAINS, BACKUP_MARK, BRAKE, cover, facts, lift, mark, state
from gateway.store.store import Store, open_store
from gateway.store.tx import Tx
from gateway.store.witness import Witness, WitnessFile
from tests.kit.clock import FakeClock
from tests.kit.stores import look, opt_out

LOG = StoreOptions(suppression_log="../suppression.log")


@asynccontextmanager
async def opened(
    folder: Path, clock: FakeClock, options: StoreOptions | None = None, **how: Any
) -> AsyncIterator[Store]:
    node = how.pop("node", "gw1")
    async with open_store(options or StoreOptions(), folder, node, clock, threads=False, **how) as store:
        yield store


async def stop(store: Store) -> None:
    """Opt somebody out, in evidence."""
    await store.writer.run(lambda tx: add_evidence(tx, [opt_out(ensure_line(tx, "85700"))]), "stop")


async def owed(store: Store) -> RestoredRow | None:
    return await store.read(state)


async def why(store: Store) -> str:
    found = await owed(store)
    return found.why if found else ""


def copy(folder: Path, target: Path, *, witness: bool = True) -> None:
    """Copy a store's files, as somebody does by hand."""
    target.mkdir(exist_ok=True)
    for name in ("gateway.db", "gateway.db-wal", "gateway.db.witness"):
        if (folder / name).exists() and (witness or not name.endswith("witness")):
            shutil.copy(folder / name, target / name)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


async def test_a_store_that_goes_on_was_not_restored(folder: Path, clock: FakeClock) -> None:
    for _ in range(3):
        async with opened(folder, clock, LOG) as store:
            await stop(store)
            await store.attest()
            assert await why(store) == ""
            assert await store.read(brakes) == []
            assert store.identity.epoch == 0
    async with opened(folder, clock, LOG, starts=False) as store:
        assert await why(store) == ""


async def test_a_marked_backup_gets_an_epoch_a_brake_and_new_chains(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as store:
        await stop(store)
        first = store.identity
    look(folder, "insert into meta (key, value) values (?, '1799999000.5'), (?, '[]')", (BACKUP_MARK, BACKUP_CHAINS))
    for again in range(2):
        async with opened(folder, clock) as store:
            assert await owed(store) == RestoredRow(
                "backup", 1_799_999_000.5, clock.wall(), (ChainRow("gw1", first.incarnation, 1, covered=False),), 0
            )
            assert (store.identity.epoch, store.identity.life) == (int(clock.wall()), first.life + 1 + again)
            assert store.identity.incarnation == first.incarnation + 1
            [brake] = await store.read(brakes)
            assert (brake.kind, brake.name, brake.actor) == (*BRAKE, "gateway")
            assert "this store is a restored backup; nothing is sent until" in brake.note
            known = await store.read(facts)
            assert BACKUP_MARK not in known
            assert BACKUP_CHAINS not in known
    async with opened(folder, clock, node="gw2") as store:
        assert store.identity.epoch == int(clock.wall())
    async with opened(folder, clock, node="gw1") as store:
        assert store.identity.incarnation == first.incarnation + 1, "one new chain for one restore"


async def test_every_node_begins_a_new_chain_after_a_restore(folder: Path, clock: FakeClock) -> None:
    before = {}
    for node in ("gw1", "gw2"):
        async with opened(folder, clock, node=node) as store:
            before[node] = store.identity.incarnation
    look(folder, "insert into meta (key, value) values (?, '')", (BACKUP_MARK,))
    for node in ("gw2", "gw1"):
        async with opened(folder, clock, node=node) as store:
            assert store.identity.incarnation > before[node]
            found = await owed(store)
            assert found is not None
            assert found.taken_at is None
            assert [(chain.node, chain.incarnation) for chain in found.chains] == sorted(before.items())


async def test_a_copy_without_its_witness_is_noticed_and_one_with_it_is_a_move(folder: Path, clock: FakeClock) -> None:
    for _ in range(2):
        async with opened(folder, clock) as store:
            await stop(store)
    copy(folder, folder.parent / "moved")
    copy(folder, folder.parent / "copied", witness=False)
    async with opened(folder.parent / "moved", clock) as store:
        assert await why(store) == ""
    async with opened(folder.parent / "copied", clock, starts=False) as store:
        assert await why(store) == "copy"


async def test_a_store_from_before_there_were_witnesses_is_none(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock):
        pass
    (folder / "gateway.db.witness").unlink()
    async with opened(folder, clock) as store:
        assert await why(store) == "", "it was never read with one"


async def test_an_older_file_put_back_is_noticed_by_the_witness(folder: Path, clock: FakeClock) -> None:
    old = folder.parent / "old"
    async with opened(folder, clock) as store:
        await stop(store)
    copy(folder, old, witness=False)
    async with opened(folder, clock):
        pass  # nothing but a start more
    copy(old, folder)
    async with opened(folder, clock) as store:
        assert await why(store) == "older"


async def test_an_older_file_of_the_same_life_is_noticed_by_its_evidence(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as store:
        await stop(store)
        look(folder, "pragma wal_checkpoint(truncate)")
        copy(folder, folder.parent / "old", witness=False)
        await stop(store)
        await store.attest()
        crashed = (folder / "gateway.db.witness").read_bytes()
    copy(folder.parent / "old", folder)
    (folder / "gateway.db-wal").unlink(missing_ok=True)
    (folder / "gateway.db.witness").write_bytes(crashed)
    async with opened(folder, clock) as store:
        assert await why(store) == "older"
        found = await owed(store)
        assert found is not None
        assert [chain.seq for chain in found.chains] == [1]


async def test_a_file_that_went_another_way_is_noticed(folder: Path, clock: FakeClock) -> None:
    """Two copies of one store that each went on have the same places, with other evidence in them."""
    async with opened(folder, clock) as store:
        await stop(store)
    copy(folder, folder.parent / "other")
    for each in (folder, folder.parent / "other"):
        async with opened(each, clock) as store:
            await stop(store)
    shutil.copy(folder.parent / "other" / "gateway.db", folder / "gateway.db")
    async with opened(folder, clock) as store:
        assert await why(store) == "older"


async def test_another_store_in_the_place_of_ours_is_noticed(folder: Path, clock: FakeClock) -> None:
    other = folder.parent / "other"
    other.mkdir()
    for each in (folder, other):
        async with opened(each, clock) as store:
            await stop(store)
    shutil.copy(other / "gateway.db", folder / "gateway.db")
    async with opened(folder, clock) as store:
        assert await why(store) == "copy"


async def test_a_store_that_is_begun_anew_lacks_nothing(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock, LOG) as store:
        await stop(store)
    (folder / "gateway.db").unlink()
    async with opened(folder, clock, LOG) as store:
        assert await why(store) == ""


async def test_a_suppression_log_that_knows_more_is_a_sign(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock, LOG) as store:
        await stop(store)
    copy(folder, folder.parent / "old")
    async with opened(folder, clock, LOG) as store:
        for _ in range(3):
            await stop(store)
    copy(folder.parent / "old", folder)
    async with opened(folder, clock, LOG) as store:
        assert await why(store) == "older"


async def test_a_logged_event_whose_commit_never_came_is_no_sign(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock, LOG) as store:
        await stop(store)
    copy(folder, folder.parent / "before")
    async with opened(folder.parent / "before", clock, replace_log(folder)) as store:
        await stop(store)
    (folder.parent / "before" / "gateway.db").unlink()
    async with opened(folder, clock, LOG) as store:
        assert await why(store) == ""


def replace_log(folder: Path) -> StoreOptions:
    """Return options for the same log, seen from elsewhere."""
    return StoreOptions(suppression_log=str(folder.parent / "suppression.log"))


class Placed(SqliteEngine):
    """An engine whose databases have a name, as a server's have."""

    name = "cluster/1"

    def identity(self, handle: Handle) -> str:
        return self.name


async def test_a_database_that_has_another_name_was_copied(folder: Path, clock: FakeClock) -> None:
    for _ in range(2):
        async with opened(folder, clock, engine=Placed(StoreOptions(), folder)) as store:
            assert await why(store) == ""
    other = folder.parent / "other"
    copy(folder, other)
    look(other, "update meta set value = '' where key = 'database'")
    async with opened(other, clock, engine=Placed(StoreOptions(), other)) as store:
        assert await why(store) == "", "it comes from an engine that names no places"
    moved = Placed(StoreOptions(), folder)
    moved.name = "cluster/2"
    async with opened(folder, clock, engine=moved) as store:
        assert await why(store) == "copy"


async def test_a_backup_of_a_restored_store_goes_on_owing(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as store:
        await stop(store)
        first = store.identity.incarnation
    for _ in range(2):
        look(folder, "insert into meta (key, value) values (?, '5')", (BACKUP_MARK,))
        async with opened(folder, clock) as store:
            await stop(store)
    async with opened(folder, clock) as store:
        found = await owed(store)
        assert found is not None
        assert {(chain.incarnation, chain.seq) for chain in found.chains} == {(first, 1), (first + 1, 1)}
        covered = await store.writer.run(
            lambda tx: cover(tx, _owed(tx), frozenset({("gw1", first), ("gw9", 1)})), "cover"
        )
        assert {chain.incarnation: chain.covered for chain in covered.chains} == {first: True, first + 1: False}
        assert await owed(store) == covered
        await store.writer.run(lift, "lift")
        assert await owed(store) is None
        assert await store.read(brakes) == []


def _owed(tx: Tx) -> RestoredRow:
    found = state(tx)
    assert found is not None
    return found


async def test_a_mark_brakes_now_and_is_found_at_the_next_start(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as store:
        brake = await store.writer.run(lambda tx: mark(tx, 77.5), "mark")
        assert brake == BrakeRow(*BRAKE, clock.wall(), "gateway", brake.note)
        assert await store.read(brakes) == [brake]
        assert await owed(store) is None
    async with opened(folder, clock) as store:
        found = await owed(store)
        assert found is not None
        assert (found.why, found.taken_at) == ("backup", 77.5)
        assert "was marked" not in (await store.read(brakes))[0].note


@pytest.mark.parametrize("how", ["restored", "marked", "emptied"])
async def test_a_store_that_is_replaced_under_us_takes_nothing_more(how: str, folder: Path, clock: FakeClock) -> None:
    """The connection is opened anew after an error; by then another file may lie there."""
    async with opened(folder, clock) as store:
        await stop(store)
        writer: Any = store.writer
        writer._committer.close()
        statement = "insert into meta (key, value) values ('backup_taken_at', '5')"
        if how == "restored":
            statement = "update meta set value = '1800000009' where key = 'epoch'"
        if how == "emptied":
            statement = "drop table meta"
        look(folder, statement)
        with pytest.raises(StoreUnavailable, match="restart the gateway" if how != "emptied" else "no such table"):
            await stop(store)


async def test_a_witness_is_one_step_or_none(folder: Path) -> None:
    file = WitnessFile(folder / "witness")
    assert file.read() is None
    seen = Witness("abc", "gw1", 5, 2, 7, "00ff")
    file.write(seen)
    assert file.read() == seen
    assert (folder / "witness").stat().st_mode & 0o777 == 0o600
    (folder / "witness").unlink()
    file.write(seen)
    assert file.read() is None, "it says so already, as far as we know"
    file.write(replace(seen, seq=8))
    assert file.read() == replace(seen, seq=8)
    for wrong in ("", "{}", "[1]", json.dumps({"store": "abc"}), '{"unknown": 1}'):
        (folder / "witness").write_text(wrong)
        assert file.read() is None


async def test_a_witness_that_cannot_be_written_keeps_nothing_from_working(
    folder: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: WitnessFile, witness: Witness) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(WitnessFile, "write", full)
        async with opened(folder, clock) as store:
            await stop(store)
            await store.attest()
    assert not (folder / "gateway.db.witness").exists()


async def test_an_end_without_a_store_to_read_is_an_end(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock) as store:
        await stop(store)
        store.close_readers()
        real: Any = store

        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR

        def fails() -> Handle:
            raise error

        real._engine.open_reader = fails


async def test_a_start_where_the_log_cannot_be_kept_is_none(folder: Path, clock: FakeClock) -> None:
    options = StoreOptions(suppression_log="nowhere/x.log")
    with pytest.raises(StoreMisconfigured, match="suppression_log"):
        async with opened(folder, clock, options):
            pass
    async with opened(folder, clock) as store:
        store.reopen_log()  # there is none
        assert store.identity.life == 1, "the owner's lock was given back, and nothing had begun"


async def test_the_log_is_opened_anew_when_it_was_rotated(folder: Path, clock: FakeClock) -> None:
    async with opened(folder, clock, LOG) as store:
        await stop(store)
        log = folder.parent / "suppression.log"
        log.rename(folder.parent / "suppression.log.1")
        store.reopen_log()
        await stop(store)
        assert len(log.read_text().splitlines()) == 2


def test_every_reason_has_a_sentence() -> None:
    assert set(restored.SENTENCE) == set(restored.Why)
