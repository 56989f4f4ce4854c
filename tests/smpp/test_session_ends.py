"""How a session ends: either side's unbind, lost framing, a stalled PDU, end of file; and what is told of it."""

from __future__ import annotations

import pytest

from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import DeliverSm, EnquireLink, GenericNack, SubmitSm, SubmitSmResp, Unbind, UnbindResp
from gateway.smpp.session import Session
from gateway.smpp.states import Role, State
from tests.smpp.machines import OPTIONS, bound_session, only_answer, session_in

MT = SubmitSm(source_addr="85700", destination_addr="12125550101", short_message=b"hello")
MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP")
LOST = "framing lost: command_length is {}; it must be 16 to 70000"


def esme() -> Session:
    return bound_session(Role.ESME, State.BOUND_TRX)


# Our unbind.


@pytest.mark.checklist("C2")
def test_c2_while_unbinding_mos_are_acknowledged_and_nothing_is_asked() -> None:
    session = esme()
    session.request(MT, 0, "token")
    assert session.unbind(1) == encode(Unbind(), 3)
    with pytest.raises(LocalProtocolError, match="submit_sm may not be sent by the ESME while UNBINDING"):
        session.request(MT, 1)
    response, request = session.receive(encode(SubmitSmResp("id"), 2) + encode(MO, 9), 2)
    assert isinstance(response, ev.Response)
    assert isinstance(request, ev.Request)
    assert session.can_receive
    assert not session.can_send
    assert session.respond(CommandId.DELIVER_SM, 9, 2)[12:16] == b"\0\0\0\x09"
    events = session.receive(encode(UnbindResp(), 3) + encode(MO, 10), 3)
    assert events == [ev.Unbound(), ev.Closed("unbound", ())]  # what follows the end is not looked at
    assert session.closed


def test_a_nack_ends_an_unbind_too() -> None:
    session = esme()
    session.unbind(0)
    assert session.receive(encode(GenericNack(), 2), 0) == [ev.Unbound(), ev.Closed("unbound", ())]


def test_an_unbind_that_nobody_answers_ends_after_the_response_timeout() -> None:
    session = esme()
    session.request(MT, 25, "token")
    session.unbind(26)
    session.receive(encode(MO, 1), 34)
    assert session.next_deadline() == 35
    assert session.tick(35) == [ev.Expired("token", 2)]
    assert session.tick(36) == [ev.Closed("unbind unanswered", ())]


@pytest.mark.checklist("C2")
def test_crossing_unbinds_are_both_answered() -> None:
    session = esme()
    session.unbind(0)
    assert session.receive(encode(Unbind(), 9), 1) == [ev.PeerUnbind()]
    assert only_answer(session) == (CommandId.UNBIND_RESP, 0, 9)
    assert session.state is State.UNBINDING
    assert session.receive(encode(UnbindResp(), 2), 2) == [ev.Unbound(), ev.Closed("unbound", ())]


# The peer's unbind.


@pytest.mark.checklist("C2")
@pytest.mark.parametrize("role", Role)
def test_c2_after_the_peers_unbind_answers_still_go_out_and_come_in(role: Role) -> None:
    session = bound_session(role, State.BOUND_TRX)
    ask, asked = (MT, CommandId.DELIVER_SM) if role is Role.ESME else (MO, CommandId.SUBMIT_SM)
    session.request(ask, 0, "answered")
    session.request(ask, 0, "lost")
    first = session.last_sequence - 1
    assert session.receive(encode(Unbind(), 9), 1) == [ev.PeerUnbind()]
    assert only_answer(session) == (CommandId.UNBIND_RESP, 0, 9)
    assert session.state is State.UNBOUND
    with pytest.raises(LocalProtocolError, match="while UNBOUND"):
        session.request(ask, 1)
    with pytest.raises(LocalProtocolError, match="unbind may not be sent"):
        session.unbind(1)
    assert session.respond(asked, 4, 1)
    (event,) = session.receive(encode(GenericNack(), first, Status.ESME_RSYSERR), 1)
    assert isinstance(event, ev.Nacked)
    assert session.eof(2) == [ev.Closed("the peer closed the connection", ("lost",))]


def test_a_peer_that_unbound_and_does_not_close_is_not_waited_for_long() -> None:
    session = session_in(Role.ESME, State.UNBOUND)
    assert session.next_deadline() == 10
    assert session.tick(9) == []
    assert session.tick(10) == [ev.Closed("the peer unbound and did not close", ())]


