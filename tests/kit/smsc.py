"""What a bind is tested against: a carrier on the SMSC side of our session machine, a ledger for traffic, a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from gateway.carriers.interface import BindPort, BindState
from gateway.carriers.wire import Wire, WireError
from gateway.model.messages import Arrival, Mo
from gateway.model.permit import Fate, Outcome
from gateway.smpp import events as ev
from gateway.smpp.constants import CommandId
from gateway.smpp.pdu import DataSm, DataSmResp, DeliverSm, Pdu, SubmitSm, SubmitSmResp
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.states import Role

PATIENCE_S: Final = 60
"""How long a test waits for what must come. Of an auto-jumping clock's seconds it is as many as of real ones."""


class TrioClock:
    """Trio's own time, so that an auto-jumping clock moves the gateway's timers, too."""

    def wall(self) -> float:
        return 1_790_000_000.0 + trio.current_time()

    def monotonic(self) -> float:
        return trio.current_time()

    def boot(self) -> float:
        return 5_000.0 + trio.current_time()


@dataclass
class Ledger:
    """Traffic: writes down all that it is told, and minds that no permit is settled twice."""

    arrivals: list[Arrival] = field(default_factory=list)
    later: list[Mo] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    acks: list[tuple[str, int]] = field(default_factory=list)
    states: list[BindState] = field(default_factory=list)
    answer: Callable[[BindPort, Sequence[Arrival]], None] | None = None
    told: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that changes with a bind's state."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await self.told.park()

    def arrived(self, bind: BindPort, arrivals: Sequence[Arrival]) -> None:
        self.arrivals += arrivals
        if self.answer is not None:
            self.answer(bind, arrivals)

    def put_off(self, bind: BindPort, texts: Sequence[Mo]) -> None:
        self.later += texts

    def settled(self, bind: BindPort, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if not outcome.late:
                assert outcome.permit.id not in self.fates, f"permit {outcome.permit.id} is settled twice"
            self.outcomes.append(outcome)

    def acks_written(self, bind: BindPort, session: str, sequences: Sequence[int]) -> None:
        self.acks += [(session, sequence) for sequence in sequences]

    def changed(self, bind: BindPort, state: BindState) -> None:
        self.states.append(state)
        self.told.unpark_all()

    @property
    def fates(self) -> dict[int, Fate]:
        return {outcome.permit.id: outcome.fate for outcome in self.outcomes if not outcome.late}

    @property
    def texts(self) -> list[str]:
        return [arrival.text for arrival in self.arrivals if isinstance(arrival, Mo)]

    @staticmethod
    def ack_all(bind: BindPort, arrivals: Sequence[Arrival]) -> None:
        """Use as ``answer``: the store takes everything at once."""
        bind.acknowledge(arrivals[0].session, [(arrival.sequence, 0) for arrival in arrivals])


class Smsc:
    """A carrier on one wire. Accepts binds and submits unless told otherwise; remembers what came."""

    def __init__(self, wire: Wire, *, window: int = 1_000) -> None:
        self.wire = wire
        self.session = Session(Role.SMSC, SessionOptions(window=window, enquire_link_s=1e6), trio.current_time())
        self.bind_status: int | None = 0  # None: never answer
        self.submit_status: int | None = 0
        self.answers_links = True
        self.submits: list[SubmitSm] = []
        self.data: list[DataSm] = []
        self.open_submits: list[int] = []
        self.events: list[ev.Event] = []
        self.responses: list[tuple[int, int]] = []  # (sequence, status) of deliver_sm_resp
        self.seen = trio.lowlevel.ParkingLot()

    @property
    def kinds(self) -> Counter[str]:
        return Counter(type(event).__name__ for event in self.events)

    async def run(self) -> None:
        """Serve until the wire ends."""
        try:
            while data := await self.wire.receive():
                for event in self.session.receive(data, trio.current_time()):
                    self.events.append(event)
                    await self._react(event)
                out = self.session.outgoing()
                if self.answers_links or not out:
                    await self.send(out)
                self.seen.unpark_all()
        except WireError:
            pass
        finally:
            self.seen.unpark_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that changes with what comes."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await self.seen.park()

    async def send(self, data: bytes) -> None:
        while data:
            data = data[self.wire.send_some(data) :]
            if data:
                await self.wire.wait_writable()

    async def ask(self, pdu: Pdu) -> int:
        """Send a request; return its sequence number."""
        await self.send(self.session.request(pdu, trio.current_time()))
        return self.session.last_sequence

    async def text(self, text: str, source: str = "12125550101") -> int:
        return await self.ask(DeliverSm(source_addr=source, destination_addr="85700", short_message=text.encode()))

    async def answer(self, sequence: int, status: int = 0) -> None:
        pdu = SubmitSmResp(message_id=f"id-{sequence}") if status == 0 else None
        await self.send(self.session.respond(CommandId.SUBMIT_SM, sequence, trio.current_time(), status, pdu))

    async def answer_data(self, sequence: int, status: int = 0) -> None:
        pdu = DataSmResp(message_id=f"id-{sequence}") if status == 0 else None
        await self.send(self.session.respond(CommandId.DATA_SM, sequence, trio.current_time(), status, pdu))

    async def _react(self, event: ev.Event) -> None:
        now = trio.current_time()
        match event:
            case ev.BindRequested(frame=frame):
                if self.bind_status == 0:
                    await self.send(self.session.accept_bind(frame.sequence, now, "SMSC"))
                elif self.bind_status is not None:
                    await self.send(self.session.refuse_bind(frame.sequence, now, self.bind_status))
            case ev.Request(frame=frame) if isinstance(frame.pdu, DataSm):
                self.data.append(frame.pdu)
                if self.submit_status is None:
                    self.open_submits.append(frame.sequence)
                else:
                    await self.answer_data(frame.sequence, self.submit_status)
            case ev.Request(frame=frame):
                assert isinstance(frame.pdu, SubmitSm)
                self.submits.append(frame.pdu)
                if self.submit_status is None:
                    self.open_submits.append(frame.sequence)
                else:
                    await self.answer(frame.sequence, self.submit_status)
            case ev.Response(frame=frame):
                self.responses.append((frame.sequence, frame.status))
