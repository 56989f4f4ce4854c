"""Aerialink.

What is documented: on its 10DLC route 0x45 says that sender or receiver is blocked on the platform; the other statuses
are those of SMPP 3.4.

Source: "SMPP Status Codes", https://docs.aerialink.net/api/smpp/smpp-status-codes.

Our reading: trying again what is blocked only makes it worse, so 0x45 is final. It is no opt-out: it may as well be the
sender that is blocked.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import Quirk
from gateway.carriers.statuses import Verdict
from gateway.smpp.constants import Status

QUIRK: Final = Quirk(
    name="aerialink",
    summary="0x45 says that sender or receiver is blocked, and is final.",
    verdicts={Status.ESME_RSUBMITFAIL: Verdict.FAIL},
)
