"""From the octets of one traced PDU to what a person reads: names of the specification, TLVs by name, text as text.

It decodes after ``trace_hiding`` has starred what may not be seen, and reads nothing but the starred octets, so there
is no second place that could tell more. It runs in the reader's request (a thread of its own), never in a session.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.carriers.compose import UDHI
from gateway.carriers.trace import Cut, Entry
from gateway.carriers.trace_hiding import (
    HARMLESS,
    HARMLESS_OCTETS,
    NUMBERS,
    PASSWORD,
    hide,
    is_receipt,
    shows_value,
    user_data_of,
)
from gateway.model.trace import PartRow, TlvRow, TraceRow
from gateway.smpp.codec import decode
from gateway.smpp.constants import HEADER_LENGTH, Status, Tag, command_name, describe
from gateway.smpp.errors import BadBody
from gateway.smpp.fields import Destinations, Failures, Message
from gateway.smpp.layouts import LAYOUTS
from gateway.smpp.pdu import Frame, Pdu, SmeAddress, SubmitMulti, SubmitMultiResp, Tlv
from gateway.sms.coding import decode_text, reading
from gateway.sms.udh import concat_of, sar_concat, split_udh

HIDDEN: Final = "[hidden]"
_SAR: Final = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
_STARS: Final = re.compile(r"\*+")
_TEXTS: Final = frozenset({Tag.RECEIPTED_MESSAGE_ID, Tag.ADDITIONAL_STATUS_INFO_TEXT})


def show(entry: Entry, bind: str, alphabet: str, secret: bytes, *, unmask: bool, gsm_coding: int = 0) -> TraceRow:
    """Return what may be seen of ``entry``. ``alphabet``: what data_coding 0, and ``gsm_coding``, mean in it."""
    frame, fault = _read(entry)
    octets = hide(entry.octets, frame, unmask=unmask, secret=secret)
    pdu = None
    if frame is not None and frame.pdu is not None:
        pdu = decode(octets).pdu  # the same PDU, with stars in it
    text, hidden = _text(pdu, alphabet, gsm_coding, unmask=unmask)
    return TraceRow(
        at=entry.at,
        bind=bind,
        session=entry.session,
        incoming=entry.incoming,
        command=None if frame is None else command_name(frame.command_id),
        status=None if frame is None else frame.status,
        status_name=None if frame is None else status_name(frame.status),
        sequence=None if frame is None else frame.sequence,
        fields={} if pdu is None else _fields(pdu, unmask=unmask),
        tlvs=[_tlv(item, unmask=unmask) for item in getattr(pdu, "tlvs", ())],
        text=text,
        hidden=hidden,
        fault=fault,
        octets=octets,
        part=_part(pdu),
    )


def status_name(status: int) -> str:
    """Return the name of a command_status in SMPP 3.4; its number in hexadecimal where that has none."""
    try:
        return Status(status).name
    except ValueError:
        return f"0x{status:08X}"


def _read(entry: Entry) -> tuple[Frame | None, str | None]:
    """Return the header and the PDU as far as they can be read, and what is wrong."""
    octets = entry.octets
    if entry.cut is Cut.LOST:
        return None, "framing was lost: these octets are no PDU"
    if entry.cut is Cut.PART:
        length = int.from_bytes(octets[:4], "big")
        if len(octets) < HEADER_LENGTH:
            return None, f"the session ended after {len(octets)} octets of a PDU"
        command, status, sequence = (int.from_bytes(octets[at : at + 4], "big") for at in (4, 8, 12))
        return Frame(command, status, sequence, None), f"the session ended after {len(octets)} of {length} octets"
    try:
        frame = decode(octets)
    except BadBody as bad:
        command, status, sequence = bad.header
        return Frame(command, status, sequence, None), f"{bad.reason} ({describe(bad.status).split(' ')[0]})"
    if frame.pdu is not None:
        return frame, None
    if frame.command_id in LAYOUTS:
        return frame, "the body of this response cannot be read"
    return frame, "no command of SMPP 3.4"


def _fields(pdu: Pdu, *, unmask: bool) -> dict[str, int | str]:
    """Return the mandatory fields under their names, lists of destinations as one text."""
    found: dict[str, int | str] = {}
    for field in LAYOUTS[pdu.command_id].fields:
        value = getattr(pdu, field.name)
        if isinstance(field, Message):
            found["sm_length"] = len(value)
            if unmask:
                found["short_message"] = value.hex()
        elif isinstance(field, Destinations | Failures):
            found |= _list(pdu, unmask=unmask)
        elif field.name == PASSWORD:
            found[field.name] = HIDDEN if value else ""
        else:
            found[field.name] = _number(value, unmask=unmask) if field.name in NUMBERS else value
    return found


def _list(pdu: Pdu, *, unmask: bool) -> dict[str, int | str]:
    if isinstance(pdu, SubmitMulti):
        names = [
            _number(item.destination_addr, unmask=unmask) if isinstance(item, SmeAddress) else f"list {item.dl_name}"
            for item in pdu.dest_addresses
        ]
        return {"number_of_dests": len(names), "dest_addresses": ", ".join(names)}
    assert isinstance(pdu, SubmitMultiResp)  # noqa: S101  the only other PDU with a list
    failed = [
        f"{_number(item.destination_addr, unmask=unmask)}: {status_name(item.error_status_code)}"
        for item in pdu.unsuccess_smes
    ]
    return {"no_unsuccess": len(failed), "unsuccess_smes": ", ".join(failed)}


def _number(value: str, *, unmask: bool) -> str:
    """Return a number; a masked one as it is written everywhere else."""
    return value if unmask or len(value) <= 6 else _STARS.sub("…", value)


def _tlv(tlv: Tlv, *, unmask: bool) -> TlvRow:
    tag, value = tlv
    try:
        name = Tag(tag).name.lower()
    except ValueError:
        name = f"0x{tag:04X}"
    if not unmask and not shows_value(tlv):
        return TlvRow(tag, name, f"{len(value)} octets, hidden" if value else "")
    if tag == Tag.MESSAGE_PAYLOAD:
        return TlvRow(tag, name, f"{len(value)} octets")
    if tag in _TEXTS:
        return TlvRow(tag, name, value.rstrip(b"\0").decode("latin-1"))
    if tag in HARMLESS and 0 < len(value) <= 4:
        return TlvRow(tag, name, int.from_bytes(value, "big"))
    return TlvRow(tag, name, value.hex())


def _part(pdu: Pdu | None) -> PartRow | None:
    """Return which part of a text a PDU is; a header outranks the TLVs, as it does where texts are joined."""
    found = None if pdu is None else user_data_of(pdu)
    if pdu is None or found is None:
        return None
    user_data, esm_class = found
    concat = concat_of(split_udh(user_data)[0]) if esm_class & UDHI else None
    if concat is None:
        tlvs = getattr(pdu, "tlvs", ())
        values = [next((value for tag, value in tlvs if tag == wanted), b"") for wanted in _SAR]
        if all(0 < len(value) <= HARMLESS_OCTETS for value in values):
            concat = sar_concat(*(int.from_bytes(value, "big") for value in values))
    return None if concat is None else PartRow(concat.number, concat.total, concat.reference)


def _text(pdu: Pdu | None, alphabet: str, gsm_coding: int, *, unmask: bool) -> tuple[str | None, bool]:
    """Return the text of a PDU, and whether it has one that is hidden."""
    found = None if pdu is None else user_data_of(pdu)
    if found is None:
        return None, False
    user_data, esm_class = found
    if not unmask and not is_receipt(esm_class):
        return None, True
    udh, body = split_udh(user_data) if esm_class & UDHI else (b"", user_data)
    coding = getattr(pdu, "data_coding", 0)
    return decode_text(body, 0 if coding == gsm_coding else coding, reading(alphabet, udh)), not unmask
