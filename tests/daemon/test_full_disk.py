"""A full disk as an application sees it: told of as such, nothing lost, nothing sent twice, no restart."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import load
from gateway.daemon.daemon import Running, running
from gateway.store.engines.sqlite import SqliteEngine
from tests.kit.faults import sqlite_error

PATIENCE_S = 30
MANY = {"messages": [{"line": "85700", "to": f"+1212555{n:04}", "text": "hi"} for n in range(600)]}
ONE = MANY["messages"][0]


@dataclass
class Disk:
    """Writes fail while it is ``full``: at each statement that begins so, or only as a transaction commits (``at``).

    It becomes full once so many answers were kept under a key (``answers``).
    """

    full: bool = False
    at: str = ""
    answers: int = 0

    def fails(self, sql: str) -> bool:
        if self.full and sql.startswith(self.at):
            return not sql.lstrip().startswith(("PRAGMA", "ROLLBACK", "select", "SELECT"))
        if self.answers and 'INSERT INTO "idempotency"' in sql:
            self.answers -= 1
            self.full = not self.answers
            return self.full
        return False


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if made.fails(sql) and self.in_transaction:
                raise sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full")
            return super().execute(sql, parameters)

    init = SqliteEngine.__init__

    def patched(self: SqliteEngine, *args: Any) -> None:
        init(self, *args)
        self.connection_class = Connection

    monkeypatch.setattr(SqliteEngine, "__init__", patched)
    return made


async def ask(gateway: Running, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(uds=str(gateway.config.socket_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE_S) as client:
        return await client.request(method, path, json=body, headers=headers)


async def stored(gateway: Running) -> int:
    rows = await gateway.flow.store.read(lambda reader: reader.rows("select count(*) from message"))
    return int(rows[0][0])


@pytest.mark.parametrize("at", ["", "COMMIT"])
async def test_one_message(file: Path, disk: Disk, at: str) -> None:
    async with running(load(file), "0") as gateway:
        disk.at, disk.full = at, True
        refused = await ask(gateway, "POST", "/api/v1/messages", ONE)
        assert refused.status_code == 507
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["retry-after"] == "30"
        assert refused.json()["type"] == "/problems/storage-full"
        assert ("not known" in refused.json()["detail"]) is (at == "COMMIT")
        braked = await ask(gateway, "PUT", "/api/v1/brakes/line/85700", {"note": "disk"})
        assert braked.status_code == 507
        assert (await ask(gateway, "GET", "/readyz")).status_code == 503
        assert (await ask(gateway, "GET", "/api/v1/messages")).status_code == 200, "questions are answered"
        disk.full = False
        assert (await ask(gateway, "POST", "/api/v1/messages", ONE)).status_code == 202
        assert (await ask(gateway, "GET", "/readyz")).status_code == 200
        assert await stored(gateway) == 1


async def test_a_batch_halfway(file: Path, disk: Disk) -> None:
    key = {"Idempotency-Key": "k-1"}
    async with running(load(file), "0") as gateway:
        disk.answers = 2
        half = await ask(gateway, "POST", "/api/v1/messages", MANY, **key)
        assert half.status_code == 200
        results = half.json()["results"]
        accepted = [item["id"] for item in results if "id" in item]
        assert 0 < len(accepted) < 600
        left = [item for item in results if "id" not in item]
        assert {(item["type"], item["status"], item["retry_after_s"]) for item in left} == {
            ("/problems/storage-full", 507, 30)
        }
        disk.full = False
        whole = await ask(gateway, "POST", "/api/v1/messages", MANY, **key)
        again = [item["id"] for item in whole.json()["results"]]
        assert again[: len(accepted)] == accepted
        assert await stored(gateway) == 600, "each once"
