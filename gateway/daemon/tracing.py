"""The trace of the running binds, for the faces: reads the carriers' rings, and writes down who sees whole texts.

Owns the audit of unmasked looks: before anything is shown, a row with the actor is committed, again every ten minutes
for as long as one goes on looking. Where it cannot be written, nothing unmasked is shown. The decoding is done in a
thread, so that the sessions do not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.carriers.carrier import Carrier
from gateway.carriers.trace_reading import read
from gateway.model.refusal import Refusal
from gateway.model.requests import Actor
from gateway.model.trace import TracePage, TraceQuery
from gateway.store.desk import add_audit
from gateway.store.store import Store

_log = structlog.get_logger(__name__)

AGAIN_S: Final = 600.0
"""A look that goes on is one look; after so many seconds it is written down again."""


class Tracer:
    """See ``gateway.web.ports.TracePort``. ``carriers`` are those of now."""

    def __init__(self, store: Store, clock: Clock, carriers: Callable[[], Sequence[Carrier]]) -> None:
        self._store = store
        self._clock = clock
        self._carriers = carriers
        self._audited: dict[tuple[str, str], float] = {}  # who looks at what: by names of the configuration, so few

    async def read(self, query: TraceQuery, actor: Actor) -> TracePage | Refusal:
        """Return what the rings hold of what ``query`` asks for."""
        binds = [bind for carrier in self._carriers() for bind in carrier.traced()]
        decode = read(binds, query)
        if isinstance(decode, Refusal):
            return decode
        if query.unmask:
            await self._audit(actor, query.carrier or "all carriers")
        return await trio.to_thread.run_sync(decode)

    async def _audit(self, actor: Actor, what: str) -> None:
        now = self._clock.monotonic()
        if now - self._audited.get((actor.name, what), -AGAIN_S) < AGAIN_S:
            return
        await self._store.writer.run(lambda tx: add_audit(tx, actor, "trace", what, {"unmasked": True}), "audit")
        self._audited[actor.name, what] = now
        _log.warning("PDUs are shown unmasked", actor=actor.name, what=what)
