"""One PDU of every kind with all its fields set, and hypothesis strategies for any PDU that we may send."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gateway.smpp import pdu
from gateway.smpp.constants import CommandId
from gateway.smpp.fields import Destinations, Failures, Message, Number, Text
from gateway.smpp.layouts import LAYOUTS
from gateway.smpp.pdu import DistributionList, Pdu, SmeAddress, Tlv, UnsuccessSme

TLVS = (Tlv(0x0427, b"\x02"), Tlv(0x1400, b""), Tlv(0x0427, b"\x05"))
ADDRESSES: dict[str, Any] = {
    "source_addr_ton": 1,
    "source_addr_npi": 2,
    "source_addr": "12125550101",
    "dest_addr_ton": 3,
    "dest_addr_npi": 4,
    "destination_addr": "85700",
}
SOURCE = {name: value for name, value in ADDRESSES.items() if name.startswith("source")}
HANDLING: dict[str, Any] = {
    "esm_class": 0x40,
    "protocol_id": 5,
    "priority_flag": 9,
    "schedule_delivery_time": "261122010203000+",
    "validity_period": "000000010000000R",
    "registered_delivery": 0xFF,
    "replace_if_present_flag": 1,
    "data_coding": 8,
    "sm_default_msg_id": 6,
    "short_message": b"\x00S\x00T\x00O\x00P",
    "tlvs": TLVS,
}
BIND: dict[str, Any] = {
    "system_id": "demo",
    "password": "secret",
    "system_type": "VMA",
    "interface_version": 0x33,
    "addr_ton": 1,
    "addr_npi": 2,
    "address_range": "^857",
}

SAMPLES: tuple[Pdu, ...] = (
    pdu.BindTransmitter(**BIND),
    pdu.BindTransmitterResp("SMSC", TLVS),
    pdu.BindReceiver(**BIND),
    pdu.BindReceiverResp("SMSC", TLVS),
    pdu.BindTransceiver(**BIND),
    pdu.BindTransceiverResp("SMSC", TLVS),
    pdu.Outbind("SMSC", "secret"),
    pdu.Unbind(),
    pdu.UnbindResp(),
    pdu.EnquireLink(),
    pdu.EnquireLinkResp(),
    pdu.GenericNack(),
    pdu.SubmitSm("CMT", **ADDRESSES, **HANDLING),
    pdu.SubmitSmResp("0a1b-2c", TLVS),
    pdu.DeliverSm("CMT", **ADDRESSES, **HANDLING),
    pdu.DeliverSmResp("", TLVS),
    pdu.DataSm("CMT", **ADDRESSES, esm_class=4, registered_delivery=1, data_coding=3, tlvs=TLVS),
    pdu.DataSmResp("0a1b-2c", TLVS),
    pdu.SubmitMulti(
        "CMT", **SOURCE, dest_addresses=(SmeAddress(1, 1, "12125550101"), DistributionList("friends")), **HANDLING
    ),
    pdu.SubmitMultiResp("77", (UnsuccessSme(1, 1, "12125550101", 0x0B), UnsuccessSme()), TLVS),
    pdu.QuerySm("77", **SOURCE),
    pdu.QuerySmResp("77", "261122010203000+", 2, 1),
    pdu.CancelSm("CMT", "77", **ADDRESSES),
    pdu.CancelSmResp(),
    pdu.ReplaceSm("77", **SOURCE, validity_period="000000010000000R", short_message=b"other", sm_default_msg_id=1),
    pdu.ReplaceSmResp(),
    pdu.AlertNotification(1, 2, "12125550101", 3, 4, "85700", TLVS),
)

PLAIN: dict[str, Any] = {
    **ADDRESSES,
    "esm_class": 0x41,
    "protocol_id": 5,
    "priority_flag": 6,
    "registered_delivery": 7,
    "replace_if_present_flag": 8,
    "data_coding": 9,
    "sm_default_msg_id": 10,
    "short_message": b"please JOIN!",
}
PLAIN_SAMPLES: tuple[Pdu, ...] = (  # no two neighbours alike, no times: what the fast paths take
    pdu.SubmitSm(**PLAIN),
    pdu.DeliverSm(**PLAIN),
    pdu.SubmitSm("CMT", **PLAIN, tlvs=TLVS),
    pdu.DeliverSm("CMT", **PLAIN, tlvs=TLVS),
    pdu.SubmitSmResp("0a1b-2c"),
    pdu.DeliverSmResp(),
)
"""What the fast paths read and write."""

_CHARACTERS = st.characters(min_codepoint=1, max_codepoint=255)


def _octet_text(limit: int) -> st.SearchStrategy[str]:
    return st.text(_CHARACTERS, max_size=limit)


def _number(width: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << 8 * width) - 1)


_ADDRESS = (_number(1), _number(1), _octet_text(20))
_DESTINATION = st.builds(SmeAddress, *_ADDRESS) | st.builds(DistributionList, _octet_text(20))
_FAILURE = st.builds(UnsuccessSme, *_ADDRESS, _number(4))
_TLV = st.builds(Tlv, _number(2), st.binary(max_size=20))


def _field_strategy(field: object) -> st.SearchStrategy[Any]:
    match field:
        case Text(name="service_type" | "schedule_delivery_time" | "validity_period"):
            return st.sampled_from(["", "", "", "CMT"])  # mostly not set, as in life and on the fast paths
        case Text(limit=limit):
            return _octet_text(30 if limit is None else limit)
        case Number(width=width):
            return _number(width)
        case Message():
            return st.binary(max_size=254)
        case Destinations():
            return st.lists(_DESTINATION, min_size=1, max_size=5).map(tuple)
        case Failures():
            return st.lists(_FAILURE, max_size=5).map(tuple)
    raise AssertionError(field)


def _pdus_of(command_id: int) -> st.SearchStrategy[Pdu]:
    layout = LAYOUTS[command_id]
    parts = {field.name: _field_strategy(field) for field in layout.fields}
    if layout.fields:
        parts["tlvs"] = st.lists(_TLV, max_size=4).map(tuple)
    return st.builds(layout.make, **parts)


SEQUENCES = _number(4)
PDUS: st.SearchStrategy[Pdu] = st.sampled_from(sorted(LAYOUTS)).flatmap(_pdus_of)
BUSY: tuple[CommandId, ...] = (
    CommandId.DELIVER_SM,
    CommandId.SUBMIT_SM,
    CommandId.DELIVER_SM_RESP,
    CommandId.SUBMIT_SM_RESP,
    CommandId.ENQUIRE_LINK,
    CommandId.ENQUIRE_LINK_RESP,
)
BUSY_PDUS: st.SearchStrategy[Pdu] = st.sampled_from(BUSY).flatmap(_pdus_of)
