"""The owner's short way with the two PDUs that come with every message: a plain deliver_sm, and submit_sm accepted.

A PDU as a rule becomes a value of its kind, a frame around that, an event around the frame, and only then what its
owner wants of it. For these two, which are nearly all that a busy session reads, that is four objects built to be
taken apart again. So an owner may hand ``Session.receive_by`` two functions that read the octets themselves. The
session still owns everything that is a session's: framing, order, whether a deliver_sm is legal now, whether the
response answers anything, the window and the timers. A shortcut decides one thing, how the octets are told, and may
decline by returning None, whereupon everything goes the ordinary way, as if it had not been asked. It must tell what
the ordinary way would tell, and it declines whatever is out of the ordinary; a test compares the two.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Never, Protocol, TypeVar

from gateway.smpp.constants import CommandId

T_co = TypeVar("T_co", covariant=True)

_COMMAND_AND_STATUS: Final = Struct(">II")
KIND_AND_SEQUENCE: Final = Struct(">8sI")
"""What stands behind command_length: what kind of PDU it is (compare with the two below), and its number."""
PLAIN_TEXT: Final = _COMMAND_AND_STATUS.pack(CommandId.DELIVER_SM, 0)
"""command_id and command_status of a deliver_sm; a request has no status (SMPP 3.4 section 3.2)."""
ACCEPTED: Final = _COMMAND_AND_STATUS.pack(CommandId.SUBMIT_SM_RESP, 0)
"""The same of a submit_sm_resp that says yes."""


class Shortcuts(Protocol[T_co]):
    """How an owner reads the two by itself; what is returned stands among the events, in its place."""

    def text(self, raw: bytes, sequence: int) -> T_co | None:
        """Tell of a deliver_sm that is legal now; ``raw`` is the whole PDU, its body not looked at. None: declined."""
        ...

    def accepted(self, token: object, message_id: str) -> T_co | None:
        """Tell that the submit_sm under ``token`` was accepted; it is settled then. None: declined, nothing changed."""
        ...


class NoShortcuts:
    """Everything goes the ordinary way."""

    def text(self, raw: bytes, sequence: int) -> None:
        """See ``Shortcuts``."""

    def accepted(self, token: object, message_id: str) -> None:
        """See ``Shortcuts``."""


NO_SHORTCUTS: Final[Shortcuts[Never]] = NoShortcuts()
