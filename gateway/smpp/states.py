"""Which PDU is legal in which session state, from whom: one table (SMPP 3.4 sections 2.2 and 2.3), and what we add.

The table does not know which side we are; ``legal`` is asked about a sender. It holds no state and performs nothing.

Where we differ from the specification, and why:

* enquire_link, its response, unbind_resp and generic_nack are legal in every open state: carriers check links before
  the bind is answered, an answer to nonsense must be possible before a bind, too, and an unbind is always answered.
* replace_sm is legal for a transceiver: section 2.3 names the transmitter only, but section 2.2 defines a transceiver
  as both.
* While a session *unbinds*, the side that said so sends no requests any more, but answers: MOs under way are still
  acknowledged, otherwise the carrier would deliver them twice.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from gateway.smpp.constants import RESPONSE_BIT
from gateway.smpp.constants import CommandId as C


class Role(Enum):
    """Which side of the conversation."""

    ESME = auto()
    SMSC = auto()

    @property
    def other(self) -> Role:
        """The other side."""
        return Role.SMSC if self is Role.ESME else Role.ESME


class State(Enum):
    """Where a session is (section 2.2). UNBINDING: our unbind is out. UNBOUND: the peer's unbind was answered."""

    OPEN = auto()
    BOUND_TX = auto()
    BOUND_RX = auto()
    BOUND_TRX = auto()
    UNBINDING = auto()
    UNBOUND = auto()
    CLOSED = auto()


BOUND: Final = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})
"""The states in which messages flow."""

_OPEN: Final = frozenset({State.OPEN})
_TX: Final = frozenset({State.BOUND_TX, State.BOUND_TRX})
_RX: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})
_ALIVE: Final = frozenset({State.OPEN, *BOUND, State.UNBINDING, State.UNBOUND})
_ESME: Final = frozenset({Role.ESME})
_SMSC: Final = frozenset({Role.SMSC})
_BOTH: Final = frozenset(Role)

_TABLE: Final[dict[C, tuple[frozenset[State], frozenset[Role]]]] = {
    C.BIND_TRANSMITTER: (_OPEN, _ESME),
    C.BIND_TRANSMITTER_RESP: (_OPEN, _SMSC),
    C.BIND_RECEIVER: (_OPEN, _ESME),
    C.BIND_RECEIVER_RESP: (_OPEN, _SMSC),
    C.BIND_TRANSCEIVER: (_OPEN, _ESME),
    C.BIND_TRANSCEIVER_RESP: (_OPEN, _SMSC),
    C.OUTBIND: (_OPEN, _SMSC),
    C.UNBIND: (BOUND, _BOTH),
    C.UNBIND_RESP: (_ALIVE, _BOTH),
    C.SUBMIT_SM: (_TX, _ESME),
    C.SUBMIT_SM_RESP: (_TX, _SMSC),
    C.SUBMIT_MULTI: (_TX, _ESME),
    C.SUBMIT_MULTI_RESP: (_TX, _SMSC),
    C.DATA_SM: (BOUND, _BOTH),
    C.DATA_SM_RESP: (BOUND, _BOTH),
    C.DELIVER_SM: (_RX, _SMSC),
    C.DELIVER_SM_RESP: (_RX, _ESME),
    C.QUERY_SM: (_TX, _ESME),
    C.QUERY_SM_RESP: (_TX, _SMSC),
    C.CANCEL_SM: (_TX, _ESME),
    C.CANCEL_SM_RESP: (_TX, _SMSC),
    C.REPLACE_SM: (_TX, _ESME),
    C.REPLACE_SM_RESP: (_TX, _SMSC),
    C.ENQUIRE_LINK: (_ALIVE, _BOTH),
    C.ENQUIRE_LINK_RESP: (_ALIVE, _BOTH),
    C.ALERT_NOTIFICATION: (_RX, _SMSC),
    C.GENERIC_NACK: (_ALIVE, _BOTH),
}

BOUND_BY: Final[dict[int, State]] = {
    int(C.BIND_TRANSMITTER): State.BOUND_TX,
    int(C.BIND_RECEIVER): State.BOUND_RX,
    int(C.BIND_TRANSCEIVER): State.BOUND_TRX,
}
"""The state that each bind leads to once it is accepted."""

_ROWS: Final[dict[tuple[State, Role], frozenset[int]]] = {
    (state, role): frozenset(
        int(command) for command, (states, roles) in _TABLE.items() if state in states and role in roles
    )
    for state in State
    for role in Role
}


def legal(command_id: int, state: State, sender: Role) -> bool:
    """Say whether ``sender`` may send this command in a session that is in ``state``.

    For UNBINDING and UNBOUND this is what is legal whatever the bind was; ``legal_ending`` knows the rest.
    """
    return command_id in _ROWS[state, sender]


def legal_ending(command_id: int, bound_as: State, sender: Role, *, may_ask: bool) -> bool:
    """Say the same of a session that was ``bound_as`` and is UNBINDING or UNBOUND.

    Both sides may still answer. ``may_ask`` is true of the side that has not said unbind, until it has answered it.
    """
    if command_id & RESPONSE_BIT or may_ask:
        return command_id in _ROWS[bound_as, sender]
    return command_id in _ROWS[State.UNBINDING, sender]


def may_ever_send(command_id: int, sender: Role) -> bool:
    """Say whether there is any state in which ``sender`` may send this command."""
    return any(command_id in _ROWS[state, sender] for state in State)
