"""From a checked configuration to what the store keeps of it, and to what traffic judges by."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.carriers.options import Mode
from gateway.config import Config
from gateway.model.address import read_line
from gateway.policy.compile import compile_line, list_of
from gateway.policy.options import LineOptions
from gateway.store.lines import KeywordSpec, LineSpec
from gateway.traffic.rulebook import LineEntry, RuleBook, Way, rule_book


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


def _ways(config: Config, line: LineOptions) -> tuple[Way, ...]:
    """Return the carriers that submit for a line."""
    by_name = {carrier.name: carrier for carrier in config.carriers if carrier.mode is not Mode.RECEIVER}
    carriers = [by_name[name] for name in line.carriers if name in by_name]
    return tuple(Way(each.name, each.weight, each.prefixes, each.failover_after_s) for each in carriers)


def book_of(config: Config, ids: Mapping[str, int]) -> RuleBook:
    """Return the rules of every line; ``ids`` are the lines' ids in the store, by address."""
    scope = config.gateway.stop_scope
    entries: list[LineEntry] = []
    for line in config.lines:
        # However the file spells it, texts for it and requests to send from it look for the one spelling.
        spelt = line.model_copy(update={"address": read_line(line.address)})
        rules = compile_line(spelt, ids[spelt.address], stop_scope=scope, config_hash=config.config_hash)
        ways = _ways(config, line)
        entries.append(LineEntry(rules, ways, line.region, line.max_per_second, line.max_backlog))
    return rule_book(
        entries,
        config.config_hash,
        stop_scope=scope,
        max_segments=config.gateway.max_segments,
        max_backlog=config.gateway.max_backlog,
    )
