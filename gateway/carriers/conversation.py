"""The IO of one session: three tasks around a ``Link``, and one way to end.

Owns the wire while the session lasts. A reader, a writer and a time-keeper call the link and tell traffic what came of
it; nothing is decided here. Whatever ends the session ends it through ``finish``, which is synchronous and runs once:
afterwards not one octet is written and every permit is settled.

The writer wakes one scheduling step after whoever gave it work, so all that was given by then (the answers of a whole
commit, and the submits that follow from it) leaves in one send. Only what waits for slots leaves at once, as the reader
finds them answered: see ``_refill``. While the peer does not read, the writer waits for the
kernel and the reader goes on; once the answers that wait have outgrown their bound, the reader stops too. It also stops
while as many MOs as may wait for the store (docs/decisions/0015): then the carrier waits, and nothing is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import trio

from gateway.carriers.harvest import Harvest, Turn
from gateway.carriers.interface import BindPort, Inward
from gateway.carriers.link import Link
from gateway.carriers.observer import Observer
from gateway.carriers.wire import Wire, WireError
from gateway.model.permit import Outcome
from gateway.smpp import events as ev

GRAIN_S: Final = 0.5
"""The longest that the time-keeper sleeps: a deadline may come nearer than the one it went to sleep with."""

ANSWERS_OCTETS: Final = 65_536
"""The reader stops while more octets of answers than this wait for a peer that does not read."""

Tap = Callable[[str, bytes], None]
"""Shown "in" or "out", and octets as they were read, or as the kernel took them; not cut into PDUs."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom a session tells. ``settled``: permits; ``turned``: its turns; ``ended``: the reason and what was left.

    ``until`` is asked how long the session may be written to (boot seconds), where that is not for ever.
    """

    port: BindPort
    inward: Inward
    observer: Observer
    settled: Callable[[Sequence[Outcome]], None]
    turned: Callable[[Turn], None]
    ended: Callable[[str, Sequence[Outcome]], None]
    tap: Callable[[], Tap | None]
    until: Callable[[], float] | None = None


class Conversation:
    """One session on one wire."""

    def __init__(self, link: Link, wire: Wire, listeners: Listeners) -> None:
        self.link = link
        self.ended = False
        self._wire = wire
        self._to = listeners
        self._over = trio.Event()
        # Whoever waits checks its condition and parks in one step, so no ring is lost.
        self._is_blocked = False  # the kernel takes no more
        self._rung = False  # since the writer began its present round
        self._work = trio.lowlevel.ParkingLot()  # the writer
        self._progress = trio.lowlevel.ParkingLot()  # the reader that waits for room; a drain

    async def carry(self) -> None:
        """Serve the session until it ends. Cancelling closes it at once, with everything settled."""
        try:
            async with trio.open_nursery() as nursery:
                for task in (self._read, self._write, self._keep_time):
                    nursery.start_soon(task)
                await self._over.wait()
                nursery.cancel_scope.cancel()
        finally:
            self.finish("stopped")

    def ring(self) -> None:
        """Wake the writer: there is work."""
        self._rung = True
        if self._work:
            self._work.unpark_all()

    def progressed(self) -> None:
        """Wake those who wait for something to have changed."""
        if self._progress:
            self._progress.unpark_all()

    def flush(self) -> None:
        """Write now what the writer was woken for, unless it waits for the kernel."""
        if not (self.ended or self._is_blocked) and self.link.wants_to_send:
            with self._wire_errors():
                harvest = self._pump()
                if self._is_blocked:
                    self.ring()
                self._deliver(harvest)

    def let_gather(self, octets: int) -> None:
        """Let what comes gather in the kernel until it is that much, or ``read_on`` is called."""
        self._wire.let_gather(octets)

    def read_on(self) -> None:
        """Read what has gathered, now; from here on read at once what comes.

        That is one read: a peer that sends as fast as we read must not keep us here. The reader goes on.
        """
        self._wire.let_gather(1)
        if self.ended or self.link.sated or self.link.answer_octets > ANSWERS_OCTETS:
            return
        with self._wire_errors():
            if (data := self._wire.receive_now()) is not None:
                self._received(data)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds or the session is over."""
        while not self.ended and not condition():
            await self._progress.park()

    def finish(self, reason: str, last_words: bytes = b"") -> None:
        """End the session now: close, settle, tell. Harmless when it has ended."""
        if self.ended:
            return
        self.ended = True
        if last_words:
            with suppress(WireError):  # said for courtesy: nobody may be listening
                self._send(last_words)
        self._wire.close()
        outcomes = self.link.end()
        self._over.set()
        self.progressed()
        self._to.ended(reason, outcomes)

    async def _read(self) -> None:
        with self._wire_errors():
            while not self.ended:
                await self.until(self._may_read)
                if self.ended:
                    return
                self._received(await self._wire.receive())

    def _received(self, data: bytes) -> None:
        self._show("in", data)
        harvest = self.link.received(data)
        try:
            if harvest.outcomes and not harvest.turns and self.link.wants_to_send:
                self._refill(harvest)
        finally:  # what was read is told, even where nothing can be written any more
            self._deliver(harvest)

    def _refill(self, harvest: Harvest) -> None:
        """Fill the slots that answers made free with what waits ahead of the window; add to what the answers brought.

        The writer would do it one scheduling step later. But who is told of the answers may begin a turn in that very
        step, whose statements take milliseconds, and the slots would stand empty meanwhile.
        """
        written = self._pump()
        harvest.outcomes += written.outcomes
        harvest.turns += written.turns
        harvest.acks_written += written.acks_written
        if self._is_blocked:
            self.ring()

    def _may_read(self) -> bool:
        return self.link.may_read() and self.link.answer_octets <= ANSWERS_OCTETS

    async def _write(self) -> None:
        with self._wire_errors():
            while not self.ended:
                self._rung = False
                harvest = self._pump()
                self._deliver(harvest, rung=False)
                if self.ended:
                    return
                if self._is_blocked:
                    await self._wire.wait_writable()
                elif self._rung or (harvest.octets and self.link.wants_to_send):
                    await trio.lowlevel.checkpoint()
                else:
                    await self._work.park()

    def _pump(self) -> Harvest:
        """Write one chunk; note whether the kernel takes more."""
        harvest = self.link.pump(self._send)
        self._is_blocked = harvest.blocked or self._wire.unsent
        return harvest

    def _send(self, data: bytes) -> int:
        if self._to.until is not None and (why := self.link.silenced(self._to.until())):
            raise WireError(why)
        taken = self._wire.send_some(data)
        self._show("out", data[:taken])
        return taken

    def _show(self, direction: str, data: bytes) -> None:
        tap = self._to.tap()
        if tap is not None and data:
            tap(direction, data)

    async def _keep_time(self) -> None:
        while not self.ended:
            self._to.observer.window(self._to.port.name, self.link.live, self.link.window)
            await trio.sleep(max(0.0, min(GRAIN_S, self.link.next_deadline())))
            self._deliver(self.link.tick())

    @contextmanager
    def _wire_errors(self) -> Iterator[None]:
        try:
            yield
        except WireError as error:
            self.finish(str(error))

    def _deliver(self, harvest: Harvest, *, rung: bool = True) -> None:
        """Tell what one step brought: turns first, outcomes before arrivals (a receipt may follow its response)."""
        to = self._to
        closed: ev.Closed | None = None
        if harvest.turns:
            closed = self._turn(harvest.turns)
        if harvest.outcomes:
            to.settled(harvest.outcomes)
        if harvest.put_off:
            to.inward.put_off(to.port, harvest.put_off)
        if harvest.arrivals:
            to.inward.arrived(to.port, harvest.arrivals)
        if harvest.acks_written:
            to.inward.acks_written(to.port, self.link.id, harvest.acks_written)
        if closed is not None:
            self.finish(closed.reason, self.link.farewell())
        elif self.link.done:
            self.finish("the carrier unbound")
        if self.ended:
            return
        self.progressed()
        if rung and self.link.wants_to_send:
            self.ring()
        if harvest.outcomes:
            to.inward.changed(to.port, to.port.state)

    def _turn(self, turns: Iterable[Turn]) -> ev.Closed | None:
        """Tell the session's turns; return its end, if that is among them, untold."""
        closed: ev.Closed | None = None
        for turn in turns:
            if isinstance(turn, ev.Closed):
                closed = turn
            else:
                self._to.turned(turn)
        return closed
