"""The hot statements on consent: read many standings at once, write back those that changed.

Plain SQL, batched, because every MO and every permit passes here. What a standing means is ``gateway.policy``'s
business; this module only carries it between rows and values. Readers of single rows for people are in ``queries``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Hold, Latest, Standing
from gateway.store.bulk import Insert
from gateway.store.lookup import Lookup
from gateway.store.pairs import FIRST, Heads
from gateway.store.pairs import Key as Key
from gateway.store.tx import Row, Tx

_SAID: Final = ("status", "since", "source", "opt_outs", "how_to_return", "account_out", "keywords")
_HOLD: Final = ("held_since", "held_mo", "clarified")
_NO_HOLD: Final = (("held_since", "null"), ("held_mo", "null"), ("clarified", "0"))
_LATEST: Final = (
    *("replies", "latest_mo", "latest_carrier", "latest_session", "latest_fingerprint", "latest_at", "last_carrier"),
)
_COLUMNS: Final = ", ".join(("subscriber", *_SAID, *_HOLD, *_LATEST))
_HEADS: Final = ("last_message", "last_evidence")


def _saving(columns: Sequence[str], fixed: Sequence[tuple[str, str]] = ()) -> Insert:
    """Return what writes these columns and those heads that are given; the others stay, or say nothing in a new row."""
    return Insert(
        "consent",
        ("line_id", "subscriber", *columns, *_HEADS),
        (("account_id", "1"), *fixed),
        "on conflict (line_id, subscriber) do update set "
        + ", ".join(f"{name} = excluded.{name}" for name in (*columns, *dict(fixed)))
        + "".join(f", {name} = coalesce(excluded.{name}, consent.{name})" for name in _HEADS),
    )


_SAVE: Final = _saving((*_SAID, *_LATEST), _NO_HOLD)
_SAVE_HELD: Final = _saving((*_HOLD, *_SAID, *_LATEST))
_SAVE_LATEST: Final = _saving(_LATEST)  # half the columns, for those who texted, and no more
_said: Final = attrgetter("status", "since", "source", "opt_outs", "how_to_return", "account_out", "keywords", "hold")
_last: Final = attrgetter("mo_id", "carrier", "session", "fingerprint", "received_at")
_NEVER: Final = (None,) * 5
_STATUSES: Final = {int(status): status for status in ConsentStatus}
_SAVE_MEMBER: Final = Insert(
    "member",
    ("line_id", "list_name", "subscriber", "status", "source"),
    (("account_id", "1"), ("suspended", "0")),
    "on conflict (line_id, list_name, subscriber) do update set status = excluded.status, since = excluded.since,"
    " source = excluded.source",
    ("since",),
)
_STANDINGS: Final = Lookup(f"{_COLUMNS}, {', '.join(_HEADS)}", "consent", ("line_id",), "subscriber")
_MEMBERSHIPS: Final = Lookup("subscriber, list_name, status, suspended", "member", ("line_id",), "subscriber")
_ACCOUNT_OUTS: Final = Lookup("subscriber, since, source", "account_opt_out", ("account_id",), "subscriber")
_BLANK: Final = Insert("consent", ("line_id", "subscriber"), conflict="on conflict (line_id, subscriber) do nothing")
_SAVE_ACCOUNT_OUT: Final = """
insert into account_opt_out (account_id, subscriber, since, source, mo_id, opt_outs) values (1, ?, ?, ?, ?, 1)
on conflict (account_id, subscriber) do update set
    since = excluded.since, source = excluded.source, mo_id = excluded.mo_id, opt_outs = account_opt_out.opt_outs + 1
