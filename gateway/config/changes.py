"""What differs between two configurations: the pure half of a reload.

Says what changed, and does nothing about it. Lines, keywords, carriers, logging, and of ``[gateway]`` what ``LIVE``
names change under a running daemon; the rest of ``[gateway]``, ``[store]`` and ``[http]`` is named in
``needs_restart`` so that nobody believes it is in force. Compares secrets too (a new password is a change) and shows
none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from gateway.config.options import Config
from gateway.policy.options import LineOptions

LIVE: Final = frozenset({"stop_scope", "max_segments", "max_backlog"})
"""The keys of ``[gateway]`` that a reload puts in force."""


@dataclass(frozen=True, slots=True)
class Change:
    """One carrier or line that is in both configurations and differs. ``keys`` are the keys that differ."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new configuration changes. Lines by address, carriers by name, keywords as ``85700/JOIN``."""

    lines_added: tuple[str, ...] = ()
    lines_removed: tuple[str, ...] = ()
    lines_changed: tuple[Change, ...] = ()
    keywords_added: tuple[str, ...] = ()
    keywords_removed: tuple[str, ...] = ()
    keywords_changed: tuple[str, ...] = ()
    carriers_added: tuple[str, ...] = ()
    carriers_removed: tuple[str, ...] = ()
    carriers_changed: tuple[Change, ...] = ()
    log: bool = False
    gateway: tuple[str, ...] = ()  # those of ``LIVE`` that differ
    needs_restart: tuple[str, ...] = ()  # key paths: "store.url"

    def __bool__(self) -> bool:
        """Whether anything changed at all."""
        return self != Changes()


def diff(old: Config, new: Config) -> Changes:
    """Return what changes from ``old`` to ``new``."""
    old_lines = {line.address: line for line in old.lines}
    new_lines = {line.address: line for line in new.lines}
    old_carriers = {carrier.name: carrier for carrier in old.carriers}
    new_carriers = {carrier.name: carrier for carrier in new.carriers}
    old_words, new_words = _keywords(old.lines), _keywords(new.lines)
    own = differing(old.gateway, new.gateway)
    restart = [f"gateway.{key}" for key in own if key not in LIVE and key != "state_dir"]
    if old.state_dir != new.state_dir:
        restart.append("gateway.state_dir")
    restart += [f"store.{key}" for key in differing(old.store, new.store)]
    restart += [f"http.{key}" for key in differing(old.http, new.http)]
    return Changes(
        lines_added=_only(new_lines, old_lines),
        lines_removed=_only(old_lines, new_lines),
        lines_changed=_changed(old_lines, new_lines),
        keywords_added=_only(new_words, old_words),
        keywords_removed=_only(old_words, new_words),
        keywords_changed=tuple(change.name for change in _changed(old_words, new_words)),
        carriers_added=_only(new_carriers, old_carriers),
        carriers_removed=_only(old_carriers, new_carriers),
        carriers_changed=_changed(old_carriers, new_carriers),
        log=old.log != new.log,
        gateway=tuple(key for key in own if key in LIVE),
        needs_restart=tuple(restart),
    )


def _keywords(lines: Sequence[LineOptions]) -> dict[str, BaseModel]:
    return {f"{line.address}/{keyword.word}": keyword for line in lines for keyword in line.keyword}


def _only(these: Mapping[str, object], those: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(name for name in these if name not in those)


def _changed(old: Mapping[str, BaseModel], new: Mapping[str, BaseModel]) -> tuple[Change, ...]:
    both = [(name, differing(old[name], new[name])) for name in new if name in old]
    return tuple(Change(name, keys) for name, keys in both if keys)


def differing(old: BaseModel, new: BaseModel) -> tuple[str, ...]:
    """Return the keys that differ between two tables of one kind, as the file spells them."""
    return tuple(
        field.alias or name
        for name, field in type(new).model_fields.items()
        if getattr(old, name) != getattr(new, name)
    )
