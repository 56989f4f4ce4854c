"""Which of a line's carriers a message goes over: the same for all that is queued for a subscriber.

The carrier that the subscriber last texted from comes first: it serves them. Else the carrier whose prefix of their
number is the longest; else chance by weight, the same for a number each time. That is decided when a message is queued
and does not ask who is up, so that what is queued for a subscriber keeps one way and its order. Who is down for long
is stood in for by the line's other carriers (``gateway.traffic.dispatch``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.consent import Standing
from gateway.model.messages import Lane, Mt
from gateway.store.hot_consent import Key, standings
from gateway.store.hot_messages import NewMt, free_routes, queued_routes, reroute, set_routes
from gateway.store.tx import Tx
from gateway.traffic.rulebook import LaneOfLine, RuleBook, Way

_NO_ROUTES: Final[Mapping[Key, str]] = {}


def route(subscriber: Msisdn, last_carrier: str | None, ways: Sequence[Way]) -> str:
    """Return the carrier for ``subscriber``; empty where there is no choice.

    ``last_carrier`` is where their latest text to the line came from.
    """
    if len(ways) < 2:
        return ""
    if any(way.carrier == last_carrier for way in ways):
        return str(last_carrier)
    matches = [(len(prefix), way) for way in ways for prefix in way.prefixes if subscriber.startswith(prefix)]
    if matches:
        return max(matches, key=lambda match: match[0])[1].carrier
    return max(ways, key=lambda way: _draw(subscriber, way)).carrier


def _draw(subscriber: Msisdn, way: Way) -> float:
    """Draw a lot that is won in proportion to weight, and by the same for the same number (rendezvous hashing)."""
    if way.weight == 0:
        return -math.inf
    digest = blake2b(f"{way.carrier} {subscriber}".encode(), digest_size=8).digest()
    return -way.weight / math.log((int.from_bytes(digest, "big") + 1) / (2**64 + 1))


def routes_of(tx: Tx, keys: Iterable[Key], known: Mapping[Key, Standing], book: RuleBook) -> Mapping[Key, str]:
    """Return the routes of these pairs, as far as their lines have a choice; ``known`` has the standing of each."""
    choices = book.choices
    chosen = {key: known[key] for key in keys if key[0] in choices} if choices else None
    return _routes(tx, chosen, book) if chosen else _NO_ROUTES


def with_routes(tx: Tx, messages: Sequence[NewMt], known: Mapping[Key, Standing], book: RuleBook) -> Sequence[NewMt]:
    """Return new messages with their routes; ``known`` has the standing of each one's subscriber."""
    routes = routes_of(tx, [(new.draft.line_id, new.draft.subscriber) for new in messages], known, book)
    if not routes:
        return messages
    return [replace(new, route=routes.get((new.draft.line_id, new.draft.subscriber), "")) for new in messages]


def requeue(tx: Tx, messages: Iterable[Mt], book: RuleBook) -> None:
    """Give messages that go back into the queue the route of what was queued behind them, or that of today.

    While they were under way their line may have lost their carrier, or their subscriber may have texted from another.
    """
    back = list(messages)
    keys = {(mt.line_id, mt.subscriber) for mt in back if book.ways(mt.line_id)}
    routes = _routes(tx, standings(tx, keys), book) if keys else {}
    set_routes(tx, [(routes.get((mt.line_id, mt.subscriber), ""), mt.id) for mt in back])


def follow(tx: Tx, before: Mapping[Key, Standing], now: Mapping[Key, Standing], book: RuleBook) -> set[LaneOfLine]:
    """Send what is queued for those who texted from another carrier than before over that one; return where."""
    moved: list[tuple[str, int, Msisdn]] = []
    for key, standing in now.items() if book.choices else ():
        carrier = standing.last_carrier
        if carrier and carrier != before[key].last_carrier and any(w.carrier == carrier for w in book.ways(key[0])):
            moved.append((carrier, *key))
    reroute(tx, moved)
    return {(lane, line_id) for _, line_id, _ in moved for lane in Lane}


def free(tx: Tx, book: RuleBook, limit: int) -> set[LaneOfLine]:
    """Let up to ``limit`` messages that wait for a carrier which their line does not have go over any; return where.

    What was accepted or returned while a configuration changed may have been written by the old one.
    """
    freed: set[LaneOfLine] = set()
    for line_id in book.by_id:
        known = [way.carrier for way in book.ways(line_id)]
        for lane in Lane:
            if count := free_routes(tx, lane, line_id, known, limit):
                limit -= count
                freed.add((lane, line_id))
            if limit <= 0:
                return freed
    return freed


def _routes(tx: Tx, known: Mapping[Key, Standing], book: RuleBook) -> dict[Key, str]:
    """Return the one route of each pair, on lines that have a choice; what is queued for the pair is brought there.

    What is queued keeps its way, whatever the configuration says by now, so that order is kept; unless its line does
    not have that carrier any more. No route is a way, too: what was queued when the line had no choice.
    """
    by_line: dict[int, list[Msisdn]] = {}
    for line_id, subscriber in known:
        by_line.setdefault(line_id, []).append(subscriber)
    routes: dict[Key, str] = {}
    moved: list[tuple[str, int, Msisdn]] = []
    for line_id, subscribers in by_line.items():
        ways = book.ways(line_id)
        valid = {"", *(way.carrier for way in ways)}
        queued = queued_routes(tx, line_id, subscribers)
        for who in subscribers:
            have = queued.get(who, set())
            keeps = min(have & valid, default=None)
            way = route(who, known[line_id, who].last_carrier, ways) if keeps is None else keeps
            if have - {way}:
                moved.append((way, line_id, who))
            routes[line_id, who] = way
    reroute(tx, moved)
    return routes
