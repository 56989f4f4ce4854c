"""Which PDU is legal in which session state, from whom: one table (SMPP 3.4 sections 2.2 and 2.3), and what we add.

The table does not know which side we are: ``legal`` is asked about a sender. ``Standing`` is one side's place in it,
and the only thing that moves from state to state. Neither sends, receives nor waits for anything.

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

_ENDING: Final = frozenset({State.UNBINDING, State.UNBOUND})
_CLOSED: Final = State.CLOSED  # a name costs a tenth of what asking the enumeration costs
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

    For UNBINDING and UNBOUND this is what is legal whatever the bind was; ``Standing`` knows the rest.
    """
    return command_id in _ROWS[state, sender]


def may_ever_send(command_id: int, sender: Role) -> bool:
    """Say whether there is any state in which ``sender`` may send this command."""
    return any(command_id in _ROWS[state, sender] for state in State)


class Standing:
    """Where one side's session stands, and so what each side may send. Starts OPEN.

    Both answers are worked out at each move, not at each question: a question comes with every PDU.
    """

    def __init__(self, role: Role) -> None:
        self.role: Final = role
        self._bound_as = State.OPEN
        self._move(State.OPEN)

    def _move(self, state: State) -> None:
        self._state = state
        self._sendable = _ROWS[state, self.role]
        self._receivable = _ROWS[state, self.role.other]
        if state in _ENDING:  # we answer, but do not ask
            answers = {command for command in _ROWS[self._bound_as, self.role] if command & RESPONSE_BIT}
            self._sendable |= answers
        if state is State.UNBINDING:  # the peer may ask until its own unbind
            self._receivable = _ROWS[self._bound_as, self.role.other]

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._state

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._state is _CLOSED

    @property
    def bound(self) -> bool:
        """Whether messages flow."""
        return self._state in BOUND

    def may_send(self, command_id: int) -> bool:
        """Say whether we may send this command now."""
        return command_id in self._sendable

    def may_receive(self, command_id: int) -> bool:
        """Say whether the peer may send this command now."""
        return command_id in self._receivable

    def bind(self, command_id: int) -> None:
        """Become bound by the bind request ``command_id``, which was accepted."""
        self._bound_as = BOUND_BY[command_id]
        self._move(self._bound_as)

    def unbind(self) -> None:
        """Our unbind is out."""
        self._move(State.UNBINDING)

    def be_unbound(self) -> None:
        """The peer's unbind was answered. An unbind of ours that is out stays the one that ends the session."""
        if self._state is not State.UNBINDING:
            self._move(State.UNBOUND)

    def close(self) -> None:
        """The session is over."""
        self._move(State.CLOSED)
