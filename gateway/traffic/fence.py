"""The fence: between the commit of an opt-out and its ack, every permit of that subscriber on that line is dealt with.

Each is revoked (not a byte of it was written), wholly written already, or its bind is closed. Nothing else is true of
any permit once ``raise_for`` returned no pending, or ``settled`` was awaited; only then may the opt-out be acked. This
holds because permits reach their binds in the order of commits, in the same thread, and the gate mints none after the
opt-out's transaction. A hold and the leaving of a list pass here too: what the gate would now judge differently is
taken back and judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
import trio

from gateway.carriers.interface import BindPort
from gateway.model.permit import Fate, Outcome
from gateway.store.hot_consent import Key

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    """A bind with a submit half-way into the kernel; ``done`` is set once it is whole or the bind is closed.

    Without a bind: other nodes, which are waited for only as long as their permits live.
    """

    bind: BindPort | None
    done: trio.Event


class Others(Protocol):
    """Other nodes that may hold permits."""

    def ask(self, keys: Sequence[Key]) -> trio.Event:
        """Return what is set, soon, once no other node can write anything to these pairs on grounds of before."""
        ...


class Fence:
    """Takes back permits on every bind of this process.

    ``settled`` is told of what was taken back, bind by bind. A bind that does not get a half-written submit out within
    ``patience_s`` is closed: the opt-out is worth more than the session. ``others`` are asked, too.
    """

    def __init__(
        self,
        binds: Callable[[], Iterable[BindPort]],
        settled: Callable[[BindPort, Sequence[Outcome]], None],
        patience_s: float = 5.0,
    ) -> None:
        self._binds = binds
        self._settled = settled
        self._patience_s = patience_s
        self.others: Others | None = None

    def raise_for(self, keys: Sequence[Key]) -> list[Pending]:
        """Take back every permit of these (line_id, subscriber) pairs; return who must still finish one.

        Does not wait. To be called in the callback of the commit that narrowed the consent, before anything is acked.
        """
        pending = self.take_back(keys)
        if self.others is not None and keys:
            pending.append(Pending(None, self.others.ask(keys)))
        return pending

    def take_back(self, keys: Iterable[Key]) -> list[Pending]:
        """Do so on the binds of this process alone."""
        pending: list[Pending] = []
        for line_id, subscriber in keys:
            for bind in self._binds():
                revocation = bind.revoke(line_id, subscriber)
                if revocation.revoked:
                    self._settled(bind, [Outcome(permit, Fate.REVOKED) for permit in revocation.revoked])
                if revocation.pending is not None:
                    pending.append(Pending(bind, revocation.pending))
        return pending

    async def stand(self, pending: Sequence[Pending]) -> None:
        """Wait until nothing that was half-written is so any more; close the binds that take too long."""
        with trio.move_on_after(self._patience_s):
            for item in pending:
                await item.done.wait()
            return
        for item in pending:
            if item.bind is not None and not item.done.is_set():
                _log.warning("bind closed for an opt-out", bind=item.bind.name, waited_s=self._patience_s)
                item.bind.close_now("a submit to a subscriber who has opted out could not be completed")
