"""Whether the owner of a session may ask or say something here and now: what the state table says, and a little more.

It changes nothing; a breach raises LocalProtocolError, which says what would be right.
"""

from __future__ import annotations

from gateway.smpp.constants import RESPONSE_BIT, CommandId, command_name
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.states import BOUND_BY, Standing


def check_request(command: int, standing: Standing, *, bind_waits: bool) -> None:
    """Raise unless ``command`` is a request that may be sent now. ``bind_waits``: a bind of ours has no answer yet."""
    if command & RESPONSE_BIT:
        raise LocalProtocolError(f"{command_name(command)} is a response: use respond()")
    if command == CommandId.UNBIND:
        raise LocalProtocolError("unbind ends the session: use unbind()")
    if command == CommandId.ENQUIRE_LINK and not standing.bound:
        raise LocalProtocolError("enquire_link is not sent before the session is bound")
    check_may_send(command, standing)
    if bind_waits and command in BOUND_BY:
        raise LocalProtocolError("a bind is not answered yet")


def check_may_send(command: int, standing: Standing) -> None:
    """Raise unless the state table lets us send ``command``."""
    if not standing.may_send(command):
        raise LocalProtocolError(
            f"{command_name(command)} may not be sent by the {standing.role.name} while {standing.state.name}"
        )
