"""Every PDU of SMPP 3.4 as a value, with the field names of the specification (chapter 4).

What is said of all: C-octet strings are ``str`` holding one character an octet (Latin-1, so nothing is lost), octet
strings are ``bytes``, the rest are unsigned integers. All fields have the default that the specification calls "not
set". ``tlvs`` are the optional parameters, raw, in the order in which they came, unknown and double ones included: who
needs one reads it with ``tlv``. sm_length and the counts of lists are not fields; the codec derives them.

The header is apart (``Frame``), because the same PDU may be sent again under another sequence number. No behaviour
lives here: the octets are ``fields`` and ``codec``, legality is ``states``.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Final

from gateway.base.value import value
from gateway.smpp.constants import INTERFACE_VERSION, CommandId, Tag
from gateway.smpp.parts import Destination as Destination
from gateway.smpp.parts import DistributionList as DistributionList
from gateway.smpp.parts import Header as Header
from gateway.smpp.parts import SmeAddress as SmeAddress
from gateway.smpp.parts import Tlv as Tlv
from gateway.smpp.parts import Tlvs as Tlvs
from gateway.smpp.parts import UnsuccessSme as UnsuccessSme


@value
class Bind:
    """What the three bind requests have in common."""

    command_id: ClassVar[CommandId]
    system_id: str = ""
    password: str = field(default="", repr=False)
    system_type: str = ""
    interface_version: int = INTERFACE_VERSION
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    tlvs: Tlvs = ()


@value
class BindTransmitter(Bind):
    """bind_transmitter (section 4.1.1): an ESME asks to submit."""

    command_id: ClassVar[CommandId] = CommandId.BIND_TRANSMITTER


@value
class BindReceiver(Bind):
    """bind_receiver (section 4.1.3): an ESME asks to receive."""

    command_id: ClassVar[CommandId] = CommandId.BIND_RECEIVER


@value
class BindTransceiver(Bind):
    """bind_transceiver (section 4.1.5): an ESME asks to do both on one session."""

    command_id: ClassVar[CommandId] = CommandId.BIND_TRANSCEIVER


@value
class BindResp:
    """What their responses have in common."""

    command_id: ClassVar[CommandId]
    system_id: str = ""
    tlvs: Tlvs = ()


@value
class BindTransmitterResp(BindResp):
    """bind_transmitter_resp (section 4.1.2); may carry the TLV sc_interface_version."""

    command_id: ClassVar[CommandId] = CommandId.BIND_TRANSMITTER_RESP


@value
class BindReceiverResp(BindResp):
    """bind_receiver_resp (section 4.1.4)."""

    command_id: ClassVar[CommandId] = CommandId.BIND_RECEIVER_RESP


@value
class BindTransceiverResp(BindResp):
    """bind_transceiver_resp (section 4.1.6)."""

    command_id: ClassVar[CommandId] = CommandId.BIND_TRANSCEIVER_RESP


@value
class Outbind:
    """outbind (section 4.1.7): an SMSC asks an ESME to bind as receiver. It has no response."""

    command_id: ClassVar[CommandId] = CommandId.OUTBIND
    system_id: str = ""
    password: str = field(default="", repr=False)
    tlvs: Tlvs = ()


@value
class Unbind:
    """unbind (section 4.2.1): header only."""

    command_id: ClassVar[CommandId] = CommandId.UNBIND


@value
class UnbindResp:
    """unbind_resp (section 4.2.2): header only."""

    command_id: ClassVar[CommandId] = CommandId.UNBIND_RESP


@value
class EnquireLink:
    """enquire_link (section 4.11.1): header only."""

    command_id: ClassVar[CommandId] = CommandId.ENQUIRE_LINK


@value
class EnquireLinkResp:
    """enquire_link_resp (section 4.11.2): header only."""

    command_id: ClassVar[CommandId] = CommandId.ENQUIRE_LINK_RESP


@value
class GenericNack:
    """generic_nack (section 4.3.1): header only; its status says what was wrong."""

    command_id: ClassVar[CommandId] = CommandId.GENERIC_NACK


@value
class ShortMessage:
    """What submit_sm and deliver_sm have in common. ``short_message`` holds up to 254 octets."""

    command_id: ClassVar[CommandId]
    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


@value
class SubmitSm(ShortMessage):
    """submit_sm (section 4.4.1): an ESME hands over a short message."""

    command_id: ClassVar[CommandId] = CommandId.SUBMIT_SM


@value
class DeliverSm(ShortMessage):
    """deliver_sm (section 4.6.1): an SMSC hands over a short message or a delivery receipt."""

    command_id: ClassVar[CommandId] = CommandId.DELIVER_SM


@value
class MessageIdResp:
    """What the responses to submit_sm, deliver_sm and data_sm have in common."""

    command_id: ClassVar[CommandId]
    message_id: str = ""
    tlvs: Tlvs = ()


@value
class SubmitSmResp(MessageIdResp):
    """submit_sm_resp (section 4.4.2): ``message_id`` is the SMSC's; empty where it gave none."""

    command_id: ClassVar[CommandId] = CommandId.SUBMIT_SM_RESP


