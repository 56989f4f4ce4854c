"""What the carrier brings: a subscriber's texts and receipts as deliver_sm, each with the story of its answers.

The functions here build PDUs and touch nothing; a ``Delivery`` is one PDU that the carrier is bound to bring until it
is acknowledged. Addresses are spelt as most carriers spell them: digits without a plus sign, type of number set.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import trio

from gateway.simulator.happenings import Submitted
from gateway.simulator.inbox import UDHI
from gateway.smpp.constants import INTERFACE_VERSION, Npi, Tag, Ton
from gateway.smpp.pdu import DeliverSm, Tlv, Tlvs, tlv
from gateway.sms import ReceiptText, Segment, decode_text, message_state, segment

_RECEIPT = 0x04
"""esm_class of a delivery receipt (SMPP 3.4 section 5.2.12)."""


class Delivery:
    """One deliver_sm under way. ``statuses`` are the answers so far, ``sequence`` the number it was last sent under.

    ``sequence`` given at the start forces that number, outside the session's own count. ``attempts`` counts how often
    it was sent; ``bind`` names the connection that must take it, None for any that can receive.
    """

    def __init__(self, pdu: DeliverSm, *, bind: str | None = None, sequence: int | None = None) -> None:
        self.pdu = pdu
        self.bind = bind
        self.forced = sequence is not None
        self.sequence = sequence
        self.attempts = 0
        self.statuses: list[int] = []
        self._settled = trio.Event()

    def __repr__(self) -> str:
        return f"<Delivery {self.pdu.source_addr}>{self.pdu.destination_addr} statuses={self.statuses}>"

    def pdu_for(self, version: int | None) -> DeliverSm:
        """Return the PDU for an ESME of that interface version: a receipt has no TLVs for one before 3.4.

        (SMPP 3.4 section 1.7.2.) What a test posts goes as it is.
        """
        old = version is not None and version < INTERFACE_VERSION
        return replace(self.pdu, tlvs=()) if old and self.pdu.esm_class == _RECEIPT else self.pdu

    @property
    def settled(self) -> bool:
        """Whether the carrier is done with it: it was answered for good, or given up."""
        return self._settled.is_set()

    @property
    def status(self) -> int | None:
        """The last answer; None without one."""
        return self.statuses[-1] if self.statuses else None

    def settle(self) -> None:
        """Let those who wait go on."""
        self._settled.set()

    async def wait(self) -> int | None:
        """Wait until it is settled, and return its status; None if it was given up without an answer."""
        await self._settled.wait()
        return self.status


def text_pdus(from_: str, line: str, text: str, reference: int) -> list[DeliverSm]:
    """Return the deliver_sm that bring ``text``: one, or its parts, GSM where it can be, else UCS-2."""
    return [_part(from_, line, one) for one in segment(text, reference)]


def _part(from_: str, line: str, one: Segment) -> DeliverSm:
    esm_class = UDHI if one.udh else 0
    return octets_pdu(from_, line, one.udh + one.body, data_coding=one.data_coding, esm_class=esm_class)


def octets_pdu(
    from_: str, line: str, octets: bytes, *, data_coding: int = 0, esm_class: int = 0, tlvs: Tlvs = ()
) -> DeliverSm:
    """Return a deliver_sm with exactly these octets as its short_message."""
    international = from_.startswith("+")
    return DeliverSm(
        source_addr_ton=Ton.INTERNATIONAL if international else Ton.UNKNOWN,
        source_addr_npi=Npi.ISDN if international else Npi.UNKNOWN,
        source_addr=from_.removeprefix("+"),
        dest_addr_ton=Ton.UNKNOWN,
        dest_addr_npi=Npi.UNKNOWN,
        destination_addr=line.removeprefix("+"),
        esm_class=esm_class,
        data_coding=data_coding,
        short_message=octets,
        tlvs=tlvs,
    )


def receipt_pdu(submitted: Submitted, stat: str, now: float, err: str = "000") -> DeliverSm:
    """Return the receipt that says ``stat`` of a message (SMPP 3.4 appendix B), with the TLVs of section 4.6.1."""
    pdu, state = submitted.pdu, message_state(stat)
    octets = pdu.short_message or tlv(pdu, Tag.MESSAGE_PAYLOAD) or b""
    quote = decode_text(octets, pdu.data_coding) if not pdu.esm_class & UDHI else ""
    text = ReceiptText(
        id=submitted.message_id,
        sub="001",
        dlvrd="001" if stat == "DELIVRD" else "000",
        submit_date=_date(submitted.at),
        done_date=_date(now),
        stat=stat,
        err=err,
        text=quote[:20].encode("ascii", "replace").decode(),
    )
    tlvs = [Tlv(Tag.RECEIPTED_MESSAGE_ID, submitted.message_id.encode("latin-1") + b"\0")]
    if state is not None:
        tlvs.append(Tlv(Tag.MESSAGE_STATE, bytes((state,))))
    return DeliverSm(
        source_addr_ton=pdu.dest_addr_ton,
        source_addr_npi=pdu.dest_addr_npi,
        source_addr=pdu.destination_addr,
        dest_addr_ton=pdu.source_addr_ton,
        dest_addr_npi=pdu.source_addr_npi,
        destination_addr=pdu.source_addr,
        esm_class=_RECEIPT,
        short_message=str(text).encode("ascii", "replace"),
        tlvs=tuple(tlvs),
    )


def _date(at: float) -> str:
    """Return YYMMDDhhmm in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%y%m%d%H%M")
