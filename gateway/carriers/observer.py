"""What a bind tells those who only watch: one small protocol, and its translation into metrics.

Watching changes nothing and decides nothing; whoever watches must return at once. The texts and permits themselves are
counted by traffic, which knows when they are durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from gateway.carriers.interface import BindState
from gateway.telemetry.metrics import Metrics


class Observer(Protocol):
    """Told of a bind's life."""

    def state(self, carrier: str, bind: str, state: BindState) -> None:
        """Note that the bind is in ``state`` now."""
        ...

    def refused(self, carrier: str, bind: str, *, busy: bool) -> None:
        """Note that the carrier refused the bind; ``busy``: for the moment, and not until somebody acts."""
        ...

    def window(self, bind: str, used: int, size: int) -> None:
        """Note how many permits are unsettled, of how many possible; told about twice a second."""
        ...


class MetricsObserver:
    """Counts in ``Metrics``. ``turned`` is told of each change of a bind's state, too."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.turned: Callable[[], None] = lambda: None

    def state(self, carrier: str, bind: str, state: BindState) -> None:
        """See ``Observer``."""
        self.turned()
        self._metrics.bind_up(carrier, bind).set(state in (BindState.UP, BindState.DRAINING))
        self._metrics.bind_state_changes(carrier, bind, state.value).inc()
        refused = self._metrics.bind_refused(carrier, bind)  # exposed from the start, or an alert could miss its rise
        if state is BindState.UP:
            refused.set(0)
        if state is BindState.DOWN:
            self._metrics.window_used(bind).set(0)  # its session told last what it was then; nobody will tell more

    def refused(self, carrier: str, bind: str, *, busy: bool) -> None:
        """See ``Observer``."""
        self._metrics.bind_refused(carrier, bind).set(not busy)

    def window(self, bind: str, used: int, size: int) -> None:
        """See ``Observer``."""
        self._metrics.window_used(bind).set(used)
        self._metrics.window_size(bind).set(size)

    def gone(self, carrier: str, binds: Iterable[str]) -> None:
        """Expose nothing more of binds that are no more: an alert on a bind that is down would never end."""
        for bind in binds:
            self._metrics.bind_up.forget(carrier, bind)
            self._metrics.bind_refused.forget(carrier, bind)
            self._metrics.window_used.forget(bind)
            self._metrics.window_size.forget(bind)


class Unwatched:
    """Nobody looks."""

    def state(self, carrier: str, bind: str, state: BindState) -> None:
        """See ``Observer``."""

    def refused(self, carrier: str, bind: str, *, busy: bool) -> None:
        """See ``Observer``."""

    def window(self, bind: str, used: int, size: int) -> None:
        """See ``Observer``."""
