"""A carrier that loads a gateway: as many texts as it takes, or so many a second, and every answer is timed.

Run as a process of its own (``python -m gateway.simulator.load``), so that its work is not the gateway's: the plan is
its argument, as JSON. It writes lines of JSON: the port that it listens on, then each bind, how far it is (every
second), and at the end all counts (``Book.result``). It begins when it reads a line, and ends with its input.

One thread, one ``select``, no framework: between the moment when an answer comes and the one when that is noted, there
is nothing but the answers before it.
"""

from __future__ import annotations

import json
import math
import os
import resource
import select
import socket
import sys
from collections import deque
from typing import Any, Final

from gateway.base import Clock, SystemClock
from gateway.simulator.load_book import Book, Text
from gateway.simulator.load_link import Link
from gateway.simulator.load_manners import Mood, Moods
from gateway.simulator.load_plan import LoadPlan, read_plan
from gateway.smpp.constants import Status

_STDIN: Final = 0
_PROGRESS_S: Final = 1.0
_AGAIN_S: Final = 1.0
"""Seconds after which a text that was refused is brought again."""
_UNSURE_S: Final = 3.0
"""How long an answer may be on its way when the connection breaks."""


class Carrier:
    """The carrier's state between two turns of its loop."""

    def __init__(self, plan: LoadPlan, clock: Clock) -> None:
        self.plan = plan
        self.clock = clock
        self.book = Book(plan)
        self.links: list[Link] = []
        self.open: dict[int, tuple[Text, float]] = {}
        self.going = False
        self._link: Link | None = None
        self._ended: Link | None = None
        self._again: deque[tuple[float, Text]] = deque()
        self._paced = 0
        self._moods = Moods(plan.seed, rough=plan.rough)
        self._throttle = 0
        self._deaf_until = self._slow_until = 0.0
        self._told: deque[tuple[float, bytes]] = deque()
        self._said_at = self._cpu_s = 0.0

    # What links tell.

    def bound(self, link: Link) -> None:
        """Use this link from now on; what was not acked on the one before comes again."""
        self._lost()
        self._link = link
        say({"bound": True})

    def acked(self, sequence: int, status: int, now: float) -> None:
        """Note the ack of a text; one that was refused comes again later."""
        entry = self.open.pop(sequence, None)
        if entry is None:
            self.book.strays += 1
        elif status:
            self.book.refused += 1
            self._again.append((now + _AGAIN_S, entry[0]))
        else:
            self.book.was_acked(*entry, now)

    def submitted(self, number: bytes, *, broadcast: bool, left: float, now: float) -> int:
        """Note a submit_sm and return its status."""
        if self._throttle:
            self._throttle -= 1
            self.book.throttled += 1
            return int(Status.ESME_RTHROTTLED)
        self.book.came(number, now, left, broadcast=broadcast)
        if self.plan.rough:
            self._told.append((now, number))
        return 0

    # The turns of the loop.

    def begin(self, now: float) -> None:
        """Begin to text."""
        self.going = True
        self.book.began = self.book.last_came = self._said_at = now
        self._moods.begin(now)
        self._cpu_s = _cpu_s()

    def turn(self, now: float) -> None:
        """Look at what arrived, text what is due, and write."""
        for link in self.links:
            for left, data in link.arrivals(now):
                link.take(data, left, now)
        if self.going:
            self._be(now)
            self._text(now)
            if now - self._said_at >= _PROGRESS_S:
                self._said_at = now
                book = self.book
                say({"at": round(now - book.began, 3), "sent": book.sent, "answered": book.answered,
                     "received": book.broadcast.received})  # fmt: skip
        for link in self.links:
            link.flush()
        if any(link.over for link in self.links):
            self.links = [link for link in self.links if not link.over]
        if self._link is not None and self._link.over:
            self._lost()

    def wait_s(self, now: float) -> float:
        """Return how long nothing happens unless something is read."""
        times = [now + 0.1, self._moods.next_at]
        times += [at for link in self.links if (at := link.next_at()) is not None]
        link = self._link
        if self.going and link is not None and len(self.open) < self.plan.window:
            if self.plan.pace and not self._is_over(now):
                times.append(self._due())
            if self._again:
                times.append(self._again[0][0])
        return max(0.0, min(times) - now)

    def hears(self, now: float) -> bool:
        """Say whether the carrier reads just now."""
        return now >= self._deaf_until

    def is_finished(self, now: float) -> bool:
        """Say whether all is answered, or what is missing will not come any more."""
        if not self.going:
            return False
        book = self.book
        if self.plan.drains:
            complete = book.complete
        else:
            complete = self._is_over(now) and book.complete and not self.open and not self._again
        still = max(book.last_ack, book.last_came, book.last_answer, self._last_due(now))
        return complete or now - still > self.plan.patience_s

    def result(self) -> dict[str, Any]:
        """Return what is to be told at the end."""
        unacked = [text for text, _ in self.open.values()] + [text for _, text in self._again]
        moods = {mood.value: count for mood, count in self._moods.counts.items()} if self.plan.rough else None
        return {**self.book.result(unacked), "moods": moods, "cpu_s": round(_cpu_s() - self._cpu_s, 3)}

    # The rest.

    def _text(self, now: float) -> None:
        link = self._link
        if link is None or link.ending or link.over:
            return
        room = self.plan.window - len(self.open)
        while room > 0 and (text := self._next(now)) is not None:
            self.open[link.deliver(text.number, text.text)] = (text, now)
            room -= 1

    def _next(self, now: float) -> Text | None:
        if self._again and self._again[0][0] <= now:
            self.book.brought_again += 1
            return self._again.popleft()[1]
        if self._is_over(now):
            return None
        if not self.plan.pace:
            return self.book.write(now)
        due = self._due()
        if due > now:
            return None
        self._paced += 1
        return self.book.write(due)

    def _due(self) -> float:
        return self.book.began + self._paced / self.plan.pace

    def _is_over(self, now: float) -> bool:
        """Say whether everybody who shall text has."""
        if self.plan.drains:
            return self.book.broadcast.left == 0
        if self.plan.pace:
            return self._paced >= self.plan.pace * self.plan.seconds
        return now - self.book.began >= self.plan.seconds

    def _last_due(self, now: float) -> float:
        """Return since when nothing but answers is waited for."""
        return self.book.began if self.plan.drains or self._is_over(now) else now

    def _lost(self) -> None:
        """The link is gone: what was not acked on it comes again as soon as there is another."""
        self._link = None
        self._again.extendleft((0.0, text) for text, _ in reversed(self.open.values()))
        self.open.clear()

    def _be(self, now: float) -> None:
        """Be rough, if it is time."""
        while self._told and self._told[0][0] < now - _UNSURE_S:
            self._told.popleft()
        link, mood = self._link, self._moods.due(now)
        if link is not None and self._slow_until and now >= self._slow_until:
            link.delay_s, self._slow_until = self.plan.rtt_s, 0.0
        if mood is None or link is None or link.ending:
            return
        match mood:
            case Mood.CUT:
                self.book.unsure.update(number for _, number in self._told)
                link.cut()
            case Mood.END:
                link.end()
                self._lost()
            case Mood.THROTTLE:
                self._throttle = math.ceil(self._moods.some(0, 20))
            case Mood.SLOW:
                link.delay_s, self._slow_until = self._moods.some(0.02, 0.5), now + self._moods.some(0.5, 3)
            case Mood.DEAF:
                self._deaf_until = now + self._moods.some(0.1, 2)


