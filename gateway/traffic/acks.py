"""Which MOs' acks went wrong, as the duplicate rule asks it.

A carrier sends a text again because it did not see our ack, so the same octets are a duplicate only if the first one's
ack was not yet written when the second came, took over five seconds, had a non-zero status, or went to a session that
has ended since. In an undisturbed session the same text again is a new text: somebody wrote JOIN twice.

Memory alone: after a restart no session of before is alive, which makes every recent text's ack a disturbed one. It is
bounded by the MOs that wait for their ack and by what was disturbed within the redelivery window.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final

from gateway.model.messages import Mo

SLOW_ACK_S: Final = 5.0
_MOST: Final = 100_000

AckKey = tuple[str, str, str, bytes]
"""Carrier, line, subscriber, fingerprint: what makes two MOs the same text."""


def ack_key(mo: Mo) -> AckKey:
    """Return what makes this MO the same as another one."""
    return (mo.carrier, mo.line, mo.subscriber, mo.fingerprint)


class AckLedger:
    """Follows each MO from its arrival until its ack is taken by the kernel. Times are monotonic seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        # A peer may use a sequence number again while it is open: answers to it leave in the order of arrival.
        self._open: dict[tuple[str, int], tuple[tuple[AckKey, float], ...]] = {}
        self._unacked: Counter[AckKey] = Counter()
        self._disturbed: OrderedDict[AckKey, float] = OrderedDict()

    def arrived(self, mo: Mo, now: float) -> bool:
        """Note an MO; return whether the ack of the same text before it was disturbed, as of now."""
        key = ack_key(mo)
        self._forget(now)
        disturbed = self._unacked[key] > 0 or key in self._disturbed
        self._unacked[key] += 1
        at = (mo.session, mo.sequence)
        self._open[at] = (*self._open.get(at, ()), (key, now))
        return disturbed

    def answered(self, session: str, sequence: int, status: int, now: float) -> None:
        """Note with which status an MO was answered."""
        if status:
            for key, _ in self._open.get((session, sequence), ()):
                self._disturb(key, now)

    def written(self, session: str, sequence: int, now: float) -> float | None:
        """Note that the answer was wholly taken by the kernel; return the seconds since the MO's arrival."""
        entries = self._open.pop((session, sequence), ())
        if not entries:
            return None
        (key, arrived), *others = entries
        if others:
            self._open[session, sequence] = tuple(others)
        self._close(key)
        if now - arrived > SLOW_ACK_S:
            self._disturb(key, now)
        elif self._disturbed.get(key, now) < arrived:
            del self._disturbed[key]  # what was disturbed before is known to the carrier by now: this ack was not
        return now - arrived

    def session_ended(self, session: str, now: float) -> None:
        """Note that what was not written to this session never will be."""
        for at in [at for at in self._open if at[0] == session]:
            for key, _ in self._open.pop(at):
                self._close(key)
                self._disturb(key, now)

    def __len__(self) -> int:
        return len(self._open) + len(self._disturbed)

    def _close(self, key: AckKey) -> None:
        self._unacked[key] -= 1
        if self._unacked[key] <= 0:
            del self._unacked[key]

    def _disturb(self, key: AckKey, now: float) -> None:
        self._disturbed[key] = now
        self._disturbed.move_to_end(key)
        if len(self._disturbed) > _MOST:
            self._disturbed.popitem(last=False)

    def _forget(self, now: float) -> None:
        while self._disturbed and now - next(iter(self._disturbed.values())) > self._window_s:
            self._disturbed.popitem(last=False)
