"""The leases that this node holds, as its binds ask for them: values in memory, and until when they may be believed.

Implements ``carriers.tenure.Tenure``. All leases hold as long as the node's one heartbeat, so there is one time for
all: counted on our boot clock from before the renewing query was sent, it is over here before it is over in the
database. It asks the database nothing; ``gateway.traffic.nodes`` does, and tells it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import trio

from gateway.base import Clock
from gateway.model.nodes import JANITOR, LeaseKey

GUARD_S: Final = 0.25
"""So much earlier than the database we believe that a lease is over: clocks differ in pace."""


class Lease:
    """One lease. Who wants it, whether it is held, and whether it shall be given back."""

    def __init__(self, office: Tenancy) -> None:
        self.fence: int | None = None
        self.wanted = False
        self.asked = False
        self._office = office
        self._changed = trio.Event()

    def set(self, fence: int | None, *, asked: bool = False) -> None:
        """Hold it under this fencing number (None: not any more); ``asked``: it shall be given back."""
        if (fence, asked) != (self.fence, self.asked):
            self.fence, self.asked = fence, asked
            self._changed.set()
            self._changed = trio.Event()

    def until(self) -> float:
        """See ``Tenure``."""
        return self._office.until if self.fence is not None else -math.inf

    async def granted(self) -> None:
        """See ``Tenure``."""
        self.wanted = True
        held = False
        try:
            self._office.changed()
            while self.fence is None or not self._office.holds:
                await self._changed.wait()
            held = True
        finally:
            self.wanted = held

    async def lost(self) -> None:
        """See ``Tenure``."""
        while self.fence is not None:
            await self._changed.wait()

    async def wanted_back(self) -> None:
        """See ``Tenure``."""
        while not self.asked:
            await self._changed.wait()

    def returned(self) -> None:
        """See ``Tenure``."""
        self.wanted = False
        self._office.give_back(self)


class Tenancy:
    """All leases of this node. ``until`` is how long they may be believed (boot seconds)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[LeaseKey, Lease] = {}
        self._bell = trio.Event()
        self.until = -math.inf
        self.to_release: set[LeaseKey] = set()
        self("", 0).wanted = True  # the janitor's work is wanted by every node

    def __call__(self, carrier: str, number: int) -> Lease:
        """Return the tenure of a bind; the same one each time."""
        return self._leases.setdefault((carrier, number), Lease(self))

    @property
    def holds(self) -> bool:
        """Whether what is held may be believed now."""
        return self._clock.boot() < self.until

    @property
    def on_duty(self) -> bool:
        """Whether this node does the janitor's work."""
        return self.holds and self._leases[JANITOR].fence is not None

    def wanted(self) -> list[LeaseKey]:
        """Return the binds that shall be held by somebody: those that wait for leave, and those that have it."""
        return [key for key, lease in self._leases.items() if lease.wanted and key != JANITOR]

    def fences(self) -> dict[LeaseKey, int]:
        """Return the fencing numbers of what is held and may be believed, the janitor's work excluded."""
        if not self.holds:
            return {}
        return {key: lease.fence for key, lease in self._leases.items() if lease.fence is not None and key != JANITOR}

    def renewed(self, until: float, ours: Mapping[LeaseKey, int]) -> None:
        """Learn that the heartbeat was renewed, and which leases are ours by the database; the others are lost.

        What is ours there, and held by nobody here, is to be released: its taking was not known to have happened.
        """
        self.until = until
        lost = {key for key, lease in self._leases.items() if lease.fence is not None and ours.get(key) != lease.fence}
        for key in lost:
            self._leases[key].set(None)
        for key, fence in ours.items():
            lease = self(*key)
            if key in lost:
                continue  # what was bound under it must end before it is held again
            if lease.wanted and key not in self.to_release:
                lease.set(fence, asked=lease.asked)
            elif lease.fence is None:
                self.to_release.add(key)

    def hold(self, key: LeaseKey, fence: int) -> None:
        """Learn that a lease was taken."""
        if self(*key).wanted:
            self(*key).set(fence)
        else:
            self.to_release.add(key)

    def ask_back(self, key: LeaseKey) -> None:
        """Have a lease given back in good order."""
        lease = self(*key)
        if lease.fence is not None:
            lease.set(lease.fence, asked=True)

    def give_back(self, lease: Lease) -> None:
        """Learn that nothing is bound under a lease any more."""
        lease.set(None)
        self.to_release.update(key for key, known in self._leases.items() if known is lease)
        self.changed()

    def expire(self) -> bool:
        """Lose everything if its time is over; say whether it was."""
        if self.holds:
            return False
        for lease in self._leases.values():
            lease.set(None)
        return True

    def changed(self) -> None:
        """Say that the database should be told, or asked, now."""
        self._bell.set()

    async def rung(self) -> None:
        """Wait for that."""
        await self._bell.wait()
        self._bell = trio.Event()
