"""The latest PDUs of one bind, kept as octets so that somebody may look at them later.

Owns a ring of bounded memory and nothing else: it decodes nothing, hides nothing and tells nobody. It sits in the path
of every octet, so it does the least that keeps PDUs apart (one look at each command_length) and leaves the rest to
whoever reads (``trace_reading``). Entries have numbers without gaps; a reader that was too slow sees from them how many
it missed, and nothing waits for a reader, ever.

Numbers begin at the ring's birth in microseconds of wall time, so a number of an earlier ring of this bind (before a
restart of the gateway, or a reload) is below them and not taken for one of this ring's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from itertools import islice
from struct import Struct
from typing import Final, NamedTuple

from gateway.base import Clock
from gateway.smpp.constants import HEADER_LENGTH

_LENGTH: Final = Struct(">I")
ENTRY_OCTETS: Final = 160
"""What an entry costs beside its octets; counted, so that the bound is one of memory. A bare PDU costs mostly this."""

RAW_OCTETS: Final = 65_536
"""Most octets that are kept in one piece of what could not be cut into PDUs."""


class Cut(Enum):
    """What the octets of an entry are."""

    WHOLE = "a PDU, by its command_length"
    PART = "the beginning of a PDU whose end never came"
    LOST = "no PDU: framing was lost"


class Entry(NamedTuple):
    """One PDU, or what came in the place of one. ``at`` in unix seconds; ``incoming``: from the carrier."""

    at: float
    session: str
    incoming: bool
    octets: bytes
    cut: Cut


_Slot = tuple[float, str, bool, bytes, Cut]


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


class Ring:
    """The latest PDUs of a bind over its sessions, in at most ``limit`` octets of memory, and one PDU being read.

    ``longest`` is the longest command_length that is believed, ``secret`` the password of the bind: it stays here for
    whoever must keep it hidden.
    """

    def __init__(self, limit: int, longest: int, clock: Clock, secret: bytes = b"") -> None:
        self.secret = secret
        self._limit = limit
        self._longest = longest
        self._clock = clock
        self._slots: deque[_Slot] = deque()
        self._octets = 0
        self._first = self._base = int(clock.wall() * 1_000_000)
        self._session = ""
        self._in = _Flow(incoming=True)
        self._out = _Flow(incoming=False)

    @property
    def octets(self) -> int:
        """Octets of memory in use, as they are counted here."""
        return self._octets + len(self._in.held) + len(self._out.held)

    @property
    def end(self) -> int:
        """The number that the next entry will have."""
        return self._first + len(self._slots)

    def begin(self, session: str) -> None:
        """Take what follows for octets of a new session; what the last one left half-way is kept as it came."""
        self.finish()
        self._session = session

    def finish(self) -> None:
        """Note that the session is over."""
        for flow in (self._in, self._out):
            if flow.held:
                self._keep(self._clock.wall(), flow, bytes(flow.held), Cut.PART)
        self._make_room()
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
        at, session, incoming = self._clock.wall(), self._session, flow.incoming
        longest, keep, whole = self._longest, self._slots.append, Cut.WHOLE
        begin, size, kept = 0, len(data), 0
        flow.needed = 4
        while size - begin >= 4 and not flow.lost:
            (length,) = _LENGTH.unpack_from(data, begin)
            if not HEADER_LENGTH <= length <= longest:
                flow.lost = True
                break
            end = begin + length
            if end > size:
                flow.needed = length
                break
            keep((at, session, incoming, data[begin:end], whole))
            kept += 1
            begin = end
        self._octets += begin + kept * ENTRY_OCTETS
        if flow.lost:  # the session closes the connection; until then, what comes is kept as it comes
            for part in range(begin, size, RAW_OCTETS):
                self._keep(at, flow, data[part : part + RAW_OCTETS], Cut.LOST)
        elif begin < size:
            flow.held += data[begin:]
        self._make_room()

    def _keep(self, at: float, flow: _Flow, octets: bytes, cut: Cut) -> None:
        self._slots.append((at, self._session, flow.incoming, octets, cut))
        self._octets += len(octets) + ENTRY_OCTETS

    def _make_room(self) -> None:
        slots = self._slots
        while self._octets > self._limit:
            self._octets -= len(slots.popleft()[3]) + ENTRY_OCTETS
            self._first += 1

    def after(self, number: int | None, limit: int) -> Extract:
        """Return at most ``limit`` entries from ``number`` on, oldest first; None: from the oldest that is kept.

        A number that is not of this ring counts as one before its first: nothing of it was seen.
        """
        if number is None:
            number = self._first
        elif not self._base <= number <= self.end:
            number = self._base
        first = max(number, self._first)
        begin = first - self._first
        return Extract(first, [Entry(*slot) for slot in islice(self._slots, begin, begin + limit)], first - number)

    def latest(self, count: int) -> Extract:
        """Return the latest ``count`` entries, or as many as are kept, oldest first."""
        return self.after(max(self._first, self.end - count), count)
