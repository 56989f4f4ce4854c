"""Every way in which a request can fail, as one table, and the RFC 9457 document that says so.

Owns the public problem types: slug, HTTP status, title, and what the caller can do. A ``Reason`` of the domain and a
fault of the request are rows of the same table, so that no status is chosen anywhere else. It never sees an exception:
what callers read comes from this table and from values made for them, never from a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.model.refusal import Reason, Refusal
from gateway.web.answers import Fault, ProblemBody, rfc3339

MEDIA_TYPE: Final = "application/problem+json"
BASE: Final = "/problems/"


@dataclass(frozen=True, slots=True)
class Kind:
    """One problem type. ``remedy`` tells the caller what to do; ``retry_after_s`` goes out as Retry-After."""

    status: int
    title: str
    remedy: str
    retry_after_s: int | None = None


REFUSALS: Final[Mapping[Reason, Kind]] = {
    Reason.OPTED_OUT: Kind(
        409,
        "The subscriber has opted out",
        "Do not send. Only the subscriber can come back, by texting START or an opt-in keyword to the line.",
    ),
    Reason.NOT_OPTED_IN: Kind(
        409, "The subscriber has not opted in", "Get the subscriber's consent first; this line asks for it."
    ),
    Reason.HELD: Kind(
        409,
        "Sends to the subscriber are held",
        "An unclear text is being looked at. It is released by the subscriber's own START or STOP, or by a person.",
    ),
    Reason.SUSPENDED: Kind(409, "The contact is suspended", "Reactivate the contact, then send again."),
    Reason.NOT_A_MEMBER: Kind(
        409, "The subscriber is not on the list", "Send without the list, or have the subscriber join it."
    ),
    Reason.QUIET_HOURS: Kind(
        409, "It is a quiet hour where the subscriber is", "Send within the line's hours in the subscriber's time zone."
    ),
    Reason.NOT_MOBILE: Kind(422, "The number is not a mobile number", "Use a number that can receive texts."),
    Reason.NOT_A_NUMBER: Kind(
        422, "This is not a telephone number", "Give the number in any usual spelling; +12125550101 is the safest."
    ),
    Reason.UNKNOWN_LINE: Kind(404, "No such line", "Use the address of a line in the configuration."),
    Reason.UNKNOWN_LIST: Kind(404, "No such list", "Use a list that a keyword of this line has."),
    Reason.UNKNOWN_MESSAGE: Kind(404, "No such message", "Use an id that the gateway gave."),
    Reason.UNKNOWN_CARRIER: Kind(404, "No such carrier", "Use the name of a carrier in the configuration."),
    Reason.UNKNOWN_LANE: Kind(404, "No such lane", "Use urgent, reply, normal or bulk."),
    Reason.TOO_LONG: Kind(422, "The text is too long", "Shorten the text."),
    Reason.NOT_IN_ALPHABET: Kind(
        409, "The carrier cannot be told the rest of the text", "Give the carrier a quirk or alphabet that has it all."
    ),
    Reason.EMPTY: Kind(422, "The text is empty", "Give the text at least one visible character."),
    Reason.BACKLOG_FULL: Kind(
        429,
        "Too many messages are waiting",
        "Send it again after Retry-After; it was not stored. The carriers take fewer than you send.",
        retry_after_s=60,
    ),
    Reason.UNAVAILABLE: Kind(503, "The gateway cannot do this now", "Ask again later.", retry_after_s=5),
    Reason.STORAGE_FULL: Kind(
        507, "The gateway's disk is full", "Have its operator free the disk, and ask again.", retry_after_s=30
    ),
    Reason.EXPIRED: Kind(422, "The message has expired", "Give an expires_at in the future, or none."),
    Reason.STALE: Kind(
        409, "The message is older than an opt-out", "Write a new message; one from before an opt-out never goes."
    ),
    Reason.NOT_AN_ANSWER: Kind(
        409,
        "This does not answer a text of this subscriber",
        "in_reply_to must be the id of a text from this number to this line, under 24 hours old.",
    ),
    Reason.REPLY_LIMIT: Kind(
        429, "The subscriber's limit of automatic replies is used up", "Wait; the line's reply_limit says how long."
    ),
    Reason.CANCELLED: Kind(409, "The message was cancelled", "Send it again as a new message if it is wanted."),
    Reason.NOT_RESTORED: Kind(
        409, "The store was not restored", "Nothing stands still for it; `gateway status` tells what does."
    ),
    Reason.BAD_LOG: Kind(
        422, "This is no suppression log", "Give whole lines of a suppression log, as the gateway wrote them."
    ),
    Reason.NOT_UNCERTAIN: Kind(
        409, "The message is not uncertain", "Only an uncertain message can be resent or failed; look at its state."
    ),
}

FAULTS: Final[Mapping[str, Kind]] = {
    "malformed-json": Kind(400, "The body is not JSON", "Send one JSON document in UTF-8."),
    "bad-request": Kind(400, "The request cannot be read", "Send a well-formed HTTP request."),
    "unauthorized": Kind(401, "Who are you?", "Send Authorization: Bearer with a token of the configuration."),
    "forbidden": Kind(403, "Not allowed", "Use a token whose role suffices."),
    "not-found": Kind(404, "No such page", "See /api/docs for all routes."),
    "method-not-allowed": Kind(405, "This route does not take that method", "Use a method named in Allow."),
    "request-timeout": Kind(408, "The body came too slowly", "Send the whole body within 30 seconds."),
    "key-in-use": Kind(
        409,
        "A request with this Idempotency-Key is under way",
        "Wait for its answer, or ask again in a moment.",
        retry_after_s=1,
    ),
    "too-large": Kind(413, "The body is too large", "Send at most 16 MB and 10,000 messages in one request."),
    "unsupported-media-type": Kind(415, "The body is not JSON", "Send Content-Type: application/json."),
    "invalid-request": Kind(422, "The request is not valid", "Mend each field listed under errors."),
    "empty-filter": Kind(422, "The filter is empty", "Name at least one condition: nothing cancels everything."),
    "key-reused": Kind(
        422,
        "This Idempotency-Key came before with another body",
        "Use a new key for a new request, and the same body for a repeated one.",
    ),
    "internal-error": Kind(500, "The gateway failed", "Tell its operator; the log has the details."),
}

ALL: Final[Mapping[str, Kind]] = {**{str(reason): kind for reason, kind in REFUSALS.items()}, **FAULTS}
BY_STATUS: Final[Mapping[int, str]] = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One failed request: a row of the table and what is particular about this case.

    ``retry_after_s``: seconds until it is worth asking again, where this case is not as the table says.
    """

    slug: str
    detail: str
    since: float | None = None
    source: str | None = None
    role: str | None = None
    errors: tuple[Fault, ...] = ()
    retry_after_s: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The row of the table."""
        return ALL[self.slug]

    @property
    def wait_s(self) -> int | None:
        """After how many seconds to ask again; None where that changes nothing."""
        return self.kind.retry_after_s if self.retry_after_s is None else self.retry_after_s


class ProblemError(HTTPException):
    """Ends a request with a problem. An HTTPException, because FastAPI lets only those out of its body reader."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind.status, problem.kind.title)
        self.problem = problem


