"""The hot statements walk indexes: none of them may read a table, or all of a line, to find one subscriber's rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Method, Standing
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Grounds, Outcome, Permit, SegmentStyle
from gateway.store import backlog, hot_consent, hot_messages, hot_parts, hot_permits, retention
from gateway.store.evidence import add_evidence
from gateway.store.pairs import STEP, WALKS, rows_of
from gateway.store.tx import Tx
from tests.kit.stores import SUBSCRIBER, Told, committer, on_engine, opt_out
from tests.store.plans import large, plan

KEY = (1, SUBSCRIBER)
BEFORE = Standing(1, SUBSCRIBER)
AFTER = Standing(1, SUBSCRIBER, status=ConsentStatus.OPTED_OUT, lists={"alerts": ConsentStatus.OPTED_OUT})
PERMIT = Permit(
    1,
    1,
    1,
    1,
    "85700",
    1,
    SUBSCRIBER,
    Grounds.CONSENT,
    "acme",
    "acme/0",
    0,
    b"x",
    SegmentStyle.UDH8,
    1,
    False,
    None,
    9.0,
)
PART = hot_parts.PartKey("acme", 1, SUBSCRIBER, 1, 2)

HOT: dict[str, Callable[[Tx], Any]] = {
    "standings": lambda tx: hot_consent.standings(tx, [KEY, (1, Msisdn("+12125550102"))]),
    "save_standings": lambda tx: hot_consent.save_standings(tx, [(BEFORE, AFTER)]),
    "save_account_opt_outs": lambda tx: hot_consent.save_account_opt_outs(tx, [(SUBSCRIBER, Method.TEXT.value, 1)]),
    "waiting": lambda tx: hot_messages.waiting(tx, Lane.NORMAL, 1, "", 0, 100),
    "firsts": lambda tx: hot_messages.firsts(tx, Lane.NORMAL, 1, "", "", 100),
    "first_of": lambda tx: hot_messages.first_of(tx, Lane.REPLY, 1, "", SUBSCRIBER, [Grounds.HELP]),
    "queued_routes": lambda tx: hot_messages.queued_routes(tx, 1, [SUBSCRIBER]),
    "reroute": lambda tx: hot_messages.reroute(tx, [("acme", 1, SUBSCRIBER)]),
    "free_routes": lambda tx: hot_messages.free_routes(tx, Lane.BULK, 1, [], 9),
    "set_routes": lambda tx: hot_messages.set_routes(tx, [("acme", 1)]),
    "overdue_parts": lambda tx: hot_parts.overdue_parts(tx, 1.0),
    "mts": lambda tx: hot_messages.mts(tx, [1, 2, 3]),
    "mint": lambda tx: hot_messages.mint(tx, [PERMIT], {1: 0}),
    "settle_permits": lambda tx: hot_permits.settle_permits(tx, [Outcome(PERMIT, Fate.ACCEPTED)]),
    "permits_of": lambda tx: hot_permits.permits_of(tx, [1, 2]),
    "move": lambda tx: hot_messages.move(tx, [hot_messages.Move(1, MessageState.SENT, None, 0, 0)]),
    "refuse_older": lambda tx: hot_messages.refuse_older(tx, 1, SUBSCRIBER, 1, "opted-out"),
    "parts_of": lambda tx: hot_parts.parts_of(tx, PART),
    "mark_joined": lambda tx: hot_parts.mark_joined(tx, PART, 1),
    "forget_parts": lambda tx: hot_parts.forget_parts(tx, PART),
    "permits_by_carrier_id": lambda tx: hot_parts.permits_by_carrier_id(tx, "acme", ["1", "0001"], [SUBSCRIBER, "x"]),
    "newest_by_carrier_id": lambda tx: hot_parts.newest_by_carrier_id(tx, "acme", "1"),
    "record_receipt": lambda tx: hot_parts.record_receipt(tx, 1, MessageState.DELIVERED, "000", 1.0),
    "parked_receipts": lambda tx: hot_parts.parked_receipts(tx, "acme", "1", SUBSCRIBER),
    "take_parked": lambda tx: hot_parts.take_parked(tx, [1]),
    "crowded_out": lambda tx: hot_parts.crowded_out(tx, PART, 32),
    "open_texts": hot_parts.open_texts,
    "drop_joined_parts": lambda tx: hot_parts.drop_joined_parts(tx, 1.0, 100),
    "drop_parked": lambda tx: hot_parts.drop_parked(tx, 1.0, 100),
    "what waits": lambda tx: backlog.go_on(tx, backlog.begin(tx)),
    "what waits the longest": lambda tx: backlog.oldest(tx, [(3, 1, "")]),
    "what is old": lambda tx: retention.find(tx, retention.Mark(), 1.0, 100),
    "blank": lambda tx: retention.blank(tx, [1, 2]),
    "delete": lambda tx: retention.delete(tx, [1, 2]),
    "quarantine_octets": hot_parts.quarantine_octets,
    "drop_oldest_quarantined": lambda tx: hot_parts.drop_oldest_quarantined(tx, 1000, 100),
    "drop_quarantined": lambda tx: hot_parts.drop_quarantined(tx, 1.0, 100),
    "add_evidence": lambda tx: add_evidence(tx, [opt_out()]),
    "messages of a pair": lambda tx: [*rows_of(tx, "message", KEY, "id"), *tx.rows(WALKS["message"], (1, STEP))],
    "evidence of a pair": lambda tx: [*rows_of(tx, "evidence", KEY, "id"), *tx.rows(WALKS["evidence"], (1, STEP))],
}
BOUNDED = {"overdue_parts", "crowded_out", "permits_by_carrier_id", "newest_by_carrier_id", "parked_receipts"}
"""They have a limit, and read no more than that, however much a carrier piles up."""
SMALL = {
    "SCAN CONSTANT ROW",  # the rows of a bulk write, in memory
    "SCAN v",
    "SCAN next",  # the subscribers that one page has found, in memory
    "SCAN list",  # the ids of a pair, in memory
    "SCAN few",  # a few of the receipts that wait for one id, or of the permits answered with it
    "SCAN 2 CONSTANT ROWS",  # the keys of a look-up, in memory
    "SCAN 4 CONSTANT ROWS",
    "SCAN wanted",  # the spellings of one receipt's id, in memory
    "SCAN part USING COVERING INDEX part_due",  # an entry for each incomplete text, of 100,000
    "SCAN quarantine USING COVERING INDEX quarantine_last",  # the PDUs' sizes, not the PDUs
    "SCAN quarantine USING INDEX quarantine_last",  # from the oldest on, up to a limit
}


class Explaining:
    """A connection that asks the engine how it will run each statement, and remembers."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.plans: list[str] = []

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        if not sql.startswith(("select coalesce(max(id)", "select nextval")):  # ids are taken in blocks
            self._explain(sql, parameters)
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, rows: Any, /) -> Any:
        rows = list(rows)
        if rows:
            self._explain(sql, rows[0])
        return self._connection.executemany(sql, rows)

    send = execute

    def flush(self) -> None:
        """Nothing is sent ahead."""

    def _explain(self, sql: str, parameters: Any) -> None:
        self.plans += plan(lambda *asked: self._connection.execute(*asked).fetchall(), sql, parameters)


