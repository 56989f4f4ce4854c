"""Messages on a bound session: requests and answers, bad bodies, the window, link checks (checklist A, C, D, E)."""

from __future__ import annotations

import struct
from itertools import permutations

import pytest

from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import (
    AlertNotification,
    BindTransceiver,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unbind,
)
from gateway.smpp.session import Session
from gateway.smpp.states import Role, State
from gateway.smpp.window import LATE_MEMORY_S
from tests.smpp.machines import bound_session, header_only, only_answer, sent

MT = SubmitSm(source_addr="85700", destination_addr="12125550101", short_message=b"hello")
MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP")
MO_BODY = encode(MO, 1)[16:]


def esme() -> Session:
    session = bound_session(Role.ESME, State.BOUND_TRX)
    session.outgoing()
    return session


def smsc() -> Session:
    return bound_session(Role.SMSC, State.BOUND_TRX)


def whole(command_id: int, body: bytes, sequence: int = 9) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, 0, sequence) + body


# Requests of ours.


def test_a_response_comes_back_with_its_token_and_time() -> None:
    session = esme()
    session.request(MT, 5, "token")
    assert session.last_sequence == 2  # the bind was 1
    assert (session.outstanding, session.free) == (1, 2)
    (event,) = session.receive(encode(SubmitSmResp("id"), 2, Status.ESME_RTHROTTLED), 6)
    assert isinstance(event, ev.Response)
    assert (event.token, event.sent_at, event.frame.pdu) == ("token", 5, SubmitSmResp("id"))
    assert event.frame.status == Status.ESME_RTHROTTLED
    assert (session.outstanding, session.free) == (0, 3)


@pytest.mark.checklist("C3")
@pytest.mark.parametrize("order", list(permutations((2, 3, 4))))
def test_c3_responses_in_any_order_find_their_requests(order: tuple[int, ...]) -> None:
    session = esme()
    for token in (2, 3, 4):
        session.request(MT, 0, token)
    events = session.receive(b"".join(encode(SubmitSmResp(str(n)), n) for n in order), 1)
    assert [event.token for event in events if isinstance(event, ev.Response)] == list(order)


@pytest.mark.checklist("C3")
@pytest.mark.parametrize("sequence", [0, 2, 3, 0xFFFFFFFF])
def test_c3_second_unknown_and_wrong_responses_change_nothing(sequence: int) -> None:
    session = esme()
    session.request(MT, 0, "first")
    session.receive(encode(SubmitSmResp(), 2), 0)
    session.request(MT, 0, "waiting")
    frames = encode(DeliverSmResp(), sequence)
    (event,) = session.receive(frames, 0)
    assert isinstance(event, ev.UnexpectedResponse)
    assert event.frame.sequence == sequence
    assert session.outstanding == 1
    (event,) = session.receive(encode(SubmitSmResp(), 3), 0)
    assert isinstance(event, ev.Response)
    assert event.token == "waiting"


def test_a_response_of_which_the_body_cannot_be_read_settles_its_request() -> None:
    session = esme()
    session.request(QuerySm("77"), 0, "token")
    (event,) = session.receive(whole(CommandId.QUERY_SM_RESP, b"77", sequence=2), 0)
    assert isinstance(event, ev.Response)
    assert (event.token, event.frame.pdu) == ("token", None)


@pytest.mark.checklist("C3")
def test_c3_expired_then_late_then_unexpected() -> None:
    session = esme()
    session.request(MT, 0, "token")
    session.receive(encode(EnquireLink(), 1), 9)
    assert session.next_deadline() == 10
    assert session.tick(9) == []
    assert session.tick(10) == [ev.Expired("token", 2)]
    assert session.outstanding == 0
    response = encode(SubmitSmResp("id"), 2)
    (wrong,) = session.receive(encode(DeliverSmResp(), 2), 11)
    assert isinstance(wrong, ev.UnexpectedResponse)
    (late,) = session.receive(response, 11)
    assert isinstance(late, ev.LateResponse)
    assert (late.token, late.frame.pdu) == ("token", SubmitSmResp("id"))
    assert isinstance(session.receive(response, 11)[0], ev.UnexpectedResponse)


