"""Leave to hold a bind, where several nodes share the carriers: asked for before it begins, and lost at any moment.

Owns the life of the binds of one number under such leave: they are kept while it is held, drained when it is wanted
back, and closed at once when it is lost. It must never decide who holds what; that is traffic's, which hands a
``Tenure`` to each number. Where one node has the carriers to itself there is none, and none of this runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import trio

if TYPE_CHECKING:
    from gateway.carriers.bind import Bind

LOST: Final = "another node may hold this bind by now"


class Tenure(Protocol):
    """The leave of one number of one carrier. For the Trio thread."""

    def until(self) -> float:
        """Return until when what is held may be written to (boot seconds): asked before each send. -inf: not held."""
        ...

    async def granted(self) -> None:
        """Wait until this node holds it."""
        ...

    async def lost(self) -> None:
        """Wait until this node does not hold it any more."""
        ...

    async def wanted_back(self) -> None:
        """Wait until it shall be given back in good order."""
        ...

    def returned(self) -> None:
        """Learn that the binds are down, for whatever reason: it may be another's now."""
        ...


Tenures = Callable[[str, int], Tenure]
"""(carrier, number) -> its tenure."""


async def keep(tenure: Tenure, binds: Sequence[Bind], drain_s: Callable[[], float], over: trio.Event) -> None:
    """Keep ``binds`` bound whenever ``tenure`` allows it, until ``over`` is set and they are drained.

    Whoever sets ``over`` drains the binds. Cancelled, it closes them at once.
    """
    while not over.is_set():
        await _either(tenure.granted, over.wait)
        if over.is_set():
            return
        try:
            await _hold(tenure, binds, drain_s)
        finally:
            tenure.returned()


async def _hold(tenure: Tenure, binds: Sequence[Bind], drain_s: Callable[[], float]) -> None:
    """Run the binds until somebody has drained them, or the leave is lost."""

    async def close() -> None:
        await tenure.lost()
        for bind in binds:
            bind.close_now(LOST)

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            for bind in binds:
                bind.rearm()
                nursery.start_soon(bind.run)

    async def drain() -> None:
        await tenure.wanted_back()
        async with trio.open_nursery() as nursery:
            for bind in binds:
                nursery.start_soon(bind.drain, drain_s())
        await trio.sleep_forever()  # it is over when the binds have ended

    await _either(close, run, drain)


async def _either(*those: Callable[[], Awaitable[None]]) -> None:
    """Wait until one of them has returned; the others are cancelled."""
    async with trio.open_nursery() as nursery:

        async def one(wait: Callable[[], Awaitable[None]]) -> None:
            await wait()
            nursery.cancel_scope.cancel()

        for wait in those:
            nursery.start_soon(one, wait)
