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
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from gateway.model.address import Msisdn
from gateway.model.permit import Permit
from gateway.smpp.errors import LocalProtocolError

CHUNK_OCTETS: Final = 16_384


class Stage(Enum):
    """How far a permit's PDU is. WAITING: not one octet was taken, encoded or not."""

    WAITING = "waiting"
    BEGUN = "begun"
    WRITTEN = "written"


class Entry:
    """One permit in this session. Also the token under which its request is outstanding."""

    __slots__ = ("data", "permit", "sequence", "stage")

    def __init__(self, permit: Permit) -> None:
        self.permit = permit
        self.data: bytes | None = None
        self.sequence = 0
        self.stage = Stage.WAITING

    def __repr__(self) -> str:
        return f"<Entry permit {self.permit.id} {self.stage.value} sequence {self.sequence}>"


class Encoder(Protocol):
    """Turns a permit into a request of the session, and takes one back that was never begun."""

    def encode(self, entry: Entry) -> bytes | None:
        """Return the PDU and set ``entry.sequence``; None while the window is full.

        Raises LocalProtocolError, with nothing changed, for what no PDU can hold.
        """
        ...

    def take_back(self, entry: Entry) -> None:
        """Give the entry's sequence number and window slot back: nothing of it was or will be sent."""
        ...


@dataclass(slots=True)
class Pumped:
    """What one step did. ``answers``: sequence numbers of MOs whose response is now wholly taken.

    ``returned``: permits whose life was over before their first octet. ``unencodable``: permits that no PDU can hold,
    and why. ``octets``: how many were taken. ``blocked``: that is less than was offered.
    """

    answers: list[int] = field(default_factory=list)
    returned: list[Permit] = field(default_factory=list)
    unencodable: list[tuple[Permit, str]] = field(default_factory=list)
    octets: int = 0
    blocked: bool = False


