"""The suppression log as a file: nothing is committed that it does not hold, and it is never lost how it ends."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.store.errors import StoreInUse, StoreMisconfigured, StoreUnavailable
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import save_account_opt_outs
from gateway.store.jobs import Committer, Identity
from gateway.store.lines import ensure_line
from gateway.store.suppression import ACCOUNT, BEGIN, BadRecord, Record, read
from gateway.store.suppression_log import SuppressionLog
from gateway.store.tx import Tx
from tests.kit.clock import FakeClock
from tests.kit.faults import Faults, Moment, every_point
from tests.kit.stores import SUBSCRIBER, Told, look, migrated, note, opt_out, sqlite_engine

FULL = OSError(errno.ENOSPC, "No space left on device")


def records(path: Path) -> list[Record]:
    """Return the whole records of a log."""
    found = []
    for line in path.read_text().split("\n"):
        try:
            found.append(read(line))
        except BadRecord:
            continue
    return found


def kinds(path: Path) -> list[str]:
    return [each.kind for each in records(path)]


def stop(tx: Tx) -> int:
    """Opt somebody out, in evidence."""
    return add_evidence(tx, [opt_out(ensure_line(tx, "85700"))])[0]


class Logged:
    """A committer with a log, on a store in ``directory``."""

    def __init__(self, directory: Path, faults: Faults | None = None) -> None:
        self.path = directory / "suppression.log"
        self.log = SuppressionLog(self.path)
        self.committer = Committer(sqlite_engine(directory, faults), FakeClock(), log=self.log)
        self.committer.identity = Identity("gw1", 1, 1)
        self.told = Told()

    def run(self, *jobs: Callable[[Tx], object]) -> list[tuple[str, str, Any]]:
        made = [self.told.job(str(number), job) for number, job in enumerate(jobs)]
        return self.told.deliver(self.committer.run(made))

    def __enter__(self) -> Logged:
        return self

    def __exit__(self, *_: object) -> None:
        self.committer.close()
        self.log.close()


@pytest.fixture
def logged(tmp_path: Path) -> Any:
    migrated(tmp_path)
    with Logged(tmp_path) as made:
        yield made


def test_an_opt_out_is_in_the_log_with_its_place(logged: Logged) -> None:
    logged.log.begin("gw1", 1, 0, 5.0)
    assert logged.run(stop) == [("done", "0", 1)]
    begin, out = records(logged.path)
    assert (begin.kind, begin.head, begin.place.seq, begin.at) == (BEGIN, 0, 0, 5.0)
    assert (out.kind, out.line, out.subscriber, out.method) == ("opt_out", "85700", SUBSCRIBER, "text")
    assert (str(out.place), out.head, out.prev) == ("gw1/1/1", 0, begin.sum)
    stored = look(logged.path.parent, "select hash from evidence")
    assert out.hash == stored[0][0].hex()
    assert stat.S_IMODE(logged.path.stat().st_mode) == 0o600


def test_a_batch_is_one_addition_and_one_sync(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fdatasync", syncs.append)
    logged.run(stop, note("a"), stop, stop)
    assert len(syncs) == 1
    assert kinds(logged.path) == [BEGIN, "opt_out", "opt_out", "opt_out"]
    assert [each.head for each in records(logged.path)] == [0, 0, 0, 0]
    logged.run(note("b"))
    assert len(syncs) == 1, "what narrows nothing costs nothing"


def test_an_opt_out_of_the_account_is_there_without_a_line(logged: Logged) -> None:
    logged.run(lambda tx: save_account_opt_outs(tx, [(SUBSCRIBER, "carrier", None)]))
    assert [(each.kind, each.line, each.method, each.place.seq) for each in records(logged.path)[1:]] == [
        (ACCOUNT, "", "carrier", 0)
    ]


def test_what_a_job_took_back_is_not_in_the_log(logged: Logged) -> None:
    def poison(tx: Tx) -> str:
        def act() -> str:
            stop(tx)
            raise ValueError("a bug of ours")

        return tx.attempt(act, lambda error: "aside")

    def failing(tx: Tx) -> None:
        stop(tx)
        raise ValueError("a job's own")

    logged.run(poison, failing, note("a"))
    assert not logged.path.read_text()


@pytest.mark.parametrize("where", ["write", "fdatasync"])
def test_a_log_that_takes_nothing_fails_the_batch_and_then_goes_on(
    where: str, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged.run(stop)

    def full(*_: object) -> int:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, where, full)
        ended = logged.run(note("with it"), stop)
        assert [event[0] for event in ended] == ["failed", "failed"]
        assert all(isinstance(event[2], StoreUnavailable) for event in ended)
        assert "suppression log" in str(ended[0][2])
        assert [event[0] for event in logged.run(note("without"))] == ["done"], "what needs no log goes on"
    assert [event[0] for event in logged.run(stop)] == ["done"]
    assert look(logged.path.parent, "select count(*) from evidence") == [(2,)]
    chain = records(logged.path)
    assert [each.prev for each in chain[1:]] == [each.sum for each in chain[:-1]], "an unbroken chain"
    assert {each.hash for each in chain} >= {
        row[0].hex() for row in look(logged.path.parent, "select hash from evidence")
    }


def test_a_write_that_stops_half_way_is_cut_off_and_followed_by_whole_lines(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged.run(stop)
    size, real = logged.path.stat().st_size, os.write
    for some in (1, 50, 200):
        with monkeypatch.context() as patch:
            parts = iter([some])

            def half(fd: int, data: bytes, parts: Any = parts) -> int:
                if (length := next(parts, None)) is None:
                    raise FULL
                return real(fd, data[:length])

            patch.setattr(os, "write", half)
            assert logged.run(stop)[0][0] == "failed"
        assert logged.path.stat().st_size > size
        assert logged.run(stop)[0][0] == "done"
        size = logged.path.stat().st_size
    chain = records(logged.path)
    assert len(chain) == 5
    assert [each.prev for each in chain[1:]] == [each.sum for each in chain[:-1]]


@pytest.mark.parametrize("moment", Moment)
def test_at_every_failure_of_the_store_what_was_promised_is_in_the_log(moment: Moment, tmp_path: Path) -> None:
    for number, faults in enumerate(every_point(sqlite3.SQLITE_IOERR, moment)):
        directory = tmp_path / str(number)
        directory.mkdir()
        migrated(directory)
        with Logged(directory, faults) as logged:
            for _ in range(3):
                logged.run(stop, note("a"), stop)
        stored = {row[0].hex() for row in look(directory, "select hash from evidence")}
        assert stored <= {each.hash for each in records(logged.path)}, f"failure at operation {number}"
        assert stored or logged.told.events[0][0] != "done"


def test_a_file_that_was_cut_off_anywhere_is_gone_on_with(logged: Logged, tmp_path: Path) -> None:
    logged.run(stop)
    logged.run(stop)
    whole = logged.path.read_bytes()
    other = tmp_path / "other.log"
    for end in range(len(whole) + 1):
        other.write_bytes(whole[:end])
        before = records(other)
        log = SuppressionLog(other)
        log.begin("gw1", 1, 2, 9.0)
        log.close()
        after = records(other)
        assert after[:-1] == before
        assert after[-1].kind == BEGIN
        assert after[-1].prev == (before[-1].sum if before else "")
        assert other.read_bytes().startswith(whole[:end]), "nothing is taken back"


def test_whoever_rotates_it_finds_the_next_file_linked(logged: Logged) -> None:
    logged.run(stop)
    old = logged.path.rename(logged.path.with_suffix(".1"))
    logged.run(stop)
    first = records(logged.path)[0]
    assert (first.kind, first.prev, first.head) == (BEGIN, records(old)[-1].sum, 1)
    logged.log.reopen()
    logged.run(stop)
    assert kinds(logged.path) == [BEGIN, "opt_out", "opt_out"], "the same file goes on"


def test_a_file_that_is_gone_is_made_again(logged: Logged) -> None:
    logged.run(stop)
    last = records(logged.path)[-1].sum
    logged.path.unlink()
    logged.run(stop)
    assert kinds(logged.path) == [BEGIN, "opt_out"]
    assert records(logged.path)[0].prev == last


def test_a_folder_that_is_gone_is_an_error_until_it_is_back(logged: Logged, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    log = SuppressionLog(folder / "x.log")
    logged.committer._log = log
    logged.run(stop)
    (folder / "x.log").unlink()
    folder.rmdir()
    assert isinstance(logged.run(stop)[0][2], StoreUnavailable)
    folder.mkdir()
    assert logged.run(stop)[0][0] == "done"
    log.close()


def test_a_start_on_a_full_disk_is_one_and_the_first_event_says_who_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(tmp_path)
    with Logged(tmp_path) as logged:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(FULL))
            logged.log.begin("gw1", 1, 0, 5.0)
        assert logged.run(stop)[0][0] == "done"
        assert [(each.kind, each.head) for each in records(logged.path)] == [(BEGIN, 0), ("opt_out", 0)]


def test_work_that_may_write_nothing_says_nothing(tmp_path: Path) -> None:
    migrated(tmp_path)
    with Logged(tmp_path) as logged:
        logged.log.begin("gw1", 1, 7, 5.0, at_once=False)
        assert not logged.path.read_text()


def test_a_second_process_is_refused_and_a_wide_mode_is_narrowed(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.touch(0o644)
    log = SuppressionLog(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(StoreInUse, match="each node needs a file of its own"):
        SuppressionLog(path)
    log.close()
    log.close()
    SuppressionLog(path).close()


@pytest.mark.parametrize("content", [b"[gateway]\n", b"\xff\xfe\x00", b'{"v":9,"kind":"begin"}\n'])
def test_what_is_no_suppression_log_is_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(content)
    with pytest.raises(StoreMisconfigured, match="is not a suppression log"):
        SuppressionLog(path)
    assert path.read_bytes() == content


def test_where_there_is_no_folder_or_no_file_the_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreMisconfigured, match="its folder must exist and be writable"):
        SuppressionLog(tmp_path / "nowhere" / "x.log")
    with pytest.raises(StoreMisconfigured, match="is no ordinary file"):
        SuppressionLog(Path("/dev/null"))


def test_the_end_is_found_behind_any_amount_of_damage(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    log = SuppressionLog(path)
    log.begin("gw1", 1, 4, 5.0)
    log.close()
    good = records(path)
    path.write_bytes(path.read_bytes() + b"x" * 200_000 + b"\n" + b"y" * 70_000)
    log = SuppressionLog(path)
    assert log.last == good[0]
    log.close()


def test_a_close_that_fails_is_told_and_the_file_is_opened_anew(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged.run(stop)
    real = os.close
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(FULL))
        failing = iter([True])

        def close(fd: int) -> None:
            real(fd)
            if next(failing, False):
                raise OSError(errno.EIO, "Input/output error")

        patch.setattr(os, "close", close)
        assert logged.run(stop)[0][0] == "failed"
    assert logged.run(stop)[0][0] == "done"
