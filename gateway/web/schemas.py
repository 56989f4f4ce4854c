"""What the API is asked, as pydantic models: the one description of each request, for checking and for OpenAPI.

Owns shapes and spellings only: is it a string, is it a time, is the field known. Whether a number is a number, a line
is ours or a text too long is for the desk to say, message by message, since those are ordinary refusals and one of
them must not sink a batch. Models are strict and closed: a misspelt field is an error, not a message sent without it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, SkipValidation, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.model.messages import Lane, MessageState
from gateway.model.requests import MessageQuery, SendRequest

MAX_BATCH: Final = 10_000
MAX_IDS: Final = 1_000
MAX_PAGE: Final = 1_000

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)"  # section 5.6
)


def _when(value: object) -> float:
    """Read RFC 3339; the offset is required, since a local time is nobody's in particular."""
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).timestamp()
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("rfc3339", "is no time as RFC 3339 writes it")


NUL_FREE: Final = r"^[^\u0000]*$"
"""PostgreSQL keeps no U+0000. A pattern, not a function: a batch has ten thousand texts, and this runs in Rust."""
Text = Annotated[str, Field(pattern=NUL_FREE)]
Ref = Annotated[str, Field(max_length=200, pattern=NUL_FREE)]
Note = Annotated[str, Field(max_length=500, pattern=NUL_FREE)]
IdIn = Annotated[str, Field(pattern=r"^[0-9]{1,18}$", examples=["4711"])]
When = Annotated[
    float,
    BeforeValidator(_when),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T09:00:00-05:00"]}),
]
SendLane = Literal["normal", "bulk"]
AnyLane = Literal["urgent", "reply", "normal", "bulk"]
State = Literal[
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "partial",
    "refused",
    "expired",
    "cancelled",
    "uncertain",
    "received",
]
BrakeKind = Literal["line", "carrier", "lane"]


class Asked(BaseModel):
    """The ground of all requests: strict and closed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SendOne(Asked):
    """One message."""

    line: Text = Field(description="The line to send from: its address.", examples=["85700"])
    to: Text = Field(description="The subscriber's number, in any usual spelling.", examples=["+1 212 555 0101"])
    text: Text = Field(description="The text.", examples=["Your table is ready."])
    lane: SendLane = Field(default="normal", description="bulk yields to everything else.")
    list: Text | None = Field(default=None, description="Makes it a list send: only members of this list get it.")
    expires_at: When | None = Field(default=None, description="Not sent after this time (RFC 3339 with offset).")
    ref: Ref | None = Field(default=None, description="Your own reference; search by it later.")
    in_reply_to: IdIn | None = Field(default=None, description="The id of the subscriber's text that this answers.")

    def request(self) -> SendRequest:
        """Return it as the desk's value."""
        return SendRequest(
            line=self.line,
            to=self.to,
            text=self.text,
            lane=Lane.BULK if self.lane == "bulk" else Lane.NORMAL,
            list_name=self.list,
            expires_at=self.expires_at,
            ref=self.ref,
            in_reply_to=None if self.in_reply_to is None else int(self.in_reply_to),
        )


class SendMany(Asked):
    """Many messages, each judged for itself."""

    # Not yet checked one by one: gateway.web.batch does so, in slices.
    messages: list[Annotated[SendOne, SkipValidation]] = Field(min_length=1, max_length=MAX_BATCH)


def _one_or_many(value: object) -> str:
    return "many" if isinstance(value, SendMany) or (isinstance(value, dict) and "messages" in value) else "one"


SendBody = Annotated[Annotated[SendOne, Tag("one")] | Annotated[SendMany, Tag("many")], Discriminator(_one_or_many)]


class MessageFilter(BaseModel):
    """Which messages to list. What is left out matches all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: Text | None = Field(default=None, description="The line's address.")
    number: Text | None = Field(default=None, description="The subscriber's number, in any usual spelling.")
    direction: Literal["mo", "mt"] | None = Field(default=None, description="mo: from subscribers; mt: to them.")
    state: State | None = Field(default=None, description="The state; an MO is always `received`.")
    lane: AnyLane | None = Field(default=None, description="The lane of an MT.")
    list: Text | None = Field(default=None, description="The list of a list send.")
    ref: Text | None = Field(default=None, description="The sender's own reference.")
    carrier: Text | None = Field(default=None, description="The carrier that it came from or was last handed to.")
    created_after: When | None = Field(default=None, description="Created at or after this time (RFC 3339).")
    created_before: When | None = Field(default=None, description="Created before this time (RFC 3339).")
    cursor: IdIn | None = Field(default=None, description="`next` of the page before.")
    limit: int = Field(default=100, ge=1, le=MAX_PAGE, description="Messages on a page.")

    def query(self) -> MessageQuery:
        """Return it as the desk's value."""
        return MessageQuery(
            line=self.line,
            number=self.number,
            direction=self.direction,
            state=None if self.state is None else MessageState[self.state.upper()],
            lane=None if self.lane is None else Lane[self.lane.upper()],
            list_name=self.list,
            ref=self.ref,
            created_after=self.created_after,
            created_before=self.created_before,
            before_id=None if self.cursor is None else int(self.cursor),
            limit=self.limit,
            carrier=self.carrier,
        )


class CancelBody(Asked):
    """Which queued messages to cancel: all conditions must hold, and there must be one."""

    line: Text | None = Field(default=None, description="The line's address.", examples=["85700"])
    number: Text | None = Field(default=None, description="The subscriber's number.")
    lane: AnyLane | None = Field(default=None, description="The lane.", examples=["bulk"])
    list: Text | None = Field(default=None, description="The list of a list send.")
    ref: Text | None = Field(default=None, description="The sender's own reference.", examples=["autumn-sale"])
    created_after: When | None = Field(default=None, description="Created at or after this time.")
    created_before: When | None = Field(default=None, description="Created before this time.")

    @property
    def empty(self) -> bool:
        """Whether it names no condition at all."""
        return all(value is None for value in self.model_dump().values())

    def query(self) -> MessageQuery:
        """Return it as the desk's value: queued MTs."""
        return MessageQuery(
            line=self.line,
            number=self.number,
            direction="mt",
            state=MessageState.QUEUED,
            lane=None if self.lane is None else Lane[self.lane.upper()],
            list_name=self.list,
            ref=self.ref,
            created_after=self.created_after,
            created_before=self.created_before,
        )


class IdsBody(Asked):
    """Which uncertain messages."""

    ids: list[IdIn] = Field(min_length=1, max_length=MAX_IDS)


class BrakeBody(Asked):
    """Why it is paused."""

    note: Note = Field(default="", description="For whoever looks later.", examples=["carrier works"])


class PageFilter(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: IdIn | None = Field(default=None, description="`next` of the page before.")
    limit: int = Field(default=100, ge=1, le=MAX_PAGE, description="Rows on a page.")
