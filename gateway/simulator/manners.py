"""How the simulated carrier behaves: every way in which it can be told to be difficult, in one place.

The defaults are those of a carrier that does its job. A test, a script or the prompt sets fields while the carrier
runs; each is read when the next PDU is answered. ``answer_submit`` only judges; the carrier acts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeVar

from gateway.smpp.constants import Status

_Value = TypeVar("_Value", int, str)

TEMPORARY: Final = frozenset({Status.ESME_RX_T_APPN, Status.ESME_RMSGQFUL, Status.ESME_RTHROTTLED, Status.ESME_RSYSERR})
"""Answers to deliver_sm after which a carrier tries again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of one submit_sm. ``respond`` False: it is taken, but its response is swallowed."""

    status: int = Status.ESME_ROK
    delay_s: float = 0.0
    respond: bool = True


@dataclass(slots=True)
class Manners:
    """``throttle_every`` n answers each n-th submit_sm with RTHROTTLED; 0 none.

    ``status_for`` maps a subscriber's number to the status with which submits to it are answered, ``receipt_for`` to
    the ``stat`` of its receipts ("" for none); others get ``receipt_stat``. ``response_delay_s`` delays every response
    to submit_sm, ``swallow_responses`` sends none. Receipts follow ``receipt_delay_s`` after the response.
    ``refuse_binds`` is the status with which every bind is refused; 0 refuses none but wrong credentials.
    ``redeliver`` keeps a deliver_sm that was not acknowledged when its connection ended, for the next bind.
    ``retry_after_s`` brings one again that was answered with a temporary error, after that time; None never.
    """

    throttle_every: int = 0
    status_for: dict[str, int] = field(default_factory=dict)
    response_delay_s: float = 0.0
    swallow_responses: bool = False
    receipt_stat: str = "DELIVRD"
    receipt_for: dict[str, str] = field(default_factory=dict)
    receipt_delay_s: float = 0.0
    refuse_binds: int = 0
    redeliver: bool = True
    retry_after_s: float | None = None

    def answer_submit(self, count: int, subscriber: str) -> Answer:
        """Judge the ``count``-th submit_sm (from 1), to ``subscriber``."""
        status = _of(self.status_for, subscriber)
        if status is None:
            throttled = self.throttle_every > 0 and count % self.throttle_every == 0
            status = Status.ESME_RTHROTTLED if throttled else Status.ESME_ROK
        return Answer(status, self.response_delay_s, not self.swallow_responses)

    def receipt(self, registered_delivery: int, subscriber: str) -> str:
        """Return the ``stat`` of the receipt for a message that was taken, "" for none (SMPP 3.4 section 5.2.17)."""
        override = _of(self.receipt_for, subscriber)
        stat = self.receipt_stat if override is None else override
        wanted = registered_delivery & 3
        return stat if wanted == 1 or (wanted == 2 and stat != "DELIVRD") else ""


def _of(table: dict[str, _Value], number: str) -> _Value | None:
    """Look a number up however its plus sign is written."""
    digits = number.removeprefix("+")
    return table.get(digits, table.get(f"+{digits}"))
