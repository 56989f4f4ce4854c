"""A desk that keeps everything in memory: what the HTTP tests stand on.

It keeps the promises of ``gateway.web.ports.DeskPort`` that callers can see (order, idempotency, committed answers) and
refuses by number: each ``Reason`` has a number that is refused for it, so that a test can have any refusal it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import trio

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import (
    Accepted,
    Actor,
    Idempotency,
    KeyReused,
    MessageQuery,
    Replayed,
    SendRequest,
    plainly_refused,
)
from gateway.model.views import (
    BindRow,
    BrakeRow,
    ConsentRow,
    EvidenceRow,
    ListRow,
    MessageRow,
    Page,
    QuarantineRow,
    QueueRow,
    Readiness,
    SegmentRow,
)
from gateway.web.ports import DeskPort, Resolution

NOW: Final = 1_795_367_045.25
LINE: Final = "85700"
GOOD: Final = "+12125550101"
REFUSED: Final[Mapping[str, Reason]] = {f"+1212555{1000 + n}": reason for n, reason in enumerate(Reason)}
NUMBER_FOR: Final[Mapping[Reason, str]] = {reason: number for number, reason in REFUSED.items()}
LANES: Final = ("urgent", "reply", "normal", "bulk")

Results = list[Accepted | Refusal]


def row(message_id: int, **changes: object) -> MessageRow:
    """Return an MT as the store would show it."""
    values: dict[str, object] = {
        "id": message_id,
        "direction": "mt",
        "line": LINE,
        "number": GOOD,
        "text": "Hello",
        "state": MessageState.QUEUED,
        "created_at": NOW,
        "updated_at": NOW,
        "lane": Lane.NORMAL,
        "claim": "consent",
        "reason": None,
        "expires_at": None,
        "in_reply_to": None,
        "list_name": None,
        "ref": None,
        "carrier": None,
        "status": None,
        "segments": 1,
        "partial": False,
        "outcome": None,
        "keyword": None,
        "matched_by": None,
        "because": None,
        "permits": (SegmentRow(1, "acme", "acme/0", "consent", NOW, "accepted", 0, "a1", "", None, None, None, 1),),
    }
    return MessageRow(**{**values, **changes})  # type: ignore[arg-type]  # a table of keyword arguments


def refusal(reason: Reason) -> Refusal:
    """Return the refusal that this desk gives for a reason."""
    return Refusal(reason, f"refused as {reason}", since=NOW, source="text")


@dataclass
class FakeDesk:
    """See the module. ``calls`` is everything asked, in order; ``gate`` (if set) holds ``send`` until it is set."""

    rows: dict[int, MessageRow] = field(default_factory=dict)
    paused: dict[tuple[str, str], BrakeRow] = field(default_factory=dict)
    answered: dict[tuple[str, str], tuple[bytes, tuple[Accepted | Refusal, ...]]] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    ready: Readiness = field(
        default_factory=lambda: Readiness(
            True,
            "takes writes",
            (BindRow("acme/0", "acme", "transceiver", "up", NOW, "bound", 100, 0),),
            (QueueRow(Lane.NORMAL, 2, NOW), QueueRow(Lane.BULK, 0, None)),
        )
    )
    failure: Exception | None = None
    gate: trio.Event | None = None
    started: trio.Event = field(default_factory=trio.Event)

    async def send(
        self, requests: Sequence[SendRequest], actor: Actor, idempotency: Idempotency | None = None
    ) -> Results | Replayed | KeyReused:
        self.calls.append(("send", tuple(requests), actor, idempotency))
        self.started.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if idempotency is not None:
            known = self.answered.get((idempotency.token, idempotency.key))
            if known is not None:
                return Replayed(known[1]) if known[0] == idempotency.fingerprint else KeyReused()
        results = [self._judge(request) for request in requests]
        if idempotency is not None:
            self.answered[(idempotency.token, idempotency.key)] = (idempotency.fingerprint, tuple(results))
        return results

    def _judge(self, request: SendRequest) -> Accepted | Refusal:
        plain = plainly_refused(request, NOW)
        if plain is not None:
            return plain
        if request.line != LINE:
            return refusal(Reason.UNKNOWN_LINE)
        if request.to in REFUSED:
            return refusal(REFUSED[request.to])
        message_id = 2**53 + len(self.rows)  # beyond JavaScript's numbers
        self.rows[message_id] = row(message_id, number=request.to, text=request.text, lane=request.lane)
        return Accepted(message_id, MessageState.QUEUED)

    async def message(self, message_id: int) -> MessageRow | None:
        self.calls.append(("message", message_id))
        if self.failure is not None:
            raise self.failure
        return self.rows.get(message_id)

    async def messages(self, query: MessageQuery) -> Page[MessageRow] | Refusal:
        self.calls.append(("messages", query))
        if query.number is not None and query.number in REFUSED:
            return refusal(REFUSED[query.number])
        found = [one for key, one in sorted(self.rows.items(), reverse=True) if key < (query.before_id or 2**62)]
        more = len(found) > query.limit
        return Page(found[: query.limit], found[query.limit - 1].id if more else None)

    async def consent(self, line: str, number: str) -> ConsentRow | Refusal:
        self.calls.append(("consent", line, number))
        if number in REFUSED:
            return refusal(REFUSED[number])
        if number != GOOD:
            return ConsentRow(line, number, ConsentStatus.NOT_DEFINED, False, None, None, 0)
        lists = (ListRow("alerts", ConsentStatus.OPTED_IN, NOW, False),)
        return ConsentRow(line, number, ConsentStatus.OPTED_IN, False, NOW, "text", 1, lists)

    async def evidence(self, line: str, number: str) -> list[EvidenceRow] | Refusal:
        self.calls.append(("evidence", line, number))
        if number in REFUSED:
            return refusal(REFUSED[number])
        if number != GOOD:
            return []
        before, after = ConsentStatus.NOT_DEFINED, ConsentStatus.OPTED_IN
        text = ("keyword:JOIN", "1", "JOIN", b"JOIN\x00\xff", "", 9, "", NOW, NOW, "ab" * 32)
        return [EvidenceRow(1, "gw1", 1, 1, "opt_in", line, number, None, before, after, "text", "", *text)]

    async def brakes(self) -> list[BrakeRow]:
        self.calls.append(("brakes",))
        return list(self.paused.values())

    def _unknown(self, kind: str, name: str) -> Refusal | None:
        known: dict[str, tuple[tuple[str, ...], Reason]] = {
            "line": ((LINE,), Reason.UNKNOWN_LINE),
            "carrier": (("acme",), Reason.UNKNOWN_CARRIER),
            "lane": (LANES, Reason.UNKNOWN_LANE),
        }
        names, reason = known[kind]
        return None if name in names else refusal(reason)

    async def pause(self, kind: str, name: str, actor: Actor, note: str = "") -> BrakeRow | Refusal:
        self.calls.append(("pause", kind, name, actor, note))
        unknown = self._unknown(kind, name)
        if unknown is not None:
            return unknown
        return self.paused.setdefault((kind, name), BrakeRow(kind, name, NOW, actor.name, note))

    async def resume(self, kind: str, name: str, actor: Actor) -> bool | Refusal:
        self.calls.append(("resume", kind, name, actor))
        unknown = self._unknown(kind, name)
        return unknown if unknown is not None else self.paused.pop((kind, name), None) is not None

    async def cancel(self, query: MessageQuery, actor: Actor) -> int | Refusal:
        self.calls.append(("cancel", query, actor))
        if query.number is not None and query.number in REFUSED:
            return refusal(REFUSED[query.number])
        return len(self.rows)

    async def resolve_uncertain(
        self, ids: Sequence[int], action: Resolution, actor: Actor
    ) -> Mapping[int, MessageState | Refusal]:
        self.calls.append(("resolve", tuple(ids), action, actor))
        goal = MessageState.QUEUED if action == "resend" else MessageState.FAILED
        return {
            one: goal if self.rows[one].state is MessageState.UNCERTAIN else refusal(Reason.NOT_UNCERTAIN)
            for one in ids
            if one in self.rows
        }

    async def quarantine(self, before_id: int | None, limit: int) -> Page[QuarantineRow]:
        self.calls.append(("quarantine", before_id, limit))
        return Page([QuarantineRow(7, "acme", "acme/0", NOW, 8, "too short", b"\x00\xff", times=2, last_at=NOW + 1)], 7)

    async def readiness(self) -> Readiness:
        self.calls.append(("readiness",))
        if self.gate is not None:
            await self.gate.wait()
        return self.ready


def as_port(desk: FakeDesk) -> DeskPort:
    """Return it as the protocol; mypy checks here that it is one."""
    return desk