@pytest.mark.checklist("C3")
def test_c3_a_very_late_response_is_unexpected() -> None:
    session = esme()
    session.request(MT, 0, "token")
    now = 10.0
    while now < LATE_MEMORY_S + 40:
        session.receive(encode(EnquireLink(), 1), now)
        session.tick(now)
        now += 10
    assert isinstance(session.receive(encode(SubmitSmResp("id"), 2), now)[0], ev.UnexpectedResponse)


@pytest.mark.checklist("C4")
def test_c4_a_nack_settles_by_sequence_and_one_under_0_settles_nothing() -> None:
    session = esme()
    session.request(MT, 0, "token")
    (event,) = session.receive(encode(GenericNack(), 0, Status.ESME_RINVCMDLEN), 0)
    assert isinstance(event, ev.UnexpectedResponse)
    (event,) = session.receive(encode(GenericNack(), 2, Status.ESME_RINVCMDID), 0)
    assert isinstance(event, ev.Nacked)
    assert (event.token, event.frame.status) == ("token", Status.ESME_RINVCMDID)


@pytest.mark.checklist("C5")
def test_c5_a_full_window_refuses_and_changes_nothing_yet_answers_go_out() -> None:
    session = esme()
    for token in "abc":
        session.request(MT, 0, token)
    with pytest.raises(LocalProtocolError, match="the window is full"):
        session.request(MT, 0, "d")
    assert (session.last_sequence, session.free) == (4, 0)
    session.receive(encode(MO, 9), 0)
    assert sent(session.respond(CommandId.DELIVER_SM, 9, 0))[0].pdu == DeliverSmResp()
    session.tick(30)
    assert session.close("over") == [ev.Closed("over", ())]  # those three had expired


def test_a_request_that_was_never_written_is_withdrawn() -> None:
    session = esme()
    session.request(MT, 0, "a")
    session.request(MT, 0, "b")
    assert session.withdraw(2) == "a"
    assert session.outstanding == 1
    with pytest.raises(LocalProtocolError, match="no request waits under sequence number 2"):
        session.withdraw(2)
    session.unbind(0)
    with pytest.raises(LocalProtocolError, match="no request waits under sequence number 4"):
        session.withdraw(4)
    assert session.eof(0) == [ev.Closed("the peer closed the connection", ("b",))]


@pytest.mark.parametrize(
    "pdu, complaint",
    [
        (SubmitSmResp(), "submit_sm_resp is a response: use respond"),
        (Unbind(), "use unbind"),
        (SubmitSm(source_addr="1" * 21), "source_addr may have 20"),
        (BindTransceiver(), "bind_transceiver may not be sent by the ESME while BOUND_TRX"),
        (MO, "deliver_sm may not be sent by the ESME"),
    ],
)
def test_what_may_not_be_asked_changes_nothing(pdu: SubmitSm, complaint: str) -> None:
    session = esme()
    with pytest.raises(LocalProtocolError, match=complaint):
        session.request(pdu, 0)
    assert (session.last_sequence, session.outstanding, session.state) == (1, 0, State.BOUND_TRX)
    assert session.request(MT, 0)[12:16] == b"\0\0\0\x02"


def test_an_owner_may_check_the_link_itself() -> None:
    session = esme()
    session.request(EnquireLink(), 0, "probe")
    (event,) = session.receive(encode(EnquireLinkResp(), 2), 1)
    assert isinstance(event, ev.Response)
    assert event.token == "probe"


def test_alert_notification_has_no_response_and_takes_no_slot() -> None:
    session = smsc()
    session.request(AlertNotification(source_addr="12125550101"), 0)
    assert session.outstanding == 0
    other = esme()
    (event,) = other.receive(encode(AlertNotification(source_addr="12125550101"), 4), 0)
    assert isinstance(event, ev.Request)
    with pytest.raises(LocalProtocolError, match="alert_notification is not answered with respond"):
        other.respond(CommandId.ALERT_NOTIFICATION, 4, 0)


# Requests of the peer's.


