"""What we tell systemd: ready, reloading, stopping, alive (sd_notify(3), sd_watchdog_enabled(3)).

Without systemd (no NOTIFY_SOCKET) every call does nothing. The watchdog is fed while both loops turn: this task proves
that Trio's does, and the writer tells when the store's last did. A store that answers errors is alive; one that is
stuck inside a call is not, and then systemd may end us.

Telling never waits: where nobody reads, what is told is dropped. Traffic matters more than its status line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

import sdnotify
import structlog
import trio

from gateway.base import Clock

_log = structlog.get_logger(__name__)

STUCK_S: Final = 20.0
"""How long the store's loop may stay inside one batch before we stop feeding the watchdog."""


class Notifier:
    """Speaks to systemd, where it listens."""

    def __init__(self) -> None:
        self._unheard = False
        self._systemd: sdnotify.SystemdNotifier | None = None
        # Without an address the library would leave a socket open, and say nothing all the same.
        if os.environ.get("NOTIFY_SOCKET"):
            try:
                self._systemd = sdnotify.SystemdNotifier(debug=True)  # so that it raises what is to be logged
            except OSError as error:
                _log.warning("systemd cannot be told anything", error=error.strerror)
            else:
                self._systemd.socket.setblocking(False)

    def ready(self, status: str) -> None:
        """We serve."""
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self, monotonic: float) -> None:
        """A reload has begun; ``ready`` ends it."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> None:
        """We drain, and end."""
        self._say("STOPPING=1\nSTATUS=draining")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._say("WATCHDOG=1")

    def _say(self, state: str) -> None:
        if self._systemd is None:
            return
        try:
            self._systemd.notify(state)
        except OSError as error:
            if not self._unheard:
                _log.warning("systemd does not take what it is told", error=error.strerror)
            self._unheard = True
        else:
            self._unheard = False


def watchdog_interval(environ: Mapping[str, str], pid: int) -> float | None:
    """Return how often to feed the watchdog, in seconds: a third of its time; None where there is none for us."""
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isdigit() or int(usec) == 0 or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(usec) / 3_000_000


async def feed_watchdog(notifier: Notifier, clock: Clock, last_turn: Callable[[], float]) -> None:
    """Feed the watchdog for as long as the store's loop turns (``last_turn``: monotonic seconds)."""
    interval = watchdog_interval(os.environ, os.getpid())
    if interval is None:
        return
    while True:
        silent = clock.monotonic() - last_turn()
        if silent < STUCK_S:
            notifier.alive()
        else:
            _log.error("the store is stuck: the watchdog is not fed", seconds=round(silent, 1))
        await trio.sleep(interval)
