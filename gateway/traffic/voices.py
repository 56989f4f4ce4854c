"""What nodes say to one another: a few short messages over the database's own channel.

Nothing depends on a message coming: each only makes something happen now that would happen soon. So what cannot be
said is dropped, and what cannot be read is, too. Messages hold numbers of subscribers; they are never logged.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
import trio

from gateway.base import Clock
from gateway.store.errors import StoreUnavailable
from gateway.store.hot_leases import say
from gateway.store.jobs import Identity
from gateway.store.side import Side, SideTx

_log = structlog.get_logger(__name__)

LOOK: Final = "look"
"""A lease was given back: whose turn is it?"""
RING: Final = "ring"
"""Messages wait in these places, and whoever says so cannot take them all."""
FENCE: Final = "fence"
"""These pairs' consent was narrowed: take their permits back, and answer."""
FENCED: Final = "fenced"
"""That was done."""
BRAKES: Final = "brakes"
"""Something was paused or resumed."""

MOST_WAITING: Final = 1000
RING_AGAIN_S: Final = 0.1

Heard = Callable[[str, int, Mapping[str, Any]], None]
"""(node, its life, the message) of another node."""


class Voices:
    """Says things to the other nodes, and hears what they say. ``on`` sets who hears which kind."""

    def __init__(self, side: Side, clock: Clock, me: Identity) -> None:
        self._side = side
        self._clock = clock
        self._me = me
        self._heard: dict[str, Heard] = {}
        self._out: deque[str] = deque(maxlen=MOST_WAITING)
        self._bell = trio.Event()
        self._rung: dict[Sequence[object], float] = {}

    def on(self, kind: str, heard: Heard) -> None:
        """Have ``heard`` called, in the Trio thread, for every message of this kind by another node."""
        self._heard[kind] = heard

    def say(self, kind: str, **facts: object) -> None:
        """Say something soon; returns at once."""
        self._out.append(json.dumps({"kind": kind, "node": self._me.node, "life": self._me.life, **facts}))
        self._bell.set()

    def ring(self, places: Iterable[Sequence[object]]) -> None:
        """Say which places have messages, each at most every ``RING_AGAIN_S``."""
        now = self._clock.monotonic()
        fresh = [place for place in places if now - self._rung.get(place, -RING_AGAIN_S) >= RING_AGAIN_S]
        if fresh:
            self._rung = {place: at for place, at in self._rung.items() if now - at < RING_AGAIN_S}
            self._rung |= dict.fromkeys(fresh, now)
            for some in range(0, len(fresh), 200):
                self.say(RING, places=[list(place) for place in fresh[some : some + 200]])

    async def run(self) -> None:
        """Say and hear until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._side.listen, self._hear, self._deaf)
            while True:
                await self._bell.wait()
                self._bell = trio.Event()
                await self.flush()

    async def flush(self) -> None:
        """Say what waits to be said."""
        messages = list(self._out)
        self._out.clear()
        try:
            await self._side.run(partial(_say_all, messages))
        except StoreUnavailable as error:
            _log.warning("other nodes were not told", count=len(messages), error=str(error))

    def _hear(self, message: str) -> None:
        try:
            read = json.loads(message)
            who = (str(read["node"]), int(read["life"]))
            heard = self._heard.get(read["kind"])
        except (ValueError, KeyError, TypeError):
            _log.warning("not understood what was said on the database's channel", octets=len(message))
            return
        if heard is not None and who != (self._me.node, self._me.life):
            heard(*who, read)

    def _deaf(self) -> None:
        """Something may have been missed: look at what can be looked at."""
        for kind in (LOOK, BRAKES):
            if (heard := self._heard.get(kind)) is not None:
                heard("", 0, {})


def _say_all(messages: Sequence[str], tx: SideTx) -> None:
    for message in messages:
        say(tx, message)
