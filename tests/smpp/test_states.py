"""Every state with every command: the table of SMPP 3.4 section 2.3, copied here by hand, against ours and the session.

E: an ESME may send it, S: an SMSC may. What differs from the specification is listed apart and must be all.
"""

from __future__ import annotations

from itertools import product

import pytest

from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import RESPONSE_BIT, CommandId, Status
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.layouts import RESPONSES
from gateway.smpp.pdu import Pdu
from gateway.smpp.states import Role, Standing, State, legal
from tests.smpp.machines import OPTIONS, header_only, only_answer, session_in
from tests.smpp.samples import SAMPLES

SPECIFICATION = """
                        OPEN  BOUND_TX  BOUND_RX  BOUND_TRX
bind_transmitter        E     -         -         -
bind_transmitter_resp   S     -         -         -
bind_receiver           E     -         -         -
bind_receiver_resp      S     -         -         -
bind_transceiver        E     -         -         -
bind_transceiver_resp   S     -         -         -
outbind                 S     -         -         -
unbind                  -     ES        ES        ES
unbind_resp             -     ES        ES        ES
submit_sm               -     E         -         E
submit_sm_resp          -     S         -         S
submit_multi            -     E         -         E
submit_multi_resp       -     S         -         S
data_sm                 -     ES        ES        ES
data_sm_resp            -     ES        ES        ES
deliver_sm              -     -         S         S
deliver_sm_resp         -     -         E         E
query_sm                -     E         -         E
query_sm_resp           -     S         -         S
cancel_sm               -     E         -         E
cancel_sm_resp          -     S         -         S
replace_sm              -     E         -         -
replace_sm_resp         -     S         -         -
enquire_link            -     ES        ES        ES
enquire_link_resp       -     ES        ES        ES
alert_notification      -     -         S         S
generic_nack            -     ES        ES        ES
"""
ADDED = """
                        OPEN  BOUND_TX  BOUND_RX  BOUND_TRX
enquire_link            ES    -         -         -
enquire_link_resp       ES    -         -         -
unbind_resp             ES    -         -         -
generic_nack            ES    -         -         -
replace_sm              -     -         -         E
replace_sm_resp         -     -         -         S
"""
LETTERS = {"E": Role.ESME, "S": Role.SMSC}
PLAIN_STATES = [State.OPEN, State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX]
BOUND_STATES = PLAIN_STATES[1:]
ENDING = {"enquire_link", "enquire_link_resp", "unbind_resp", "generic_nack"}
BY_ID: dict[int, Pdu] = {int(sample.command_id): sample for sample in SAMPLES}
REQUESTS = [command for command in CommandId if not command & RESPONSE_BIT]


def cells(table: str) -> set[tuple[CommandId, State, Role]]:
    head, *rows = table.strip("\n").splitlines()
    states = [State[name] for name in head.split()]
    found = set()
    for row in rows:
        name, *marks = row.split()
        for state, mark in zip(states, marks, strict=True):
            found |= {(CommandId[name.upper()], state, LETTERS[letter]) for letter in mark if letter in LETTERS}
    return found


SPEC_CELLS = cells(SPECIFICATION)
OUR_CELLS = SPEC_CELLS | cells(ADDED)


def test_the_copy_names_every_command() -> None:
    assert {row.split()[0].upper() for row in SPECIFICATION.strip("\n").splitlines()[1:]} == set(CommandId.__members__)


@pytest.mark.parametrize("command, state, role", list(product(CommandId, PLAIN_STATES, Role)))
def test_the_table_is_the_specifications_and_what_we_added(command: CommandId, state: State, role: Role) -> None:
    assert legal(command, state, role) == ((command, state, role) in OUR_CELLS)


@pytest.mark.parametrize("command, role", list(product(CommandId, Role)))
def test_whatever_the_bind_was_little_is_legal_at_the_end(command: CommandId, role: Role) -> None:
    for state in (State.UNBINDING, State.UNBOUND):
        assert legal(command, state, role) == (command.name.lower() in ENDING)
    assert not legal(command, State.CLOSED, role)


@pytest.mark.parametrize(
    "role, state", list(product(Role, [*PLAIN_STATES, State.UNBINDING, State.UNBOUND, State.CLOSED]))
)
@pytest.mark.parametrize("command", CommandId)
def test_a_request_is_sent_where_the_matrix_says_so_or_changes_nothing(
    command: CommandId, role: Role, state: State
) -> None:
    session = session_in(role, state)
    lawful = (command, state, role) in OUR_CELLS and command in REQUESTS and command != CommandId.UNBIND
    if command == CommandId.ENQUIRE_LINK:
        lawful = state in BOUND_STATES  # B4: never before the bind
    before = (session.state, session.free, session.outstanding, session.last_sequence)
    if lawful:
        data = session.request(BY_ID[command], 0)
        assert data == encode(BY_ID[command], session.last_sequence)
    else:
        with pytest.raises(LocalProtocolError, match=r"."):
            session.request(BY_ID[command], 0)
        assert (session.state, session.free, session.outstanding, session.last_sequence) == before
    assert session.outgoing() == b""


@pytest.mark.parametrize("role, state", list(product(Role, [*PLAIN_STATES, State.CLOSED])))
def test_unbind_is_sent_where_the_matrix_says_so(role: Role, state: State) -> None:
    session = session_in(role, state)
    if state in BOUND_STATES:
        assert session.unbind(0)[4:8] == b"\0\0\0\x06"
        assert session.state is State.UNBINDING
    with pytest.raises(LocalProtocolError, match=f"unbind may not be sent by the {role.name}"):
        session.unbind(0)


