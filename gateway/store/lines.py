"""Lines, keywords and lists, as the configuration file and the carriers bring them.

Owns the rows of ``line``, ``keyword`` and ``optin_list``. Nothing is ever deleted: consent, messages and evidence
point at lines, so a line that leaves the file gets ``removed_at`` and keeps its id, and comes back with that id. What
the file names, the file owns (origin ``file``); what it does not name and never owned is left alone. The values were
checked by ``gateway.config``; options travel as JSON that this module does not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peewee import SQL, fn

from gateway.model.address import Msisdn
from gateway.store.tables import Consent, Keyword, Line, OptinList
from gateway.store.tx import Tx

FILE = "file"
PORTAL = "portal"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KeywordSpec:
    """A keyword as configured. ``aliases`` and ``options`` are JSON."""

    word: str
    action: str
    aliases: str = "[]"
    options: str = "{}"


@dataclass(frozen=True, slots=True)
class LineSpec:
    """A line as configured. ``options`` is JSON; ``lists`` are the names of its opt-in lists."""

    address: str
    name: str = ""
    region: str = ""
    options: str = "{}"
    config_hash: str = ""
    keywords: tuple[KeywordSpec, ...] = ()
    lists: tuple[str, ...] = ()


def sync_lines(tx: Tx, specs: Sequence[LineSpec]) -> dict[str, int]:
    """Make the stored lines of origin ``file`` those of ``specs``; return the id of each address in ``specs``.

    Safe to repeat: a configuration that did not change writes the same rows again.
    """
    if tx.dialect.several:
        tx.execute("lock table line in share row exclusive mode")  # nodes that start together do it one by one
    ids = {spec.address: _upsert_line(tx, spec) for spec in specs}
    removed = Line.update(removed_at=tx.now).where(
        Line.origin == FILE, Line.removed_at.is_null(), Line.address.not_in(list(ids))
    )
    tx.change(removed)
    for spec in specs:
        line_id = ids[spec.address]
        _sync_keywords(tx, line_id, spec.keywords)
        for name in spec.lists:
            ensure_list(tx, line_id, name)
    return ids


def ensure_line(tx: Tx, address: str, origin: str = UNKNOWN) -> int:
    """Return the id of the line with this address; if there is none, make one of this ``origin``.

    An MO for an address that nobody configured is kept all the same, and its STOP is in force should it become a line.
    """
    found = tx.fetch(Line.select(Line.id).where(Line.address == address))
    if found:
        return int(found[0][0])
    line_id = tx.allocate("line")
    insert = Line.insert(id=line_id, address=address, origin=origin, created_at=tx.now)
    if tx.change(insert.on_conflict_ignore() if tx.dialect.several else insert):
        return line_id
    return ensure_line(tx, address, origin)  # another node was faster


def line_ids(tx: Tx, subscriber: Msisdn) -> list[int]:
    """Return the ids of the lines on which an opt-out of the account must be written for ``subscriber``, oldest first.

    Those are all lines that were ever ours, and of the unknown ones those that the subscriber has texted. A pair
    without a row is covered by the account's own (``hot_consent.standings``), and a carrier can make any number of
    unknown lines.
    """
    texted = Consent.select(SQL("1")).where(Consent.line_id == Line.id, Consent.subscriber == subscriber)
    lines = Line.select(Line.id).where((Line.origin != UNKNOWN) | fn.EXISTS(texted)).order_by(Line.id)
    return [int(row[0]) for row in tx.fetch(lines)]


def ensure_list(tx: Tx, line_id: int, name: str) -> None:
    """Make sure that the line has the opt-in list ``name``."""
    if not tx.fetch(OptinList.select(OptinList.id).where(OptinList.line_id == line_id, OptinList.name == name)):
        tx.change(
            OptinList.insert(id=tx.allocate("optin_list"), line_id=line_id, name=name, created_at=tx.now),
        )


def _upsert_line(tx: Tx, spec: LineSpec) -> int:
    line_id = ensure_line(tx, spec.address, FILE)
    tx.change(
        Line.update(
            name=spec.name,
            region=spec.region,
            origin=FILE,
            options=spec.options,
            config_hash=spec.config_hash,
            removed_at=None,
        ).where(Line.id == line_id)
    )
    return line_id


def _sync_keywords(tx: Tx, line_id: int, specs: Sequence[KeywordSpec]) -> None:
    known: dict[str, int] = dict(tx.fetch(Keyword.select(Keyword.word, Keyword.id).where(Keyword.line_id == line_id)))
    for spec in specs:
        values = {
            "action": spec.action,
            "aliases": spec.aliases,
            "options": spec.options,
            "origin": FILE,
            "removed_at": None,
        }
        if spec.word in known:
            tx.change(Keyword.update(**values).where(Keyword.id == known[spec.word]))
        else:
            fresh = {"id": tx.allocate("keyword"), "line_id": line_id, "word": spec.word, "created_at": tx.now}
            tx.change(Keyword.insert(**fresh, **values))
    words = [spec.word for spec in specs]
    removed = Keyword.update(removed_at=tx.now).where(
        Keyword.line_id == line_id,
        Keyword.origin == FILE,
        Keyword.removed_at.is_null(),
        Keyword.word.not_in(words),
    )
    tx.change(removed)
