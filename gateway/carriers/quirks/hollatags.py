"""Hollatags.

What is documented: 0x45 and 0x40A say that the subscriber is on the do-not-disturb register (0x40A also that the sender
is restricted), 0x431 and 0x4FF are internal errors, 0x58 is throttling; 0x400 to 0x405, 0x430, 0x432 and 0x433 speak of
the account or the message.

Source: "SMPP Response Codes", https://docs.hollatags.com/smpp/smpp-response-error-codes.

Our reading: an internal error may pass, as ESME_RSYSERR may. Do-not-disturb is a national register of who wants no
advertising from anybody, not word of a subscriber that they leave this line, so it is a failure and no opt-out; who
wants it taken for one says so under `statuses`.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import Quirk
from gateway.carriers.statuses import Verdict
from gateway.smpp.constants import Status

QUIRK: Final = Quirk(
    name="hollatags",
    summary="0x45 is do-not-disturb, and final; 0x431 and 0x4FF are internal errors.",
    verdicts={Status.ESME_RSUBMITFAIL: Verdict.FAIL, 0x431: Verdict.RETRY, 0x4FF: Verdict.RETRY},
)
