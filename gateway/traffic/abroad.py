"""The fence across nodes: permits that other nodes hold for a subscriber whose consent was narrowed here.

Asked after the commit that narrowed it. That transaction and the one that mints lock the same row of the pair, so each
permit of another node is in the store by then, or will never be minted. If there are any, their nodes are asked to take
them back; otherwise nobody is asked, and the ack goes on after one look. Who does not answer is waited for until its
permits have outlived their life, counted on our boot clock from our commit: they may be younger than that, never older.

The other way round: what another node asks passes through our own writer first. Permits reach their binds in the order
of commits, so by then whatever was minted before that opt-out is in a bind's hands, where the fence finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
import trio

from gateway.base import Clock
from gateway.model.address import Msisdn
from gateway.store.errors import StoreUnavailable
from gateway.store.hot_consent import Key
from gateway.store.hot_leases import holders
from gateway.store.jobs import Identity, Job
from gateway.store.side import Side
from gateway.store.writer import Writer
from gateway.traffic.fence import Fence, Pending
from gateway.traffic.gate import SHORT_LIFE_S
from gateway.traffic.voices import FENCE, FENCED, Voices

_log = structlog.get_logger(__name__)

MARGIN_S: Final = 0.25
"""How much longer than a permit's life we wait: clocks differ in pace, and a send takes its time."""
AT_ONCE: Final = 100
"""Pairs in one message, of which the database's channel takes 8,000 octets; and acks that wait for one question."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ask:
    """Who asks: the pairs, and when their commit was known (boot clock); ``done`` is set when it may go on."""

    keys: tuple[Key, ...]
    at: float
    done: trio.Event = field(default_factory=trio.Event)


class Abroad:
    """Asks the other nodes, and answers them. ``questions`` counts those that had to be asked."""

    def __init__(self, side: Side, writer: Writer, clock: Clock, me: Identity, voices: Voices, fence: Fence) -> None:
        self._side = side
        self._writer = writer
        self._clock = clock
        self._me = me
        self._voices = voices
        self._fence = fence
        self._asked: list[_Ask] = []
        self._bell = trio.Event()
        self.questions = 0
        self._open: dict[int, tuple[set[tuple[str, int]], trio.Event]] = {}
        self._nursery: trio.Nursery | None = None
        self.waited: Callable[[float], None] = lambda seconds: None
        voices.on(FENCE, self._ask_here)
        voices.on(FENCED, self._answered)

    def ask(self, keys: Sequence[Key]) -> trio.Event:
        """Return what is set once no other node can write anything to these pairs on grounds of before.

        To be called in the callback of the commit that narrowed their consent.
        """
        ask = _Ask(tuple(keys), self._clock.boot())
        self._asked.append(ask)
        self._bell.set()
        return ask.done

    async def run(self) -> None:
        """Ask until cancelled: all that was asked for in one go of the loop is one question."""
        async with trio.open_nursery() as self._nursery:
            while True:
                await self._bell.wait()
                self._bell = trio.Event()
                asked, self._asked = self._asked, []
                for some in range(0, len(asked), AT_ONCE):
                    self._nursery.start_soon(self._settle, asked[some : some + AT_ONCE])

    async def _settle(self, asked: Sequence[_Ask]) -> None:
        keys = {key for ask in asked for key in ask.keys}
        began = max(ask.at for ask in asked)
        with trio.move_on_after(began + SHORT_LIFE_S + MARGIN_S - self._clock.boot()) as patience:
            try:
                nodes = set(await self._side.run(lambda tx: holders(tx, self._me, keys)))
            except StoreUnavailable as error:
                _log.warning("not known which nodes hold permits: their life is waited for", error=str(error))
                await trio.sleep_forever()
            async with trio.open_nursery() as nursery:
                ordered = sorted(keys) if nodes else []
                for some in range(0, len(ordered), AT_ONCE):
                    nursery.start_soon(self._wait_for, set(nodes), ordered[some : some + AT_ONCE])
        if patience.cancelled_caught:
            _log.warning("an opt-out waited for the life of another node's permits", pairs=len(keys))
        self.waited(self._clock.boot() - began)
        for ask in asked:
            ask.done.set()

    async def _wait_for(self, nodes: set[tuple[str, int]], keys: Sequence[Key]) -> None:
        """Ask these nodes about these pairs, and wait until each of them has answered."""
        self.questions += 1
        number, answered = self.questions, trio.Event()
        self._open[number] = (nodes, answered)
        try:
            self._voices.say(FENCE, number=number, keys=keys)
            await answered.wait()
        finally:
            del self._open[number]

    def _answered(self, node: str, life: int, message: Mapping[str, Any]) -> None:
        if message["to"] != [self._me.node, self._me.life] or (found := self._open.get(message["number"])) is None:
            return
        nodes, answered = found
        nodes.discard((node, life))
        if not nodes:
            answered.set()

    def _ask_here(self, node: str, life: int, message: Mapping[str, Any]) -> None:
        """Take back what we hold of these pairs, behind everything that our writer has minted."""
        keys = [(int(line_id), Msisdn(subscriber)) for line_id, subscriber in message["keys"]]

        def done(_: None) -> None:
            pending = self._fence.take_back(keys)
            if self._nursery is not None:
                self._nursery.start_soon(self._answer, node, life, message["number"], pending)

        def failed(error: Exception) -> None:
            _log.warning("another node's opt-out waits for the life of our permits", error=str(error))

        self._writer.put(Job(lambda tx: None, done, failed, "another node's opt-out"))

    async def _answer(self, node: str, life: int, number: int, pending: Sequence[Pending]) -> None:
        await self._fence.stand(pending)
        self._voices.say(FENCED, to=[node, life], number=number)
