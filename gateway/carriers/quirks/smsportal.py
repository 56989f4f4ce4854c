"""SMSPortal.

What is documented: TON and NPI of source and destination are best 0; a destination of anything but digits is refused
with ESME_RINVDSTADR; data_coding 0 is GSM 03.38.

Source: "Sending and Receiving", https://docs.smsportal.com/docs/smpp-usage.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import Numbering, Quirk

QUIRK: Final = Quirk(
    name="smsportal",
    summary="TON and NPI 0 everywhere.",
    short_code=Numbering(0, 0),
    long_code=Numbering(0, 0),
    alphanumeric=Numbering(0, 0),
    subscriber=Numbering(0, 0),
)
