"""What the API answers, as pydantic models: the one description of each answer, for the wire and for OpenAPI.

Owns the spelling of answers: ids are strings (they outgrow JavaScript's numbers), times RFC 3339 in UTC, octets
hexadecimal, words as ``gateway.model`` spells them. Each model is made from the row that it shows by ``of``; nothing
here decides anything. Problems are here too, since a batch answers with them in place of a message.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.messages import MessageState
from gateway.model.permit import Fate
from gateway.model.views import BindRow, BrakeRow, MessageRow, NodeView, QuarantineRow, QueueRow, SegmentRow

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-22T17:04:05.250Z"])]
Id = Annotated[str, Field(pattern=r"^[0-9]{1,18}$", examples=["4711"])]

_ANSWERED: Final = frozenset(fate.name.lower() for fate in (Fate.ACCEPTED, Fate.REJECTED))


def rfc3339(unix: float) -> str:
    """Return unix seconds as RFC 3339 in UTC with milliseconds: ``2026-11-22T17:04:05.250Z``."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(unix: float | None) -> str | None:
    return None if unix is None else rfc3339(unix)


class Answer(BaseModel):
    """The ground of all answers: closed, unchanging."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Fault(Answer):
    """One field that is not right: where it is, what is wrong, what would be right."""

    place: Literal["body", "query", "path", "header"] = Field(serialization_alias="in")
    pointer: str = Field(description="JSON pointer (RFC 6901) into the body, or the parameter's name.")
    detail: str = Field(description="What is wrong.")
    expected: str = Field(description="What would be right.")


class ProblemBody(Answer):
    """RFC 9457. Decide by `type`, which never changes; show `detail` to people."""

    type: str = Field(description="Relative URI of the problem type.", examples=["/problems/opted-out"])
    title: str = Field(examples=["The subscriber has opted out"])
    status: int = Field(description="The HTTP status, as in the answer's first line.", examples=[409])
    detail: str = Field(examples=["The subscriber texted STOP."])
    since: Time | None = Field(default=None, description="opted-out: when.")
    source: str | None = Field(default=None, description="opted-out: how it came about.", examples=["text"])
    role: str | None = Field(default=None, description="forbidden: the role that is needed.")
    retry_after_s: int | None = Field(
        default=None,
        description="Seconds after which it is worth asking again, as Retry-After says it for a whole request.",
    )
    errors: list[Fault] | None = Field(default=None, description="invalid-request: every field that is not right.")


class StateView(Answer):
    """A message that is stored, and its state after what was asked."""

    id: Id
    state: str = Field(examples=["queued"])

    @classmethod
    def of(cls, message_id: int, state: MessageState) -> Self:
        """Show a message's state; the values are ours, so that ten thousand of them need no validation."""
        return cls.model_construct(id=str(message_id), state=state.word)


class ResultsView(Answer):
    """One result for each message or id of the request, in its order."""

    results: list[StateView | ProblemBody]


class CancelledView(Answer):
    """How many queued messages were cancelled."""

    cancelled: int = Field(ge=0, examples=[12])


class SegmentView(Answer):
    """The last permit of one segment, under what grounds it was minted, and what became of it."""

    segment: int
    carrier: str
    bind: str
    grounds: str
    minted_at: Time
    fate: str
    status: int | None = Field(
        description="command_status of the carrier's response (SMPP 3.4 section 5.1.3); null without one."
    )
    carrier_id: str = Field(description="The id that the carrier gave it; empty without one.")
    detail: str = Field(
        description="Why it was not accepted, in words: the meaning of the carrier's status, and what its answer added "
        "(delivery_failure_reason, network_error_code, additional_status_info_text; SMPP 3.4 section 5.3.2); without "
        "an answer, the gateway's own. Empty if it was accepted.",
        examples=["ESME_RINVDSTADR (0x0000000B): Invalid Destination Address; permanent network error: number ported"],
    )
    receipt_state: str | None = Field(
        description="`delivered` or `undelivered` by the delivery receipt that counts, the first final one.",
    )
    receipt_error: str | None = Field(
        description="What that receipt said of the reason: the carrier's word, unless it is DELIVRD, and its own or "
        "the network's error code; may be empty.",
        examples=["UNDELIV 027"],
    )
    receipt_at: Time | None = Field(description="When that receipt came.")
    attempts: int = Field(description="How many permits were minted for this segment.", examples=[1])

    @classmethod
    def of(cls, row: SegmentRow) -> Self:
        """Show a segment."""
        return cls(
            segment=row.segment,
            carrier=row.carrier,
            bind=row.bind,
            grounds=row.grounds,
            minted_at=rfc3339(row.minted_at),
            fate=row.fate,
            status=row.status if row.fate in _ANSWERED else None,
            carrier_id=row.carrier_id,
            detail=row.detail,
            receipt_state=row.receipt_state,
            receipt_error=row.receipt_error,
            receipt_at=_time(row.receipt_at),
            attempts=row.attempts,
        )


