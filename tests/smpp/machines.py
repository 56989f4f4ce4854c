"""Session machines brought into any state, and a pretend wire that joins two of them octet string by octet string."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

from gateway.smpp import events as ev
from gateway.smpp.codec import decode, encode
from gateway.smpp.constants import CommandId
from gateway.smpp.pdu import (
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    Frame,
    Unbind,
)
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.states import Role, State

OPTIONS = SessionOptions(window=3, enquire_link_s=30, response_timeout_s=10, bind_timeout_s=7, read_timeout_s=5)
BINDS: dict[State, tuple[type[Bind], type[BindResp]]] = {
    State.BOUND_TX: (BindTransmitter, BindTransmitterResp),
    State.BOUND_RX: (BindReceiver, BindReceiverResp),
    State.BOUND_TRX: (BindTransceiver, BindTransceiverResp),
}


def bound_session(role: Role, state: State, options: SessionOptions = OPTIONS) -> Session:
    """Return a session of ``role`` bound at time 0 and with nothing left to send."""
    session = Session(role, options, 0)
    bind, response = BINDS[state]
    if role is Role.ESME:
        session.request(bind("demo"), 0)
        session.receive(encode(response(), 1), 0)
    else:
        session.receive(encode(bind("demo"), 1), 0)
        session.accept_bind(1, 0, "SMSC")
    assert session.state is state
    return session


def session_in(role: Role, state: State, bound_as: State = State.BOUND_TRX) -> Session:
    """Return a session of ``role`` in any state; one that is ending was ``bound_as``."""
    if state is State.OPEN:
        return Session(role, OPTIONS, 0)
    if state in BINDS:
        return bound_session(role, state)
    session = bound_session(role, bound_as)
    if state is State.UNBINDING:
        session.unbind(0)
    elif state is State.UNBOUND:
        session.receive(encode(Unbind(), 77), 0)
        session.outgoing()
    else:
        session.close("over")
    assert session.state is state
    return session


def header_only(command_id: int, sequence: int = 9, status: int = 0) -> bytes:
    return struct.pack(">IIII", 16, command_id, status, sequence)


def sent(data: bytes) -> list[Frame]:
    """Return the PDUs in ``data``, which must be whole."""
    frames = []
    while data:
        length = int.from_bytes(data[:4], "big")
        frames.append(decode(data[:length]))
        data = data[length:]
    return frames


def only_answer(session: Session) -> tuple[CommandId, int, int]:
    """Return command, status and sequence of the one PDU that the session wants to send."""
    (frame,) = sent(session.outgoing())
    return CommandId(frame.command_id), frame.status, frame.sequence


@dataclass
class PretendWire:
    """Joins an ESME and an SMSC session. What one writes reaches the other in chunks of random size, in order."""

    esme: Session
    smsc: Session
    chance: random.Random
    now: float = 0.0
    to_smsc: bytearray = field(default_factory=bytearray)
    to_esme: bytearray = field(default_factory=bytearray)

    def turn(self) -> tuple[list[ev.Event], list[ev.Event]]:
        """Carry one chunk each way and return what the ESME and the SMSC saw."""
        self.to_smsc += self.esme.outgoing()
        self.to_esme += self.smsc.outgoing()
        return self.esme.receive(self._chunk(self.to_esme), self.now), self.smsc.receive(
            self._chunk(self.to_smsc), self.now
        )

    def _chunk(self, pending: bytearray) -> bytes:
        size = self.chance.randint(1, 60)
        chunk = bytes(pending[:size])
        del pending[:size]
        return chunk

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not (self.to_smsc or self.to_esme)
