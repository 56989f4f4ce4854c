"""From a configuration to the store's lines and traffic's book."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.config import Config
from gateway.daemon.book import book_of, line_specs
from gateway.traffic.rulebook import Way
from tests.config.world import loaded

TEXT = """
[gateway]
node = "gw1"
state_dir = "state"
stop_scope = "account"
max_segments = 3
max_backlog = 5

[[carrier]]
name = "acme"
weight = 7
prefixes = ["+1787", "+1939"]
failover_after_s = 2.5
[[carrier]]
name = "spare"

[[line]]
address = "+1 (857) 00"
name = "Acme"
region = "DE"
carriers = ["spare", "acme"]
max_per_second = 7.5
[[line.keyword]]
word = "JOIN"
action = "join"
list = "alerts"
aliases = ["ENTER"]
[[line.keyword]]
word = "NEWS"
action = "join"
[[line.keyword]]
word = "HOURS"
action = "reply"
user_reply = "9 to 5."

[[line]]
address = "85701"
carriers = ["acme"]
hold_days = 1
on_uncertain = "resend"
"""


def config(folder: Path) -> Config:
    return loaded(folder, TEXT)


def test_the_store_gets_each_line_under_its_one_spelling(tmp_path: Path) -> None:
    made = config(tmp_path)
    first, second = line_specs(made)
    assert (first.address, first.region, second.address) == ("185700", "DE", "85701")
    assert first.config_hash == second.config_hash == made.config_hash
    assert first.lists == ("alerts", "news"), "a keyword that names no list has one of its own name"
    assert not second.keywords
    assert not second.lists
    options = json.loads(first.options)
    assert options["carriers"] == ["spare", "acme"]
    assert "keyword" not in options


def test_the_store_gets_the_keywords_apart(tmp_path: Path) -> None:
    first, _ = line_specs(config(tmp_path))
    assert [(keyword.word, keyword.action) for keyword in first.keywords] == [
        ("JOIN", "join"),
        ("NEWS", "join"),
        ("HOURS", "reply"),
    ]
    join, _, hours = first.keywords
    assert json.loads(join.aliases) == {"aliases": ["ENTER"]}
    assert json.loads(hours.options)["user_reply"] == "9 to 5."
    assert not {"word", "action", "aliases"} & set(json.loads(hours.options))


def test_the_book_has_the_lines_by_address_and_by_id_and_the_limits(tmp_path: Path) -> None:
    made = config(tmp_path)
    book = book_of(made, {"185700": 7, "85701": 9, "old": 3})
    assert set(book.by_address) == {"185700", "85701"}
    assert {id_: entry.address for id_, entry in book.by_id.items()} == {7: "185700", 9: "85701"}
    acme = Way("acme", weight=7, prefixes=("+1787", "+1939"), failover_after_s=2.5)
    assert book.by_id[7].ways == (Way("spare", weight=1, prefixes=(), failover_after_s=30), acme)
    assert book.by_id[9].ways == (acme,)
    assert [book.by_id[id_].max_per_second for id_ in (7, 9)] == [7.5, 0]
    assert book.by_id[7].region == "DE"
    assert book.rules(9, "85701").hold_s == 86_400.0
    assert (book.on_uncertain(7), book.on_uncertain(9)) == ("hold", "resend")
    assert (book.stop_scope, book.max_segments, book.max_backlog) == ("account", 3, 5)
    assert book.config_hash == made.config_hash
