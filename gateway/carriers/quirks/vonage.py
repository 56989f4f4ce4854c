"""Vonage (formerly Nexmo).

What is documented: the message id of a submit_sm_resp is hexadecimal, the same id in a receipt is decimal; a text or
receipt that we answer with 0x08, 0x14, 0x45, 0x58, 0x67, 0xFE or 0xFF comes again, with any other status it is lost
(0x64, which SMPP 3.4 has for this, is not among them); long texts go with a header of 8 bit reference.

Sources: "What is Nexmo's SMPP DLR format?", https://help.nexmo.com/hc/en-us/articles/204015663;
"What deliver_sm_resp statuses will trigger a deliver_sm retry from Vonage?",
https://api.support.vonage.com/hc/en-us/articles/204015773;
"How do I send concatenated messages via SMPP", https://api.support.vonage.com/hc/en-us/articles/204015653.

Not taken: an old report that its data_coding 0 is Latin-1 (Apache Camel, CAMEL-8009), which Vonage does not confirm;
Camel's manual says that an account can choose. One where "@" arrives as "¡" wants `alphabet = "latin-1"`, for what we
send as well.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import IdBase, Quirk
from gateway.smpp.constants import Status

QUIRK: Final = Quirk(
    name="vonage",
    summary="Hexadecimal ids in responses, decimal ones in receipts; texts come again after ESME_RSYSERR.",
    temporary_status=Status.ESME_RSYSERR,
    id_base=IdBase.RECEIPT_DECIMAL,
)
