"""A whole text, as traffic stores it: whatever statement fails, all of its effects are there or none is."""

from __future__ import annotations

import sqlite3
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gateway.model.consent import ConsentStatus, Standing
from gateway.model.effects import Decision, TextOutcome
from gateway.model.messages import Draft, Lane, Mo
from gateway.model.permit import Grounds, Permit, SegmentStyle
from gateway.store.errors import OutcomeUnknown
from gateway.store.evidence import COLUMNS, add_evidence, verify
from gateway.store.hot_consent import save_standings, standings
from gateway.store.hot_messages import NewMt, add_mts, mint, refuse_older
from gateway.store.hot_texts import Entry, journal
from gateway.store.tx import Tx
from tests.kit.faults import Moment, every_point
from tests.kit.stores import SUBSCRIBER, Told, committer, engine_at, look, migrated, opt_out

pytestmark = pytest.mark.usefixtures("store_engine")

DECISION = Decision(TextOutcome.OPT_OUT, "reserved-word", "1", "STOP is a reserved word")
POINTS = list(product((sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL), Moment))


def stop(tx: Tx) -> int:
    """Store a STOP with everything that follows from it; return the MO's id."""
    mo_id, reply_id, permit_id = tx.allocate("message"), tx.allocate("message"), tx.allocate("permit")
    mo = Mo("acme", "acme/0", "s", 1, "85700", SUBSCRIBER, "STOP", b"STOP", 0, b"f", tx.now)
    before = standings(tx, [(1, SUBSCRIBER)])[1, SUBSCRIBER]
    after = Standing(1, SUBSCRIBER, ConsentStatus.OPTED_OUT, tx.now, "text", before.opt_outs + 1)
    journal(tx, [Entry(mo_id, 1, mo, DECISION, after.opt_outs, 1)], "c0ffee")
    save_standings(tx, [(before, after)])
    add_evidence(tx, [opt_out(mo_id=mo_id)])
    refuse_older(tx, 1, SUBSCRIBER, after.opt_outs, "opted-out")
    draft = Draft(1, SUBSCRIBER, "You are out.", Lane.URGENT, Grounds.OPT_OUT_CONFIRMATION, after.opt_outs)
    add_mts(tx, [NewMt(reply_id, draft, 1)])
    permit = Permit(
        permit_id,
        reply_id,
        1,
        1,
        "85700",
        1,
        SUBSCRIBER,
        draft.claim,
        "acme",
        "acme/0",
        0,
        b"x",
        SegmentStyle.UDH8,
        1,
        True,
        None,
        9.0,
    )
    mint(tx, [permit], {reply_id: after.opt_outs})
    return mo_id


def effects(directory: Path) -> list[Any]:
    """Return how many STOPs are stored, as each table counts them."""
    return [
        look(directory, sql)[0][0]
        for sql in (
            "select count(*) from message where direction = 0",
            "select coalesce(max(opt_outs), 0) from consent",
            "select count(*) from evidence",
            "select count(*) from message where direction = 1 and state = 1",
            "select count(*) from permit where fate = 0",
        )
    ]


@pytest.mark.parametrize("code, moment", POINTS)
def test_a_stop_is_stored_whole_or_not_at_all(code: int, moment: Moment, tmp_path: Path) -> None:
    migrated(tmp_path)
    stored = 0
    for faults in every_point(code, moment):
        told = Told()
        made = committer(engine_at(tmp_path, faults))
        ((kind, _, result),) = told.deliver(made.run([told.job("stop", stop)]))
        counts = effects(tmp_path)
        assert len(set(counts)) == 1, counts
        expected = {stored + 1} if kind == "done" else {stored}
        if isinstance(result, OutcomeUnknown):
            expected = {stored, stored + 1}
        assert counts[0] in expected
        stored = counts[0]
        made.close()
    rows = look(tmp_path, f"select {', '.join(COLUMNS)} from evidence order by node, incarnation, seq")  # noqa: S608
    assert list(verify(rows)) == []
    assert stored >= 1
