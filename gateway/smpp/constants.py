"""The protocol's vocabulary: command ids, command statuses, TLV tags, TON and NPI, with their names in SMPP 3.4.

The only module that imports smpplib, which supplies the numbers and the wording of the statuses; everything else here
and above says ``CommandId.DELIVER_SM`` and never sees that library. It must not decide anything: which command is legal
when is in ``states``, what a status means for a message is a carrier's quirk. The names are spelled out, not built in
a loop, so that a type checker and a reader can find them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from smpplib import consts  # type: ignore[import-untyped]  # smpplib ships no type information
from smpplib.command_codes import commands  # type: ignore[import-untyped]  # as above

RESPONSE_BIT: Final = 0x80000000
"""Set in the command_id of every response, and in that of generic_nack (SMPP 3.4 section 5.1.2)."""

INTERFACE_VERSION: Final = 0x34
"""What we speak and say in ``interface_version`` and ``sc_interface_version`` (sections 5.2.4 and 5.3.2.25)."""

HEADER_LENGTH: Final = 16
"""Octets of command_length, command_id, command_status and sequence_number (section 3.2)."""

MAX_SEQUENCE: Final = 0x7FFFFFFF
"""The highest sequence number that we give (section 5.1.4); what peers give is echoed, whatever it is."""


class CommandId(IntEnum):
    """Which PDU it is (section 5.1.2.1)."""

    GENERIC_NACK = commands["generic_nack"]
    BIND_RECEIVER = commands["bind_receiver"]
    BIND_RECEIVER_RESP = commands["bind_receiver_resp"]
    BIND_TRANSMITTER = commands["bind_transmitter"]
    BIND_TRANSMITTER_RESP = commands["bind_transmitter_resp"]
    QUERY_SM = commands["query_sm"]
    QUERY_SM_RESP = commands["query_sm_resp"]
    SUBMIT_SM = commands["submit_sm"]
    SUBMIT_SM_RESP = commands["submit_sm_resp"]
    DELIVER_SM = commands["deliver_sm"]
    DELIVER_SM_RESP = commands["deliver_sm_resp"]
    UNBIND = commands["unbind"]
    UNBIND_RESP = commands["unbind_resp"]
    REPLACE_SM = commands["replace_sm"]
    REPLACE_SM_RESP = commands["replace_sm_resp"]
    CANCEL_SM = commands["cancel_sm"]
    CANCEL_SM_RESP = commands["cancel_sm_resp"]
    BIND_TRANSCEIVER = commands["bind_transceiver"]
    BIND_TRANSCEIVER_RESP = commands["bind_transceiver_resp"]
    OUTBIND = commands["outbind"]
    ENQUIRE_LINK = commands["enquire_link"]
    ENQUIRE_LINK_RESP = commands["enquire_link_resp"]
    SUBMIT_MULTI = commands["submit_multi"]
    SUBMIT_MULTI_RESP = commands["submit_multi_resp"]
    ALERT_NOTIFICATION = commands["alert_notification"]
    DATA_SM = commands["data_sm"]
    DATA_SM_RESP = commands["data_sm_resp"]


class Status(IntEnum):
    """command_status: what became of a request (section 5.1.3). Any other number may come from a carrier, too."""

    ESME_ROK = consts.SMPP_ESME_ROK
    ESME_RINVMSGLEN = consts.SMPP_ESME_RINVMSGLEN
    ESME_RINVCMDLEN = consts.SMPP_ESME_RINVCMDLEN
    ESME_RINVCMDID = consts.SMPP_ESME_RINVCMDID
    ESME_RINVBNDSTS = consts.SMPP_ESME_RINVBNDSTS
    ESME_RALYBND = consts.SMPP_ESME_RALYBND
    ESME_RINVPRTFLG = consts.SMPP_ESME_RINVPRTFLG
    ESME_RINVREGDLVFLG = consts.SMPP_ESME_RINVREGDLVFLG
    ESME_RSYSERR = consts.SMPP_ESME_RSYSERR
    ESME_RINVSRCADR = consts.SMPP_ESME_RINVSRCADR
    ESME_RINVDSTADR = consts.SMPP_ESME_RINVDSTADR
    ESME_RINVMSGID = consts.SMPP_ESME_RINVMSGID
    ESME_RBINDFAIL = consts.SMPP_ESME_RBINDFAIL
    ESME_RINVPASWD = consts.SMPP_ESME_RINVPASWD
    ESME_RINVSYSID = consts.SMPP_ESME_RINVSYSID
    ESME_RCANCELFAIL = consts.SMPP_ESME_RCANCELFAIL
    ESME_RREPLACEFAIL = consts.SMPP_ESME_RREPLACEFAIL
    ESME_RMSGQFUL = consts.SMPP_ESME_RMSGQFUL
    ESME_RINVSERTYP = consts.SMPP_ESME_RINVSERTYP
    ESME_RINVNUMDESTS = consts.SMPP_ESME_RINVNUMDESTS
    ESME_RINVDLNAME = consts.SMPP_ESME_RINVDLNAME
    ESME_RINVDESTFLAG = consts.SMPP_ESME_RINVDESTFLAG
    ESME_RINVSUBREP = consts.SMPP_ESME_RINVSUBREP
    ESME_RINVESMCLASS = consts.SMPP_ESME_RINVESMCLASS
    ESME_RCNTSUBDL = consts.SMPP_ESME_RCNTSUBDL
    ESME_RSUBMITFAIL = consts.SMPP_ESME_RSUBMITFAIL
    ESME_RINVSRCTON = consts.SMPP_ESME_RINVSRCTON
    ESME_RINVSRCNPI = consts.SMPP_ESME_RINVSRCNPI
    ESME_RINVDSTTON = consts.SMPP_ESME_RINVDSTTON
    ESME_RINVDSTNPI = consts.SMPP_ESME_RINVDSTNPI
    ESME_RINVSYSTYP = consts.SMPP_ESME_RINVSYSTYP
    ESME_RINVREPFLAG = consts.SMPP_ESME_RINVREPFLAG
    ESME_RINVNUMMSGS = consts.SMPP_ESME_RINVNUMMSGS
    ESME_RTHROTTLED = consts.SMPP_ESME_RTHROTTLED
    ESME_RINVSCHED = consts.SMPP_ESME_RINVSCHED
    ESME_RINVEXPIRY = consts.SMPP_ESME_RINVEXPIRY
    ESME_RINVDFTMSGID = consts.SMPP_ESME_RINVDFTMSGID
    ESME_RX_T_APPN = consts.SMPP_ESME_RX_T_APPN
    ESME_RX_P_APPN = consts.SMPP_ESME_RX_P_APPN
    ESME_RX_R_APPN = consts.SMPP_ESME_RX_R_APPN
    ESME_RQUERYFAIL = consts.SMPP_ESME_RQUERYFAIL
    ESME_RINVOPTPARSTREAM = consts.SMPP_ESME_RINVOPTPARSTREAM
    ESME_ROPTPARNOTALLWD = consts.SMPP_ESME_ROPTPARNOTALLWD
    ESME_RINVPARLEN = consts.SMPP_ESME_RINVPARLEN
    ESME_RMISSINGOPTPARAM = consts.SMPP_ESME_RMISSINGOPTPARAM
    ESME_RINVOPTPARAMVAL = consts.SMPP_ESME_RINVOPTPARAMVAL
    ESME_RDELIVERYFAILURE = consts.SMPP_ESME_RDELIVERYFAILURE
    ESME_RUNKNOWNERR = consts.SMPP_ESME_RUNKNOWNERR


class Tag(IntEnum):
    """TLV tags (section 5.3.2). Others are kept as plain numbers."""

    DEST_ADDR_SUBUNIT = consts.OPTIONAL_PARAMS["dest_addr_subunit"]
    DEST_NETWORK_TYPE = consts.OPTIONAL_PARAMS["dest_network_type"]
    DEST_BEARER_TYPE = consts.OPTIONAL_PARAMS["dest_bearer_type"]
    DEST_TELEMATICS_ID = consts.OPTIONAL_PARAMS["dest_telematics_id"]
    SOURCE_ADDR_SUBUNIT = consts.OPTIONAL_PARAMS["source_addr_subunit"]
    SOURCE_NETWORK_TYPE = consts.OPTIONAL_PARAMS["source_network_type"]
    SOURCE_BEARER_TYPE = consts.OPTIONAL_PARAMS["source_bearer_type"]
    SOURCE_TELEMATICS_ID = consts.OPTIONAL_PARAMS["source_telematics_id"]
    QOS_TIME_TO_LIVE = consts.OPTIONAL_PARAMS["qos_time_to_live"]
    PAYLOAD_TYPE = consts.OPTIONAL_PARAMS["payload_type"]
    ADDITIONAL_STATUS_INFO_TEXT = consts.OPTIONAL_PARAMS["additional_status_info_text"]
    RECEIPTED_MESSAGE_ID = consts.OPTIONAL_PARAMS["receipted_message_id"]
    MS_MSG_WAIT_FACILITIES = consts.OPTIONAL_PARAMS["ms_msg_wait_facilities"]
    PRIVACY_INDICATOR = consts.OPTIONAL_PARAMS["privacy_indicator"]
    SOURCE_SUBADDRESS = consts.OPTIONAL_PARAMS["source_subaddress"]
    DEST_SUBADDRESS = consts.OPTIONAL_PARAMS["dest_subaddress"]
    USER_MESSAGE_REFERENCE = consts.OPTIONAL_PARAMS["user_message_reference"]
    USER_RESPONSE_CODE = consts.OPTIONAL_PARAMS["user_response_code"]
    SOURCE_PORT = consts.OPTIONAL_PARAMS["source_port"]
    DESTINATION_PORT = consts.OPTIONAL_PARAMS["destination_port"]
    SAR_MSG_REF_NUM = consts.OPTIONAL_PARAMS["sar_msg_ref_num"]
    LANGUAGE_INDICATOR = consts.OPTIONAL_PARAMS["language_indicator"]
    SAR_TOTAL_SEGMENTS = consts.OPTIONAL_PARAMS["sar_total_segments"]
    SAR_SEGMENT_SEQNUM = consts.OPTIONAL_PARAMS["sar_segment_seqnum"]
    SC_INTERFACE_VERSION = consts.OPTIONAL_PARAMS["sc_interface_version"]
    CALLBACK_NUM_PRES_IND = consts.OPTIONAL_PARAMS["callback_num_pres_ind"]
    CALLBACK_NUM_ATAG = consts.OPTIONAL_PARAMS["callback_num_atag"]
    NUMBER_OF_MESSAGES = consts.OPTIONAL_PARAMS["number_of_messages"]
    CALLBACK_NUM = consts.OPTIONAL_PARAMS["callback_num"]
    DPF_RESULT = consts.OPTIONAL_PARAMS["dpf_result"]
    SET_DPF = consts.OPTIONAL_PARAMS["set_dpf"]
    MS_AVAILABILITY_STATUS = consts.OPTIONAL_PARAMS["ms_availability_status"]
    NETWORK_ERROR_CODE = consts.OPTIONAL_PARAMS["network_error_code"]
    MESSAGE_PAYLOAD = consts.OPTIONAL_PARAMS["message_payload"]
    DELIVERY_FAILURE_REASON = consts.OPTIONAL_PARAMS["delivery_failure_reason"]
    MORE_MESSAGES_TO_SEND = consts.OPTIONAL_PARAMS["more_messages_to_send"]
    MESSAGE_STATE = consts.OPTIONAL_PARAMS["message_state"]
    USSD_SERVICE_OP = consts.OPTIONAL_PARAMS["ussd_service_op"]
    DISPLAY_TIME = consts.OPTIONAL_PARAMS["display_time"]
    SMS_SIGNAL = consts.OPTIONAL_PARAMS["sms_signal"]
    MS_VALIDITY = consts.OPTIONAL_PARAMS["ms_validity"]
    ALERT_ON_MESSAGE_DELIVERY = consts.OPTIONAL_PARAMS["alert_on_message_delivery"]
    ITS_REPLY_TYPE = consts.OPTIONAL_PARAMS["its_reply_type"]
    ITS_SESSION_INFO = consts.OPTIONAL_PARAMS["its_session_info"]


class Ton(IntEnum):
    """Type of number (section 5.2.5)."""

    UNKNOWN = consts.SMPP_TON_UNK
    INTERNATIONAL = consts.SMPP_TON_INTL
    NATIONAL = consts.SMPP_TON_NATNL
    NETWORK_SPECIFIC = consts.SMPP_TON_NWSPEC
    SUBSCRIBER_NUMBER = consts.SMPP_TON_SBSCR
    ALPHANUMERIC = consts.SMPP_TON_ALNUM
    ABBREVIATED = consts.SMPP_TON_ABBREV


class Npi(IntEnum):
    """Numbering plan indicator (section 5.2.6)."""

    UNKNOWN = consts.SMPP_NPI_UNK
    ISDN = consts.SMPP_NPI_ISDN
    DATA = consts.SMPP_NPI_DATA
    TELEX = consts.SMPP_NPI_TELEX
    LAND_MOBILE = consts.SMPP_NPI_LNDMBL
    NATIONAL = consts.SMPP_NPI_NATNL
    PRIVATE = consts.SMPP_NPI_PRVT
    ERMES = consts.SMPP_NPI_ERMES
    INTERNET = consts.SMPP_NPI_IP
    WAP_CLIENT_ID = consts.SMPP_NPI_WAP


_DESCRIPTIONS: Final[dict[int, str]] = {
    **consts.DESCRIPTIONS,
    Status.ESME_RINVREGDLVFLG: "Invalid registered_delivery flag",
}


def describe(status: int) -> str:
    """Return a status for a person: its name, number and meaning, for any 32-bit number.

    ``ESME_RTHROTTLED (0x00000058): Throttling error ...``; one that SMPP 3.4 does not define says so.
    """
    if status in _DESCRIPTIONS:
        return f"{Status(status).name} (0x{status:08X}): {_DESCRIPTIONS[status]}"
    return f"0x{status:08X}: not defined by SMPP 3.4, the carrier's own"


def command_name(command_id: int) -> str:
    """Return a command as the specification spells it: ``deliver_sm``; ``0x00000099`` if it knows none."""
    try:
        return CommandId(command_id).name.lower()
    except ValueError:
        return f"0x{command_id:08X}"
