"""Retention: what the configuration lets go for its age, in steps so small that nobody waits for one.

Looks for what is due on a reading connection. What it then changes are jobs of the writer of some ``STEP_S`` seconds
each: how many rows that is, each step learns from the one before. Nine tenths of the time belong to the others: after a
step comes a pause of nine times its length. So an ack waits for one step at most, and old messages still go faster than
new ones come.

Of several nodes, the one that is on duty does it. What it deletes is counted; evidence is never among it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog
import trio

from gateway.base import Clock
from gateway.store import retention
from gateway.store.errors import StoreError
from gateway.store.options import StoreOptions
from gateway.store.retention import Mark
from gateway.store.store import Store
from gateway.store.tx import Tx
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)

LOOK_S: Final = 60.0
"""How often it looks for what has become due."""
AGAIN_S: Final = 7 * 86_400.0
"""How long it is until a walk returns to what was not finished in its time."""
PAGE: Final = 500
STEP_S: Final = 0.003
LEAST: Final = 10
MOST: Final = 500
SHARE: Final = 9
PAUSE_S: Final = 0.02
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that is let go: after how many seconds, and how; ``act`` returns how many rows of what it changed."""

    name: str
    kept_s: float
    act: Callable[[Tx, Sequence[int]], Mapping[str, int]]


def kinds(options: StoreOptions) -> list[Kind]:
    """Return what the configuration lets go."""
    wanted = (
        Kind("texts", options.text_days * DAY, lambda tx, ids: {"text": retention.blank(tx, ids)}),
        Kind("messages", options.message_days * DAY, _delete),
    )
    return [kind for kind in wanted if kind.kept_s]


def _delete(tx: Tx, ids: Sequence[int]) -> Mapping[str, int]:
    messages, permits = retention.delete(tx, ids)
    return {"message": messages, "permit": permits}


class Retention:
    """Lets go of what was kept long enough. ``on_duty``: whether this node is the one that does it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        options: StoreOptions,
        metrics: Metrics,
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._on_duty = on_duty
        self._size = LEAST
        self.kinds = kinds(options)

    async def run(self) -> None:
        """Look now and then, until cancelled. A store that fails ends a round, not the task."""
        while self.kinds:
            try:
                await self.round()
            except StoreError as error:
                _log.warning("retention not finished: the store did not take it", error=str(error))
            except Exception:  # noqa: BLE001 - whatever it is, it must not end the daemon: it is tried again
                self._metrics.internal_errors("retention").inc()
                _log.exception("internal error: retention was not done")
            await trio.sleep(LOOK_S)

    async def round(self) -> None:
        """Let go of all that is due now."""
        for kind in self.kinds:
            if self._on_duty():
                await self._walk(kind)

    async def _walk(self, kind: Kind) -> None:
        wall = self._clock.wall()
        mark = await self._store.read(lambda source: retention.mark_of(source, kind.name))
        if mark.skipped is not None and wall - mark.begun >= AGAIN_S:
            mark = Mark(mark.skipped - 1, None, wall)
        while self._on_duty():
            look = partial(retention.find, mark=mark, before=wall - kind.kept_s, limit=PAGE)
            found = await self._store.read(look)
            await self._let_go(kind, found.due)
            if found.mark != mark:
                mark = found.mark if mark.begun else replace(found.mark, begun=wall)
                await self._store.writer.run(partial(retention.put_mark, kind=kind.name, mark=mark), "retention mark")
            if found.is_over:
                return
            await trio.sleep(PAUSE_S)

    async def _let_go(self, kind: Kind, ids: Sequence[int]) -> None:
        while ids:
            step, ids = ids[: self._size], ids[self._size :]
            gone, seconds = await self._store.writer.run(partial(self._timed, kind, step), "retention")
            for what, count in gone.items():
                self._metrics.let_go(what).inc(count)
            rows = self._size * STEP_S / max(seconds, 1e-5)
            self._size = max(LEAST, min(MOST, round(rows), 2 * self._size))
            await trio.sleep(max(PAUSE_S, SHARE * seconds))

    def _timed(self, kind: Kind, ids: Sequence[int], tx: Tx) -> tuple[Mapping[str, int], float]:
        """Do a step; return what it changed, and how many seconds of the writer's time that took."""
        began = self._clock.monotonic()
        gone = kind.act(tx, ids)
        return gone, self._clock.monotonic() - began
