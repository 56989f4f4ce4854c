"""This node among others: its heartbeat, its leases, and what follows when any of them begins or ends.

One loop: give back what is not bound any more, beat, and do what ``spread`` says about the leases that came back with
the heartbeat. It turns every second, and at once when something changed here or somebody said so. When the database
does not answer it tries again, and when the heartbeat is over, whatever was held is lost, without asking anybody.

Must never keep a lease that it cannot renew, and never end the process for a database that is gone: the writer's
clients get their temporary errors, and both go on when it is back. Only a second process under our own name ends this
one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Set
from functools import partial
from typing import Final

import structlog
import trio

from gateway.base import Clock, GatewayError
from gateway.model.nodes import JANITOR, LeaseKey, LeaseRow, Pulse
from gateway.store.errors import StoreUnavailable
from gateway.store.hot_leases import beat, leave, note_sessions, permits_of_the_dead, release, take
from gateway.store.jobs import Identity
from gateway.store.side import Side
from gateway.traffic.spread import spread
from gateway.traffic.tenancy import GUARD_S, Tenancy
from gateway.traffic.voices import LOOK, Voices

_log = structlog.get_logger(__name__)

BEAT_S: Final = 1.0
AGAIN_S: Final = 0.25
_LEAST_S: Final = 0.05


class NodeReplaced(GatewayError):  # noqa: N818 - what the operator sees
    """Another process has begun the next life of this node."""

    exit_code = 75  # EX_TEMPFAIL


class Nodes:
    """``sessions`` says which sessions are live here, by lease; ``sweep`` settles the permits of nodes that are over.

    ``seen`` is told of every heartbeat: what came back, and how many leases this node took over from others with it.
    """

    def __init__(
        self,
        side: Side,
        clock: Clock,
        me: Identity,
        lease_s: float,
        voices: Voices,
        sessions: Callable[[], Mapping[LeaseKey, Set[str]]],
        sweep: Callable[[], Awaitable[int]],
        seen: Callable[[Pulse, int], None],
    ) -> None:
        self._side = side
        self._clock = clock
        self._me = me
        self._lease_s = lease_s
        self._voices = voices
        self._sessions = sessions
        self._sweep = sweep
        self._seen = seen
        self._noted: dict[LeaseKey, Set[str]] = {}
        self._failing = False
        self.tenancy = Tenancy(clock)
        self.pulse = Pulse((), ())
        voices.on(LOOK, lambda node, life, message: self.tenancy.changed())

    @property
    def others(self) -> bool:
        """Whether another node was alive at the last heartbeat."""
        return len(self.pulse.living) > 1

    def owners(self) -> dict[LeaseKey, str]:
        """Return who owns which bind, by the last heartbeat; "" where nobody does."""
        return {lease.key: self.pulse.owner(lease) for lease in self.pulse.leases if lease.key != JANITOR}

    async def join(self) -> None:
        """Beat for the first time; raises StoreUnavailable where that fails."""
        await self._beat()

    async def run(self) -> None:
        """Beat until cancelled. Raises NodeReplaced."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._expire)
            while True:
                wait = BEAT_S
                try:
                    await self._turn()
                    self._failing = False
                except StoreUnavailable as error:
                    wait = AGAIN_S
                    if not self._failing:
                        _log.error("no heartbeat: the database is not reached", error=str(error))
                    self._failing = True
                with trio.move_on_after(wait):
                    await self.tenancy.rung()
                    await trio.sleep(_LEAST_S)  # what changes together is told together

    async def leave(self) -> None:
        """Give everything back: this node stops. What the database does not take, it finds out by itself."""
        try:
            await self._side.run(lambda tx: leave(tx, self._me))
        except StoreUnavailable as error:
            _log.warning("leases not given back: they run out by themselves", error=str(error))
        self._voices.say(LOOK)

    async def _turn(self) -> None:
        for key in list(self.tenancy.to_release):
            await self._side.run(partial(release, me=self._me, key=key))
            self.tenancy.to_release.discard(key)
            self._noted.pop(key, None)
            self._voices.say(LOOK)
        await self._note_sessions()
        await self._beat()
        wish = spread(self._me.node, self.pulse, self.tenancy.wanted())
        taken = 0
        for key, seen in wish.take:
            taken += await self._take(key, seen)
        if wish.give is not None:
            _log.info("bind given back: another node has fewer", carrier=wish.give[0], number=wish.give[1])
            self.tenancy.ask_back(wish.give)
        self._seen(self.pulse, taken)
        over = await self._side.run(partial(permits_of_the_dead, me=self._me, limit=1)) if self.tenancy.on_duty else []
        if over:
            count = await self._sweep()
            _log.warning("permits of nodes that are over have no recorded answer", count=count)

    async def _beat(self) -> None:
        sent = self._clock.boot()
        pulse = await self._side.run(lambda tx: beat(tx, self._me, self._lease_s))
        if pulse is None:
            raise NodeReplaced(
                f'another process runs as node "{self._me.node}" on the same store; give each its own [gateway] node'
            )
        self.pulse = pulse
        ours = {
            lease.key: lease.fence
            for lease in pulse.leases
            if (lease.node, lease.life) == (self._me.node, self._me.life)
        }
        self.tenancy.renewed(sent + self._lease_s - GUARD_S, ours)

    async def _take(self, key: LeaseKey, seen: LeaseRow | None) -> bool:
        """Take a lease; say whether it was another node's before."""
        fence = await self._side.run(partial(take, me=self._me, key=key, seen=seen))
        if fence is None:
            return False
        self.tenancy.hold(key, fence)
        before = seen.node if seen else ""
        if key != JANITOR:
            _log.info("bind is ours", carrier=key[0], number=key[1], taken_over_from=before, fence=fence)
        return key != JANITOR and before not in ("", self._me.node)

    async def _note_sessions(self) -> None:
        live = self._sessions()
        fresh = {key: names for key, names in live.items() if self._noted.get(key, frozenset()) != names}
        if fresh:
            await self._side.run(lambda tx: note_sessions(tx, self._me, fresh))
            self._noted |= fresh

    async def _expire(self) -> None:
        """Lose what is held when its time is over, whatever the other task waits for."""
        while True:
            left = self.tenancy.until - self._clock.boot()
            if left > 0:
                await trio.sleep(min(left, BEAT_S))
            elif self.tenancy.expire():
                await trio.sleep(_LEAST_S)
