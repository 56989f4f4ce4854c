"""What the command_status of a response means to us: a table, and two questions to it.

Owns no retries and no counting: the sender decides from the verdict. Unknown and vendor statuses (0x400 and up) are
final, because repeating what a carrier has refused is how senders get blocked; a quirk may say otherwise.
SMPP 3.4 section 5.1.3 lists the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from gateway.smpp.constants import Status


class Verdict(Enum):
    """What to do about the answer to a submit_sm or data_sm.

    RETRY: again, a few times. THROTTLE: later and slower, as often as it takes. FAIL: the message failed. OPTED_OUT: it
    failed, because the carrier has this subscriber down as having left the line. No status means that by itself: only a
    quirk or the configuration says so, for a status whose meaning the carrier has written down.
    """

    SENT = "sent"
    THROTTLE = "throttle"
    RETRY = "retry"
    FAIL = "fail"
    OPTED_OUT = "opted_out"


UNSENDABLE: Final = 0xFFFFFFFF
"""What stands for a status where no carrier was asked, because no PDU can hold the message. It is final, and no table
overrides it: what 0x45 means to a carrier must not be read into a fault of our own."""

VERDICTS: Final[Mapping[int, Verdict]] = MappingProxyType(
    {
        Status.ESME_ROK: Verdict.SENT,
        Status.ESME_RTHROTTLED: Verdict.THROTTLE,
        Status.ESME_RMSGQFUL: Verdict.THROTTLE,
        Status.ESME_RSYSERR: Verdict.RETRY,
        Status.ESME_RX_T_APPN: Verdict.RETRY,
        Status.ESME_RSUBMITFAIL: Verdict.RETRY,
        # The session, not the message, was refused: the same submit_sm is right on a bound session.
        Status.ESME_RINVBNDSTS: Verdict.RETRY,
    }
)

# A bind refused with one of these is refused for the moment. All others need somebody to act, or the other side's
# session to time out, so they are tried on the slow ladder: repeating a wrong password quickly gets an account locked.
_BUSY: Final = frozenset({Status.ESME_RSYSERR, Status.ESME_RTHROTTLED, Status.ESME_RMSGQFUL, Status.ESME_RX_T_APPN})


def verdict(status: int, overrides: Mapping[int, Verdict]) -> Verdict:
    """Return what a submit_sm's answer means; ``overrides`` are those of the carrier's habits."""
    found = overrides.get(status)
    return found if found is not None else VERDICTS.get(status, Verdict.FAIL)


def bind_is_busy(status: int) -> bool:
    """Say whether a refused bind is worth trying again soon."""
    return status in _BUSY
