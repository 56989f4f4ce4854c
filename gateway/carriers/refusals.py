"""What a carrier says with a refusal, as one line for a person: the status, and the TLVs that say why.

Pure. Nothing is decided by these words: what a refusal means to us is said by its status alone (``statuses``), because
TLVs are optional, and carriers fill them in as they like. That is also why nothing here is ever wrong enough to fail.
"""

from __future__ import annotations

from typing import Final

from gateway.carriers.receipts import network_error, read_number
from gateway.smpp.constants import Tag, describe
from gateway.smpp.pdu import DataSmResp, SubmitSmResp, tlv

# SMPP 3.4 section 5.3.2.33.
_FAILURES: Final = {
    0: "destination unavailable",
    1: "destination address invalid",
    2: "permanent network error",
    3: "temporary network error",
}


def explain(status: int, answer: SubmitSmResp | DataSmResp | None) -> str:
    """Return ``status`` with its meaning, then what the answer's TLVs add to it; None for an answer without a body.

    These are delivery_failure_reason (section 5.3.2.33), network_error_code (5.3.2.31), and behind a colon the
    carrier's own words, additional_status_info_text (5.3.2.11), as far as its first NUL.
    """
    said = [describe(status)]
    if answer is None or not answer.tlvs:
        return said[0]
    reason = read_number(tlv(answer, Tag.DELIVERY_FAILURE_REASON))
    if reason is not None:
        said.append(_FAILURES.get(reason, f"delivery failure {reason}, which SMPP 3.4 does not define"))
    if code := network_error(tlv(answer, Tag.NETWORK_ERROR_CODE)):
        said.append(f"network error {code}")
    words = (tlv(answer, Tag.ADDITIONAL_STATUS_INFO_TEXT) or b"").split(b"\0")[0].decode("latin-1").strip()
    return "; ".join(said) + (f": {words}" if words else "")
