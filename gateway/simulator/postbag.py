"""The carrier's duty to bring: every deliver_sm that is not acknowledged yet, in order.

Owns which delivery goes over which bind and what an answer, or the lack of one, means for it. It sends through the
links that it is shown and never waits; time is the carrier's (``later``).
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from gateway.simulator.deliveries import Delivery
from gateway.simulator.link import Link
from gateway.simulator.manners import TEMPORARY, Manners

Later = Callable[[float, Callable[[], None]], None]
"""Call something after so many seconds."""
_LOOK_AHEAD: Final = 1_000


class Postbag:
    """What waits to be brought. ``manners`` say what becomes of what was not acknowledged."""

    def __init__(self, manners: Manners, later: Later) -> None:
        self._manners = manners
        self._later = later
        self._waiting: deque[Delivery] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, delivery: Delivery) -> None:
        """Add one at the end."""
        self._waiting.append(delivery)

    def send(self, links: Sequence[Link]) -> None:
        """Send what waits over those of ``links`` that can take it, in order, as far as their windows go."""
        receivers = [link for link in links if link.session.can_send]
        left: list[Delivery] = []
        while self._waiting and len(left) < _LOOK_AHEAD and any(link.can_deliver for link in receivers):
            delivery = self._waiting.popleft()
            link = _choose(delivery, receivers)
            if link is not None and link.can_deliver:
                link.deliver(delivery)
            else:
                left.append(delivery)
        self._waiting.extendleft(reversed(left))

    def answered(self, delivery: Delivery, status: int, retry: Callable[[], None]) -> None:
        """Note an answer: the delivery is done, or waits again after a while; then ``retry`` is called."""
        delivery.statuses.append(status)
        after_s = self._manners.retry_after_s
        if status not in TEMPORARY or after_s is None:
            delivery.settle()
            return

        def bring_again() -> None:
            self.put(delivery)
            retry()

        self._later(after_s, bring_again)

    def unanswered(self, deliveries: Sequence[Delivery]) -> None:
        """Note that a connection ended before these were answered, oldest first: they go first next time."""
        if self._manners.redeliver:
            self._waiting.extendleft(reversed(deliveries))
            return
        for delivery in deliveries:
            delivery.settle()


def _choose(delivery: Delivery, receivers: Sequence[Link]) -> Link | None:
    """Return the connection for a delivery: the one that it names, else always the same one for a subscriber."""
    if delivery.bind is not None:
        return next((link for link in receivers if link.name == delivery.bind), None)
    return receivers[zlib.crc32(delivery.pdu.source_addr.encode("latin-1", "replace")) % len(receivers)]
