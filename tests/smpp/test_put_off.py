"""A subscriber's message is never refused for good by the session: its owner must see it first, or it comes again."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.smpp import events as ev
from gateway.smpp.codec import encode
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.pdu import BindTransceiver, DataSm, DeliverSm, Pdu, Tlv
from gateway.smpp.session import Session
from gateway.smpp.states import Role, State
from tests.smpp.machines import BINDS, OPTIONS, only_answer, session_in

TEXTS: dict[str, Pdu] = {
    "deliver_sm": DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP"),
    "data_sm": DataSm(source_addr="12125550101", destination_addr="85700", tlvs=(Tlv(0x0424, b"STOP"),)),
}
PLACES: dict[str, tuple[State, State]] = {
    **{state.name: (state, state) for state in (State.OPEN, *BINDS)},
    **{
        f"{state.name} as {bound_as.name}": (state, bound_as)
        for state, bound_as in product((State.UNBINDING, State.UNBOUND), BINDS)
    },
}


def binding() -> Session:
    session = Session(Role.ESME, OPTIONS, 0)
    session.request(BindTransceiver("demo"), 0)
    return session


def somewhere(place: str) -> Session:
    return binding() if place == "binding" else session_in(Role.ESME, *PLACES[place])


@pytest.mark.checklist("B3")
@pytest.mark.parametrize("place", [*PLACES, "binding"])
@pytest.mark.parametrize("command", TEXTS)
@pytest.mark.parametrize("broken", [False, True], ids=["whole", "bad body"])
def test_a_text_is_the_owners_or_put_off(place: str, command: str, broken: bool) -> None:
    session = somewhere(place)
    session.outgoing()
    octets = encode(TEXTS[command], 9)
    if broken:  # the address runs to the end of the PDU without a NUL
        body = bytes(octets[16:19]) + b"1" * 40
        octets = (16 + len(body)).to_bytes(4, "big") + octets[4:16] + body
    (event,) = session.receive(octets, 1)
    if isinstance(event, ev.Rejected):
        assert only_answer(session) == (CommandId[f"{command}_resp".upper()], Status.ESME_RX_T_APPN, 9)
    else:
        assert isinstance(event, ev.Malformed if broken else ev.Request)
        assert session.outgoing() == b"", "the owner answers once it has put it away"


def test_on_a_transmitter_bind_a_deliver_sm_is_put_off() -> None:
    session = session_in(Role.ESME, State.BOUND_TX)
    (event,) = session.receive(encode(TEXTS["deliver_sm"], 9), 1)
    assert isinstance(event, ev.Rejected)
    assert only_answer(session) == (CommandId.DELIVER_SM_RESP, Status.ESME_RX_T_APPN, 9)
