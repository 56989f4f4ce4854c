"""Vibes, accounts whose default alphabet is ASCII (for the others see ``vibes_gsm``).

What is documented: data_coding 0 and 1 are ASCII, 4 is GSM 03.38, 8 is UCS-2; TON and NPI are 0 but for an alphanumeric
source, 5 and 0; numbers outside the US and Canada have the E.164 form, which is taken everywhere; the validity period
is left blank; texts of over 140 octets go as message_payload, up to 900 characters and 1,800 octets, beyond which
ESME_RINVMSGLEN is answered (so `max_segments` should not be above 5); ESME_RSYSERR and ESME_RTHROTTLED may be tried
again, its own statuses from 0x401 may not.

Sources: "Message & Encoding Settings", https://developer-aggregation.vibes.com/reference/encoding-message-settings;
"Response codes", https://developer-aggregation.vibes.com/reference/response-codes;
"Vibes Optional TLVs", https://developer.vibes.com/pages/viewpage.action?pageId=26869813.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import Numbering, Quirk, Validity
from gateway.model.permit import SegmentStyle

QUIRK: Final = Quirk(
    name="vibes",
    summary="data_coding 0 is ASCII, GSM 03.38 is 4; TON and NPI 0; long texts as message_payload, no validity period.",
    alphabet="ascii",
    gsm_coding=4,
    short_code=Numbering(0, 0),
    long_code=Numbering(0, 0),
    subscriber=Numbering(0, 0),
    plus=True,
    segments=SegmentStyle.PAYLOAD,
    validity=Validity.NONE,
)
