"""What the carriers and traffic say to one another: two protocols, and the few values that pass between them.

This module owns the words of that conversation and no behaviour. Traffic implements ``Inward`` and is handed
``BindPort`` and ``CarrierPort``; it never sees a socket, a PDU or a sequence window. Everything here is synchronous and
belongs to the Trio thread: a call returns without waiting, and nothing else runs in between. That is what lets the gate
say "after this call not one byte of that text is written" and be right.

The fates of a permit are four and exclusive, and each permit that was offered is settled exactly once, either through
``Inward.settled`` or by being returned from ``revoke``. Only a late response may follow (``Outcome.late``).
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import trio

from gateway.carriers.statuses import Verdict
from gateway.model.address import Msisdn
from gateway.model.messages import Arrival, Mo
from gateway.model.permit import Outcome, Permit, Writing
from gateway.model.views import BindRow


class BindState(Enum):
    """Where a bind is. DRAINING: still bound, answers MOs and awaits responses, takes no more permits."""

    DOWN = "down"
    BINDING = "binding"
    UP = "up"
    DRAINING = "draining"

    @property
    def row(self) -> str:
        """The word that status pages use: ``up``, ``binding`` or ``down``."""
        return "up" if self is BindState.DRAINING else self.value


@dataclass(frozen=True, slots=True)
class Revocation:
    """What ``revoke`` did. ``revoked``: not a byte of them was or will be written; they are the caller's again.

    ``pending`` is None when nothing of that pair is half-way into the kernel. Otherwise it is set as soon as the permit
    in question is wholly written or its session has ended; only then is it true that nothing more will be written.
    """

    revoked: tuple[Permit, ...]
    pending: trio.Event | None


class BindPort(Protocol):
    """One bind as traffic sees it. It outlives its TCP sessions; ``session`` names the present one."""

    @property
    def name(self) -> str:
        """``acme/0``: the carrier's name and this bind's number; a pair has ``acme/0.tx`` and ``acme/0.rx``."""
        ...

    @property
    def carrier(self) -> str:
        """The carrier's name."""
        ...

    @property
    def session(self) -> str:
        """The id of the present TCP session, or of the last one; unique over nodes and restarts; "" before any."""
        ...

    @property
    def state(self) -> BindState:
        """Where the bind is."""
        ...

    @property
    def bound(self) -> bool:
        """Whether the carrier has accepted the present session's bind and it has not ended."""
        ...

    @property
    def can_submit(self) -> bool:
        """Whether permits are welcome: bound as transmitter or transceiver, and not draining."""
        ...

    def free_slots(self) -> int:
        """Return how many permits of lanes 2 to 4 fit the window now. One slot is kept for lane 1 if window > 1."""
        ...

    def free_urgent(self) -> int:
        """Return how many permits of any lane fit the window now, the kept slot included."""
        ...

    def offer(self, permits: Sequence[Permit]) -> None:
        """Take ownership of ``permits``; each will be settled exactly once. Urgent ones go before all others.

        Where the bind cannot submit they are settled as RETURNED before this call returns.
        """
        ...

    def revoke(self, line_id: int, subscriber: Msisdn, spare: Container[int] = ()) -> Revocation:
        """Take back each permit of that pair of which not one byte was taken, except those with ``id`` in ``spare``.

        What was encoded but not begun is cut out of the pending chunk; what was begun is finished (see ``Revocation``).
        """
        ...

    def acknowledge(self, session: str, answers: Sequence[tuple[int, int]]) -> None:
        """Answer MOs and receipts: (sequence number, command_status) each. Ignored when ``session`` is gone."""
        ...

    def flush(self) -> None:
        """Write what waits to be written, as far as the kernel takes it now. By itself it goes one step later."""
        ...

    def let_gather(self, octets: int) -> None:
        """Let what the carrier sends lie until it is that many octets: for some milliseconds, until ``read_on``."""
        ...

    def read_on(self) -> None:
        """Read what has gathered, before this returns; and at once what comes from now on."""
        ...

    def close_now(self, reason: str) -> None:
        """End the present session at once: when this returns, not a byte more is written and all is settled."""
        ...


class ThrottlePort(Protocol):
    """How fast a carrier may be sent to, over all of its binds. Times are ``Clock.monotonic`` seconds."""

    def available(self, now: float) -> int:
        """Return how many permits may be minted for this carrier now."""
        ...

    def take(self, count: int, now: float) -> None:
        """Use ``count`` tokens, which ``available`` has just offered."""
        ...

    def give_back(self, count: int, now: float) -> None:
        """Return tokens of permits that never left (RETURNED, REVOKED)."""
        ...

    def next_at(self, now: float) -> float | None:
        """Return when the next token comes, or None if one is there now."""
        ...


class CarrierPort(Protocol):
    """One carrier as traffic and status pages see it."""

    @property
    def name(self) -> str:
        """The carrier's name in the configuration."""
        ...

    @property
    def binds(self) -> Sequence[BindPort]:
        """Its binds, in the order of their numbers; fixed for the life of the carrier."""
        ...

    @property
    def throttle(self) -> ThrottlePort:
        """Its rate, which the dispatcher asks before it claims."""
        ...

    @property
    def temporary_status(self) -> int:
        """The command_status that asks this carrier to bring a text again."""
        ...

    @property
    def writing(self) -> Writing:
        """How this carrier gets texts."""
        ...

    def verdict(self, status: int) -> Verdict:
        """Return what a submit_sm_resp with ``status`` means on this carrier."""
        ...

    def rows(self) -> list[BindRow]:
        """Return one row a bind for readiness and status pages."""
        ...


class Inward(Protocol):
    """What traffic implements. All calls come from the Trio thread and must return at once; none may raise."""

    def arrived(self, bind: BindPort, arrivals: Sequence[Arrival]) -> None:
        """Take what one read brought, in order. Each waits for ``bind.acknowledge`` under its session and sequence."""
        ...

    def put_off(self, bind: BindPort, texts: Sequence[Mo]) -> None:
        """Learn of texts that came while none may, and were told to come again: they are answered already."""
        ...

    def settled(self, bind: BindPort, outcomes: Sequence[Outcome]) -> None:
        """Take what became of permits. Those that ``revoke`` returned do not come here."""
        ...

    def acks_written(self, bind: BindPort, session: str, sequences: Sequence[int]) -> None:
        """Learn that the answers to these have been taken by the kernel, wholly."""
        ...

    def changed(self, bind: BindPort, state: BindState) -> None:
        """Learn that the bind came up or went down, or (with the state as it was) that window slots came free."""
        ...