# A piece that is no permit: its octets, and the sequence number to report once they are taken (None: nobody asks).
_Plain = tuple[bytes, int | None]


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
        self._watches: list[tuple[Entry, Callable[[], None]]] = []

    def put(self, data: bytes, answer: int | None = None) -> None:
        """Queue whole PDUs of the session's own, or the answer to request number ``answer``."""
        if data:
            self._plain.append((data, answer))
            self._plain_octets += len(data)

    def offer(self, permits: Iterable[Permit]) -> None:
        """Take permits in: urgent ones before all others, each kind in the order given."""
        for permit in permits:
            entry = Entry(permit)
            self._live[entry] = None
            if permit.urgent:
                self._urgent_live += 1
                self._urgent.append(entry)
            else:
                self._ordinary.append(entry)

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

    def wants_to_send(self) -> bool:
        """Say whether anything waits that has nothing to wait for but the kernel (or a window slot)."""
        return bool(self._head or self._plain or self._urgent or self._ordinary)

    def pump(self, send: Callable[[bytes], int], boot: float) -> Pumped:
        """Send one chunk with one call of ``send``, which returns how many octets were taken; note the consequences.

        Permits that are dead at ``boot`` (their ``dies_at`` has come) are taken out first. What ``send`` raises passes
        through, and then nothing was taken.
        """
        result = Pumped(returned=self.reap(boot))
        plan: list[tuple[int, Entry | None]] = []
        pieces: list[bytes] = []
        size = len(self._head)
        if size:
            pieces.append(self._head)
        for data, _ in self._plain:
            if size >= CHUNK_OCTETS:
                break
            pieces.append(data)
            plan.append((len(data), None))
            size += len(data)
        full = False
        for entry in list(self._waiting()):
            if size >= CHUNK_OCTETS:
                break
            # What is encoded holds a slot already and goes on, even while one before it waits for a slot.
            if entry.data is None and (full or not self._encode(entry, result)):
                full = full or entry in self._live
                continue
            data = entry.data or b""
            if size and size + len(data) > CHUNK_OCTETS:
                break
            pieces.append(data)
            plan.append((len(data), entry))
            size += len(data)
        if size:
            taken = send(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            result.octets, result.blocked = taken, taken < size
            self._note(taken, plan, result)
        return result

    def _encode(self, entry: Entry, result: Pumped) -> bool:
        """Give the entry its octets; False if the window is full, or if it cannot be encoded and is settled now."""
        try:
            entry.data = self._encoder.encode(entry)
        except LocalProtocolError as error:
            self._withdraw([entry])
            result.unencodable.append((entry.permit, str(error)))
        return entry.data is not None

    def _waiting(self) -> Iterator[Entry]:
        yield from self._urgent
        yield from self._ordinary

    def _note(self, taken: int, plan: list[tuple[int, Entry | None]], result: Pumped) -> None:
        """Move on by ``taken`` octets: first the head, then the planned pieces from the left of their queues."""
        if self._head:
            rest = self._head[taken:]
            taken -= len(self._head) - len(rest)
            self._head = rest
            if rest:
                return
            self._finish(self._head_of, result)
        for length, entry in plan:
            if taken <= 0:
                return
            of: Entry | int | None
            if entry is None:
                data, of = self._plain.popleft()
                self._plain_octets -= length
            else:
                (self._urgent if entry.permit.urgent else self._ordinary).popleft()
                data, of = entry.data or b"", entry
                entry.data = None
            if taken < length:
                self._head, self._head_of = data[taken:], of
                if isinstance(of, Entry):
                    of.stage = Stage.BEGUN
                return
            taken -= length
            self._finish(of, result)

    def _finish(self, of: Entry | int | None, result: Pumped) -> None:
        self._head_of = None
        if isinstance(of, Entry):
            of.stage = Stage.WRITTEN
            self._release(of)
        elif of is not None:
            result.answers.append(of)

    def _release(self, entry: Entry) -> None:
        """Tell whoever waits for this entry to be wholly written (or for the end)."""
        for watched, tell in self._watches:
            if watched is entry:
                tell()
        self._watches = [watch for watch in self._watches if watch[0] is not entry]

    def reap(self, boot: float) -> list[Permit]:
        """Take out, and settle, the waiting permits whose life is over at ``boot``."""
        return self._withdraw([entry for entry in self._waiting() if entry.permit.dies_at <= boot])

    def next_death(self) -> float | None:
        """Return the earliest ``dies_at`` of the waiting permits, or None."""
        return min((entry.permit.dies_at for entry in self._waiting()), default=None)

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
            self.settle(entry)
        gone = set(entries)
        self._urgent = deque(entry for entry in self._urgent if entry not in gone)
        self._ordinary = deque(entry for entry in self._ordinary if entry not in gone)
        return [entry.permit for entry in entries]

    def settle(self, entry: Entry) -> bool:
        """Take note that the permit's fate is known. Returns False if it was known before.

        One that was begun stays at the head until it is wholly written: framing must not be lost.
        """
        if entry not in self._live:
            return False
        del self._live[entry]
        self._urgent_live -= entry.permit.urgent
        return True

    def drop(self, entry: Entry) -> None:
        """Take out a waiting entry whose slot the session has already given up (an answer before the question)."""
        entry.data = None
        lane = self._urgent if entry.permit.urgent else self._ordinary
        if entry in lane:
            lane.remove(entry)

    def farewell(self) -> bytes:
        """Return what may still be said as the session ends: answers and the session's own PDUs, never a permit's."""
        if isinstance(self._head_of, Entry):
            return b""  # framing would be lost anyway
        return self._head + b"".join(data for data, _ in self._plain)

    def end(self) -> tuple[list[Permit], list[Permit]]:
        """Settle everything: the session is over. Returns (never begun, begun or written), as they were offered."""
        never = [entry.permit for entry in self._live if entry.stage is Stage.WAITING]
        begun = [entry.permit for entry in self._live if entry.stage is not Stage.WAITING]
        watches, self._watches = self._watches, []
        self._live.clear()
        self._urgent_live = 0
        for queue in (self._plain, self._urgent, self._ordinary):
            queue.clear()
        self._plain_octets = 0
        self._head, self._head_of = b"", None
        for _, tell in watches:
            tell()
        return never, begun
