"""Migration 0007: what older stores hold is found by the new indexes; other engines get wider columns."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from peewee import Database

from gateway.store.schema import MIGRATIONS, migrate
from tests.kit.stores import committer, look, sqlite_engine

NAME = "0007_bounds"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bounds", MIGRATIONS / f"{NAME}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_what_is_there_is_found(tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(MIGRATIONS, older, ignore=shutil.ignore_patterns("__pycache__", f"{NAME}.py"))
    engine = sqlite_engine(tmp_path)
    made = committer(engine)
    migrate(made.handle(), "it", older)
    for id_, addresses in enumerate(("+12125550101 85700", "85700", "", "85700 garbled", "+12125550101"), 1):
        look(
            tmp_path,
            "insert into parked_receipt (id, carrier, carrier_id, state, receipt_id, place, addresses, received_at)"
            " values (?, 'acme', '0', 3, ?, 0, ?, 1)",
            (id_, id_, addresses),
        )
    for id_, number, reference in ((1, 1, 7), (2, 3, 7), (3, 2, 7), (4, 1, 8)):
        look(
            tmp_path,
            "insert into part (id, carrier, line_id, subscriber, reference, total, number, data_coding, alphabet, raw,"
            " text, fingerprint, session, received_at)"
            " values (?, 'acme', 1, 'x', ?, 4, ?, 0, 'gsm', x'', '', x'', '', 1)",
            (id_, reference, number),
        )
    look(
        tmp_path,
        "insert into quarantine (id, carrier, bind, session, received_at, status, reason, raw)"
        " values (1, 'acme', '', '', 1, 8, '', x'000102')",
    )
    assert migrate(made.handle(), "it") == [NAME]
    made.close()
    told = [row[0] for row in look(tmp_path, "select subscriber from parked_receipt order by id")]
    assert told == ["+12125550101", "", "", "", "+12125550101"]
    assert look(tmp_path, "select newest from part order by id") == [(0,), (0,), (1,), (1,)]
    assert look(tmp_path, "select size from quarantine") == [(515,)]


def test_another_engine_holds_what_a_carrier_may_say_in_32_bits() -> None:
    said: list[str] = []

    class Other:
        def execute_sql(self, sql: str) -> None:
            said.append(sql)

    bounds: Any = module()
    bounds.up(None, cast(Database, Other()))
    assert said[: len(bounds.STATEMENTS)] == list(bounds.STATEMENTS)
    assert said[len(bounds.STATEMENTS) :] == [
        'ALTER TABLE "message" ALTER COLUMN "status" TYPE BIGINT',
        'ALTER TABLE "part" ALTER COLUMN "reference" TYPE BIGINT',
        'ALTER TABLE "permit" ALTER COLUMN "status" TYPE BIGINT',
        'ALTER TABLE "quarantine" ALTER COLUMN "status" TYPE BIGINT',
    ]
