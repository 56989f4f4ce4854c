"""Octets to PDUs and back: one strict loop over the table of layouts, and a fast path for the busy few.

``decode`` trusts nothing that it reads: only BadBody (a request, answerable) and LostFraming leave it, whatever the
octets. A response cannot be answered, so its body never raises: where ``Layout.loose`` holds, as much as can be is
understood; otherwise ``Frame.pdu`` is None. ``encode`` sends nothing that SMPP 3.4 forbids: it raises
LocalProtocolError instead. It knows no session: which PDU is legal now is for ``states``.

``fast`` must give exactly what the table gives, or None to leave it to the table; a test compares the two.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any, Final

from gateway.smpp.constants import HEADER_LENGTH, RESPONSE_BIT, Status, Tag
from gateway.smpp.errors import BadBody, LocalProtocolError, LostFraming
from gateway.smpp.fast import DECODERS, ENCODERS
from gateway.smpp.fields import Unreadable, read_tlvs, write_tlvs
from gateway.smpp.layouts import LAYOUTS, Layout
from gateway.smpp.pdu import BLANKS, Frame, Header, Pdu, Tlv, Tlvs, text_of

HEADER: Final = Struct(">IIII")
"""command_length, command_id, command_status and sequence_number (SMPP 3.4 section 3.2)."""


def decode(frame: bytes | bytearray | memoryview) -> Frame:
    """Return the PDU that ``frame`` holds, from its command_length to its last octet (SMPP 3.4 section 3.2).

    Raises BadBody for a request whose body cannot be read, LostFraming where command_length is not the length of
    ``frame``, or that is shorter than a header. An unknown command gives a Frame whose ``pdu`` is None.
    """
    data = frame if type(frame) is bytes else bytes(frame)
    if len(data) < HEADER_LENGTH:
        raise LostFraming(Status.ESME_RINVCMDLEN, f"a PDU has at least {HEADER_LENGTH} octets; this has {len(data)}")
    length, command_id, status, sequence = HEADER.unpack_from(data)
    if length != len(data):
        raise LostFraming(Status.ESME_RINVCMDLEN, f"command_length is {length}, and the PDU has {len(data)} octets")
    fast = DECODERS.get(command_id)
    if fast is None or (pdu := fast(data)) is None:
        pdu = decode_body(data, Header(command_id, status, sequence))
    return Frame(command_id, status, sequence, pdu)


def decode_body(data: bytes, header: Header) -> Pdu | None:
    """Read the body of the PDU ``data`` by its layout; ``decode`` without the fast paths. Raises BadBody."""
    layout = LAYOUTS.get(header.command_id)
    if layout is None:
        return None
    if not layout.fields:  # a body that should not be there is nobody's loss (enquire_link with one is answered)
        return layout.make()
    if layout.loose:
        return _read_loosely(layout, data)
    response = bool(header.command_id & RESPONSE_BIT)
    if response and len(data) == HEADER_LENGTH:
        return layout.make()
    values: dict[str, Any] = {}
    at = HEADER_LENGTH
    try:
        for field in layout.fields:
            values[field.name], at = field.read(data, at)
    except Unreadable as bad:
        if response:
            return None
        if bad.left is None:
            raise BadBody(header, bad.status, bad.reason) from bad
        values["short_message"] = bad.left
        raise BadBody(header, bad.status, bad.reason, layout.make(**values)) from bad
    if at == len(data):
        return layout.make(**values)
    try:
        values["tlvs"] = read_tlvs(data, at)
    except Unreadable as bad:
        values["tlvs"] = bad.tlvs
        salvage = layout.make(**values)
        if response:
            return salvage
        if not bad.left or text_of(salvage).strip(BLANKS):
            raise BadBody(header, bad.status, bad.reason, salvage) from bad
        # The text itself is cut: what there is of it is told like a short_message that is cut.
        values["tlvs"] += (Tlv(Tag.MESSAGE_PAYLOAD, bad.left),)
        raise BadBody(header, Status.ESME_RINVMSGLEN, bad.reason, layout.make(**values)) from bad
    return layout.make(**values)


def _read_loosely(layout: Layout, data: bytes) -> Pdu:
    """Read a response that is one C-octet string and TLVs, as carriers misspell it.

    Tried in this order: as specified; without the NUL, TLVs at once (a tag starts with an octet below 0x20, a string
    never holds one); and the string alone, up to its NUL or the end, leaving what follows.
    """
    name = layout.fields[0].name
    end = data.find(0, HEADER_LENGTH)
    if end < 0:
        end = len(data)
    cut = next((at for at in range(HEADER_LENGTH, len(data)) if data[at] < 0x20), len(data))
    for text_end, tlvs_at in ((end, end + 1), (cut, cut)):
        try:
            tlvs = read_tlvs(data, tlvs_at)
        except Unreadable:
            continue
        return _make_loosely(layout, name, data[HEADER_LENGTH:text_end], tlvs)
    return _make_loosely(layout, name, data[HEADER_LENGTH:end], ())


def _make_loosely(layout: Layout, name: str, text: bytes, tlvs: Tlvs) -> Pdu:
    values: dict[str, Any] = {name: text.decode("latin-1"), "tlvs": tlvs}
    return layout.make(**values)


def encode(pdu: Pdu, sequence: int, status: int = 0) -> bytes:
    """Return the octets of ``pdu`` under ``sequence`` and ``status``, both 0 to 0xFFFFFFFF.

    Raises LocalProtocolError where a field does not fit.
    """
    fast = ENCODERS.get(type(pdu))
    if fast is not None and (data := fast(pdu, sequence, status)) is not None:
        return data
    return encode_header(pdu.command_id, sequence, status, encode_body(pdu))


def encode_body(pdu: Pdu) -> bytes:
    """Return the body of ``pdu`` by its layout; ``encode`` without header and fast paths. Raises LocalProtocolError."""
    fields = LAYOUTS[pdu.command_id].fields
    if not fields:
        return b""
    out = [field.write(getattr(pdu, field.name)) for field in fields]
    tlvs: Tlvs = getattr(pdu, "tlvs")  # noqa: B009  # the union of all PDUs has no such attribute; those with fields do
    out.append(write_tlvs(tlvs))
    return b"".join(out)


def encode_header(command_id: int, sequence: int, status: int, body: bytes = b"") -> bytes:
    """Return a whole PDU of this header and this body. A refusal is often sent without its body (section 4.4.2)."""
    try:
        return HEADER.pack(HEADER_LENGTH + len(body), command_id, status, sequence) + body
    except error as bad:
        raise LocalProtocolError(
            f"command_status and sequence_number must be between 0 and 0xFFFFFFFF; these are {status} and {sequence}"
        ) from bad
