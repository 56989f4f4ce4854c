"""``gateway backup`` and ``gateway restore``: on the store itself, and beside a daemon."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from gateway.base import SystemClock
from gateway.model.address import Msisdn
from gateway.model.views import ChainRow, RestoredRow
from gateway.store.evidence import add_evidence
from gateway.store.lines import ensure_line
from gateway.store.options import StoreOptions
from gateway.store.store import open_store
from gateway.store.suppression import BEGIN
from gateway.store.tx import Tx
from tests.cli.conftest import CONFIG, Ended, Run
from tests.cli.test_desk_commands import beside
from tests.kit.desk import NOW, FakeDesk
from tests.kit.restore import FakeRestore
from tests.kit.stores import opt_out
from tests.kit.suppression import AT, record, write_log

STATE = Path("state")
OPTIONS = StoreOptions(suppression_log="../suppression.log")


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path(config).write_text(CONFIG + '\n[store]\nsuppression_log = "../suppression.log"\n', encoding="utf-8")
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


def run_once(*numbers: str) -> None:
    """Start once, and opt these numbers out."""
    STATE.mkdir(exist_ok=True)
    with capture_logs():
        trio.run(_run_once, STATE.absolute(), numbers)


async def _run_once(state: Path, numbers: Sequence[str]) -> None:
    async with open_store(OPTIONS, state, "gw1", SystemClock(), threads=False) as store:
        for number in numbers:
            await store.writer.run(partial(stop, number=Msisdn(number)), "stop")


def stop(tx: Tx, number: Msisdn) -> None:
    add_evidence(tx, [opt_out(ensure_line(tx, "85700"), subscriber=number)])


def restored(backup: Path) -> None:
    """Put a backup in the place of the store."""
    for path in STATE.iterdir():
        path.unlink()
    shutil.copy(backup, STATE / "gateway.db")


def last(ended: Ended) -> str:
    return ended.err.strip().splitlines()[-1]


def test_a_backup_is_taken_and_told(run: Run) -> None:
    run_once("+12125550101")
    ended = run("backup", "copy.db")
    assert ended.status == 0, ended.err
    assert "copy.db: " in ended.out
    assert "verified; 0 consents, 1 pieces of evidence, 0 messages" in ended.out
    assert ended.out.splitlines()[-1].startswith("gw1 ")
    assert ended.err == "copying: 100 %\n"
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    again = run("backup", "copy.db")
    assert (again.status, "--force" in again.err) == (73, True)
    assert run("backup", "--force", "--rate", "0", "copy.db").status == 0


def test_a_backup_into_a_folder_has_a_name_of_its_time_and_speaks_json(run: Run) -> None:
    run_once("+12125550101")
    Path("backups").mkdir()
    told = json.loads(run("backup", "--json", "backups").out)
    [path] = Path("backups").iterdir()
    assert told["path"] == str(path)
    assert path.name.startswith("gateway-20")
    assert told["rows"]["evidence"] == 1
    assert [chain["seq"] for chain in told["evidence_chains"]] == [1]
    assert run("backup").status == 0
    assert list(Path().glob("gateway-*.db"))


async def test_beside_a_daemon_a_backup_needs_no_lock(run: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    await trio.Path(state).mkdir()
    async with open_store(OPTIONS, state, "gw1", SystemClock(), threads=False):
        assert (await beside(run, FakeDesk(), "backup", "copy.db")).status == 0
        ended = await trio.to_thread.run_sync(run, "backup", "other.db")
        assert ended.status == 75, "somebody owns the store who does not listen"


def test_without_a_store_there_is_nothing_to_back_up(run: Run) -> None:
    ended = run("backup")
    assert (ended.status, "nothing is there to be backed up" in ended.err) == (66, True)


def test_postgresql_is_backed_up_with_its_own_tools(run: Run, config: str) -> None:
    Path(config).write_text(CONFIG + '\n[store]\nurl = "postgresql://me@localhost/consents"\n', encoding="utf-8")
    ended = run("backup")
    assert ended.status == 78
    assert "pg_dump --format=custom --file=consents.dump consents" in ended.err
    assert "gateway restore mark --taken-at TIME" in ended.err


def test_restored_and_merged(run: Run) -> None:
    run_once("+12125550101")
    assert run("backup", "copy.db").status == 0
    run_once("+12125550102", "+12125550103")
    restored(Path("copy.db"))
    status = run("status")
    assert "RESTORED " in status.out
    assert "nothing is sent until the opt-outs since then are merged (gateway restore merge)" in status.out
    shown = run("restore", "status")
    assert "restored (backup), noticed " in shown.out
    assert "the backup was taken " in shown.out
    assert shown.out.splitlines()[-1].endswith("is missing")
    assert json.loads(run("restore", "status", "--json").out)["restored"] is True
    merged = run("restore", "merge", "suppression.log")
    assert merged.status == 0, merged.err
    assert "2 put in force, 0 lifted by the subscriber's own text, 1 known, 0 outdone" in merged.out
    assert merged.out.endswith("the logs have everything since the backup: the store sends again\n")
    again = json.loads(run("restore", "merge", "--json", "suppression.log").out)
    assert (again["applied"], again["restored"], again["was_restored"], again["faults"]) == (0, False, False, [])
    assert "RESTORED" not in run("status").out
    assert run("restore", "status").out == "the store was not restored, or that is settled: it sends\n"
    connection = sqlite3.connect(STATE / "gateway.db")
    numbers = {row[0] for row in connection.execute("select subscriber from consent where status = 2")}
    connection.close()
    assert numbers == {"+12125550102", "+12125550103"}, "and the first is in the backup's own evidence"


def test_a_log_that_begins_too_late_leaves_it_standing(run: Run) -> None:
    run_once("+12125550101")
    assert run("backup", "copy.db").status == 0
    run_once("+12125550102")
    restored(Path("copy.db"))
    write_log(Path("late.log"), [record(BEGIN, 5), record(seq=6)])
    Path("late.log").write_text(Path("late.log").read_text() + "{torn")
    ended = run("restore", "merge", "late.log")
    assert ended.status == 65
    assert "still nothing is sent: the logs given do not have everything since the backup" in last(ended)
    assert "1 put in force" in ended.out
    assert "1 lines were cut off by a crash" in ended.err
    assert ended.out.splitlines()[-1].endswith("is missing")
    told = run("restore", "merge", "--json", "late.log")
    assert (told.status, json.loads(told.out)["restored"]) == (65, True)
    assert run("restore", "accept-loss").status == 64, "a reason is due"
    accepted = run("restore", "accept-loss", "--reason", "the log is lost")
    assert accepted.out == "the loss is accepted and audited: the store sends again\n"
    assert run("restore", "accept-loss", "--reason", "twice").status == 65


def test_damage_is_told(run: Run) -> None:
    run_once()
    write_log(Path("a.log"), [record(BEGIN, 0), record(seq=1), record(seq=2)])
    lines = Path("a.log").read_text().splitlines(keepends=True)
    Path("a.log").write_text("".join([lines[0], lines[2]]))
    ended = run("restore", "merge", "a.log")
    assert (ended.status, "something is missing" in ended.err) == (0, True)
    Path("no.log").write_text("hello\n")
    assert run("restore", "merge", "no.log").status == 78
    assert run("restore", "merge", "nowhere.log").status == 64


def test_a_mark_is_found_at_the_next_start(run: Run) -> None:
    run_once("+12125550101")
    ended = run("restore", "mark", "--taken-at", "2026-11-22T03:00")
    assert "restart the gateway" in ended.out
    assert "RESTORED" in run("status").out
    assert "the backup was taken 2026-11-22 03:00:00" in run("restore", "status").out


async def test_beside_a_daemon_the_daemon_merges(run: Run) -> None:
    restore = FakeRestore(RestoredRow("older", None, NOW, (ChainRow("gw1", 1, 1, covered=False),), 0))
    write_log(Path("a.log"), [record(BEGIN, 0, at=AT), *(record(seq=number) for number in range(1, 4))])
    ended = await beside(run, FakeDesk(), "restore", "merge", "a.log", restore=restore)
    assert ended.status == 0, ended.err
    assert [what for what, _, _ in restore.asked] == ["merge", "finish"]
    shown = await beside(
        run, FakeDesk(), "restore", "status", restore=FakeRestore(RestoredRow("older", None, NOW, (), 0))
    )
    assert "the backup was taken" not in shown.out
    assert "no node had written there" in shown.out
