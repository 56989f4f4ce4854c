"""What a loading carrier has sent, what came back for it, and how long that took.

Owns the counts from which a benchmark says what was lost and what was answered twice. A subscriber texts once in a run,
so whoever is sent to is the text that was answered. Times are those of the clock that the caller reads, in seconds.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from gateway.simulator.crowd import CROWD, number_of, place_of, spread, stride
from gateway.simulator.load_plan import JOINS, STOP, STOPS, TEXTS, LoadPlan

RECEIVED, STOPPED = 1, 2


class Text(NamedTuple):
    """A text of a subscriber: who (digits), which of ``TEXTS``, and when it was due."""

    number: bytes
    text: int
    due: float


class Book:
    """Counts and times of one run. ``again`` are submits that were only repeated because their response was lost."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._stride = stride(CROWD)
        self._back = pow(self._stride, -1, CROWD)
        self._second: set[bytes] = set()
        self.waiting: dict[bytes, float] = {}
        self.unsure: set[bytes] = set()
        self.broadcast = Broadcast(plan)
        self.acks, self.replies, self.confirmations = array("f"), array("f"), array("f")
        self.sent = self.acked = self.refused = self.brought_again = 0
        self.answered = self.submits = self.twice = self.again = self.throttled = self.strays = 0
        self.began = self.last_answer = self.last_ack = self.last_came = 0.0

    def write(self, due: float) -> Text | None:
        """Return the next subscriber's text; None when everybody has texted."""
        nth = self.sent
        if nth >= (self._plan.broadcast if self._plan.drains else CROWD):
            return None
        self.sent = nth + 1
        if self._plan.drains:
            number, text = self.broadcast.receiver(nth), STOP
        else:
            number, text = b"%d" % number_of(nth * self._stride % CROWD), nth % len(TEXTS)
        self.waiting[number] = due
        return Text(number, text, due)

    def was_acked(self, text: Text, sent: float, now: float) -> None:
        """Note a deliver_sm_resp of status 0."""
        self.acked += 1
        self.acks.append(now - sent)
        self.last_ack = now
        if text.text in STOPS:
            self.broadcast.stopped(text.number)

    def came(self, number: bytes, now: float, left: float, *, broadcast: bool) -> None:
        """Note a submit_sm that the carrier takes; ``left`` is when it came, before the round trip."""
        self.submits += 1
        self.last_came = now
        if broadcast:
            self.broadcast.came(number, now)
            return
        due = self.waiting.pop(number, None)
        if due is None:
            self._more(number)
            return
        self.answered += 1
        self.last_answer = now
        self.replies.append(now - due)
        if self._plan.drains:
            self.confirmations.append(left - due)
        elif self._plan.welcome and place_of(int(number)) * self._back % CROWD % len(TEXTS) in JOINS:
            self._second.add(number)

    def _more(self, number: bytes) -> None:
        if number in self._second:
            self._second.discard(number)
        elif number in self.unsure:
            self.unsure.discard(number)
            self.again += 1
        else:
            self.twice += 1

    @property
    def complete(self) -> bool:
        """Whether nothing more is expected for what was sent."""
        return not self.waiting and not self._second and (not self._plan.drains or self.broadcast.left == 0)

    def result(self, unacked: Iterable[Text]) -> dict[str, Any]:
        """Return all counts; ``unacked`` are the texts that were never acked, whose answers nobody promised."""
        open_ = {text.number for text in unacked}
        lost = len(self.waiting.keys() - open_) + len(self._second)
        lasted = self.last_answer - self.began
        return {
            "sent": self.sent,
            "acked": self.acked,
            "refused": self.refused,
            "brought_again": self.brought_again,
            "unacked": len(open_),
            "answered": self.answered,
            "lost": lost,
            "twice": self.twice,
            "again": self.again,
            "throttled": self.throttled,
            "strays": self.strays,
            "submits": self.submits,
            "seconds": round(max(0.0, self.last_came - self.began), 3),
            "per_s": _rate(self.answered, lasted),
            "acked_per_s": _rate(self.acked, self.last_ack - self.began),
            "submits_per_s": _rate(self.submits, self.last_came - self.began),
            "ack_ms": percentiles(self.acks),
            "reply_ms": percentiles(self.replies),
            "broadcast": self.broadcast.result(self.confirmations) if self._plan.broadcast else None,
        }


class Broadcast:
    """Who of the receivers of a broadcast has got it, and who has said STOP."""

    def __init__(self, plan: LoadPlan) -> None:
        size, stored = plan.broadcast, max(plan.stored, 1)
        self._stored, self._step, self._size = stored, spread(stored), size
        self._stride = stride(stored)
        self._back = pow(self._stride, -1, stored) if stored > 1 else 0
        self._stops = stride(max(size, 1))
        self._flags = bytearray(size)
        self.left = size
        self.received = self.twice = self.after_stop = 0
        self._first = self._last = 0.0

    def receiver(self, nth: int) -> bytes:
        """Return the number of the n-th receiver who says STOP."""
        message = nth * self._stops % self._size
        return b"%d" % number_of(message * self._stride % self._stored * self._step)

    def came(self, number: bytes, now: float) -> None:
        """Note that a message of the broadcast came."""
        if (nth := self._nth(number)) is None or self._flags[nth] & RECEIVED:
            self.twice += 1
            return
        if self._flags[nth] & STOPPED:
            self.after_stop += 1
        else:
            self.left -= 1
        self._flags[nth] |= RECEIVED
        if not self.received:
            self._first = now
        self.received += 1
        self._last = now

    def stopped(self, number: bytes) -> None:
        """Note that a STOP was acked: from now on, nothing of the broadcast may come for that number."""
        if (nth := self._nth(number)) is None or self._flags[nth] & STOPPED:
            return
        if not self._flags[nth]:
            self.left -= 1
        self._flags[nth] |= STOPPED

    def _nth(self, number: bytes) -> int | None:
        row, rest = divmod(place_of(int(number)), self._step)
        nth = row * self._back % self._stored
        return nth if not rest and row < self._stored and nth < self._size else None

    def result(self, confirmations: Sequence[float]) -> dict[str, Any]:
        """Return the counts. ``stop_ms``: from a STOP to its confirmation leaving, without the round trip."""
        return {
            "received": self.received,
            "per_s": _rate(self.received, self._last - self._first),
            "seconds": round(self._last - self._first, 3),
            "missing": self.left,
            "twice": self.twice,
            "after_stop": self.after_stop,
            "stop_ms": percentiles(confirmations),
        }


PLACES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return how many there are, and their percentiles (nearest rank) and maximum in milliseconds."""
    ordered = sorted(seconds)
    found: dict[str, float] = {"n": len(ordered)}
    for name, share in PLACES:
        found[name] = round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1e3, 3) if ordered else 0.0
    found["max"] = round(ordered[-1] * 1e3, 3) if ordered else 0.0
    return found


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0
