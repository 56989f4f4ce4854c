"""Getting bound, from both sides: what is accepted, refused, late, doubled or out of turn (checklist B)."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status, Tag
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import (
    Bind,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    EnquireLink,
    GenericNack,
    Outbind,
    Pdu,
    Tlv,
    Unbind,
)
from gateway.smpp.session import Session
from gateway.smpp.states import Role, State
from tests.smpp.machines import BINDS, OPTIONS, bound_session, only_answer, sent

BIND = BindTransceiver("demo", "secret")
RESP = BindTransceiverResp("SMSC")
MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP")
OPTIONAL_VERSION = (Tlv(Tag.SC_INTERFACE_VERSION, b"\x33"),)


def binding() -> Session:
    session = Session(Role.ESME, OPTIONS, 0)
    session.request(BIND, 0)
    return session


@pytest.mark.parametrize("state", BINDS)
def test_an_esme_is_bound_as_it_asked(state: State) -> None:
    session = bound_session(Role.ESME, state)
    assert session.bound
    assert session.peer_version is None
    assert session.outstanding == 0
    assert not session.closed


@pytest.mark.parametrize("version", [0x33, 0x34, 0x50])
@pytest.mark.parametrize("state", BINDS)
def test_an_smsc_is_bound_as_it_was_asked(state: State, version: int) -> None:
    make, response = BINDS[state]
    session = Session(Role.SMSC, OPTIONS, 0)
    pdu = make("demo", "secret", interface_version=version)
    (event,) = session.receive(encode(pdu, 5), 0)
    assert isinstance(event, ev.BindRequested)
    assert (event.frame.pdu, event.frame.sequence) == (pdu, 5)
    assert session.state is State.OPEN
    (answer,) = sent(session.accept_bind(5, 0, "SMSC"))
    assert (answer.status, answer.sequence) == (0, 5)
    tlvs = () if version < 0x34 else (Tlv(Tag.SC_INTERFACE_VERSION, b"\x34"),)  # none before SMPP 3.4
    assert answer.pdu == response("SMSC", tlvs)
    assert session.state is state
    assert session.peer_version == version


@pytest.mark.checklist("B1")
@pytest.mark.parametrize("tlvs, version", [((), None), (OPTIONAL_VERSION, 0x33), ((Tlv(0x0210, b""),), None)])
def test_b1_the_peers_version_is_known_if_it_said_so(tlvs: tuple[Tlv, ...], version: int | None) -> None:
    session = binding()
    (event,) = session.receive(encode(BindTransceiverResp("SMSC", tlvs), 1), 0)
    assert isinstance(event, ev.Bound)
    assert event.pdu == event.frame.pdu == BindTransceiverResp("SMSC", tlvs)
    assert session.peer_version == version


@pytest.mark.checklist("B1")
@pytest.mark.parametrize(
    "body", [b"", b"\0", b"SMSC", b"SMSC\0", b"SMSC\x14\x01\0\x01\x07", b"SMSC\0\x02\x10\0\x01\x34"]
)
def test_b1_an_acceptance_is_one_however_it_is_spelt(body: bytes) -> None:
    session = binding()
    (event,) = session.receive(struct.pack(">IIII", 16 + len(body), 0x80000009, 0, 1) + body, 0)
    assert isinstance(event, ev.Bound)
    assert session.state is State.BOUND_TRX


@pytest.mark.checklist("B1", "B2")
@pytest.mark.parametrize("body", [b"", b"\0", b"SMSC\0", b"SMSC"])
@pytest.mark.parametrize(
    "status", [Status.ESME_RALYBND, Status.ESME_RBINDFAIL, Status.ESME_RINVPASWD, Status.ESME_RINVSYSID, 0x400]
)
def test_b1_b2_a_refusal_is_one_however_it_is_spelt_and_another_bind_may_follow(body: bytes, status: int) -> None:
    session = binding()
    events = session.receive(struct.pack(">IIII", 16 + len(body), 0x80000009, status, 1) + body, 0)
    assert events == [ev.BindRefused(status)]
    assert session.state is State.OPEN
    session.request(BIND, 1)
    assert isinstance(session.receive(encode(RESP, 2), 1)[0], ev.Bound)


def test_a_nack_refuses_a_bind() -> None:
    assert binding().receive(encode(GenericNack(), 1, Status.ESME_RINVCMDID), 0) == [
        ev.BindRefused(Status.ESME_RINVCMDID)
    ]
    assert binding().receive(encode(GenericNack(), 1), 0) == [ev.BindRefused(Status.ESME_RBINDFAIL)]


def test_a_response_to_another_bind_is_unexpected() -> None:
    session = binding()
    (event,) = session.receive(encode(BindReceiverResp("SMSC"), 1), 0)
    assert isinstance(event, ev.UnexpectedResponse)
    assert session.state is State.OPEN


def test_two_binds_at_a_time_are_one_too_many() -> None:
    session = binding()
    with pytest.raises(LocalProtocolError, match="a bind is not answered yet"):
        session.request(BIND, 0)
    smsc = Session(Role.SMSC, OPTIONS, 0)
    smsc.receive(encode(BIND, 1), 0)
    (event,) = smsc.receive(encode(BIND, 2), 0)
    assert isinstance(event, ev.Rejected)
    assert only_answer(smsc) == (CommandId.BIND_TRANSCEIVER_RESP, Status.ESME_RALYBND, 2)
    smsc.accept_bind(1, 0, "SMSC")
    assert smsc.state is State.BOUND_TRX


@pytest.mark.parametrize("status, told", [(Status.ESME_RINVPASWD, Status.ESME_RINVPASWD), (0, Status.ESME_RBINDFAIL)])
def test_a_refused_bind_leaves_the_session_open_for_another(status: int, told: int) -> None:
    smsc = Session(Role.SMSC, OPTIONS, 0)
    smsc.receive(encode(BIND, 1), 0)
    assert smsc.refuse_bind(1, 0, status) == struct.pack(">IIII", 16, 0x80000009, told, 1)
    assert smsc.state is State.OPEN
    with pytest.raises(LocalProtocolError, match="no bind waits for its answer under sequence number 1"):
        smsc.refuse_bind(1, 0, status)
    smsc.receive(encode(BIND, 2), 0)
    smsc.accept_bind(2, 0, "SMSC")


def test_only_a_bind_that_waits_can_be_accepted() -> None:
    smsc = Session(Role.SMSC, OPTIONS, 0)
    with pytest.raises(LocalProtocolError, match="no bind waits"):
        smsc.accept_bind(1, 0, "SMSC")
    smsc.receive(encode(BIND, 1), 0)
    with pytest.raises(LocalProtocolError, match="no bind waits"):
        smsc.accept_bind(2, 0, "SMSC")
    with pytest.raises(LocalProtocolError, match="system_id must be Latin-1"):
        smsc.accept_bind(1, 0, "Łódź")
    assert smsc.state is State.OPEN
    smsc.receive(encode(Unbind(), 2), 0)
    with pytest.raises(LocalProtocolError, match="no bind waits"):
        smsc.accept_bind(1, 0, "SMSC")


@pytest.mark.checklist("B3")
@pytest.mark.parametrize("pdu", [BIND, EnquireLink(), MO])
def test_b3_whatever_precedes_the_bind_resp_the_bind_succeeds(pdu: Pdu) -> None:
    session = binding()
    session.receive(encode(pdu, 40), 0)
    assert session.state is State.OPEN
    assert isinstance(session.receive(encode(RESP, 1), 0)[0], ev.Bound)


@pytest.mark.checklist("B3")
def test_b3_an_mo_before_the_bind_resp_is_put_off_and_not_refused_for_good() -> None:
    session = binding()
    (event,) = session.receive(encode(MO, 40), 0)
    assert isinstance(event, ev.Rejected)
    assert only_answer(session) == (CommandId.DELIVER_SM_RESP, Status.ESME_RX_T_APPN, 40)


@pytest.mark.checklist("B3")
def test_b3_an_mo_in_the_same_segment_as_the_bind_resp_is_taken() -> None:
    session = binding()
    bound, request = session.receive(encode(RESP, 1) + encode(MO, 40), 0)
    assert isinstance(bound, ev.Bound)
    assert isinstance(request, ev.Request)
    assert request.frame.pdu == MO
    assert request.raw == encode(MO, 40)


@pytest.mark.checklist("B3")
def test_b3_an_unbind_before_the_bind_resp_is_answered_and_the_bind_is_off() -> None:
    session = binding()
    assert session.receive(encode(Unbind(), 40), 0) == [ev.PeerUnbind()]
    assert only_answer(session) == (CommandId.UNBIND_RESP, 0, 40)
    assert session.receive(encode(RESP, 1), 0) == [ev.BindRefused(Status.ESME_RBINDFAIL)]
    assert session.state is State.UNBOUND


@pytest.mark.checklist("B4")
@pytest.mark.parametrize("role", Role)
def test_b4_link_checks_are_answered_but_never_sent_before_the_bind(role: Role) -> None:
    session = Session(role, replace(OPTIONS, enquire_link_s=2), 0)
    assert session.receive(encode(EnquireLink(), 3), 1) == []
    assert only_answer(session) == (CommandId.ENQUIRE_LINK_RESP, 0, 3)
    for now in range(7):
        assert session.tick(now) == []
    assert session.outgoing() == b""
    with pytest.raises(LocalProtocolError, match="enquire_link is not sent before the session is bound"):
        session.request(EnquireLink(), 0)


@pytest.mark.checklist("B5")
@pytest.mark.parametrize("role", Role)
def test_b5_no_bind_in_time_closes(role: Role) -> None:
    session = Session(role, OPTIONS, 100)
    assert session.next_deadline() == 107
    session.receive(encode(EnquireLink(), 3), 106)  # talking is not binding
    assert session.tick(106) == []
    assert session.tick(107) == [ev.Closed("bind timed out", ())]
    assert session.closed


@pytest.mark.checklist("B8")
@pytest.mark.parametrize("state", [State.OPEN, *BINDS])
def test_b8_outbind_never_ends_a_session(state: State) -> None:
    session = Session(Role.ESME, OPTIONS, 0) if state is State.OPEN else bound_session(Role.ESME, state)
    (event,) = session.receive(encode(Outbind("SMSC", "secret"), 3), 0)
    assert isinstance(event, ev.Request if state is State.OPEN else ev.Rejected)
    assert session.state is state
    assert session.outgoing() == b""


def test_an_smsc_may_send_outbind_and_expects_no_response() -> None:
    session = Session(Role.SMSC, OPTIONS, 0)
    assert session.request(Outbind("SMSC", "secret"), 0) == encode(Outbind("SMSC", "secret"), 1)
    assert session.outstanding == 0
    assert session.close("done") == [ev.Closed("done", ())]


def test_a_bind_with_a_bad_body_is_refused_and_another_may_follow() -> None:
    smsc = Session(Role.SMSC, OPTIONS, 0)
    (event,) = smsc.receive(struct.pack(">IIII", 20, 9, 0, 1) + b"demo", 0)
    assert isinstance(event, ev.Malformed)
    assert only_answer(smsc) == (CommandId.BIND_TRANSCEIVER_RESP, Status.ESME_RINVSYSID, 1)
    (event,) = smsc.receive(encode(BIND, 2), 0)
    assert isinstance(event, ev.BindRequested)
    assert isinstance(event.frame.pdu, Bind)
