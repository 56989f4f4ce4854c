"""OpenMarket, its version 4 interface.

What is documented: service_type names the interface, OMV4; the source's TON is 1, 3 or 5 and its NPI 0 or 1, the
destination's are 1 and 1; esm_class is 0x00 or 0x40, so long texts go with a header; a submit may be tried again after
0x08 and 0x14, and is throttled with 0x58. Of 0x45 it says that the submit failed, and not that it may be tried again.

Sources: "Send a Mobile Terminated (MT) message", https://openmarket.com/docs/Content/apis/v4smpp/mt.htm;
"MT command status codes", https://openmarket.com/docs/Content/apis/v4smpp/mt-response-codes.htm.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import Quirk
from gateway.carriers.statuses import Verdict
from gateway.smpp.constants import Status

QUIRK: Final = Quirk(
    name="openmarket",
    summary="service_type OMV4; 0x45 is final.",
    service_type="OMV4",
    verdicts={Status.ESME_RSUBMITFAIL: Verdict.FAIL},
)
