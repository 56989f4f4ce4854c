"""Lines come and go with the file; ids stay; nothing is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.model.address import Msisdn
from gateway.model.consent import Standing
from gateway.store.hot_consent import save_standings
from gateway.store.lines import FILE, PORTAL, KeywordSpec, LineSpec, ensure_line, ensure_list, line_ids, sync_lines
from tests.kit.clock import FakeClock
from tests.kit.stores import Told, committer, look, migrated

pytestmark = pytest.mark.usefixtures("store_engine")

ANNE, BOB = Msisdn("+12125550101"), Msisdn("+12125550102")
JOIN = KeywordSpec("JOIN", "join", '["SIGNUP"]', '{"list": "alerts"}')
TIPS = KeywordSpec("TIPS", "reply")
ACME = LineSpec("85700", "Acme Alerts", "US", '{"unknown": "allow"}', "c0ffee", (JOIN, TIPS), ("alerts",))
OTHER = LineSpec("85701", keywords=(TIPS,))
LINES = "select id, address, name, origin, removed_at from line order by id"
KEYWORDS = "select line_id, word, action, origin, removed_at from keyword order by id"


def perform(directory: Path, *runs: Any, clock: FakeClock | None = None) -> list[Any]:
    """Run functions of a transaction, each in its own; return their results."""
    made = committer(migrated(directory), clock)
    told = Told()
    for run in runs:
        told.deliver(made.run([told.job("lines", run)]))
    made.close()
    assert {event[0] for event in told.events} == {"done"}, told.events
    return [event[2] for event in told.events]


def test_lines_keywords_and_lists_are_stored_as_configured(tmp_path: Path) -> None:
    (ids,) = perform(tmp_path, lambda tx: sync_lines(tx, [ACME, OTHER]))
    assert ids == {"85700": 1, "85701": 2}
    assert look(tmp_path, LINES) == [(1, "85700", "Acme Alerts", "file", None), (2, "85701", "", "file", None)]
    assert look(tmp_path, "select region, options, config_hash from line where id = 1") == [
        ("US", '{"unknown": "allow"}', "c0ffee")
    ]
    assert look(tmp_path, KEYWORDS) == [
        (1, "JOIN", "join", "file", None),
        (1, "TIPS", "reply", "file", None),
        (2, "TIPS", "reply", "file", None),
    ]
    assert look(tmp_path, "select line_id, name from optin_list") == [(1, "alerts")]


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    contents = [f"select * from {name}" for name in ("line", "keyword", "optin_list")]  # noqa: S608 - our own names
    perform(tmp_path, lambda tx: sync_lines(tx, [ACME]))
    before = [look(tmp_path, sql) for sql in contents]
    perform(tmp_path, lambda tx: sync_lines(tx, [ACME]))
    assert [look(tmp_path, sql) for sql in contents] == before


def test_what_leaves_the_file_is_marked_and_comes_back_with_its_id(tmp_path: Path) -> None:
    clock = FakeClock(wall_=100.0)
    shorter = LineSpec("85701", keywords=())
    perform(tmp_path, lambda tx: sync_lines(tx, [ACME, OTHER]), lambda tx: sync_lines(tx, [shorter]), clock=clock)
    assert [row[::4] for row in look(tmp_path, LINES)] == [(1, 100.0), (2, None)]
    assert [row[-1] for row in look(tmp_path, KEYWORDS)] == [None, None, 100.0]
    clock.advance(50)
    perform(tmp_path, lambda tx: sync_lines(tx, []), lambda tx: sync_lines(tx, [ACME, OTHER]), clock=clock)
    assert [row[::4] for row in look(tmp_path, LINES)] == [(1, None), (2, None)]
    assert [row[-1] for row in look(tmp_path, KEYWORDS)] == [None, None, None]


def test_what_the_file_never_owned_is_left_alone(tmp_path: Path) -> None:
    perform(
        tmp_path,
        lambda tx: ensure_line(tx, "900", PORTAL),
        lambda tx: ensure_line(tx, "901"),
        lambda tx: sync_lines(tx, [OTHER]),
        lambda tx: tx.execute(
            "insert into keyword (id, line_id, word, action, origin, created_at) values (99, 3, 'OURS', 'reply', ?, 0)",
            (PORTAL,),
        ),
        lambda tx: sync_lines(tx, [OTHER]),
        lambda tx: sync_lines(tx, []),
    )
    assert look(tmp_path, LINES)[:2] == [(1, "900", "", "portal", None), (2, "901", "", "unknown", None)]
    assert ("OURS", None) in {(row[1], row[4]) for row in look(tmp_path, KEYWORDS)}


def test_a_line_that_texts_came_for_before_it_was_configured_keeps_its_id(tmp_path: Path) -> None:
    results = perform(
        tmp_path,
        lambda tx: ensure_line(tx, "85701"),
        lambda tx: ensure_line(tx, "85701"),
        lambda tx: sync_lines(tx, [ACME, OTHER]),
        lambda tx: line_ids(tx, ANNE),
    )
    assert results == [1, 1, {"85700": 2, "85701": 1}, [1, 2]]
    assert look(tmp_path, "select origin from line where id = 1") == [(FILE,)]


def test_an_opt_out_of_the_account_is_written_on_our_lines_and_on_unknown_ones_that_were_texted(tmp_path: Path) -> None:
    *_, annes, bobs = perform(
        tmp_path,
        lambda tx: sync_lines(tx, [ACME, OTHER]),
        lambda tx: sync_lines(tx, [ACME]),
        lambda tx: [ensure_line(tx, str(address)) for address in range(901, 910)],
        lambda tx: save_standings(tx, [(Standing(5, ANNE), Standing(5, ANNE))]),
        lambda tx: line_ids(tx, ANNE),
        lambda tx: line_ids(tx, BOB),
    )
    assert annes == [1, 2, 5], "a line that was removed counts as ours"
    assert bobs == [1, 2]


def test_a_changed_keyword_keeps_its_row(tmp_path: Path) -> None:
    changed = LineSpec("85701", keywords=(KeywordSpec("TIPS", "join"),))
    perform(tmp_path, lambda tx: sync_lines(tx, [OTHER]), lambda tx: sync_lines(tx, [changed]))
    assert look(tmp_path, KEYWORDS) == [(1, "TIPS", "join", "file", None)]


def test_a_list_is_made_once(tmp_path: Path) -> None:
    perform(tmp_path, lambda tx: ensure_list(tx, 1, "alerts"), lambda tx: ensure_list(tx, 1, "alerts"))
    assert look(tmp_path, "select count(*) from optin_list") == [(1,)]
