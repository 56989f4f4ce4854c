"""What people and applications ask of the gateway, in the words of the interfaces.

HTTP, the command line and the portal all speak in these values, so that they cannot differ. Answers to requests are
``Accepted`` or a ``Refusal``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal

MAX_TEXT: Final = 255 * 153
"""Characters in the longest text that any handset can receive: 255 parts (3GPP TS 23.040 9.2.3.24.1, the part count is
one octet) of 153 GSM characters. A line's own limit is lower."""


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

    ``expires_at`` in unix seconds. ``in_reply_to`` is the id of an MO that a person answers. ``ref`` is the caller's.
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
class Idempotency:
    """The caller's promise that a repeated request is the same request.

    ``token`` is who sent it (the actor's name), ``key`` the caller's own word for the request, ``fingerprint`` the
    SHA-256 of its body. Kept for at least 24 hours under (``token``, ``key``).
    """

    token: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Replayed:
    """The request was answered before; this is that answer. Nothing was done now."""

    results: tuple[Accepted | Refusal, ...]


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The same idempotency key came before with another body. Nothing was done now."""


def plainly_refused(request: SendRequest, now: float) -> Refusal | None:
    """Judge what needs no look at the store: blank texts, endless texts, and expiries in the past (``now``: wall)."""
    if not request.text.strip():
        return Refusal(Reason.EMPTY, "The text is empty or blank; give it at least one visible character.")
    if len(request.text) > MAX_TEXT:
        detail = f"The text has {len(request.text)} characters; no handset can join more than {MAX_TEXT}."
        return Refusal(Reason.TOO_LONG, detail)
    if request.expires_at is not None and request.expires_at <= now:
        return Refusal(Reason.EXPIRED, "expires_at is in the past; name a time to come, or leave it out.")
    return None


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
    carrier: str | None = None
