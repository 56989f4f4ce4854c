"""What the time asks of a session: nothing, an enquire_link, or an end. A function of the time that it is told.

It holds marks (when something was last heard, since when a bind is due) and five limits; it owns no clock and starts no
timer. ``what_now`` changes nothing; the session acts on the answer and sets marks. ``next_at`` is the earliest time at
which the answer can be another one, so the shell knows how long it may sleep. All times are seconds of one clock that
never goes back.

An enquire_link goes out after silence only, and any PDU counts as life: a busy link needs no proof, and a link that
died without a word is found out within ``enquire_link_s + response_timeout_s``.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.base.value import value


class StopReason(StrEnum):
    """Why the time is up, as an operator reads it."""

    BIND = "bind timed out"
    STALLED = "a PDU stalled half-way"
    LINK_CHECK = "link check unanswered"
    UNBIND = "unbind unanswered"
    LINGERING = "the peer unbound and did not close"


@value
class Nothing:
    """There is nothing to do yet."""


@value
class SendEnquireLink:
    """The link has been silent: ask whether anybody is there."""


@value
class Stop:
    """The connection must end."""

    reason: StopReason


Verdict = Nothing | SendEnquireLink | Stop


class SessionTimers:
    """The marks of one session. All limits in seconds; ``now`` is when the connection was made."""

    def __init__(
        self,
        now: float,
        *,
        enquire_link_s: float,
        response_timeout_s: float,
        bind_timeout_s: float,
        read_timeout_s: float,
    ) -> None:
        self._enquire_link_s = enquire_link_s
        self._response_timeout_s = response_timeout_s
        self._bind_timeout_s = bind_timeout_s
        self._read_timeout_s = read_timeout_s
        self._bind_due: float | None = now + bind_timeout_s
        self._heard_at = now
        self._enquired_at: float | None = None
        self._partial_since: float | None = None
        self._ending: tuple[float, StopReason] | None = None

    def heard(self, now: float) -> None:
        """Note that a whole PDU came: the peer lives."""
        self._heard_at = now
        self._enquired_at = None

    def bound(self, now: float) -> None:
        """Note that the session is bound: no more bind timeout, and link checks from now on."""
        self._bind_due = None
        self._heard_at = now

    def enquired(self, now: float) -> None:
        """Note that our enquire_link went out."""
        self._enquired_at = now

    def partial(self, since: float | None) -> None:
        """Note since when a PDU is being read that is not whole yet; None for none."""
        self._partial_since = since

    def ending(self, now: float, reason: StopReason) -> None:
        """Note that the end was agreed on: it may take ``response_timeout_s``, then ``reason`` holds."""
        self._bind_due = None
        if self._ending is None:
            self._ending = (now + self._response_timeout_s, reason)

    def _deadlines(self) -> list[tuple[float, Verdict]]:
        due: list[tuple[float, Verdict]] = []
        if self._ending is not None:
            due.append((self._ending[0], Stop(self._ending[1])))
        if self._partial_since is not None:
            due.append((self._partial_since + self._read_timeout_s, Stop(StopReason.STALLED)))
        if self._bind_due is not None:
            due.append((self._bind_due, Stop(StopReason.BIND)))
        elif self._enquired_at is not None:
            due.append((self._enquired_at + self._response_timeout_s, Stop(StopReason.LINK_CHECK)))
        elif self._ending is None:
            due.append((self._heard_at + self._enquire_link_s, SendEnquireLink()))
        return due

    def what_now(self, now: float) -> Verdict:
        """Say what is to be done at ``now``: of several things that are due, the one that was due first."""
        at, verdict = min(self._deadlines(), key=lambda due: due[0])
        return verdict if now >= at else Nothing()

    def next_at(self) -> float:
        """Return the earliest time at which ``what_now`` says something else than Nothing."""
        return min(at for at, _ in self._deadlines())