class EnoughError(Exception):
    """Nothing of it shall be stored."""


def plans_of(name: str, directory: Path) -> list[str]:
    """Run a hot function, take it back, and return how each of its statements was run."""
    made = committer(large(directory))
    told = Told()
    plans: list[str] = []

    def run(tx: Tx) -> None:
        explaining = Explaining(tx.connection)
        tx.connection = explaining
        HOT[name](tx)
        plans.extend(explaining.plans)
        raise EnoughError

    told.deliver(made.run([told.job(name, run)]))
    made.close()
    assert isinstance(told.events[0][2], EnoughError), told.events
    return plans


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_walk_indexes(name: str, tmp_path: Path) -> None:
    for line in plans_of(name, tmp_path):
        assert not line.startswith("SCAN") or re.sub(r"-\d+", "", line) in SMALL, line
        assert not line.endswith("(line_id=?)"), line
        assert name not in BOUNDED or "TEMP B-TREE" not in line, "what is sorted was all read"


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_walk_indexes_on_postgresql(name: str, tmp_path: Path) -> None:
    with on_engine("postgresql"):
        plans = plans_of(name, tmp_path)
    for line in plans:
        assert "Seq Scan" not in line, plans
        assert not re.search(r"Index Cond: \(line_id = [^)]*\)$", line), plans
