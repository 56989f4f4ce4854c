"""The short ways say what the ordinary ones say: answers by the hundred, a submit_sm laid before, an owner's way."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp import events as ev
from gateway.smpp.answers import PLAIN_OCTETS, answer, plain_answers
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import DataSm, DeliverSm, DeliverSmResp, EnquireLink, SubmitSm, SubmitSmResp, Tlv, Unbind
from gateway.smpp.states import Role, State
from tests.smpp.machines import bound_session, header_only, session_in
from tests.smpp.samples import SEQUENCES

MO = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"JOIN")
SUBMIT = SubmitSm(source_addr="85700", destination_addr="12125550101", short_message=b"hello")
BODY = encode(SUBMIT, 1)[16:]


@given(answers=st.lists(st.tuples(SEQUENCES, SEQUENCES), max_size=5))
@pytest.mark.parametrize("command_id", [CommandId.DELIVER_SM, CommandId.DATA_SM])
def test_many_answers_are_the_answers(command_id: CommandId, answers: list[tuple[int, int]]) -> None:
    found = plain_answers(command_id, answers)
    assert found == b"".join(answer(command_id, sequence, status) for sequence, status in answers)
    assert len(found) == PLAIN_OCTETS * len(answers)


@pytest.mark.parametrize("wrong", [(-1, 0), (0x1_0000_0000, 0), (1, -1), (1, 0x1_0000_0000)])
def test_an_answer_that_fits_no_header_is_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(LocalProtocolError, match="between 0 and 0xFFFFFFFF"):
        plain_answers(CommandId.DELIVER_SM, [(1, 0), wrong])


def test_messages_are_answered_together_where_each_could_be() -> None:
    session = bound_session(Role.ESME, State.BOUND_TRX)
    expected = session.respond(CommandId.DELIVER_SM, 7, 0) + session.respond(CommandId.DELIVER_SM, 9, 0, 0x64)
    assert session.respond_plainly(CommandId.DELIVER_SM, [(7, 0), (9, 0x64)]) == expected
    for state in (State.OPEN, State.CLOSED):
        with pytest.raises(LocalProtocolError, match="may not be sent"):
            session_in(Role.ESME, state).respond_plainly(CommandId.DELIVER_SM, [(7, 0)])


def test_submits_that_are_laid_are_requests_like_any_other() -> None:
    one, other = bound_session(Role.ESME, State.BOUND_TRX), bound_session(Role.ESME, State.BOUND_TRX)
    for tokens in (["token"], ["another", "token"]):
        asked = [(other.request(SUBMIT, 1.0, token), other.last_sequence) for token in tokens]
        assert one.submit_plainly([BODY] * len(tokens), 1.0, tokens) == [(number, data) for data, number in asked]
        assert (one.last_sequence, one.free, one.next_deadline()) == (
            other.last_sequence,
            other.free,
            other.next_deadline(),
        )
    with pytest.raises(LocalProtocolError, match="the window is full"):
        one.submit_plainly([BODY], 1.0, [None])
    assert one.withdraw(one.last_sequence) == "token"
    assert one.free == 1
    with pytest.raises(LocalProtocolError, match="the window is full"):
        one.submit_plainly([BODY] * 2, 1.0, [None] * 2)
    assert one.free == 1
    with pytest.raises(LocalProtocolError, match="may not be sent"):
        bound_session(Role.ESME, State.BOUND_RX).submit_plainly([BODY], 1.0, [None])


@dataclass
class Owner:
    """Tells what it is asked to tell, unless it declines; remembers what it was asked."""

    declines: bool = False
    asked: list[object] = field(default_factory=list)

    def text(self, raw: bytes, sequence: int) -> str | None:
        assert raw[12:16] == sequence.to_bytes(4, "big")
        self.asked.append(raw)
        return None if self.declines else "text"

    def accepted(self, token: object, message_id: str) -> str | None:
        self.asked.append((token, message_id))
        return None if self.declines else f"accepted {message_id}"


def test_what_an_owner_tells_stands_in_its_place() -> None:
    session, owner = bound_session(Role.ESME, State.BOUND_TRX), Owner()
    session.submit_plainly([BODY], 0, ["one"])
    stream = [encode(EnquireLink(), 5), encode(MO, 7), encode(SubmitSmResp("id"), 2), encode(DataSm(), 8)]
    told = session.receive_by(b"".join(stream), 1.0, owner)
    assert told[:2] == ["text", "accepted id"]
    assert isinstance(told[2], ev.Request)
    assert owner.asked == [stream[1], ("one", "id")]
    assert session.outstanding == 0
    assert session.receive_by(stream[2], 1.0, owner) == session.receive(stream[2], 1.0)  # nobody waits for it any more


def test_what_an_owner_declines_is_told_as_ever() -> None:
    session, owner = bound_session(Role.ESME, State.BOUND_TRX), Owner(declines=True)
    session.submit_plainly([BODY], 0, ["one"])
    text, response = session.receive_by(encode(MO, 7) + encode(SubmitSmResp("id"), 2), 1.0, owner)
    assert isinstance(text, ev.Request)
    assert isinstance(response, ev.Response)
    assert (response.token, response.sent_at, session.outstanding) == ("one", 0, 0)
    assert len(owner.asked) == 2


UNASKED = {
    "a deliver_sm with a status": encode(MO, 7, 3),
    "a response that says no": encode(SubmitSmResp(), 2, 0x58),
    "a response without a body": header_only(CommandId.SUBMIT_SM_RESP, 2),
    "a response with a parameter": encode(SubmitSmResp("id", (Tlv(0x1400, b"x"),)), 2),
    "a response without a NUL": header_only(CommandId.SUBMIT_SM_RESP, 2)[:3] + b"\x11" + encode(SubmitSmResp(), 2)[4:-1]
    + b"x",
    "a response under another number": encode(SubmitSmResp("id"), 3),
    "a response of another kind": encode(DeliverSmResp(), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", UNASKED)
def test_what_is_out_of_the_ordinary_is_not_an_owners(name: str) -> None:
    sessions = bound_session(Role.ESME, State.BOUND_TRX), bound_session(Role.ESME, State.BOUND_TRX)
    owner = Owner()
    for session in sessions:
        session.submit_plainly([BODY], 0, ["one"])
    assert sessions[0].receive_by(UNASKED[name], 1.0, owner) == sessions[1].receive(UNASKED[name], 1.0)
    assert owner.asked == []
    assert sessions[0].outgoing() == sessions[1].outgoing()
    assert sessions[0].outstanding == sessions[1].outstanding


def test_a_response_to_another_request_is_not_taken_for_one_to_a_submit() -> None:
    session, owner = bound_session(Role.ESME, State.BOUND_TRX), Owner()
    session.request(DataSm(), 0, "one")
    (event,) = session.receive_by(encode(SubmitSmResp("id"), 2), 1.0, owner)
    assert isinstance(event, ev.UnexpectedResponse)
    assert owner.asked == []


@pytest.mark.parametrize("state", [State.OPEN, State.BOUND_TX, State.UNBOUND, State.CLOSED])
def test_a_text_that_may_not_come_is_not_an_owners(state: State) -> None:
    owner = Owner()
    session = session_in(Role.ESME, state)
    told = session.receive_by(encode(MO, 7), 1.0, owner)
    assert [type(event) for event in told] == ([] if state is State.CLOSED else [ev.Rejected])
    assert owner.asked == []


def test_a_text_behind_the_peers_unbind_is_not_an_owners() -> None:
    session, owner = bound_session(Role.ESME, State.BOUND_TRX), Owner()
    told = session.receive_by(encode(MO, 7) + encode(Unbind(), 8) + encode(MO, 9), 1.0, owner)
    assert told[0] == "text"
    assert [type(event) for event in told[1:]] == [ev.PeerUnbind, ev.Rejected]
    assert owner.asked == [encode(MO, 7)]