def of_refusal(refusal: Refusal) -> Problem:
    """Return the problem that a refusal is."""
    return Problem(
        str(refusal.reason),
        refusal.detail,
        since=refusal.since,
        source=refusal.source,
        retry_after_s=refusal.retry_after_s,
    )


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem for a status that the framework chose; its own words are not repeated."""
    slug = BY_STATUS.get(status, "internal-error" if status >= 500 else "bad-request")
    return Problem(slug, ALL[slug].remedy, headers=headers or {})


def body_of(problem: Problem) -> ProblemBody:
    """Return the document: RFC 9457 section 3.1 members, and our extensions where they apply."""
    return ProblemBody(
        type=BASE + problem.slug,
        title=problem.kind.title,
        status=problem.kind.status,
        detail=problem.detail,
        since=None if problem.since is None else rfc3339(problem.since),
        source=problem.source,
        role=problem.role,
        retry_after_s=problem.wait_s,
        errors=list(problem.errors) or None,
    )


def respond(problem: Problem) -> Response:
    """Return the HTTP answer."""
    headers: dict[str, Any] = dict(problem.headers)
    if problem.wait_s is not None:
        headers["Retry-After"] = str(problem.wait_s)
    body = body_of(problem).model_dump_json(exclude_none=True)
    return Response(body, problem.kind.status, headers, media_type=MEDIA_TYPE)
