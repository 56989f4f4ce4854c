"""What one session still has to write, and the proof of what was written.

Owns the order in which things leave, and for each permit the answer to one question: has the kernel taken any octet of
it? Permits wait here as permits. They are encoded only when a chunk of at most 16 KB is about to be sent, so that an
opt-out finds them and takes them back; an encoded PDU of which no octet was taken is still only a plan and can be cut
out. It must never write on its own account, await anything, or settle a permit twice. ``pump`` is one step: choose,
send, note what was taken, with nothing in between.

What leaves first: the rest of a PDU that was begun (or framing would be lost); then answers and the session's own PDUs
in their order; then urgent permits; then the others. All of that shares one send.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import accumulate, chain, islice
from operator import attrgetter
from typing import Final

from gateway.carriers.entries import Encoder, Entry, Pumped, Stage
from gateway.model.address import Msisdn
from gateway.model.permit import Permit

CHUNK_OCTETS: Final = 16_384


BLOCK: Final = 60
"""Answers that are queued as one piece: one look instead of sixty, and still small beside a chunk."""

# A piece that is no permit: its octets, and the requests that it answers, in octets of equal number each (or none).
_Plain = tuple[bytes, Sequence[int]]
_WRITTEN: Final = Stage.WRITTEN
_IS_URGENT: Final = attrgetter("permit.urgent")


class Outbox:
    """The unsent and unanswered side of one session."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._plain: deque[_Plain] = deque()
        self._plain_octets = 0
        self._urgent: deque[Entry] = deque()
        self._ordinary: deque[Entry] = deque()
        self._head: bytes = b""  # what is left of a PDU that was begun
        self._head_of: Entry | int | None = None
        self._live: dict[Entry, None] = {}  # unsettled, in the order of their offer
        self._urgent_live = 0
        self._encoded = 0  # how many of those that wait have their octets
        self._first_death = math.inf  # no permit that waits dies before this
        self._watches: list[tuple[Entry, Callable[[], None]]] = []
        self._untold: Pumped | None = None  # what a ``pump`` whose ``send`` raised has settled

    def put(self, data: bytes, answer: int | None = None) -> None:
        """Queue whole PDUs of the session's own, or the answer to request number ``answer``."""
        if data:
            self._plain.append((data, () if answer is None else (answer,)))
            self._plain_octets += len(data)

    def put_answers(self, data: bytes, answers: Sequence[int]) -> None:
        """Queue answers to several requests; each has as many octets of ``data`` as the others."""
        self._plain_octets += len(data)
        if len(answers) <= BLOCK:
            self._plain.append((data, answers))
            return
        each = len(data) // len(answers)
        for at in range(0, len(answers), BLOCK):
            self._plain.append((data[at * each : (at + BLOCK) * each], answers[at : at + BLOCK]))

    def offer(self, permits: Sequence[Permit]) -> None:
        """Take permits in: urgent ones before all others, each kind in the order given."""
        if not self._urgent and not self._ordinary:
            self._first_death = math.inf
        entries = [Entry(permit) for permit in permits]
        self._live.update(dict.fromkeys(entries))
        self._first_death = min([self._first_death, *[permit.dies_at for permit in permits]])
        urgent = [entry for entry in entries if entry.permit.urgent]
        self._urgent_live += len(urgent)
        self._urgent.extend(urgent)
        self._ordinary.extend([entry for entry in entries if not entry.permit.urgent] if urgent else entries)

    @property
    def plain_octets(self) -> int:
        """Octets of answers and the session's own PDUs that wait: the measure for not reading any further."""
        return self._plain_octets + (0 if isinstance(self._head_of, Entry) else len(self._head))

    @property
    def live(self) -> int:
        """How many permits are unsettled."""
        return len(self._live)

    @property
    def urgent_live(self) -> int:
        """How many of those are urgent."""
        return self._urgent_live

    def wants_to_send(self, has_slot: Callable[[], bool] = lambda: True) -> bool:
        """Say whether anything waits that has nothing to wait for but the kernel; ``has_slot``: nor for a slot."""
        if self._head or self._plain or self._urgent:
            return True
        return bool(self._ordinary) and (self._encoded > 0 or has_slot())

    def pump(self, send: Callable[[bytes], int], boot: float) -> Pumped:
        """Send one chunk with one call of ``send``, which returns how many octets were taken; note the consequences.

        Permits that are dead at ``boot`` (their ``dies_at`` has come) are taken out first. What ``send`` raises passes
        through, and then nothing was taken; ``end`` tells of what was taken out.
        """
        result = self._untold = Pumped(self.reap(boot))
        pieces = [self._head] if self._head else []
        size = len(self._head)
        plain = 0
        for data, _ in self._plain:
            if size >= CHUNK_OCTETS:
                break
            pieces.append(data)
            plain += 1
            size += len(data)
        planned: list[Entry] = []
        if size < CHUNK_OCTETS and (self._urgent or self._ordinary):
            size = self._plan_permits(planned, pieces, size, result)
        if size:
            taken = send(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            result.octets, result.blocked = taken, taken < size
            self._note(taken, plain, planned, result)
        self._untold = None
        return result

    def _plan_permits(self, planned: list[Entry], pieces: list[bytes], size: int, result: Pumped) -> int:
        """Add permits to a chunk of ``size`` octets, encoded as far as they fit; return its new size."""
        for lane in (self._urgent, self._ordinary):
            if not lane:
                continue
            ready = list(islice(lane, self._encode(lane, CHUNK_OCTETS - size, result)))
            octets = [entry.data or b"" for entry in ready]
            grown = list(accumulate(map(len, octets), initial=size))
            fit = len(ready)
            if grown[-1] > CHUNK_OCTETS:  # whatever begins a chunk goes, however long it is
                fit = max(bisect_right(grown, CHUNK_OCTETS) - 1, 0 if size else 1)
            pieces += octets[:fit]
            planned += ready[:fit]
            size = grown[fit]
            if fit < len(ready):
                break
        return size

    def _encode(self, lane: deque[Entry], room: int, result: Pumped) -> int:
        """Let those of ``lane`` be encoded that fit in ``room`` octets; return how many of it are encoded then.

        What is encoded comes first in its lane. It has its slot, and goes on even while one before all of it has none.
        """
        entries: Iterable[Entry] = lane
        ready = 0
        if self._encoded:
            encoded = [entry.data for entry in lane if entry.data is not None]
            ready = len(encoded)
            entries = islice(lane, ready, None)
            room -= sum(map(len, encoded))
        if room <= 0:
            return ready
        count, unencodable = self._encoder.encode(entries, room, self._urgent_live)
        self._encoded += count
        if unencodable:
            result.unencodable += [(entry.permit, why) for entry, why in unencodable]
            self._withdraw([entry for entry, _ in unencodable])
        return ready + count

    def _waiting(self) -> Iterator[Entry]:
        return chain(self._urgent, self._ordinary)

    def _note(self, taken: int, plain: int, planned: list[Entry], result: Pumped) -> None:
        """Move on by ``taken`` octets: first the head, then ``plain`` pieces that are no permits, then the planned."""
        if self._head:
            rest = self._head[taken:]
            taken -= len(self._head) - len(rest)
            self._head = rest
            if rest:
                return
            self._finish_head(result)
        for _ in range(plain):
            if taken <= 0:
                return
            taken = self._plain_taken(taken, result)
        if not result.blocked:
            if planned:
                self._all_taken(planned)
            return
        for entry in planned:
            if taken <= 0:
                return
            taken = self._permit_taken(entry, taken)

    def _all_taken(self, entries: list[Entry]) -> None:
        """Note that these, which are the first of their lanes, were wholly taken."""
        for entry in entries:
            entry.stage, entry.data = _WRITTEN, None
        self._encoded -= len(entries)
        urgent = sum(map(_IS_URGENT, entries)) if self._urgent else 0
        for _ in range(urgent):
            self._urgent.popleft()
        if len(entries) - urgent == len(self._ordinary):
            self._ordinary.clear()
            return
        for _ in range(len(entries) - urgent):
            self._ordinary.popleft()

    def _permit_taken(self, entry: Entry, taken: int) -> int:
        """Note that ``taken`` octets, from the beginning of this permit's on, were taken; return how many are left."""
        (self._urgent if entry.permit.urgent else self._ordinary).popleft()
        self._encoded -= 1
        data, entry.data = entry.data or b"", None
        if taken < len(data):
            self._head, self._head_of = data[taken:], entry
            entry.stage = Stage.BEGUN
        else:
            self._written(entry)
        return taken - len(data)

    def _plain_taken(self, taken: int, result: Pumped) -> int:
        """Note the same of the first piece that is no permit; of several answers, each is taken by itself."""
        data, answers = self._plain.popleft()
        self._plain_octets -= len(data)
        if taken >= len(data):
            result.answers += answers
        elif len(answers) <= 1:
            self._head, self._head_of = data[taken:], answers[0] if answers else None
        else:
            each = len(data) // len(answers)
            whole, part = divmod(taken, each)
            result.answers += answers[:whole]
            rest = whole + bool(part)
            if part:
                self._head, self._head_of = data[taken : rest * each], answers[whole]
            if rest < len(answers):
                self._plain.appendleft((data[rest * each :], answers[rest:]))
                self._plain_octets += len(data) - rest * each
        return taken - len(data)

    def _finish_head(self, result: Pumped) -> None:
        of, self._head_of = self._head_of, None
        if isinstance(of, Entry):
            self._written(of)
        elif of is not None:
            result.answers.append(of)

    def _written(self, entry: Entry) -> None:
        entry.stage = _WRITTEN
        if self._watches:
            self._release(entry)

    def _release(self, entry: Entry) -> None:
        """Tell whoever waits for this entry to be wholly written (or for the end)."""
        for watched, tell in self._watches:
            if watched is entry:
                tell()
        self._watches = [watch for watch in self._watches if watch[0] is not entry]

    def reap(self, boot: float) -> list[Permit]:
        """Take out, and settle, the waiting permits whose life is over at ``boot``."""
        if boot < self._first_death:
            return []
        dead = self._withdraw([entry for entry in self._waiting() if entry.permit.dies_at <= boot])
        self._first_death = min((entry.permit.dies_at for entry in self._waiting()), default=math.inf)
        return dead

    def next_death(self) -> float | None:
        """Return a time before which no waiting permit dies; None if none waits. It is exact after ``reap``."""
        return self._first_death if self._urgent or self._ordinary else None

    def begun_until(self) -> float:
        """Return until when the permit lives whose PDU is half-way (boot seconds); infinite where none is."""
        return self._head_of.permit.dies_at if isinstance(self._head_of, Entry) else math.inf

    def withdraw_waiting(self) -> list[Permit]:
        """Take out, and settle, every permit that was not begun."""
        return self._withdraw(list(self._waiting()))

    def revoke(
        self, line_id: int, subscriber: Msisdn, spare: Container[int], tell: Callable[[], None]
    ) -> tuple[list[Permit], bool]:
        """Take out, and settle, the waiting permits of that pair whose id is not in ``spare``.

        Returns them, and whether one of that pair is half-way; then ``tell`` is called once it is wholly written or
        the session has ended.
        """

        def hit(entry: Entry) -> bool:
            permit = entry.permit
            return permit.subscriber == subscriber and permit.line_id == line_id and permit.id not in spare

        revoked = self._withdraw([entry for entry in self._waiting() if hit(entry)])
        begun = self._head_of
        pending = isinstance(begun, Entry) and hit(begun)
        if isinstance(begun, Entry) and pending:
            self._watches.append((begun, tell))
        return revoked, pending

    def _withdraw(self, entries: list[Entry]) -> list[Permit]:
        if not entries:
            return []
        for entry in entries:
            if entry.data is not None:
                self._encoder.take_back(entry)
                entry.data = None
                self._encoded -= 1
            self.settle(entry)
        gone = set(entries)
        for lane in (self._urgent, self._ordinary):
            kept = [entry for entry in lane if entry not in gone]
            lane.clear()
            lane.extend(kept)
        return [entry.permit for entry in entries]

    def settle(self, entry: Entry) -> bool:
        """Take note that the permit's fate is known. Returns False if it was known before.

        One that was begun stays at the head until it is wholly written: framing must not be lost.
        """
        if self._live.pop(entry, entry) is not None:
            return False
        if entry.permit.urgent:
            self._urgent_live -= 1
        return True

    def drop(self, entry: Entry) -> None:
        """Take out a waiting entry whose slot the session has already given up (an answer before the question)."""
        lane = self._urgent if entry.permit.urgent else self._ordinary
        if entry in lane:
            lane.remove(entry)
            self._encoded -= entry.data is not None
        entry.data = None

    def farewell(self) -> bytes:
        """Return what may still be said as the session ends: answers and the session's own PDUs, never a permit's."""
        if isinstance(self._head_of, Entry):
            return b""  # framing would be lost anyway
        return self._head + b"".join(data for data, _ in self._plain)

    def end(self) -> tuple[list[Permit], list[Permit]]:
        """Settle everything: the session is over. Returns (never begun, begun or written), as they were offered."""
        never = [entry.permit for entry in self._live if entry.stage is Stage.WAITING]
        if self._untold is not None:
            never = [*self._untold.returned, *[permit for permit, _ in self._untold.unencodable], *never]
        begun = [entry.permit for entry in self._live if entry.stage is not Stage.WAITING]
        watches, self._watches = self._watches, []
        self._untold = None
        self._live.clear()
        self._urgent_live = 0
        for queue in (self._plain, self._urgent, self._ordinary):
            queue.clear()
        self._plain_octets = self._encoded = 0
        self._head, self._head_of = b"", None
        for _, tell in watches:
            tell()
        return never, begun
