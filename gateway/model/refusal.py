"""A refusal: the value that says why a message does not go, or why a consent change is not made.

Refusals are values, not exceptions: they are ordinary answers, stored and counted. ``Reason`` values are the stable
problem types of the HTTP interface (RFC 9457) and the labels of the refusals metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why not. The strings are public."""

    OPTED_OUT = "opted-out"
    NOT_OPTED_IN = "not-opted-in"
    HELD = "held"
    SUSPENDED = "suspended"
    NOT_A_MEMBER = "not-a-member"
    QUIET_HOURS = "quiet-hours"
    NOT_MOBILE = "not-mobile"
    NOT_A_NUMBER = "not-a-number"
    UNKNOWN_LINE = "unknown-line"
    UNKNOWN_LIST = "unknown-list"
    UNKNOWN_MESSAGE = "unknown-message"
    UNKNOWN_CARRIER = "unknown-carrier"
    UNKNOWN_LANE = "unknown-lane"
    TOO_LONG = "too-long"
    NOT_IN_ALPHABET = "not-in-alphabet"  # begun on a carrier whose alphabet had it; the one that is left has not
    EMPTY = "empty"
    BACKLOG_FULL = "backlog-full"
    UNAVAILABLE = "unavailable"  # the store failed halfway through a batch, after some of it was accepted
    STORAGE_FULL = "storage-full"  # the same, since its disk is full
    EXPIRED = "expired"
    STALE = "stale"  # accepted before an opt-out
    NOT_AN_ANSWER = "not-an-answer"  # in_reply_to names an MO that is too old, or somebody else's
    REPLY_LIMIT = "reply-limit"
    CANCELLED = "cancelled"
    NOT_RESTORED = "not-restored"  # there is no restored store whose opt-outs are missing
    BAD_LOG = "bad-log"  # a line is no whole record of a suppression log
    NOT_UNCERTAIN = "not-uncertain"  # only an uncertain message can be resent or failed by a person


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message does not go. ``detail`` is a sentence for a person; ``since`` and ``source`` date an opt-out.

    ``retry_after_s``: seconds after which it may go, where that can be told.
    """

    reason: Reason
    detail: str
    since: float | None = None
    source: str | None = None
    retry_after_s: int | None = None
