"""A gateway with 10,000 messages queued, on wires that take exactly as many octets as a test says."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import trio

from gateway.carriers.bind import Bind
from gateway.carriers.carrier import Carrier
from gateway.carriers.interface import Inward
from gateway.carriers.options import CarrierOptions
from gateway.carriers.wire import Wire
from gateway.model.messages import Lane
from gateway.smpp.codec import decode
from gateway.smpp.constants import CommandId
from gateway.smpp.framing import Framer
from gateway.smpp.pdu import Frame, SubmitSm
from tests.kit.smsc import Smsc, TrioClock
from tests.kit.stores import copy_store, keep, kind
from tests.kit.wire import MemoryWire, memory_wires
from tests.traffic.bench import ANNE, Bench, book, draft, line_options
from tests.traffic.test_claims import subscribers
from tests.traffic.world import World, settle, world

QUEUED = 10_000
CONFIRMED = b"unsubscribed"
RULES = book(line_options(carriers=("acme", "spare")), line_options("85701", carriers=("acme", "spare")))


def prepared() -> Path:
    """Return the directory of a store with the full queue: some for Anne, one of them urgent, one in two segments."""
    return _prepared(kind())


@cache
def _prepared(_kind: str) -> Path:
    directory = Path(mkdtemp(prefix="race-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    keep(directory)
    bench = Bench(directory)
    drafts = [draft("code 1234", ANNE, Lane.URGENT), draft("x"), draft("a" * 161, ANNE)]
    drafts[1] = draft("x", subscribers(1)[0])
    others = subscribers(9_999)[1:]
    for n in range(QUEUED - len(drafts)):
        drafts.append(draft(f"anne {n}", ANNE) if n % 1_000 == 10 else draft(f"n {n}", others[n % len(others)]))
    bench.fill(drafts)
    bench.tx(lambda tx: tx.execute("update message set route = 'acme'"))
    bench.close()
    return directory


@dataclass(frozen=True)
class Piece:
    """One PDU on a wire: where its octets are in the order of everything that was ever written, on all wires."""

    bind: str
    frame: Frame
    first: int
    last: int

    @property
    def submit(self) -> SubmitSm | None:
        return self.frame.pdu if isinstance(self.frame.pdu, SubmitSm) else None

    def is_for(self, subscriber: str) -> bool:
        return self.submit is not None and f"+{self.submit.destination_addr}" == subscriber

    @property
    def confirms(self) -> bool:
        return self.submit is not None and CONFIRMED in self.submit.short_message

    def answers(self, sequence: int) -> bool:
        return self.frame.command_id == CommandId.DELIVER_SM_RESP and self.frame.sequence == sequence


@dataclass
class Peer:
    """A real carrier of ours and the SMSC at the other end of its wires."""

    name: str
    sent: list[tuple[str, bytes]]
    nursery: trio.Nursery | None = None
    carrier: Carrier | None = None
    wires: list[MemoryWire] = field(default_factory=list)
    smscs: list[Smsc] = field(default_factory=list)

    def make(self, inward: Inward) -> Carrier:
        options = CarrierOptions.model_validate({"name": self.name, "system_id": "demo", "window": 10})
        self.carrier = Carrier(
            options,
            inward=inward,
            clock=TrioClock(),
            life="gw1-1",
            region_of=lambda line: "US",
            dial=self._dial,
            dice=lambda: 0.5,
        )
        return self.carrier

    @property
    def bind(self) -> Bind:
        assert self.carrier is not None
        return self.carrier.binds[0]

    @property
    def smsc(self) -> Smsc:
        return self.smscs[-1]

    async def _dial(self) -> Wire:
        await trio.lowlevel.checkpoint()
        ours, theirs = memory_wires()
        self.wires.append(ours)
        self.smscs.append(Smsc(theirs, window=10_000))
        self.smsc.submit_status = None  # nothing frees a slot: what is in the window is all there is
        session = f"{self.name}/{len(self.wires)}"

        def tap(direction: str, data: bytes) -> None:
            if direction == "out":
                self.sent.append((session, data))

        self.bind.tap = tap
        assert self.nursery is not None
        self.nursery.start_soon(self.smsc.run)
        return ours


@dataclass
class Race:
    """``acme`` carries the queue; ``spare`` is bound beside it and hears texts of the same line."""

    here: World
    acme: Peer
    spare: Peer
    sent: list[tuple[str, bytes]]

    def pieces(self) -> list[Piece]:
        """Return all whole PDUs that were written, in the order of their first octets."""
        streams: dict[str, tuple[Framer, list[int], int]] = {}
        found: list[Piece] = []
        at = 0
        for session, data in self.sent:
            framer, places, begun = streams.setdefault(session, (Framer(), [], 0))
            places += range(at, at + len(data))
            at += len(data)
            for raw in framer.feed(data):
                found.append(Piece(session, decode(raw), places[begun], places[begun + len(raw) - 1]))
                begun += len(raw)
            streams[session] = (framer, places, begun)
        return sorted(found, key=lambda piece: piece.first)

    def octets(self) -> int:
        """How many octets the first session of the carrier with the queue has taken."""
        return sum(len(data) for session, data in self.sent if session == "acme/1")

    async def fill(self, octets: int) -> None:
        """Let the carrier's kernel take ``octets`` of the queue, and then none."""
        self.acme.wires[-1].allow(octets)
        assert self.here.nursery is not None
        self.here.nursery.start_soon(self.here.dispatcher.run)
        await settle()

    async def resume(self) -> None:
        """Let the carrier read again, and answer what it had read before, if that was all that fits its window."""
        self.acme.wires[-1].allow(None)
        await settle()
        for _ in range(3):
            await self.acme.smsc.answer(self.acme.smsc.open_submits.pop(0))
        await settle()


@asynccontextmanager
async def race(directory: Path) -> AsyncIterator[Race]:
    """Both carriers bound, the queue full, the dispatcher not started."""
    sent: list[tuple[str, bytes]] = []
    copy_store(prepared(), directory)
    async with world(directory, [], rules=RULES, dispatching=False) as here:
        acme, spare = Peer("acme", sent), Peer("spare", sent)
        here.carriers += [acme.make(here.hub), spare.make(here.hub)]
        async with trio.open_nursery() as nursery:
            for peer in (acme, spare):
                peer.nursery = nursery
                assert peer.carrier is not None
                nursery.start_soon(peer.carrier.run)
            await settle()
            sent.clear()
            yield Race(here, acme, spare, sent)
            nursery.cancel_scope.cancel()