@pytest.mark.checklist("A7")
@pytest.mark.parametrize("sequence", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a7_any_sequence_number_is_echoed(sequence: int) -> None:
    session = esme()
    (event,) = session.receive(encode(MO, sequence), 0)
    assert isinstance(event, ev.Request)
    assert session.respond(CommandId.DELIVER_SM, event.frame.sequence, 0) == encode(DeliverSmResp(), sequence)
    session.receive(encode(EnquireLink(), sequence), 0)
    assert only_answer(session) == (CommandId.ENQUIRE_LINK_RESP, 0, sequence)


@pytest.mark.checklist("A9")
def test_a9_a_status_in_a_request_is_passed_over_and_so_is_a_body_of_enquire_link() -> None:
    session = esme()
    (event,) = session.receive(encode(MO, 9, Status.ESME_RSYSERR), 0)
    assert isinstance(event, ev.Request)
    assert session.receive(whole(CommandId.ENQUIRE_LINK, b"hello", 10), 0) == []
    assert only_answer(session) == (CommandId.ENQUIRE_LINK_RESP, 0, 10)


@pytest.mark.checklist("A6")
def test_a6_an_unknown_request_is_nacked_with_its_number_and_an_unknown_response_is_not() -> None:
    session = esme()
    rejected, unexpected, request = session.receive(header_only(0x99) + header_only(0x80000099) + encode(MO, 11), 0)
    assert isinstance(rejected, ev.Rejected)
    assert rejected.status == Status.ESME_RINVCMDID
    assert isinstance(unexpected, ev.UnexpectedResponse)
    assert isinstance(request, ev.Request)
    assert only_answer(session) == (CommandId.GENERIC_NACK, Status.ESME_RINVCMDID, 9)


REFUSED_AS_HEADER = [CommandId.SUBMIT_SM, CommandId.SUBMIT_MULTI, CommandId.QUERY_SM, CommandId.CANCEL_SM]


@pytest.mark.checklist("C8")
@pytest.mark.parametrize("command", [*REFUSED_AS_HEADER, CommandId.REPLACE_SM])
def test_c8_an_smsc_refuses_with_a_status_and_lives_on(command: CommandId) -> None:
    session = smsc()
    assert session.respond(command, 9, 0, Status.ESME_RSYSERR) == header_only(command | 0x80000000, 9, 8)
    assert session.bound


@pytest.mark.parametrize("command", [CommandId.DELIVER_SM, CommandId.DATA_SM])
def test_the_refusal_of_a_message_keeps_its_body(command: CommandId) -> None:
    data = esme().respond(command, 9, 0, Status.ESME_RX_T_APPN)
    assert data[16:] == b"\0"
    assert data[8:12] == b"\0\0\0\x64"


def test_a_response_may_carry_its_own_pdu() -> None:
    data = smsc().respond(CommandId.SUBMIT_SM, 9, 0, 0, SubmitSmResp("id"))
    assert data == encode(SubmitSmResp("id"), 9)


@pytest.mark.parametrize(
    "command, pdu, complaint",
    [
        (CommandId.DELIVER_SM, SubmitSmResp(), "submit_sm_resp does not answer deliver_sm"),
        (CommandId.SUBMIT_SM, None, "submit_sm_resp may not be sent by the ESME while BOUND_TRX"),
        (CommandId.ENQUIRE_LINK, None, "enquire_link is not answered with respond"),
        (CommandId.UNBIND, None, "unbind is not answered with respond"),
        (CommandId.BIND_TRANSCEIVER, None, "bind_transceiver is not answered with respond"),
        (CommandId.DELIVER_SM_RESP, None, "deliver_sm_resp is not answered with respond"),
        (0x99, None, "0x00000099 is not answered with respond"),
    ],
)
def test_what_does_not_answer_a_request_is_refused(command: int, pdu: SubmitSmResp | None, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        esme().respond(command, 9, 0, 0, pdu)


@pytest.mark.checklist("E9")
@pytest.mark.parametrize(
    "session, command",
    [(esme(), CommandId.DELIVER_SM), (esme(), CommandId.DATA_SM), (smsc(), CommandId.SUBMIT_SM)],
    ids=["deliver_sm", "data_sm", "submit_sm"],
)
def test_e9_a_message_with_a_bad_body_is_the_owners_to_answer_and_the_next_is_taken(
    session: Session, command: CommandId
) -> None:
    messages: dict[CommandId, Pdu] = {CommandId.DELIVER_SM: MO, CommandId.DATA_SM: DataSm(), CommandId.SUBMIT_SM: MT}
    poison = whole(command, b"\0\0\0no NUL at the end")
    good = encode(messages[command], 10)
    for _ in range(3):
        bad, request = session.receive(poison + good, 0)
        assert bad == ev.Malformed(
            command, 9, Status.ESME_RINVSRCADR, "source_addr has no NUL at its end", poison, None
        )
        assert isinstance(request, ev.Request)
        assert session.outgoing() == b""
        answer = session.respond(command, 9, 0, Status.ESME_RINVSRCADR)
        assert answer[8:12] == b"\0\0\0\x0a"
    assert session.bound


@pytest.mark.checklist("E4")
def test_e4_what_can_be_salvaged_is_handed_on() -> None:
    (event,) = esme().receive(whole(CommandId.DELIVER_SM, MO_BODY + b"\0"), 0)
    assert isinstance(event, ev.Malformed)
    assert event.salvage == MO
    assert event.raw == whole(CommandId.DELIVER_SM, MO_BODY + b"\0")


def test_another_request_with_a_bad_body_is_answered_at_once() -> None:
    session = smsc()
    (event,) = session.receive(whole(CommandId.QUERY_SM, b"77"), 0)
    assert isinstance(event, ev.Malformed)
    assert only_answer(session) == (CommandId.QUERY_SM_RESP, Status.ESME_RINVMSGID, 9)


def test_a_bad_alert_notification_has_no_answer() -> None:
    session = esme()
    (event,) = session.receive(whole(CommandId.ALERT_NOTIFICATION, b"\0"), 0)
    assert isinstance(event, ev.Malformed)
    assert session.outgoing() == b""


def test_a_bad_body_at_the_wrong_time_is_refused_for_its_time() -> None:
    session = bound_session(Role.ESME, State.BOUND_TX)
    (event,) = session.receive(whole(CommandId.DELIVER_SM, b"\0"), 0)
    assert isinstance(event, ev.Rejected)
    assert only_answer(session) == (CommandId.DELIVER_SM_RESP, Status.ESME_RX_T_APPN, 9)


# Link checks.


@pytest.mark.checklist("C1")
@pytest.mark.parametrize("role", Role)
def test_c1_silence_is_asked_about_once_and_an_answer_is_life(role: Role) -> None:
    session = bound_session(role, State.BOUND_TRX)
    assert session.next_deadline() == 30
    assert session.tick(29) == []
    assert session.outgoing() == b""
    assert session.tick(30) == []
    (frame,) = sent(session.outgoing())
    assert frame.pdu == EnquireLink()
    assert session.tick(31) == []
    assert session.outgoing() == b""
    assert session.next_deadline() == 40
    assert session.receive(encode(EnquireLinkResp(), frame.sequence), 35) == []
    assert session.next_deadline() == 65
    assert session.outstanding == 0


@pytest.mark.checklist("C1", "C6")
def test_c1_c6_an_unanswered_check_closes_and_tells_what_is_lost() -> None:
    session = esme()
    session.tick(30)
    session.request(MT, 31, "token")
    assert session.tick(40) == [ev.Closed("link check unanswered", ("token",))]


@pytest.mark.checklist("C1")
def test_c1_any_pdu_is_life_and_an_unanswered_check_is_not_kept() -> None:
    session = esme()
    for now in range(30, 3000, 35):
        assert session.tick(now) == []
        assert len(sent(session.outgoing())) == 1
        session.receive(encode(MO, now), now + 5)
    assert len(session._window._waiting) == 1


@pytest.mark.checklist("C1")
def test_c1_crossing_checks() -> None:
    session = esme()
    session.tick(30)
    ours = sent(session.outgoing())[0].sequence
    session.receive(encode(EnquireLink(), ours), 30)
    assert only_answer(session) == (CommandId.ENQUIRE_LINK_RESP, 0, ours)
    assert session.receive(encode(EnquireLinkResp(), ours), 30) == []


def test_a_nacked_check_is_life_too() -> None:
    session = esme()
    session.tick(30)
    ours = sent(session.outgoing())[0].sequence
    assert session.receive(encode(GenericNack(), ours, Status.ESME_RINVCMDID), 31) == []
    assert session.next_deadline() == 61
