"""Standings go out as they came in, whatever of them changed: only what may have changed is written."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Hold, Latest, Standing
from gateway.store.hot_consent import save_standings, standings
from gateway.store.tx import Tx
from tests.kit.stores import SUBSCRIBER, Told, committer, migrated

pytestmark = pytest.mark.usefixtures("store_engine")

KEY = (1, SUBSCRIBER)
LATEST = Latest(7, "acme", "s1", b"f", 5.0)
CHANGES: Final[dict[str, Any]] = {
    "status": ConsentStatus.OPTED_IN,
    "since": 9.0,
    "source": "api",
    "opt_outs": 3,
    "hold": Hold(6.0, 7, True),
    "how_to_return": True,
    "account_out": True,
    "keywords": {"JOIN": 2},
    "lists": {"alerts": ConsentStatus.OPTED_IN},
    "replies": (1.5, 2.5),
    "latest": Latest(8, "other", "s2", b"g", 6.0),
    "last_carrier": "other",
}
NEVER_WRITTEN = {"line_id", "subscriber", "suspended"}


def test_every_field_is_tried() -> None:
    assert {field.name for field in fields(Standing)} == {*CHANGES, *NEVER_WRITTEN}


@pytest.mark.parametrize("known", [None, LATEST])
@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_stored(name: str, known: Latest | None, tmp_path: Path) -> None:
    """Whatever was stored of them before: what only their latest text changes is written on a shorter way."""
    made = committer(migrated(tmp_path))
    told = Told()
    first = Standing(*KEY, ConsentStatus.OPTED_OUT, 4.0, "text", 1, latest=known)
    second = first.but(**{name: CHANGES[name]})

    def act(tx: Tx) -> list[Standing]:
        save_standings(tx, [(standings(tx, [KEY])[KEY], first)])
        save_standings(tx, [(standings(tx, [KEY])[KEY], second)])
        return [standings(tx, [KEY])[KEY]]

    assert told.deliver(made.run([told.job("act", act)])) == [("done", "act", [second])]
    made.close()


def test_a_stop_of_the_whole_account_reaches_the_row_with_the_next_text(tmp_path: Path) -> None:
    """Of somebody who had texted this line; and a text of nobody else is touched by it."""
    made = committer(migrated(tmp_path))
    told = Told()
    other = Msisdn("+12125550102")

    def act(tx: Tx) -> list[tuple[Any, ...]]:
        for who in (SUBSCRIBER, other):
            before = standings(tx, [(1, who)])[1, who]
            out = before.but(status=ConsentStatus.OPTED_OUT, opt_outs=1, account_out=who == SUBSCRIBER, latest=LATEST)
            save_standings(tx, [(out.but(), out.but(latest=Latest(9, "acme", "s1", b"f", 6.0)))])
        return tx.rows("select subscriber, status, latest_mo from consent where line_id = 1 order by subscriber")

    assert told.deliver(made.run([told.job("act", act)])) == [("done", "act", [(SUBSCRIBER, 2, 9), (other, 0, 9)])]
    made.close()