class MessageView(Answer):
    """A text in either direction: `mo` came from a subscriber, `mt` goes to one."""

    id: Id
    direction: Literal["mo", "mt"]
    line: str = Field(examples=["85700"])
    number: str = Field(examples=["+12125550101"])
    text: str
    state: str = Field(examples=["delivered"])
    created_at: Time
    updated_at: Time
    lane: str | None = Field(description="Which lane it goes by; null for an MO.", examples=["normal"])
    claim: str | None = Field(description="Under what it asked to go; null for an MO.", examples=["consent"])
    reason: str | None = Field(description="Why it was refused or ended, where it was.", examples=["opted-out"])
    expires_at: Time | None
    in_reply_to: Id | None
    list: str | None
    ref: str | None = Field(description="The sender's own reference.")
    carrier: str | None
    status: int | None = Field(
        description="mt: command_status of the carrier's last refusal (SMPP 3.4 section 5.1.3), even if it was sent "
        "later; 4294967295 where no PDU could hold the text. null without one.",
        examples=[11],
    )
    segments: int = Field(
        description="mt: how many submit_sm (or data_sm) the text takes, which is what a carrier counts. "
        "mo: how many parts it was joined from.",
        examples=[1],
    )
    partial: bool = Field(
        description="mo: true if this may not be the whole text (parts of it never came, or it came cut short or "
        "behind a broken header); such a text opts nobody in. Always false for an mt, which has a state of that name."
    )
    outcome: str | None = Field(description="What an MO was taken for; null for an MT.", examples=["opt_out"])
    keyword: str | None
    matched_by: str | None
    because: str | None = Field(description="Why an MO was taken so, in words.")
    permits: tuple[SegmentView, ...] = Field(description="What was handed to carriers; filled for a single message.")

    @classmethod
    def of(cls, row: MessageRow) -> Self:
        """Show a message."""
        return cls(
            id=str(row.id),
            direction="mo" if row.direction == "mo" else "mt",
            line=row.line,
            number=row.number,
            text=row.text,
            state=row.state.word,
            created_at=rfc3339(row.created_at),
            updated_at=rfc3339(row.updated_at),
            lane=None if row.lane is None else row.lane.word,
            claim=row.claim,
            reason=row.reason,
            expires_at=_time(row.expires_at),
            in_reply_to=None if row.in_reply_to is None else str(row.in_reply_to),
            list=row.list_name,
            ref=row.ref,
            carrier=row.carrier,
            status=row.status,
            segments=row.segments,
            partial=row.partial,
            outcome=row.outcome,
            keyword=row.keyword,
            matched_by=row.matched_by,
            because=row.because,
            permits=tuple(SegmentView.of(permit) for permit in row.permits),
        )


class MessagesView(Answer):
    """One page, newest first."""

    messages: list[MessageView]
    next: Id | None = Field(description="The next page's `cursor`; null at the end.")


class BrakeView(Answer):
    """Something paused."""

    kind: Literal["line", "carrier", "lane", "store"] = Field(
        description="`store`: it was restored, and sends nothing until that is settled."
    )
    name: str = Field(examples=["85700"])
    paused_at: Time
    actor: str = Field(examples=["crm"])
    note: str

    @classmethod
    def of(cls, row: BrakeRow) -> Self:
        """Show a brake."""
        kinds: dict[str, Literal["line", "carrier", "lane", "store"]] = {
            "line": "line",
            "carrier": "carrier",
            "lane": "lane",
            "store": "store",
        }
        return cls(
            kind=kinds[row.kind], name=row.name, paused_at=rfc3339(row.paused_at), actor=row.actor, note=row.note
        )