@value
class DeliverSmResp(MessageIdResp):
    """deliver_sm_resp (section 4.6.2): ``message_id`` is unused and empty."""

    command_id: ClassVar[CommandId] = CommandId.DELIVER_SM_RESP


@value
class DataSm:
    """data_sm (section 4.7.1): either side hands over a message, its text in the TLV message_payload."""

    command_id: ClassVar[CommandId] = CommandId.DATA_SM
    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()


@value
class DataSmResp(MessageIdResp):
    """data_sm_resp (section 4.7.2)."""

    command_id: ClassVar[CommandId] = CommandId.DATA_SM_RESP


@value
class SubmitMulti:
    """submit_multi (section 4.5.1): submit_sm to up to 254 destinations."""

    command_id: ClassVar[CommandId] = CommandId.SUBMIT_MULTI
    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addresses: tuple[Destination, ...] = ()
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


@value
class SubmitMultiResp:
    """submit_multi_resp (section 4.5.2)."""

    command_id: ClassVar[CommandId] = CommandId.SUBMIT_MULTI_RESP
    message_id: str = ""
    unsuccess_smes: tuple[UnsuccessSme, ...] = ()
    tlvs: Tlvs = ()


@value
class QuerySm:
    """query_sm (section 4.8.1): what became of a message?"""

    command_id: ClassVar[CommandId] = CommandId.QUERY_SM
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    tlvs: Tlvs = ()


@value
class QuerySmResp:
    """query_sm_resp (section 4.8.2); ``message_state`` as in section 5.2.28."""

    command_id: ClassVar[CommandId] = CommandId.QUERY_SM_RESP
    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0
    tlvs: Tlvs = ()


@value
class CancelSm:
    """cancel_sm (section 4.9.1): forget a message that was not delivered yet."""

    command_id: ClassVar[CommandId] = CommandId.CANCEL_SM
    service_type: str = ""
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    tlvs: Tlvs = ()


@value
class CancelSmResp:
    """cancel_sm_resp (section 4.9.2): header only."""

    command_id: ClassVar[CommandId] = CommandId.CANCEL_SM_RESP


@value
class ReplaceSm:
    """replace_sm (section 4.10.1): put another text in the place of a message that was not delivered yet."""

    command_id: ClassVar[CommandId] = CommandId.REPLACE_SM
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()


@value
class ReplaceSmResp:
    """replace_sm_resp (section 4.10.2): header only."""

    command_id: ClassVar[CommandId] = CommandId.REPLACE_SM_RESP


@value
class AlertNotification:
    """alert_notification (section 4.12.1): a subscriber can be reached again. It has no response."""

    command_id: ClassVar[CommandId] = CommandId.ALERT_NOTIFICATION
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""
    tlvs: Tlvs = ()


BodyPdu = (
    Bind
    | BindResp
    | Outbind
    | ShortMessage
    | MessageIdResp
    | DataSm
    | SubmitMulti
    | SubmitMultiResp
    | QuerySm
    | QuerySmResp
    | CancelSm
    | ReplaceSm
    | AlertNotification
)
"""PDUs that have a body, and so may carry TLVs."""

BarePdu = Unbind | UnbindResp | EnquireLink | EnquireLinkResp | GenericNack | CancelSmResp | ReplaceSmResp
"""PDUs that are a header and nothing else."""

Pdu = BodyPdu | BarePdu


@value
class Frame:
    """A PDU with its header. ``pdu`` is None where the command is unknown, or a response's body cannot be read."""

    command_id: int
    status: int
    sequence: int
    pdu: Pdu | None


def tlv(pdu: BodyPdu, tag: int) -> bytes | None:
    """Return the octets of the first TLV with this tag, or None if there is none."""
    for parameter in pdu.tlvs:
        if parameter[0] == tag:
            return parameter[1]
    return None


BLANKS: Final = b"\0 \t\r\n"
"""Octets of a short_message that says nothing: some carriers fill it so beside message_payload."""


def text_of(pdu: object) -> bytes:
    """Return the octets of a PDU's text: short_message, or message_payload where that is blank (section 5.3.2.32)."""
    short: bytes = getattr(pdu, "short_message", b"")
    if short and short.strip(BLANKS):
        return short
    tlvs: Tlvs = getattr(pdu, "tlvs", ())
    payload = next((octets for tag, octets in tlvs if tag == Tag.MESSAGE_PAYLOAD), None)
    return payload or short
