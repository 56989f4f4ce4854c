"""The trace over HTTP: what may be asked, and how a PDU is answered.

Apart from ``schemas`` and ``answers`` because it is another subject. Same spelling, same rule: rows in, documents out,
nothing decided. What may not be seen was hidden before it came here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.trace import TlvRow, TracePage, TraceQuery, TraceRow
from gateway.web.answers import Answer, Time, rfc3339
from gateway.web.schemas import MAX_PAGE, Text

CURSOR: Final = r"^([A-Za-z0-9_./-]+=[0-9]{1,18}(,|$))*$"
Cursor = Annotated[str, Field(pattern=CURSOR, examples=["acme/0=1795367045250034"])]


class TraceFilter(BaseModel):
    """Which PDUs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    carrier: Text | None = Field(default=None, description="The name of a carrier or of a bind; all by default.")
    cursor: Cursor | None = Field(default=None, description="`next` of the page before: what came after it.")
    last: int | None = Field(
        default=None,
        ge=1,
        le=MAX_PAGE,
        description="Without a cursor: the latest so many; by default all that is kept.",
    )
    limit: int = Field(default=100, ge=1, le=MAX_PAGE, description="PDUs on a page, where `last` does not say.")

    def query(self, *, unmask: bool) -> TraceQuery:
        """Return it as our value."""
        return TraceQuery(self.carrier, self.cursor, self.last, self.limit, unmask)


class TlvView(Answer):
    """One TLV."""

    tag: int = Field(examples=[0x1E])
    name: str = Field(description="As SMPP 3.4 spells it; the tag in hexadecimal where it has no name.")
    value: int | str = Field(description="A number, a text, or octets in hexadecimal.")

    @classmethod
    def of(cls, row: TlvRow) -> Self:
        """Show a TLV."""
        return cls(tag=row.tag, name=row.name, value=row.value)


class PartView(Answer):
    """Which part of a long text."""

    number: int = Field(description="From 1.", examples=[1])
    total: int = Field(examples=[2])
    reference: int = Field(description="What ties the parts of one text together.", examples=[31])


class PduView(Answer):
    """One PDU, or octets that came in the place of one."""

    at: Time
    bind: str = Field(examples=["acme/0"])
    session: str
    direction: Literal["in", "out"] = Field(description="in: from the carrier; out: to it.")
    command: str | None = Field(description="The command; in hexadecimal where SMPP 3.4 has none such.")
    status: int | None = Field(description="command_status (SMPP 3.4 section 5.1.3).")
    status_name: str | None = Field(examples=["ESME_ROK"])
    sequence: int | None
    fields: Mapping[str, int | str] = Field(description="The mandatory fields, under their names in SMPP 3.4.")
    tlvs: list[TlvView]
    text: str | None = Field(description="The text, decoded; null where there is none or it is hidden.")
    hidden: bool = Field(description="Whether there is a text that is hidden, wholly or in part.")
    part: PartView | None = Field(description="Of a text in parts, by its header or SAR TLVs: which; else null.")
    fault: str | None = Field(description="What is wrong with it; null where nothing is.")
    octets: str = Field(description="All of it in hexadecimal; what is hidden is 2a (a star) at the same length.")

    @classmethod
    def of(cls, row: TraceRow) -> Self:
        """Show a PDU; the values are ours, so that a thousand of them need no validation."""
        return cls.model_construct(
            at=rfc3339(row.at),
            bind=row.bind,
            session=row.session,
            direction="in" if row.incoming else "out",
            command=row.command,
            status=row.status,
            status_name=row.status_name,
            sequence=row.sequence,
            fields=dict(row.fields),
            tlvs=[TlvView.of(tlv) for tlv in row.tlvs],
            text=row.text,
            hidden=row.hidden,
            part=None if row.part is None else PartView.model_construct(**asdict(row.part)),
            fault=row.fault,
            octets=row.octets.hex(),
        )


class TraceView(Answer):
    """PDUs, oldest first."""

    pdus: list[PduView]
    next: Cursor = Field(description="The `cursor` for what comes after these.")
    more: bool = Field(description="Whether some of that is there already.")
    missed: Mapping[str, int] = Field(
        description="By bind: how many PDUs after `cursor` are gone unseen, because newer ones took their memory."
    )
    off: list[str] = Field(description="Binds of which nothing is kept: `trace_octets` of their carrier is 0.")

    @classmethod
    def of(cls, page: TracePage) -> Self:
        """Show a page."""
        return cls.model_construct(
            pdus=[PduView.of(row) for row in page.rows],
            next=page.next,
            more=page.more,
            missed=dict(page.missed),
            off=list(page.off),
        )
