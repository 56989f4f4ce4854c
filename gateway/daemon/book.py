"""From a checked configuration to what the store keeps of it and what traffic judges by. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config import Config
from gateway.model.address import read_line
from gateway.policy.compile import compile_line, list_of
from gateway.store.lines import KeywordSpec, LineSpec
from gateway.traffic.rulebook import LineEntry, RuleBook, rule_book


def line_specs(config: Config) -> list[LineSpec]:
    """Return the lines as the store keeps them."""
    return [
        LineSpec(
            address=read_line(line.address),
            name=line.title,
            region=line.region,
            options=line.model_dump_json(by_alias=True, exclude={"keyword"}),
            config_hash=config.config_hash,
            keywords=tuple(
                KeywordSpec(
                    word=keyword.word,
                    action=keyword.action,
                    aliases=keyword.model_dump_json(include={"aliases"}),
                    options=keyword.model_dump_json(by_alias=True, exclude={"word", "action", "aliases"}),
                )
                for keyword in line.keyword
            ),
            lists=tuple(sorted({name for keyword in line.keyword if (name := list_of(keyword))})),
        )
        for line in config.lines
    ]


def book_of(config: Config, ids: Mapping[str, int]) -> RuleBook:
    """Return the rules of every line; ``ids`` are the lines' ids in the store, by address."""
    scope = config.gateway.stop_scope
    entries: list[LineEntry] = []
    for line in config.lines:
        # However the file spells it, texts for it and requests to send from it look for the one spelling.
        spelt = line.model_copy(update={"address": read_line(line.address)})
        rules = compile_line(spelt, ids[spelt.address], stop_scope=scope, config_hash=config.config_hash)
        entries.append(LineEntry(rules, line.carriers, line.region))
    return rule_book(
        entries,
        config.config_hash,
        stop_scope=scope,
        max_segments=config.gateway.max_segments,
        max_backlog=config.gateway.max_backlog,
    )
