"""Which of a line's carriers a message goes over: the same for all that is queued for a subscriber.

The carrier that the subscriber last texted from comes first: it serves them. Else the carrier whose prefix of their
number is the longest; else chance by weight, the same for a number each time. That is decided when a message is queued
and does not ask who is up, so that what is queued for a subscriber keeps one way and its order. Who is down for long
is stood in for by the line's other carriers (``gateway.traffic.dispatch``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from gateway.model.address import Msisdn
from gateway.model.consent import Standing
from gateway.model.messages import Lane
from gateway.store.hot_consent import Key
from gateway.store.hot_messages import NewMt, queued_routes, reroute
from gateway.store.tx import Tx
from gateway.traffic.rulebook import LaneOfLine, RuleBook, Way


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


def with_routes(tx: Tx, messages: Sequence[NewMt], known: Mapping[Key, Standing], book: RuleBook) -> Sequence[NewMt]:
    """Return the messages with their routes; ``known`` has the standing of each one's subscriber.

    What is queued for a subscriber already keeps their way, whatever the configuration says by now: order comes first.
    """
    theirs: dict[int, set[Msisdn]] = {}
    for new in messages:
        if book.ways(new.draft.line_id):
            theirs.setdefault(new.draft.line_id, set()).add(new.draft.subscriber)
    if not theirs:
        return messages
    routes: dict[Key, str] = {}
    for line_id, subscribers in theirs.items():
        queued = queued_routes(tx, line_id, subscribers)
        for who in subscribers:
            last = known[line_id, who].last_carrier
            routes[line_id, who] = queued.get(who) or route(who, last, book.ways(line_id))
    return [replace(new, route=routes.get((new.draft.line_id, new.draft.subscriber), "")) for new in messages]


def follow(tx: Tx, before: Mapping[Key, Standing], now: Mapping[Key, Standing], book: RuleBook) -> set[LaneOfLine]:
    """Send what is queued for those who texted from another carrier than before over that one; return where."""
    moved: list[tuple[str, int, Msisdn]] = []
    for key, standing in now.items():
        carrier = standing.last_carrier
        if carrier and carrier != before[key].last_carrier and any(w.carrier == carrier for w in book.ways(key[0])):
            moved.append((carrier, *key))
    reroute(tx, moved)
    return {(lane, line_id) for _, line_id, _ in moved for lane in Lane}