def refusal(command: CommandId, receiver: Role) -> int:
    """Say what the answer to a request at the wrong time is, from the specification's table alone."""
    if not any((command, state, receiver.other) in SPEC_CELLS for state in PLAIN_STATES):
        return Status.ESME_RINVCMDID
    if receiver is Role.ESME and command in (CommandId.DELIVER_SM, CommandId.DATA_SM):
        return Status.ESME_RX_T_APPN
    return Status.ESME_RALYBND if "BIND_" in command.name else Status.ESME_RINVBNDSTS


@pytest.mark.parametrize("role, state", list(product(Role, PLAIN_STATES)))
@pytest.mark.parametrize("command", REQUESTS)
def test_a_request_is_taken_where_the_matrix_says_so_and_else_refused(
    command: CommandId, role: Role, state: State
) -> None:
    session = session_in(role, state)
    events = session.receive(encode(BY_ID[command], 9), 0)
    if command == CommandId.ENQUIRE_LINK:
        assert events == []
        assert only_answer(session) == (CommandId.ENQUIRE_LINK_RESP, 0, 9)
        return
    (event,) = events
    if command == CommandId.UNBIND:  # an unbind is always answered
        assert event == ev.PeerUnbind()
        assert only_answer(session) == (CommandId.UNBIND_RESP, 0, 9)
        assert session.state is State.UNBOUND
        return
    if (command, state, role.other) in OUR_CELLS:
        assert isinstance(event, ev.Request | ev.BindRequested)
        assert event.frame.pdu == BY_ID[command]
        assert session.outgoing() == b""
    else:
        status = refusal(command, role)
        assert isinstance(event, ev.Rejected)
        assert (event.status, event.raw) == (status, encode(BY_ID[command], 9))
        if command not in RESPONSES:
            assert session.outgoing() == b""
        elif status == Status.ESME_RINVCMDID:
            assert only_answer(session) == (CommandId.GENERIC_NACK, status, 9)
        else:
            assert only_answer(session) == (command | RESPONSE_BIT, status, 9)
    assert session.state is state


@pytest.mark.parametrize("role, state", list(product(Role, [*PLAIN_STATES, State.UNBINDING, State.UNBOUND])))
@pytest.mark.parametrize("command", [command for command in CommandId if command & RESPONSE_BIT])
def test_a_response_that_nobody_waits_for_changes_nothing(command: CommandId, role: Role, state: State) -> None:
    session = session_in(role, state)
    (event,) = session.receive(header_only(command, 1000), 0)
    assert isinstance(event, ev.UnexpectedResponse)
    assert session.state is state
    assert session.outgoing() == b""


@pytest.mark.parametrize("role, bound_as", list(product(Role, BOUND_STATES)))
@pytest.mark.parametrize("command", CommandId)
def test_while_unbinding_we_answer_and_the_peer_may_still_ask(command: CommandId, role: Role, bound_as: State) -> None:
    standing = Standing(role)
    standing.bind({State.BOUND_TX: 2, State.BOUND_RX: 1, State.BOUND_TRX: 9}[bound_as])
    standing.unbind()
    ours = (command, bound_as, role) in OUR_CELLS
    assert standing.may_send(command) == (ours and (bool(command & RESPONSE_BIT) or command.name.lower() in ENDING))
    assert standing.may_receive(command) == ((command, bound_as, role.other) in OUR_CELLS)


@pytest.mark.parametrize("role, bound_as", list(product(Role, BOUND_STATES)))
@pytest.mark.parametrize("command", CommandId)
def test_once_the_peer_unbound_nobody_asks_and_we_still_answer(command: CommandId, role: Role, bound_as: State) -> None:
    standing = Standing(role)
    standing.bind({State.BOUND_TX: 2, State.BOUND_RX: 1, State.BOUND_TRX: 9}[bound_as])
    standing.be_unbound()
    ours = (command, bound_as, role) in OUR_CELLS
    assert standing.may_send(command) == (ours and (bool(command & RESPONSE_BIT) or command.name.lower() in ENDING))
    assert standing.may_receive(command) == (command.name.lower() in ENDING)


@pytest.mark.parametrize("role", Role)
def test_what_a_closed_session_receives_is_nothing(role: Role) -> None:
    session = session_in(role, State.CLOSED)
    assert session.receive(encode(BY_ID[CommandId.ENQUIRE_LINK], 9), 0) == []
    assert session.tick(1000) == session.eof(1000) == session.close("again") == []
    assert session.next_deadline() is None
    assert session.outgoing() == b""


@pytest.mark.parametrize("role, state", list(product(Role, PLAIN_STATES)))
def test_can_send_and_can_receive_are_the_rows_of_the_messages(role: Role, state: State) -> None:
    session = session_in(role, state)
    mt, mo = CommandId.SUBMIT_SM, CommandId.DELIVER_SM
    ours, theirs = (mt, mo) if role is Role.ESME else (mo, mt)
    assert session.can_send == ((ours, state, role) in OUR_CELLS)
    assert session.can_receive == ((theirs, state, role.other) in OUR_CELLS)
    assert session.bound == (state in BOUND_STATES)
    assert repr(session) == f"<Session {role.name} {state.name} outstanding=0>"
    assert session.free == OPTIONS.window
