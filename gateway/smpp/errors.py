"""Who broke the rules: we (``LocalProtocolError``) or they (``RemoteProtocolError``); theirs has two fates.

A local error is raised before anything changed: no sequence number is used, no octet queued, no state left. A remote
error is raised by the readers only (codec, framing); the session turns it into events and never lets it out, so that
no peer can make a caller fail. *Bad body*: the header could be read, so the request can be answered and the session
lives on. *Lost framing*: the lengths cannot be trusted any more, so the connection ends. There is no third fate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.base import GatewayError

if TYPE_CHECKING:
    from gateway.smpp.pdu import Header, Pdu


class LocalProtocolError(GatewayError):
    """We asked for something that SMPP 3.4 does not allow here and now. Nothing has changed."""


class RemoteProtocolError(GatewayError):
    """The peer sent something that SMPP 3.4 does not allow. ``status`` is the command_status that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class BadBody(RemoteProtocolError):  # noqa: N818  # named by its fate, as its handlers are
    """A request with a good header and a body that cannot be read. Answer it with ``status``; the session lives.

    ``salvage`` is what could be read, where that may hold a text: the PDU with the TLVs that were whole where a later
    one was bad; or, with the status ESME_RINVMSGLEN, with what there is of a text (in short_message or message_payload)
    that is shorter than its length says. A quirk may choose to use it.
    """

    def __init__(self, header: Header, status: int, reason: str, salvage: Pdu | None = None) -> None:
        super().__init__(status, reason)
        self.header = header
        self.salvage = salvage


class LostFraming(RemoteProtocolError):  # noqa: N818  # as above
    """Nobody can tell where the next PDU starts. Send generic_nack with ``status`` and sequence 0, and close."""
