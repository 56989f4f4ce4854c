"""The carriers that run now, and how they become those of a new configuration.

A carrier whose table did not change keeps its binds through any reload. One that changed is drained as on a stop and
bound anew, never twice at a time: carriers lock out who binds one account twice. One that is gone is drained. Keys
that name no property of a bind change under it. Session ids stay unique, because each making of a carrier has a number
of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog
import trio

from gateway.carriers.carrier import Carrier
from gateway.carriers.options import CarrierOptions
from gateway.config.changes import differing

_log = structlog.get_logger(__name__)

LIVE: Final = frozenset({"max_per_second", "weight", "prefixes", "failover_after_s"})
"""The keys of ``[[carrier]]`` that change without a new bind."""


class Fleet:
    """Carriers by name. ``make`` is given options and how many were made before; ``gone`` is told of those that ended.

    ``carriers`` are all that have not ended, in the order of the configuration; those that drain are among them.
    ``latest`` is the last one of each name, ended or not: what its answers mean is asked after it has gone, too.
    """

    def __init__(
        self,
        options: Sequence[CarrierOptions],
        make: Callable[[CarrierOptions, int], Carrier],
        gone: Callable[[Carrier], None],
    ) -> None:
        self._make = make
        self._gone = gone
        self._made = 0
        self._wanted: dict[str, CarrierOptions] = {}
        self._stopping: set[Carrier] = set()
        self._over = False
        self._nursery: trio.Nursery | None = None
        self.carriers: list[Carrier] = []
        self.latest: dict[str, Carrier] = {}
        self.want(options)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run all carriers, and those to come, until cancelled. Cancelling it closes their binds at once."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for carrier in self.carriers:
                nursery.start_soon(self._keep, carrier)
            task_status.started()
            await trio.sleep_forever()

    def want(self, options: Sequence[CarrierOptions]) -> list[str]:
        """Have the carriers of ``options``, and no others; return the names of those that begin, end or begin anew.

        Once ``stop`` was called, nothing changes any more.
        """
        if self._over:
            return []
        self._wanted = {item.name: item for item in options}
        known = {carrier.name: carrier for carrier in self.carriers}
        turned = [name for name in self._wanted if name not in known]
        for name in turned:
            self._add(name)
        for name, carrier in known.items():
            wanted = self._wanted.get(name)
            if wanted is not None and not _changed(wanted, carrier.options):
                carrier.adopt(wanted)
            else:
                turned.append(name)
                self._end(carrier)
        self._order()
        return turned

    async def stop(self) -> None:
        """Drain all carriers, each within its ``drain_s``; none begins after that."""
        self._over = True
        self._wanted = {}
        async with trio.open_nursery() as nursery:
            for carrier in self.carriers:
                nursery.start_soon(carrier.stop)

    async def _keep(self, carrier: Carrier) -> None:
        """Run a carrier until it has been drained, and then whatever is wanted under its name by then."""
        while True:
            await carrier.run()
            self._stopping.discard(carrier)
            self.carriers.remove(carrier)
            self._gone(carrier)
            if carrier.name not in self._wanted:
                return
            carrier = self._add(carrier.name, kept=True)
            self._order()

    def _add(self, name: str, *, kept: bool = False) -> Carrier:
        carrier = self._make(self._wanted[name], self._made)
        self._made += 1
        self.latest[name] = carrier
        self.carriers.append(carrier)
        if self._nursery is not None and not kept:
            self._nursery.start_soon(self._keep, carrier)
        return carrier

    def _end(self, carrier: Carrier) -> None:
        if carrier in self._stopping:
            return
        self._stopping.add(carrier)
        wanted = self._wanted.get(carrier.name)
        if wanted is None:
            _log.info("carrier drains: the configuration does not have it any more", carrier=carrier.name)
        else:
            _log.info(
                "carrier drains: its configuration changed",
                carrier=carrier.name,
                keys=_changed(wanted, carrier.options),
            )
        if self._nursery is not None:
            self._nursery.start_soon(carrier.stop)

    def _order(self) -> None:
        order = {name: number for number, name in enumerate(self._wanted)}
        self.carriers.sort(key=lambda carrier: order.get(carrier.name, len(order)))


def _changed(new: CarrierOptions, old: CarrierOptions) -> list[str]:
    """Return the keys that differ, of those that need a new bind."""
    return [key for key in differing(old, new) if key not in LIVE]