class BrakesView(Answer):
    """All that is paused."""

    brakes: list[BrakeView]


class ResumedView(Answer):
    """What was released; `resumed` is false where nothing was paused."""

    kind: Literal["line", "carrier", "lane"]
    name: str
    resumed: bool


class QuarantinedView(Answer):
    """A PDU that could not become a message."""

    id: Id
    carrier: str
    bind: str
    received_at: Time
    status: int = Field(description="command_status that answered it (SMPP 3.4 section 5.1.3).")
    reason: str
    raw: str = Field(description="The whole PDU, hexadecimal; of a text in parts, their user data.")
    line: str = Field(description="The line that a text came to; empty where it could not be read.")
    subscriber: str = Field(description="Whose text it is; empty where that could not be read.")
    times: int = Field(description="How often the same PDU came; its sequence_number does not count.")
    last_at: Time = Field(description="When it came last; received_at is when it came first.")

    @classmethod
    def of(cls, row: QuarantineRow) -> Self:
        """Show a quarantined PDU."""
        return cls(
            id=str(row.id),
            carrier=row.carrier,
            bind=row.bind,
            received_at=rfc3339(row.received_at),
            status=row.status,
            reason=row.reason,
            raw=row.raw.hex(),
            line=row.line,
            subscriber=row.subscriber,
            times=row.times,
            last_at=rfc3339(row.last_at),
        )


class QuarantineView(Answer):
    """One page: what came first latest first."""

    pdus: list[QuarantinedView]
    next: Id | None = Field(description="The next page's `cursor`; null at the end.")


class BindView(Answer):
    """A bind: one SMPP session that is kept."""

    name: str = Field(examples=["acme/0"])
    carrier: str
    mode: str = Field(examples=["transceiver"])
    state: str = Field(description="up, binding or down; elsewhere: another node holds it.", examples=["up"])
    since: Time
    detail: str
    window: int
    outstanding: int
    next_try_at: Time | None = Field(description="When one that is down is tried again; null where nothing waits.")

    @classmethod
    def of(cls, row: BindRow) -> Self:
        """Show a bind."""
        return cls(
            name=row.name,
            carrier=row.carrier,
            mode=row.mode,
            state=row.state,
            since=rfc3339(row.since),
            detail=row.detail,
            window=row.window,
            outstanding=row.outstanding,
            next_try_at=_time(row.next_try_at),
        )


class QueueView(Answer):
    """What waits in one lane."""

    lane: str = Field(examples=["normal"])
    queued: int
    oldest_at: Time | None

    @classmethod
    def of(cls, row: QueueRow) -> Self:
        """Show a lane's queue."""
        return cls(lane=row.lane.word, queued=row.queued, oldest_at=_time(row.oldest_at))


class StoreView(Answer):
    """Whether the store took a write just now."""

    ok: bool
    detail: str


class NodeStateView(Answer):
    """A node of a store that several share."""

    name: str = Field(examples=["gw1"])
    alive: bool
    binds: list[str] = Field(description="The binds that it holds; a pair counts as one.", examples=[["acme/0"]])

    @classmethod
    def of(cls, row: NodeView) -> Self:
        """Show a node."""
        return cls(name=row.name, alive=row.alive, binds=list(row.binds))


class StatusView(Answer):
    """How the gateway is."""

    version: str
    node: str = Field(description="`[gateway] node`.", examples=["gw1"])
    store: StoreView
    binds: list[BindView]
    brakes: list[BrakeView]
    queue: list[QueueView]
    uncertain: int = Field(description="Messages that wait for a person to resend or fail them; counted up to 1,000.")
    quarantined: int = Field(description="PDUs in quarantine; counted up to 1,000.")
    nodes: list[NodeStateView] = Field(description="The nodes that share the store; empty with SQLite.")


class BindStateView(Answer):
    """A bind, as everybody may know it."""

    name: str
    carrier: str
    state: str
    since: Time


class ReadyView(Answer):
    """Whether to send traffic here."""

    ready: bool
    store: bool
    restored: bool = Field(description="Whether the store was restored and sends nothing until that is settled.")
    binds: list[BindStateView]


class HealthView(Answer):
    """The event loop turns."""

    status: Literal["ok"] = "ok"
