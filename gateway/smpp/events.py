"""What a session tells its owner: one small value an event, in the order in which things happened.

A closed vocabulary: whatever a peer does ends up as one of these or as nothing. Events only tell; what the session
itself answered is already among its ``outgoing`` octets when the event is seen. Each docstring says who must act.
"""

from __future__ import annotations

from gateway.base.value import value
from gateway.smpp.pdu import BindResp, Frame, Pdu


@value
class Bound:
    """ESME: our bind was accepted; messages flow."""

    pdu: BindResp
    frame: Frame


@value
class BindRefused:
    """ESME: our bind was refused with ``status``. The session is OPEN still; closing it is the owner's choice."""

    status: int


@value
class BindRequested:
    """SMSC: an ESME asks to bind. Answer with ``accept_bind`` or ``refuse_bind``."""

    frame: Frame


@value
class Request:
    """The peer hands over a message or asks something; ``raw`` is the whole PDU as it came.

    Answer with ``respond``, save alert_notification and outbind, which have no response.
    """

    frame: Frame
    raw: bytes


@value
class Response:
    """A request of ours was answered. ``frame.pdu`` is None where the answer's body could not be read."""

    frame: Frame
    token: object
    sent_at: float


@value
class LateResponse:
    """An answer to a request that had expired; each comes once."""

    frame: Frame
    token: object


@value
class UnexpectedResponse:
    """An answer that nobody waits for: a second one, one of another kind, an unknown sequence number or command.

    It changes nothing: a request under that sequence number goes on waiting.
    """

    frame: Frame


@value
class Nacked:
    """A request of ours was answered by generic_nack; its status is ``frame.status``."""

    frame: Frame
    token: object


@value
class Expired:
    """A request of ours was not answered in time: nobody knows what became of it. A LateResponse may follow."""

    token: object
    sequence: int


@value
class Malformed:
    """A request with a good header and a body that cannot be read; ``status`` says so.

    For deliver_sm, data_sm and submit_sm the owner answers with ``respond`` (``raw`` must reach quarantine first);
    the others were answered. ``salvage``: see ``errors.BadBody``.
    """

    command_id: int
    sequence: int
    status: int
    reason: str
    raw: bytes
    salvage: Pdu | None


@value
class Rejected:
    """A request that the session refused by itself, with ``status``: unknown, or not legal here and now."""

    frame: Frame
    status: int
    raw: bytes


@value
class PeerUnbind:
    """The peer unbound and was answered; nothing may be asked any more. Closed follows with the end of the stream."""


@value
class Unbound:
    """Our unbind was answered. Closed follows at once."""


@value
class Closed:
    """The session is over, for ``reason``. ``lost_tokens`` are those of all requests that had no answer, oldest first.

    Nothing more is sent but what ``outgoing`` returns; then the connection is to be closed.
    """

    reason: str
    lost_tokens: tuple[object, ...]


Event = (
    Bound
    | BindRefused
    | BindRequested
    | Request
    | Response
    | LateResponse
    | UnexpectedResponse
    | Nacked
    | Expired
    | Malformed
    | Rejected
    | PeerUnbind
    | Unbound
    | Closed
)
