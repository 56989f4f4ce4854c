"""What the API answers about consent: the status of one number on one line, and the evidence behind it.

Apart from ``answers`` because it is another subject. Same spelling, same rule: rows in, documents out, nothing
decided. Octets are hexadecimal, since evidence is exactly what the carrier sent.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from gateway.model.consent import ConsentStatus
from gateway.model.views import ConsentRow, EvidenceRow, ListRow
from gateway.web.answers import Answer, Id, Time, rfc3339

Status = Literal["opted_in", "opted_out", "not_defined"]
WORDS: dict[ConsentStatus, Status] = {
    ConsentStatus.NOT_DEFINED: "not_defined",
    ConsentStatus.OPTED_IN: "opted_in",
    ConsentStatus.OPTED_OUT: "opted_out",
}


class ListView(Answer):
    """Membership of one list."""

    name: str
    status: Status
    since: Time
    suspended: bool

    @classmethod
    def of(cls, row: ListRow) -> Self:
        """Show a membership."""
        return cls(name=row.name, status=WORDS[row.status], since=rfc3339(row.since), suspended=row.suspended)


class ConsentView(Answer):
    """Whether the line may text the number. There is always an answer, with or without a stored row."""

    line: str = Field(examples=["85700"])
    number: str = Field(examples=["+12125550101"])
    status: Status = Field(examples=["opted_out"])
    held: bool = Field(description="An unclear text is being looked at; nothing is sent meanwhile.")
    since: Time | None = Field(description="Since when the status is so; null where it is not_defined.")
    source: str | None = Field(description="How it came about: text, api, import, ...", examples=["text"])
    opt_outs: int = Field(description="How often the number has opted out of this line.")
    lists: list[ListView]

    @classmethod
    def of(cls, row: ConsentRow) -> Self:
        """Show a consent."""
        return cls(
            line=row.line,
            number=row.number,
            status=WORDS[row.status],
            held=row.held,
            since=None if row.since is None else rfc3339(row.since),
            source=row.source,
            opt_outs=row.opt_outs,
            lists=[ListView.of(item) for item in row.lists],
        )


class EvidenceItem(Answer):
    """One consent event, with its place in the hash chain of the node that recorded it."""

    id: Id
    node: str
    incarnation: int
    seq: int
    kind: str = Field(examples=["opt_out"])
    line: str
    number: str
    list: str | None
    before: Status
    after: Status
    method: str = Field(examples=["text"])
    actor: str
    rule: str
    rule_version: str
    text: str
    raw: str = Field(description="The octets of the text as the carrier sent them, hexadecimal.")
    disclosure: str
    mo_id: Id | None
    note: str
    occurred_at: Time
    recorded_at: Time
    hash: str

    @classmethod
    def of(cls, row: EvidenceRow) -> Self:
        """Show an event."""
        return cls(
            id=str(row.id),
            node=row.node,
            incarnation=row.incarnation,
            seq=row.seq,
            kind=row.kind,
            line=row.line,
            number=row.number,
            list=row.list_name,
            before=WORDS[row.before],
            after=WORDS[row.after],
            method=row.method,
            actor=row.actor,
            rule=row.rule,
            rule_version=row.rule_version,
            text=row.text,
            raw=row.raw.hex(),
            disclosure=row.disclosure,
            mo_id=None if row.mo_id is None else str(row.mo_id),
            note=row.note,
            occurred_at=rfc3339(row.occurred_at),
            recorded_at=rfc3339(row.recorded_at),
            hash=row.hash,
        )


class EvidenceView(Answer):
    """Every consent event of the number on the line, oldest first; empty where there is none."""

    evidence: list[EvidenceItem]
