"""The table of bodies: which fields each PDU of SMPP 3.4 has, in which order (chapter 4), as data.

The codec walks it and nothing else decides what a body looks like. A field's status is what a request is answered with
when that field cannot be read. Who adds a PDU adds its value to ``pdu`` and its line here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.smpp import pdu
from gateway.smpp.constants import RESPONSE_BIT, Status
from gateway.smpp.fields import Destinations, Failures, Field, Message, Number, Text


class Layout(NamedTuple):
    """One PDU's body: the class of its value and its mandatory fields.

    ``loose`` marks responses whose string must be understood even where it is misspelt, because the answer counts more
    than its spelling: the peer has accepted, or refused, and nobody can ask again.
    """

    make: type[pdu.Pdu]
    fields: tuple[Field, ...] = ()
    loose: bool = False


_SYSTEM_ID: Final = Text("system_id", None, Status.ESME_RINVSYSID)
_PASSWORD: Final = Text("password", None, Status.ESME_RINVPASWD)
_SERVICE_TYPE: Final = Text("service_type", 5, Status.ESME_RINVSERTYP)
_MESSAGE_ID: Final = Text("message_id", 64, Status.ESME_RINVMSGID)
_SCHEDULE: Final = Text("schedule_delivery_time", 16, Status.ESME_RINVSCHED)
_VALIDITY: Final = Text("validity_period", 16, Status.ESME_RINVEXPIRY)
_SOURCE: Final = (
    Number("source_addr_ton"),
    Number("source_addr_npi"),
    Text("source_addr", 20, Status.ESME_RINVSRCADR),
)
_DESTINATION: Final = (
    Number("dest_addr_ton"),
    Number("dest_addr_npi"),
    Text("destination_addr", 20, Status.ESME_RINVDSTADR),
)
_LONG_SOURCE: Final = (*_SOURCE[:2], Text("source_addr", 64, Status.ESME_RINVSRCADR))
_LONG_DESTINATION: Final = (*_DESTINATION[:2], Text("destination_addr", 64, Status.ESME_RINVDSTADR))
_BIND: Final = (
    _SYSTEM_ID,
    _PASSWORD,
    Text("system_type", 12, Status.ESME_RINVSYSTYP),
    Number("interface_version"),
    Number("addr_ton"),
    Number("addr_npi"),
    Text("address_range", 40, Status.ESME_RINVCMDLEN),
)
_HANDLING: Final = (
    Number("esm_class"),
    Number("protocol_id"),
    Number("priority_flag"),
    _SCHEDULE,
    _VALIDITY,
    Number("registered_delivery"),
    Number("replace_if_present_flag"),
    Number("data_coding"),
    Number("sm_default_msg_id"),
    Message(),
)
_SHORT_MESSAGE: Final = (_SERVICE_TYPE, *_SOURCE, *_DESTINATION, *_HANDLING)

_TABLE: Final = (
    Layout(pdu.BindTransmitter, _BIND),
    Layout(pdu.BindTransmitterResp, (_SYSTEM_ID,), loose=True),
    Layout(pdu.BindReceiver, _BIND),
    Layout(pdu.BindReceiverResp, (_SYSTEM_ID,), loose=True),
    Layout(pdu.BindTransceiver, _BIND),
    Layout(pdu.BindTransceiverResp, (_SYSTEM_ID,), loose=True),
    Layout(pdu.Outbind, (_SYSTEM_ID, _PASSWORD)),
    Layout(pdu.Unbind),
    Layout(pdu.UnbindResp),
    Layout(pdu.EnquireLink),
    Layout(pdu.EnquireLinkResp),
    Layout(pdu.GenericNack),
    Layout(pdu.SubmitSm, _SHORT_MESSAGE),
    Layout(pdu.SubmitSmResp, (_MESSAGE_ID,), loose=True),
    Layout(pdu.DeliverSm, _SHORT_MESSAGE),
    Layout(pdu.DeliverSmResp, (_MESSAGE_ID,), loose=True),
    Layout(
        pdu.DataSm,
        (
            _SERVICE_TYPE,
            *_LONG_SOURCE,
            *_LONG_DESTINATION,
            Number("esm_class"),
            Number("registered_delivery"),
            Number("data_coding"),
        ),
    ),
    Layout(pdu.DataSmResp, (_MESSAGE_ID,), loose=True),
    Layout(pdu.SubmitMulti, (_SERVICE_TYPE, *_SOURCE, Destinations(), *_HANDLING)),
    Layout(pdu.SubmitMultiResp, (_MESSAGE_ID, Failures())),
    Layout(pdu.QuerySm, (_MESSAGE_ID, *_SOURCE)),
    Layout(
        pdu.QuerySmResp,
        (_MESSAGE_ID, Text("final_date", 16, Status.ESME_RSYSERR), Number("message_state"), Number("error_code")),
    ),
    Layout(pdu.CancelSm, (_SERVICE_TYPE, _MESSAGE_ID, *_SOURCE, *_DESTINATION)),
    Layout(pdu.CancelSmResp),
    Layout(
        pdu.ReplaceSm,
        (
            _MESSAGE_ID,
            *_SOURCE,
            _SCHEDULE,
            _VALIDITY,
            Number("registered_delivery"),
            Number("sm_default_msg_id"),
            Message(),
        ),
    ),
    Layout(pdu.ReplaceSmResp),
    Layout(
        pdu.AlertNotification,
        (
            *_LONG_SOURCE,
            Number("esme_addr_ton"),
            Number("esme_addr_npi"),
            Text("esme_addr", 64, Status.ESME_RINVDSTADR),
        ),
    ),
)

LAYOUTS: Final[dict[int, Layout]] = {int(layout.make.command_id): layout for layout in _TABLE}
"""Every PDU's layout by its command_id."""

RESPONSES: Final[dict[int, type[pdu.Pdu]]] = {
    command: LAYOUTS[command | RESPONSE_BIT].make
    for command in LAYOUTS
    if not command & RESPONSE_BIT and command | RESPONSE_BIT in LAYOUTS
}
"""The response of each request that has one, by the request's command_id."""
