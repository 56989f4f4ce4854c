"""What a reload would change."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Change, Changes, diff
from tests.config.world import GOOD, changed, loaded

MORE = """
[[carrier]]
name = "back"
[[line]]
address = "85701"
carriers = ["back"]
[[line.keyword]]
word = "NEWS"
user_reply = "News."
"""


def test_nothing(tmp_path: Path) -> None:
    changes = diff(loaded(tmp_path), loaded(tmp_path, "# another comment\n" + GOOD))
    assert not changes
    assert changes == Changes()


@pytest.mark.parametrize(
    "new,expected",
    [
        (
            GOOD + MORE,
            Changes(lines_added=("85701",), keywords_added=("85701/NEWS",), carriers_added=("back",)),
        ),
        (
            changed('name = "Acme Alerts"', 'name = "Acme"'),
            Changes(lines_changed=(Change("85700", ("name",)),)),
        ),
        (
            changed("on the list.", "on our list."),
            Changes(lines_changed=(Change("85700", ("keyword",)),), keywords_changed=("85700/JOIN",)),
        ),
        (
            changed('word = "JOIN"', 'word = "ENTER"'),
            Changes(
                lines_changed=(Change("85700", ("keyword",)),),
                keywords_added=("85700/ENTER",),
                keywords_removed=("85700/JOIN",),
            ),
        ),
        (
            changed('name = "acme"', 'name = "acme"\nport = 2776\npassword = "new"'),
            Changes(carriers_changed=(Change("acme", ("port", "password")),)),
        ),
        (changed('node = "gw1"', 'node = "gw2"'), Changes(needs_restart=("gateway.node",))),
        (changed('state_dir = "state"', 'state_dir = "s"'), Changes(needs_restart=("gateway.state_dir",))),
        (changed('state_dir = "state"', 'state_dir = "./state"'), Changes()),
        (changed('node = "gw1"', 'node = "gw1"\nstop_scope = "account"'), Changes(gateway=("stop_scope",))),
        (
            changed('node = "gw1"', 'node = "gw2"\nmax_segments = 3\nmax_backlog = 5'),
            Changes(gateway=("max_segments", "max_backlog"), needs_restart=("gateway.node",)),
        ),
        (GOOD + '[log]\nlevel = "debug"', Changes(log=True)),
        (
            GOOD + '[store]\nurl = "sqlite:b.db"\n[http]\nlisten = []',
            Changes(needs_restart=("store.url", "http.listen")),
        ),
    ],
)
def test_each_kind_of_change(tmp_path: Path, new: str, expected: Changes) -> None:
    assert diff(loaded(tmp_path), loaded(tmp_path, new)) == expected


def test_what_is_added_one_way_is_removed_the_other(tmp_path: Path) -> None:
    changes = diff(loaded(tmp_path, GOOD + MORE), loaded(tmp_path))
    assert changes == Changes(lines_removed=("85701",), keywords_removed=("85701/NEWS",), carriers_removed=("back",))
    assert changes
