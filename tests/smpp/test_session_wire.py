"""Two machines joined by a pretend wire that cuts as it likes: everything asked is answered once, in either direction;
and a peer that sends mutated PDUs never makes the session raise, nor keeps a good message from being taken after them.
"""

from __future__ import annotations

import random

import pytest

from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId
from gateway.smpp.pdu import BindTransceiver, DeliverSm, SubmitSm, SubmitSmResp
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.states import Role, State
from tests.smpp.machines import PretendWire, bound_session
from tests.smpp.test_codec_properties import mutations

OPTIONS = SessionOptions(window=4)


class Conversation:
    """An ESME that submits and an SMSC that delivers, each answering the other; tokens are counted on both sides."""

    def __init__(self, seed: int, messages: int) -> None:
        self.wire = PretendWire(Session(Role.ESME, OPTIONS, 0), Session(Role.SMSC, OPTIONS, 0), random.Random(seed))
        self.to_submit = [b"mt %d" % n for n in range(messages)]
        self.to_deliver = [b"mo %d" % n for n in range(messages)]
        self.submitted: list[bytes] = []
        self.delivered: list[bytes] = []
        self.settled: list[object] = []
        self.ends: list[ev.Event] = []

    def run(self) -> None:
        wire = self.wire
        wire.to_smsc += wire.esme.request(BindTransceiver("demo", "secret"), 0)
        for _ in range(20_000):
            seen_by_esme, seen_by_smsc = wire.turn()
            for event in seen_by_esme:
                self.esme_sees(event)
            for event in seen_by_smsc:
                self.smsc_sees(event)
            self.talk()
            if wire.esme.closed:
                return
        raise AssertionError("the conversation did not end")

    def talk(self) -> None:
        esme, smsc, wire = self.wire.esme, self.wire.smsc, self.wire
        while self.to_submit and esme.can_send and esme.free:
            text = self.to_submit.pop(0)
            wire.to_smsc += esme.request(SubmitSm(short_message=text), 0, text)
        while self.to_deliver and smsc.can_send and smsc.free:
            text = self.to_deliver.pop(0)
            wire.to_esme += smsc.request(DeliverSm(short_message=text), 0, text)
        idle = not (self.to_submit or self.to_deliver or esme.outstanding or smsc.outstanding)
        if idle and wire.quiet and esme.state is State.BOUND_TRX:
            wire.to_smsc += esme.unbind(0)

    def esme_sees(self, event: ev.Event) -> None:
        match event:
            case ev.Request(frame=frame) if isinstance(frame.pdu, DeliverSm):
                self.delivered.append(frame.pdu.short_message)
                self.wire.to_smsc += self.wire.esme.respond(CommandId.DELIVER_SM, frame.sequence, 0)
            case ev.Response(token=token):
                self.settled.append(token)
            case _:
                self.ends.append(event)

    def smsc_sees(self, event: ev.Event) -> None:
        match event:
            case ev.BindRequested(frame=frame):
                self.wire.to_esme += self.wire.smsc.accept_bind(frame.sequence, 0, "SMSC")
            case ev.Request(frame=frame) if isinstance(frame.pdu, SubmitSm):
                self.submitted.append(frame.pdu.short_message)
                response = SubmitSmResp(str(frame.sequence))
                self.wire.to_esme += self.wire.smsc.respond(CommandId.SUBMIT_SM, frame.sequence, 0, 0, response)
            case ev.Response(token=token):
                self.settled.append(token)
            case _:
                self.ends.append(event)


@pytest.mark.parametrize("seed", range(8))
def test_everything_asked_is_taken_and_answered_once_and_in_order(seed: int) -> None:
    talk = Conversation(seed, messages=25)
    talk.run()
    assert talk.submitted == [b"mt %d" % n for n in range(25)]
    assert talk.delivered == [b"mo %d" % n for n in range(25)]
    assert len(talk.settled) == 50
    assert set(talk.settled) == {*talk.submitted, *talk.delivered}
    assert [type(event) for event in talk.ends] == [ev.Bound, ev.PeerUnbind, ev.Unbound, ev.Closed]
    assert talk.wire.smsc.eof(0) == [ev.Closed("the peer closed the connection", ())]


@pytest.mark.checklist("E9")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("seed", range(4))
def test_e9_no_poison_keeps_a_good_message_from_being_taken(role: Role, seed: int) -> None:
    good = DeliverSm(short_message=b"STOP") if role is Role.ESME else SubmitSm(short_message=b"hello")
    session = bound_session(role, State.BOUND_TRX)
    session.outgoing()
    for data in mutations(seed, 500):
        if int.from_bytes(data[4:8], "big") == CommandId.UNBIND:
            continue  # whatever its body, it ends the session, and lawfully so
        assert not session.closed
        events = session.receive(data, 0)
        assert len(events) <= 1
        (taken,) = session.receive(encode(good, 9), 0)
        assert isinstance(taken, ev.Request)
        assert taken.frame.pdu == good
    session.outgoing()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("seed", range(4))
def test_no_octets_make_a_session_raise(role: Role, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        session = bound_session(role, State.BOUND_TRX)
        stream = bytearray(b"".join(mutations(chance.randrange(1 << 30), 3)))
        for _ in range(chance.randint(0, 3)):
            stream[chance.randrange(len(stream))] = chance.randrange(256)
        events: list[ev.Event] = []
        while stream:
            size = chance.randint(1, 50)
            events += session.receive(bytes(stream[:size]), 0)
            del stream[:size]
            session.outgoing()
        events += session.eof(0)
        assert sum(isinstance(event, ev.Closed) for event in events) == 1
        assert isinstance(events[-1], ev.Closed)
