"""The latest PDUs of one bind, kept as octets so that somebody may look at them later.

Owns a ring of bounded memory and nothing else: it decodes nothing, hides nothing and tells nobody. It sits in the path
of every octet, so it does the least that keeps account of PDUs (one look at each command_length): what one read or one
send brought stays in one piece, which is cut when somebody looks, and what it means is for whoever reads
(``trace_reading``). Entries have numbers without gaps; a reader that was too slow sees from them how many
it missed, and nothing waits for a reader, ever.

Numbers begin at the ring's birth in microseconds of wall time, so a number of an earlier ring of this bind (before a
restart of the gateway, or a reload) is below them and not taken for one of this ring's.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import islice
from struct import Struct
from typing import Final, NamedTuple

from gateway.base import Clock
from gateway.smpp.answers import PLAIN_OCTETS
from gateway.smpp.constants import HEADER_LENGTH

_LENGTH: Final = Struct(">I")
_ANSWERS: Final = re.compile(rb"(?:%b.{%d})+" % (re.escape(_LENGTH.pack(PLAIN_OCTETS)), PLAIN_OCTETS - 4), re.DOTALL)
"""Answers to texts, which leave in runs: one look for all of them."""

ENTRY_OCTETS: Final = 160
"""What an entry costs beside its octets; counted, so that the bound is one of memory. A bare PDU costs mostly this."""

RAW_OCTETS: Final = 65_536
"""Most octets that are kept in one piece of what could not be cut into PDUs."""


class Cut(Enum):
    """What the octets of an entry are."""

    WHOLE = "a PDU, by its command_length"
    PART = "the beginning of a PDU whose end never came"
    LOST = "no PDU: framing was lost"


_WHOLE: Final = Cut.WHOLE


class Entry(NamedTuple):
    """One PDU, or what came in the place of one. ``at`` in unix seconds; ``incoming``: from the carrier."""

    at: float
    session: str
    incoming: bool
    octets: bytes
    cut: Cut


# What one read or one send brought: whole PDUs, one behind the other; or one entry of another cut. Its parts are those
# of an entry, how many entries it makes, and the memory that is counted for it.
_Bundle = tuple[float, str, bool, bytes, Cut, int, int]


class Extract(NamedTuple):
    """What a ring gave. ``first`` is the number of the first entry; ``missed`` how many before it are gone unseen."""

    first: int
    entries: Sequence[Entry]
    missed: int


class _Flow:
    """One direction of one session: what is held of a PDU that is not whole yet."""

    __slots__ = ("held", "incoming", "lost", "needed")

    def __init__(self, incoming: bool) -> None:
        self.incoming = incoming
        self.held = bytearray()
        self.needed = 4
        self.lost = False


def _length(octets: bytes, at: int) -> int:
    """Return the command_length that stands at ``at``."""
    length: int = _LENGTH.unpack_from(octets, at)[0]
    return length


def _entries(bundle: _Bundle) -> Iterator[Entry]:
    at, session, incoming, octets, cut, count, _ = bundle
    begin = 0
    for _ in range(count):
        end = begin + _length(octets, begin) if cut is Cut.WHOLE else len(octets)
        yield Entry(at, session, incoming, octets[begin:end], cut)
        begin = end


class Ring:
    """The latest PDUs of a bind over its sessions, in at most ``limit`` octets of memory, and one PDU being read.

    Reads and sends are dropped whole. Of the oldest, what is over the limit is dropped when somebody looks.

    ``longest`` is the longest command_length that is believed, ``secret`` the password of the bind: it stays here for
    whoever must keep it hidden.
    """

    def __init__(self, limit: int, longest: int, clock: Clock, secret: bytes = b"") -> None:
        self.secret = secret
        self._limit = limit
        self._longest = longest
        self._clock = clock
        self._bundles: deque[_Bundle] = deque()
        self._count = 0
        self._octets = 0
        self._first = self._base = int(clock.wall() * 1_000_000)
        self._session = ""
        self._in = _Flow(incoming=True)
        self._out = _Flow(incoming=False)

    @property
    def octets(self) -> int:
        """Octets of memory in use, as they are counted here."""
        self._trim()
        return self._octets + len(self._in.held) + len(self._out.held)

    @property
    def end(self) -> int:
        """The number that the next entry will have."""
        return self._first + self._count

    def begin(self, session: str) -> None:
        """Take what follows for octets of a new session; what the last one left half-way is kept as it came."""
        self.finish()
        self._session = session

    def finish(self) -> None:
        """Note that the session is over."""
        for flow in (self._in, self._out):
            if flow.held:
                self._keep(self._clock.wall(), flow, bytes(flow.held), Cut.PART)
        self._in = _Flow(incoming=True)
        self._out = _Flow(incoming=False)

    def take(self, direction: str, data: bytes) -> None:
        """Keep octets as they were read or written: a ``conversation.Tap``."""
        flow = self._in if direction == "in" else self._out
        if flow.held:
            flow.held += data
            if len(flow.held) < flow.needed:
                return
            data = bytes(flow.held)
            flow.held.clear()
        at, longest, unpack = self._clock.wall(), self._longest, _LENGTH.unpack_from
        begin = count = length = 0
        size = len(data)
        last = -1 if flow.lost else size - 4  # where the last length can stand
        if flow is self._out and not flow.lost and (run := _ANSWERS.match(data)):
            begin = run.end()
            count = begin // PLAIN_OCTETS
        while begin <= last:
            (length,) = unpack(data, begin)
            if length > longest or length < HEADER_LENGTH:
                flow.lost = True
                break
            begin += length
            count += 1
        if begin > size:  # the last one is not whole
            begin -= length
            count -= 1
            flow.needed = length
        else:
            flow.needed = 4
        if count:
            self._keep(at, flow, data if begin == size else data[:begin], _WHOLE, count)
        if flow.lost:  # the session closes the connection; until then, what comes is kept as it comes
            for part in range(begin, size, RAW_OCTETS):
                self._keep(at, flow, data[part : part + RAW_OCTETS], Cut.LOST)
        elif begin < size:
            flow.held += data[begin:]

    def _keep(self, at: float, flow: _Flow, octets: bytes, cut: Cut, count: int = 1) -> None:
        weight = len(octets) + count * ENTRY_OCTETS
        bundles = self._bundles
        bundles.append((at, self._session, flow.incoming, octets, cut, count, weight))
        self._count += count
        self._octets += weight
        while self._octets - bundles[0][6] > self._limit:  # the others are enough
            self._drop()

    def _drop(self) -> None:
        """Drop the oldest bundle."""
        bundle = self._bundles.popleft()
        count = bundle[5]
        self._first += count
        self._count -= count
        self._octets -= bundle[6]

    def _trim(self) -> None:
        """Drop the oldest entries, one by one, until the others are within the limit."""
        over = self._octets - self._limit
        if over <= 0:
            return
        bundle = self._bundles[0]
        self._drop()
        begin = gone = 0
        for entry in _entries(bundle):
            if over <= 0:
                break
            begin += len(entry.octets)
            gone += 1
            over -= len(entry.octets) + ENTRY_OCTETS
        at, session, incoming, octets, cut, count, weight = bundle
        if gone < count:
            count, weight = count - gone, weight - begin - gone * ENTRY_OCTETS
            self._bundles.appendleft((at, session, incoming, octets[begin:], cut, count, weight))
            self._first -= count
            self._count += count
            self._octets += weight

    def after(self, number: int | None, limit: int) -> Extract:
        """Return at most ``limit`` entries from ``number`` on, oldest first; None: from the oldest that is kept.

        A number that is not of this ring counts as one before its first: nothing of it was seen.
        """
        self._trim()
        if number is None:
            number = self._first
        elif not self._base <= number <= self.end:
            number = self._base
        first = max(number, self._first)
        return Extract(first, self._cut(first - self._first, limit), first - number)

    def _cut(self, skip: int, limit: int) -> list[Entry]:
        """Return at most ``limit`` entries behind the first ``skip``."""
        found: list[Entry] = []
        for bundle in self._bundles:
            count = bundle[5]
            if skip < count and len(found) < limit:
                found += islice(_entries(bundle), skip, skip + limit - len(found))
            skip = max(0, skip - count)
        return found

    def latest(self, count: int) -> Extract:
        """Return the latest ``count`` entries, or as many as are kept, oldest first."""
        self._trim()
        return self.after(max(self._first, self.end - count), count)
