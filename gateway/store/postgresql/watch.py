"""A server that hangs: what waits for it too long is cut off, so that the gateway can look for another one.

libpq waits for an answer for as long as the connection stands, and a connection to a machine that froze, or to a
partitioned one, stands for long. The watch looks at every connection of an engine a few times a second, from a thread
of its own, and shuts down the socket of one whose present step is older than it may be. It must never do anything else
to a connection: the thread that waits gets the driver's error, and closes it.
"""

from __future__ import annotations

import threading
from typing import Final

from gateway.base import Clock
from gateway.store.postgresql.link import Link

_LOOK_EVERY_S: Final = 0.25


class Watch:
    """The watch over the connections of one engine. The thread lives while there are any."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.monotonic
        self._lock = threading.Lock()
        self._limits: dict[Link, float] = {}
        self._thread: threading.Thread | None = None

    def add(self, link: Link, limit_s: float) -> None:
        """Watch over ``link``, one step of which may take ``limit_s`` seconds."""
        with self._lock:
            self._limits[link] = limit_s
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)
                self._thread.start()

    def remove(self, link: Link) -> None:
        """Forget a connection, before it is closed."""
        with self._lock:
            self._limits.pop(link, None)

    def look(self, now: float) -> bool:
        """Cut what waits too long at ``now`` (monotonic seconds); return whether there is anything to watch over."""
        with self._lock:
            for link, limit_s in self._limits.items():
                since = link.since
                if since and now - since > limit_s:
                    link.cut()
            if not self._limits:
                self._thread = None
            return bool(self._limits)

    def _run(self) -> None:
        pause = threading.Event()
        while self.look(self._now()):
            pause.wait(_LOOK_EVERY_S)
