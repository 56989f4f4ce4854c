"""What people and applications ask of the gateway, in the words of the interfaces.

HTTP, the command line and the portal all speak in these values, so that they cannot differ. Answers to requests are
``Accepted`` or a ``Refusal``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gateway.model.messages import Lane, MessageState


class Role(IntEnum):
    """What a caller may do; each includes the ones below it."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as the configuration spells it: ``operator``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a token's name, or the local user behind the Unix socket. Audited as ``name``."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message that somebody wants sent. ``line`` and ``to`` are as the caller spelt them.

    ``expires_at`` in unix seconds. ``in_reply_to`` is the id of an MO that a person answers. ``ref`` is the caller's own.
    """

    line: str
    to: str
    text: str
    lane: Lane = Lane.NORMAL
    list_name: str | None = None
    expires_at: float | None = None
    ref: str | None = None
    in_reply_to: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is stored and will be sent, or reported."""

    id: int
    state: MessageState


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """Which messages. None matches all. ``before_id`` is the cursor: newest first, ids below it.

    ``direction`` is "mo" or "mt". ``created_before`` and ``created_after`` in unix seconds.
    """

    line: str | None = None
    number: str | None = None
    direction: str | None = None
    state: MessageState | None = None
    lane: Lane | None = None
    list_name: str | None = None
    ref: str | None = None
    created_after: float | None = None
    created_before: float | None = None
    before_id: int | None = None
    limit: int = 100
