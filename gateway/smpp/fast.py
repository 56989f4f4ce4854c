"""Hand-laid paths for what is busy: deliver_sm, submit_sm, their responses and enquire_link.

Each function knows one plain shape of its PDU. Whatever is out of the ordinary (a schedule, a broken TLV, a number out
of range) it declines by returning None, and the table in ``layouts`` decides; so errors, leniency and rare fields are
written down once only, there. A fast path must never accept what the table refuses nor see anything differently.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import Any, Final, cast

from gateway.smpp.constants import HEADER_LENGTH, CommandId
from gateway.smpp.fields import MAX_SHORT_MESSAGE, Unreadable, read_tlvs, write_tlvs
from gateway.smpp.pdu import (
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    MessageIdResp,
    Pdu,
    ShortMessage,
    SubmitSm,
    SubmitSmResp,
)

_HEADER: Final = Struct(">IIII")
_HEADER_AND_NUL: Final = Struct(">IIIIB")
_MOST_ADDRESS: Final = 20
_MOST_MESSAGE_ID: Final = 64


def _short_message_reader(make: Callable[..., ShortMessage]) -> Callable[[bytes], Pdu | None]:
    def read(data: bytes) -> Pdu | None:
        try:
            service_end = data.index(0, 16)
            source_end = data.index(0, service_end + 3)
            dest_end = data.index(0, source_end + 3)
            (
                esm_class,
                protocol_id,
                priority_flag,
                schedule,
                validity,
                registered_delivery,
                replace_if_present_flag,
                data_coding,
                sm_default_msg_id,
                sm_length,
            ) = data[dest_end + 1 : dest_end + 11]
        except ValueError:
            return None
        begin = dest_end + 11
        end = begin + sm_length
        size = len(data)
        if schedule or validity or end > size:
            return None
        try:
            tlvs = () if end == size else read_tlvs(data, end)
        except Unreadable:
            return None
        return cast(
            "Pdu",
            make(
                data[16:service_end].decode("latin-1") if service_end > 16 else "",
                data[service_end + 1],
                data[service_end + 2],
                data[service_end + 3 : source_end].decode("latin-1"),
                data[source_end + 1],
                data[source_end + 2],
                data[source_end + 3 : dest_end].decode("latin-1"),
                esm_class,
                protocol_id,
                priority_flag,
                "",
                "",
                registered_delivery,
                replace_if_present_flag,
                data_coding,
                sm_default_msg_id,
                data[begin:end],
                tlvs,
            ),
        )

    return read


def _message_id_reader(make: Callable[[str], MessageIdResp]) -> Callable[[bytes], Pdu | None]:
    def read(data: bytes) -> Pdu | None:
        if data.find(0, HEADER_LENGTH) != len(data) - 1:
            return None
        return cast("Pdu", make(data[HEADER_LENGTH:-1].decode("latin-1")))

    return read


def _short_message_writer(command_id: int) -> Callable[[Any, int, int], bytes | None]:
    def write(pdu: ShortMessage, sequence: int, status: int) -> bytes | None:
        source, destination, text = pdu.source_addr, pdu.destination_addr, pdu.short_message
        if (
            pdu.schedule_delivery_time
            or pdu.validity_period
            or pdu.service_type
            or len(source) > _MOST_ADDRESS
            or len(destination) > _MOST_ADDRESS
            or len(text) > MAX_SHORT_MESSAGE
            or "\0" in source
            or "\0" in destination
        ):
            return None
        try:
            body = b"".join(
                (
                    bytes((0, pdu.source_addr_ton, pdu.source_addr_npi)),
                    source.encode("latin-1"),
                    bytes((0, pdu.dest_addr_ton, pdu.dest_addr_npi)),
                    destination.encode("latin-1"),
                    bytes(
                        (
                            0,
                            pdu.esm_class,
                            pdu.protocol_id,
                            pdu.priority_flag,
                            0,
                            0,
                            pdu.registered_delivery,
                            pdu.replace_if_present_flag,
                            pdu.data_coding,
                            pdu.sm_default_msg_id,
                            len(text),
                        )
                    ),
                    text,
                    write_tlvs(pdu.tlvs) if pdu.tlvs else b"",
                )
            )
            return _HEADER.pack(HEADER_LENGTH + len(body), command_id, status, sequence) + body
        except (ValueError, error):
            return None

    return write


def _message_id_writer(command_id: int) -> Callable[[Any, int, int], bytes | None]:
    def write(pdu: MessageIdResp, sequence: int, status: int) -> bytes | None:
        message_id = pdu.message_id
        if pdu.tlvs or len(message_id) > _MOST_MESSAGE_ID or "\0" in message_id:
            return None
        try:
            if not message_id:
                return _HEADER_AND_NUL.pack(HEADER_LENGTH + 1, command_id, status, sequence, 0)
            body = message_id.encode("latin-1") + b"\0"
            return _HEADER.pack(HEADER_LENGTH + len(body), command_id, status, sequence) + body
        except (ValueError, error):
            return None

    return write


_ENQUIRE_LINK: Final = EnquireLink()
_ENQUIRE_LINK_RESP: Final = EnquireLinkResp()

DECODERS: Final[dict[int, Callable[[bytes], Pdu | None]]] = {
    int(CommandId.DELIVER_SM): _short_message_reader(DeliverSm),
    int(CommandId.SUBMIT_SM): _short_message_reader(SubmitSm),
    int(CommandId.SUBMIT_SM_RESP): _message_id_reader(SubmitSmResp),
    int(CommandId.DELIVER_SM_RESP): _message_id_reader(DeliverSmResp),
    int(CommandId.ENQUIRE_LINK): lambda data: _ENQUIRE_LINK,
    int(CommandId.ENQUIRE_LINK_RESP): lambda data: _ENQUIRE_LINK_RESP,
}
"""By command_id: a whole PDU's octets to its value, or None where the table must decide."""

ENCODERS: Final[dict[type[Any], Callable[[Any, int, int], bytes | None]]] = {
    SubmitSm: _short_message_writer(int(CommandId.SUBMIT_SM)),
    DeliverSm: _short_message_writer(int(CommandId.DELIVER_SM)),
    SubmitSmResp: _message_id_writer(int(CommandId.SUBMIT_SM_RESP)),
    DeliverSmResp: _message_id_writer(int(CommandId.DELIVER_SM_RESP)),
}
"""By class: a PDU, its sequence and status to octets, or None where the table must decide."""
