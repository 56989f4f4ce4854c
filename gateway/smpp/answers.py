"""How a request is answered, and with which status one is refused that is not legal here and now: pure functions.

The session calls them for what it answers by itself, and for its owner's ``respond``. They hold no state.

A refused message of a subscriber must not be lost: an ESME answers deliver_sm and data_sm that come at the wrong time
with the *temporary* error, so that the carrier tries again; everything else gets the status of the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, error
from typing import Final

from gateway.smpp.codec import encode, encode_header
from gateway.smpp.constants import RESPONSE_BIT, CommandId, Status
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.layouts import RESPONSES
from gateway.smpp.pdu import Pdu
from gateway.smpp.states import BOUND_BY, Role, may_ever_send

_PLAIN: Final = Struct(">IIIIB")
PLAIN_OCTETS: Final = _PLAIN.size
"""Octets of each of ``plain_answers``."""

_BODY_ON_ERROR: Final = frozenset({int(CommandId.DELIVER_SM), int(CommandId.DATA_SM)})
"""Requests whose refusal keeps its body; the others' is a header alone (SMPP 3.4 sections 4.1.2 and 4.4.2)."""


def answer(command_id: int, sequence: int, status: int, pdu: Pdu | None = None) -> bytes:
    """Return the response to a request ``command_id``: ``pdu``, or the plain one, or, with a ``status``, the refusal.

    ``command_id`` must be one of a request that has a response.
    """
    if pdu is None:
        if status and command_id not in _BODY_ON_ERROR:
            return encode_header(command_id | RESPONSE_BIT, sequence, status)
        pdu = RESPONSES[command_id]()
    return encode(pdu, sequence, status)


def plain_answers(command_id: int, answers: Sequence[tuple[int, int]]) -> bytes:
    """Return what ``answer`` gives for each (sequence, status), joined; ``command_id`` is deliver_sm or data_sm.

    Their answers are alike whatever the status is: a header and an empty message_id, ``PLAIN_OCTETS`` in all.
    """
    command, pack = command_id | RESPONSE_BIT, _PLAIN.pack
    try:
        return b"".join([pack(PLAIN_OCTETS, command, status, sequence, 0) for sequence, status in answers])
    except error as bad:
        raise LocalProtocolError("command_status and sequence_number must be between 0 and 0xFFFFFFFF") from bad


def refusal_status(command_id: int, receiver: Role) -> int:
    """Return the status for a request that ``receiver`` must not be sent now."""
    if not may_ever_send(command_id, receiver.other):
        return Status.ESME_RINVCMDID
    if receiver is Role.ESME and command_id in (CommandId.DELIVER_SM, CommandId.DATA_SM):
        return Status.ESME_RX_T_APPN
    if command_id in BOUND_BY:
        return Status.ESME_RALYBND
    return Status.ESME_RINVBNDSTS


def refuse(command_id: int, sequence: int, status: int) -> bytes:
    """Return what to send to refuse a request; nothing for one that has no response (outbind, alert_notification).

    A command that its sender may never send is nacked like an unknown one (section 4.3).
    """
    if command_id in (CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION):
        return b""
    if status == Status.ESME_RINVCMDID or command_id not in RESPONSES:
        return encode_header(CommandId.GENERIC_NACK, sequence, status)
    return answer(command_id, sequence, status)