def test_after_its_unbind_the_peer_may_not_ask() -> None:
    session = session_in(Role.ESME, State.UNBOUND)
    (event,) = session.receive(encode(MO, 9), 0)
    assert isinstance(event, ev.Rejected)
    assert only_answer(session) == (CommandId.DELIVER_SM_RESP, Status.ESME_RX_T_APPN, 9)
    session.receive(encode(EnquireLink(), 10), 0)
    assert only_answer(session) == (CommandId.ENQUIRE_LINK_RESP, 0, 10)


# Lost framing and stalled PDUs.


@pytest.mark.checklist("A2", "A3")
@pytest.mark.parametrize("state", [State.OPEN, State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX, State.UNBINDING])
@pytest.mark.parametrize("length", [0, 4, 15, 70_001, 0x80000010, 0xFFFFFFFF])
def test_a2_a3_lost_framing_is_nacked_and_closes(state: State, length: int) -> None:
    session = session_in(Role.ESME, state)
    assert session.receive(length.to_bytes(4, "big"), 0) == [ev.Closed(LOST.format(length), ())]
    assert only_answer(session) == (CommandId.GENERIC_NACK, Status.ESME_RINVCMDLEN, 0)
    assert session.closed
    assert session.receive(encode(MO, 1), 0) == []


@pytest.mark.checklist("A2")
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a2_good_pdus_before_lost_framing_are_taken_and_what_waited_is_told(chunk: int) -> None:
    session = esme()
    session.request(MT, 0, "token")
    stream = encode(MO, 9) + b"\0\0\0\x04" + encode(MO, 10)
    events: list[ev.Event] = []
    for at in range(0, len(stream), chunk):
        events += session.receive(stream[at : at + chunk], 0)
    request, closed = events
    assert isinstance(request, ev.Request)
    assert closed == ev.Closed(LOST.format(4), ("token",))


@pytest.mark.checklist("A5")
@pytest.mark.parametrize("garbage", [b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a5_garbage_closes(garbage: bytes) -> None:
    session = Session(Role.SMSC, OPTIONS, 0)
    (event,) = session.receive(garbage, 0)
    assert isinstance(event, ev.Closed)


@pytest.mark.checklist("A5")
def test_a5_garbage_too_short_to_judge_closes_in_time() -> None:
    session = Session(Role.SMSC, OPTIONS, 0)
    assert session.receive(b"\r\n", 1) == []
    assert session.next_deadline() == 6
    assert session.tick(6) == [ev.Closed("a PDU stalled half-way", ())]


@pytest.mark.checklist("A4")
def test_a4_a_pdu_that_stalls_closes_even_if_it_trickles() -> None:
    session = esme()
    data = encode(MO, 9)
    for second, octet in enumerate(data[:5]):
        assert session.receive(bytes((octet,)), second) == []
        assert session.tick(second) == []
    assert session.tick(5) == [ev.Closed("a PDU stalled half-way", ())]


@pytest.mark.checklist("A4")
def test_a4_a_pdu_that_is_whole_in_time_is_taken() -> None:
    session = esme()
    data = encode(MO, 9)
    session.receive(data[:20], 0)
    (event,) = session.receive(data[20:] + data[:3], 4)
    assert isinstance(event, ev.Request)
    assert session.next_deadline() == 9
    session.receive(data[3:], 8)
    assert session.tick(9) == []


# The end of the stream.


@pytest.mark.parametrize("state", [State.OPEN, State.BOUND_TRX, State.UNBINDING, State.UNBOUND])
def test_end_of_file_closes_once(state: State) -> None:
    session = session_in(Role.ESME, state)
    assert session.eof(1) == [ev.Closed("the peer closed the connection", ())]
    assert session.eof(1) == []
    assert session.state is State.CLOSED


def test_end_of_file_inside_a_pdu_says_so() -> None:
    session = esme()
    session.receive(encode(MO, 9)[:-1], 0)
    assert session.eof(1) == [ev.Closed("the peer closed the connection inside a PDU", ())]


def test_an_owner_closes_with_its_own_reason_and_learns_what_is_lost() -> None:
    session = esme()
    session.request(MT, 0, "a")
    session.tick(0)
    session.request(MT, 0, "b")
    assert session.close("stopping") == [ev.Closed("stopping", ("a", "b"))]
    with pytest.raises(LocalProtocolError, match="while CLOSED"):
        session.request(MT, 0)
    with pytest.raises(LocalProtocolError, match="while CLOSED"):
        session.respond(CommandId.DELIVER_SM, 9, 0)
    with pytest.raises(LocalProtocolError, match="while CLOSED"):
        session.unbind(0)
