"""One owner at a time; the kernel lets go when the owner dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.store.errors import StoreInUse, StoreMisconfigured
from gateway.store.lock import FileLock
from tests.kit.stores import sqlite_engine

HOLDER = """
import sys
from pathlib import Path
from gateway.store.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_refused_and_told_who_the_first_one_is(tmp_path: Path) -> None:
    first = FileLock(tmp_path / "gateway.db")
    with pytest.raises(StoreInUse, match=rf"gateway\.db is in use by process {os.getpid()} on ") as refused:
        FileLock(tmp_path / "gateway.db")
    assert refused.value.exit_code == 75
    first.release()
    first.release()
    FileLock(tmp_path / "gateway.db").release()


def test_another_process_is_refused_until_the_owner_dies_by_kill(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreInUse, match=f"process {holder.pid} on "):
            FileLock(path)
        holder.kill()
        holder.wait()
    FileLock(path).release()


def test_a_link_to_the_file_leads_to_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "gateway.db").symlink_to(tmp_path / "gateway.db")
    lock = FileLock(tmp_path / "gateway.db")
    with pytest.raises(StoreInUse, match="is in use by process"):
        FileLock(tmp_path / "elsewhere" / "gateway.db")
    lock.release()


def test_a_lock_file_without_text_still_locks(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "gateway.db")
    lock.path.write_text("")
    with pytest.raises(StoreInUse, match="in use by another process"):
        FileLock(tmp_path / "gateway.db")
    lock.release()


def test_a_missing_directory_is_the_configurations_fault(tmp_path: Path) -> None:
    with pytest.raises(StoreMisconfigured, match="the directory must exist"):
        sqlite_engine(tmp_path / "nowhere").own("gw1")


def test_a_kernel_without_locks_is_not_taken_for_an_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_fd: int, _how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("gateway.store.lock.fcntl.flock", refuse)
    with pytest.raises(StoreMisconfigured, match="No locks available"):
        sqlite_engine(tmp_path).own("gw1")