def _cpu_s() -> float:
    """Return the processor's seconds that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def say(value: dict[str, Any]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def serve(plan: LoadPlan, clock: Clock) -> None:
    """Listen on a port of this machine, and do as planned; returns when all is done, or the input ends."""
    carrier = Carrier(plan, clock)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        say({"port": listener.getsockname()[1]})
        while True:
            now = clock.monotonic()
            carrier.turn(now)
            if carrier.is_finished(now):
                break
            reads: dict[int, Link] = {link.socket.fileno(): link for link in carrier.links}
            heard = list(reads) if carrier.hears(now) else []
            writes = [link.socket.fileno() for link in carrier.links if link.writes]
            ready, _, _ = select.select([_STDIN, listener.fileno(), *heard], writes, [], carrier.wait_s(now))
            for file in ready:
                if file in reads:
                    reads[file].read(clock.monotonic())
                elif file == _STDIN:
                    if not os.read(_STDIN, 4096):
                        return
                    carrier.begin(clock.monotonic())
                else:
                    taken = listener.accept()[0]
                    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    carrier.links.append(Link(taken, plan, carrier))
        say({"result": carrier.result()})
        for link in carrier.links:
            link.close()


if __name__ == "__main__":
    serve(read_plan(sys.argv[1]), SystemClock())
