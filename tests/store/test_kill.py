"""A process that is killed in the middle of writing: what it told is there, whole, and the next start goes on."""

# ruff: noqa: S608 - column names out of our own tuple

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.store.evidence import COLUMNS, verify
from tests.kit.stores import look, noted, options_at

WRITER = """
import sys, trio
from pathlib import Path
from gateway.base import SystemClock
from gateway.store.evidence import add_evidence
from gateway.store.jobs import Job
from gateway.store.options import StoreOptions
from gateway.store.store import open_store
from tests.kit.stores import note, opt_out

def work(key):
    def run(tx):
        note(key)(tx)
        add_evidence(tx, [opt_out()])
        return key
    return run

async def main():
    async with open_store(StoreOptions(url=sys.argv[2]), Path(sys.argv[1]), "gw1", SystemClock()) as store:
        life = store.identity.life
        for number in range(100000):
            job = work(f"{life}-{number}")
            store.writer.put(Job(job, lambda key: print(key, flush=True), lambda error: print(error, flush=True), "w"))
            if number % 5 == 0:
                await store.writer.run(lambda tx: None, "pace")

trio.run(main)
"""


@pytest.mark.parametrize("seen", [0, 1, 7, 40])
def test_a_killed_writer_loses_nothing_that_it_told(seen: int, store_engine: str, tmp_path: Path) -> None:
    told: list[str] = []
    for life in (1, 2):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), options_at(tmp_path).url],
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        with process:
            assert process.stdout is not None
            first = process.stdout.readline()
            while first and not first.startswith(f"{life}-"):
                first = process.stdout.readline()  # the log's own line
            told.append(first.strip())
            told += [process.stdout.readline().strip() for _ in range(seen)]
            process.kill()
            rest = process.stdout.read().splitlines(keepends=True)
        told += [line.strip() for line in rest if line.endswith("\n")]
    stored = noted(tmp_path)
    assert set(told) <= set(stored)
    assert set(stored.values()) == {2}
    if store_engine == "sqlite":
        assert look(tmp_path, "pragma integrity_check") == [("ok",)]
    rows = look(tmp_path, f"select {', '.join(COLUMNS)} from evidence order by node, incarnation, seq")
    assert list(verify(rows)) == []
    assert len(rows) == len(stored)
    assert look(tmp_path, "select life from node") == [(2,)]