"""


def standings(
    tx: Tx, keys: Collection[Key], heads: Heads | None = None, beside: Callable[[], None] | None = None
) -> dict[Key, Standing]:
    """Return the standing of every key, with or without a row. ``heads`` is given the heads of their lists.

    A key without a row has the defaults, or is opted out if its subscriber opted out of the whole account: a line that
    was added after STOP ALL is covered by it. Where several nodes write, each key is given a row, and the rows are
    locked in order: what is read stays so until this transaction ends. A row that says nothing is as none.
    ``beside`` asks (``Tx.ask``) what else shall be known of these keys once they are locked; what it asked when it was
    called last counts.
    """
    by_line: dict[int, set[Msisdn]] = defaultdict(set)
    for line_id, subscriber in keys:
        by_line[line_id].add(subscriber)
    found: dict[Key, Standing] = {}
    for left, (line_id, subscribers) in zip(range(len(by_line) - 1, -1, -1), sorted(by_line.items()), strict=True):
        found |= _standings(tx, line_id, subscribers, heads, None if left else beside)
    return found


def _standings(
    tx: Tx, line_id: int, subscribers: Collection[Msisdn], heads: Heads | None, beside: Callable[[], None] | None
) -> dict[Key, Standing]:
    """Ask in two goes: who is locked, and what follows from that. Nothing is waited for in between."""
    several, wanted = tx.dialect.several, sorted(subscribers)
    asked = tx.ask(_STANDINGS, (line_id,), wanted, " for update" if several else "")
    members = tx.ask(_MEMBERSHIPS, (line_id,), wanted)
    rows = asked()
    if heads is not None:
        for row in rows:
            heads.message[line_id, row[0]] = row[18] or FIRST
            heads.evidence[line_id, row[0]] = row[19] or FIRST
    there = {row[0] for row in rows}
    missing = [subscriber for subscriber in wanted if subscriber and subscriber not in there]
    made = tx.put(_BLANK, [(line_id, subscriber) for subscriber in missing]) if several else None
    silent = {row[0] for row in rows if several and _is_blank(row)}
    unknown = [subscriber for subscriber in wanted if subscriber not in there or subscriber in silent]
    outs = tx.ask(_ACCOUNT_OUTS, (1,), unknown)
    if beside is not None:
        beside()
    again: dict[Key, Standing] = {}
    if made is not None and made() < len(missing):  # others made some of them meanwhile: what is known of those is old
        again = _standings(tx, line_id, missing, heads, beside)
    lists, suspended = _memberships(members())
    found: dict[Key, Standing] = {
        (line_id, row[0]): _standing(line_id, row, lists.get(row[0], {}), suspended.get(row[0], ())) for row in rows
    }
    out_everywhere = {row[0]: (row[1], row[2]) for row in outs()}
    for who in unknown:
        known = found.get((line_id, who)) or Standing(
            line_id, who, lists=lists.get(who, {}), suspended=frozenset(suspended.get(who, ()))
        )
        found[line_id, who] = _out_everywhere(known, *out_everywhere[who]) if who in out_everywhere else known
    return found | again


def lock_free(tx: Tx, keys: Collection[Key]) -> set[Key]:
    """Lock the rows of those keys that no other transaction has locked; return them. Never waits, but for a new row.

    Those that have no row get one first. Whoever has no address gets none: there is nobody whose consent could be kept.
    """
    by_line: dict[int, set[Msisdn]] = defaultdict(set)
    for line_id, subscriber in keys:
        by_line[line_id].add(subscriber)
    return {
        (line_id, Msisdn(subscriber))
        for line_id, subscribers in sorted(by_line.items())
        for subscriber in _lock_free(tx, line_id, subscribers)
    }


def _lock_free(tx: Tx, line_id: int, subscribers: Collection[Msisdn]) -> set[Msisdn]:
    how = " for update skip locked"
    got = {row[0] for row in tx.look_up(_STANDINGS, (line_id,), sorted(subscribers), how)}
    if len(got) == len(subscribers):
        return got
    missing = [subscriber for subscriber in sorted(subscribers) if subscriber and subscriber not in got]
    there = {row[0] for row in tx.look_up(_STANDINGS, (line_id,), missing)}  # skipped, and stays so
    missing = [subscriber for subscriber in missing if subscriber not in there]
    if tx.bulk(_BLANK, [(line_id, subscriber) for subscriber in missing]) == len(missing):
        return {*got, *missing}
    return got | {row[0] for row in tx.look_up(_STANDINGS, (line_id,), missing, how)}  # others made some of them


def _is_blank(row: Row) -> bool:
    """Say whether nothing was ever said of a pair: its row was made to be locked."""
    return row[2] is None and not row[4] and row[1] == ConsentStatus.NOT_DEFINED


def save_standings(tx: Tx, changes: Iterable[tuple[Standing, Standing]], heads: Heads | None = None) -> None:
    """Write standings back. Each change is (as it was read, as it shall be); unchanged memberships are not touched.

    With ``heads``, the heads of their lists are written, too; else they stay.
    """
    heads = heads or Heads()
    whole: list[tuple[Any, ...]] = []
    held: list[tuple[Any, ...]] = []
    texted: list[tuple[Any, ...]] = []
    members: list[tuple[Any, ...]] = []
    for before, after in changes:
        said, latest = _said(after), after.latest
        key = (after.line_id, after.subscriber)
        recent = (
            _times(after.replies),
            *(_NEVER if latest is None else _last(latest)),
            after.last_carrier,
            heads.message.get(key),
            heads.evidence.get(key),
        )
        # Who is out of the whole account may be so by the account's own row, which theirs does not know of yet.
        if said == _said(before) and not after.account_out:
            texted.append((*key, *recent))
        else:
            status, since, source, opt_outs, how_to_return, account_out, keywords, hold = said
            words = _words(tuple(keywords.items())) if keywords else "{}"
            row = int(status), since, source, opt_outs, int(how_to_return), int(account_out), words, *recent
            if hold is None:
                whole.append((*key, *row))
            else:
                held.append((*key, hold.since, hold.mo_id, int(hold.clarified), *row))
        if after.lists is not before.lists:
            members += [
                (after.line_id, name, after.subscriber, int(status), after.source)
                for name, status in after.lists.items()
                if before.lists.get(name) != status
            ]
    tx.put(_SAVE, whole)
    tx.put(_SAVE_HELD, held)
    tx.put(_SAVE_LATEST, texted)
    tx.put(_SAVE_MEMBER, members, (tx.now,))


@lru_cache(maxsize=1024)
def _words(counts: tuple[tuple[str, int], ...]) -> str:
    return json.dumps(dict(counts))


@lru_cache(maxsize=1024)
def _times(times: tuple[float, ...]) -> str:
    return f"[{', '.join(map(repr, times))}]"


def save_account_opt_outs(tx: Tx, outs: Sequence[tuple[Msisdn, str, int | None]]) -> None:
    """Record that these subscribers opted out of every line, later ones included: (subscriber, source, MO id)."""
    tx.executemany(_SAVE_ACCOUNT_OUT, [(subscriber, tx.now, source, mo_id) for subscriber, source, mo_id in outs])
    if tx.notes is not None:
        for subscriber, source, _ in outs:
            tx.notes.account(subscriber, source, tx.now)


def _memberships(rows: Iterable[Row]) -> tuple[dict[Msisdn, dict[str, ConsentStatus]], dict[Msisdn, tuple[str, ...]]]:
    lists: dict[Msisdn, dict[str, ConsentStatus]] = {}
    suspended: dict[Msisdn, tuple[str, ...]] = {}
    for subscriber, name, status, is_suspended in rows:
        lists.setdefault(subscriber, {})[name] = ConsentStatus(status)
        if is_suspended:
            suspended[subscriber] = (*suspended.get(subscriber, ()), name)
    return lists, suspended


def member_since(tx: Tx, key: Key, list_name: str) -> float | None:
    """Return since when (unix seconds) somebody is what they are on a list; None if they never were on it."""
    rows = tx.rows("select since from member where line_id = ? and subscriber = ? and list_name = ?", (*key, list_name))
    return rows[0][0] if rows else None


def _standing(
    line_id: int, row: tuple[Any, ...], lists: dict[str, ConsentStatus], suspended: tuple[str, ...]
) -> Standing:
    subscriber, status, since, source, opt_outs, how_to_return, account_out, keywords = row[:8]
    held_since, held_mo, clarified = row[8:11]
    replies, latest_mo, carrier, session, fingerprint, received_at, last_carrier = row[11:18]
    return Standing(
        line_id,
        subscriber,
        _STATUSES[status],
        since,
        source,
        opt_outs,
        None if held_since is None else Hold(held_since, held_mo, bool(clarified)),
        bool(how_to_return),
        bool(account_out),
        {} if keywords == "{}" else json.loads(keywords),
        lists,
        frozenset(suspended),
        () if replies == "[]" else tuple(json.loads(replies)),
        None if latest_mo is None else Latest(latest_mo, carrier, session, bytes(fingerprint), received_at),
        last_carrier,
    )


def _out_everywhere(standing: Standing, since: float, source: str) -> Standing:
    """Return the standing of somebody who opted out of the whole account before this line knew them."""
    return replace(standing, status=ConsentStatus.OPTED_OUT, since=since, source=source, opt_outs=1, account_out=True)
