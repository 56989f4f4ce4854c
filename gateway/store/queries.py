"""Questions that people and interfaces ask: rows in, values of ``gateway.model.views`` out.

Owns the cold reads, built by peewee so that they run on any engine. Pure functions of a ``Source``: each sees one
consistent state, changes nothing, and is bounded by a limit or by one subscriber's own rows. Every listing walks an
index by key, newest first, and continues below the last id seen; nothing counts or skips rows. Lines and numbers are
expected in their one spelling; what a line or number does not have simply is not found.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from peewee import SQL

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Fate, Grounds
from gateway.model.requests import MessageQuery
from gateway.model.views import (
    MOST_COUNTED,
    BrakeRow,
    ConsentRow,
    EvidenceRow,
    ListRow,
    MessageRow,
    Page,
    QuarantineRow,
    SegmentRow,
)
from gateway.store import tables
from gateway.store.pairs import STEP, newest_first, rows_of
from gateway.store.tx import Row, Source

_DIRECTIONS: Final = ("mo", "mt")
_MESSAGE: Final = (
    "id",
    "direction",
    "subscriber",
    "text",
    "state",
    "created_at",
    "updated_at",
    "lane",
    "claim",
    "reason",
    "expires_at",
    "in_reply_to",
    "list_name",
    "ref",
    "carrier",
    "status",
    "segments",
    "partial",
    "outcome",
    "keyword",
    "matched_by",
    "because",
)
_PERMIT: Final = (
    "carrier",
    "bind_name",
    "grounds",
    "minted_at",
    "fate",
    "status",
    "carrier_id",
    "detail",
    "receipt_state",
    "receipt_error",
    "receipt_at",
)
_EVIDENCE: Final = (
    "id",
    "node",
    "incarnation",
    "seq",
    "kind",
    "subscriber",
    "list_name",
    "status_before",
    "status_after",
    "method",
    "actor",
    "rule",
    "rule_version",
    "text",
    "octets",
    "disclosure",
    "mo_id",
    "note",
    "occurred_at",
    "recorded_at",
    "hash",
)
Message: Final = tables.Message
Permit: Final = tables.Permit
Line: Final = tables.Line


def line_id_of(source: Source, address: str) -> int | None:
    """Return the id of the line with this address, None if there never was one."""
    found = source.fetch(Line.select(Line.id).where(Line.address == address))
    return int(found[0][0]) if found else None


def message(source: Source, message_id: int) -> MessageRow | None:
    """Return one message with what became of its segments, None if there is none of that id."""
    found = source.fetch(_messages().where(Message.id == message_id))
    return _message(found[0], _segments(source, message_id)) if found else None


def messages(source: Source, query: MessageQuery) -> Page[MessageRow]:
    """Return one page of the messages that ``query`` matches, newest first, without their segments."""
    rows = [_message(row, ()) for row in _matching(source, query, _messages(), query.limit + 1)]
    page = rows[: query.limit]
    return Page(page, page[-1].id if len(rows) > len(page) else None)


def matching_ids(source: Source, query: MessageQuery) -> list[int]:
    """Return the ids of the messages that ``query`` matches, newest first, ``query.limit`` of them at most."""
    return [int(row[0]) for row in _matching(source, query, Message.select(Message.id), query.limit)]


def uncertain_ids(source: Source, after_id: int = 0, limit: int = 1000) -> list[int]:
    """Return ids of messages of which it is not known whether they were sent, oldest first, above ``after_id``."""
    wanted = Message.select(Message.id).where(_state(MessageState.UNCERTAIN), Message.id > after_id)
    return [int(row[0]) for row in source.fetch(wanted.order_by(Message.id).limit(limit))]


def consent(source: Source, line: str, number: str) -> ConsentRow:
    """Return the consent of a number on a line, with its lists.

    Without a row of its own it is not defined, or opted out where the subscriber opted out of the whole account.
    """
    line_id = line_id_of(source, line)
    table, out = tables.Consent, tables.AccountOptOut
    found = source.fetch(
        table.select(table.status, table.held_since, table.since, table.source, table.opt_outs).where(
            table.line_id == line_id, table.subscriber == number
        )
    )
    lists = _lists(source, line_id, number)
    if found:
        status, held_since, since, origin, opt_outs = found[0]
        return ConsentRow(line, number, ConsentStatus(status), held_since is not None, since, origin, opt_outs, lists)
    everywhere = source.fetch(out.select(out.since, out.source).where(out.account_id == 1, out.subscriber == number))
    if everywhere:
        since, origin = everywhere[0]
        return ConsentRow(line, number, ConsentStatus.OPTED_OUT, False, since, origin, 1, lists)
    return ConsentRow(line, number, ConsentStatus.NOT_DEFINED, False, None, None, 0, lists)


def evidence(source: Source, line: str, number: str) -> list[EvidenceRow]:
    """Return all consent events of a number on a line, oldest first."""
    table = tables.Evidence
    line_id = line_id_of(source, line)
    if line_id is None:
        return []
    columns = ", ".join(getattr(table, name).column_name for name in _EVIDENCE)
    rows = rows_of(source, "evidence", (line_id, Msisdn(number)), columns)
    return [_evidence(line, row) for row in reversed(list(rows))]


def brakes(source: Source) -> list[BrakeRow]:
    """Return what is paused, by kind and name."""
    table = tables.Brake
    wanted = table.select(table.kind, table.name, table.paused_at, table.actor, table.note)
    return [BrakeRow(*row) for row in source.fetch(wanted.order_by(table.kind, table.name))]


def quarantine(source: Source, before_id: int | None = None, limit: int = 100) -> Page[QuarantineRow]:
    """Return one page of the quarantine, what came first latest first, below ``before_id``."""
    table = tables.Quarantine
    pdu = (table.id, table.carrier, table.bind_name, table.received_at, table.status, table.reason, table.octets)
    wanted = (
        table.select(*pdu, table.line, table.subscriber, table.times, table.last_at)
        .order_by(table.id.desc())
        .limit(limit + 1)
    )
    if before_id is not None:
        wanted = wanted.where(table.id < before_id)
    rows = [QuarantineRow(*row) for row in source.fetch(wanted)]
    page = rows[:limit]
    return Page(page, page[-1].id if len(rows) > limit else None)


def waits_for_a_person(source: Source) -> tuple[int, int]:
    """Return how many messages are uncertain and how many PDUs in quarantine, each counted up to MOST_COUNTED."""
    uncertain = Message.select(Message.id).where(_state(MessageState.UNCERTAIN)).limit(MOST_COUNTED)
    aside = tables.Quarantine.select(tables.Quarantine.id).limit(MOST_COUNTED)
    return len(source.fetch(uncertain)), len(source.fetch(aside))


def earlier_answer(source: Source, token: str, key: str) -> tuple[bytes, int, str] | None:
    """Return (fingerprint of the request, status, body) of the answer given under this idempotency key, if any."""
    table = tables.Idempotency
    found = source.fetch(
        table.select(table.fingerprint, table.status, table.body).where(table.token == token, table.key == key)
    )
    return (bytes(found[0][0]), int(found[0][1]), str(found[0][2])) if found else None


def _state(state: MessageState) -> SQL:
    """Compare the state with a literal: partial indexes do not see parameters."""
    return SQL(f'"t1"."state" = {int(state)}')


def _messages() -> Any:
    """Return the select of what ``_message`` reads; each caller adds its conditions, order and limit."""
    columns = [getattr(Message, name) for name in _MESSAGE]
    return Message.select(*columns, Line.address).join(Line, on=(Line.id == Message.line_id))


def _matching(source: Source, query: MessageQuery, wanted: Any, limit: int) -> list[Row]:
    """Return the rows of ``wanted`` that ``query`` matches, newest first, ``limit`` of them at most.

    Those of one number are looked for in the lists of its pairs, one for each line; there are few lines.
    """
    wanted = wanted.where(*_conditions(source, query)).order_by(Message.id.desc())
    if query.number is None:
        return source.fetch(wanted.limit(limit))
    lines = Line.select(Line.id) if query.line is None else Line.select(Line.id).where(Line.address == query.line)
    keys = [(int(row[0]), Msisdn(query.number)) for row in source.fetch(lines)]
    ids = newest_first(source, "message", keys, query.before_id)
    rows: list[Row] = []
    while len(rows) < limit and (some := list(islice(ids, STEP))):
        rows += source.fetch(wanted.where(Message.id.in_(some)))
    return rows[:limit]


def _conditions(source: Source, query: MessageQuery) -> list[Any]:
    conditions: list[Any] = [Message.id > 0]
    if query.line is not None:
        conditions.append(Message.line_id == line_id_of(source, query.line))
    if query.number is not None:
        conditions.append(Message.subscriber == query.number)
    if query.direction is not None:
        conditions.append(Message.direction == _DIRECTIONS.index(query.direction))
    if query.state is not None:
        conditions.append(_state(query.state))
    if query.state is MessageState.SENDING:  # has a live permit, and there are few of those
        live = SQL('"t9"."fate" = 0')  # a literal: partial indexes do not see parameters
        under_way = Permit.alias("t9")
        conditions.append(Message.id.in_(under_way.select(under_way.message_id).where(live)))
    if query.lane is not None:
        conditions.append(Message.lane == int(query.lane))
    if query.list_name is not None:
        conditions.append(Message.list_name == query.list_name)
    if query.ref is not None:
        conditions.append(Message.ref == query.ref)
    if query.carrier is not None:
        conditions.append(Message.carrier == query.carrier)
    if query.created_after is not None:
        conditions.append(Message.created_at > query.created_after)
    if query.created_before is not None:
        conditions.append(Message.created_at < query.created_before)
    if query.before_id is not None:
        conditions.append(Message.id < query.before_id)
    return conditions


def _message(row: Row, permits: tuple[SegmentRow, ...]) -> MessageRow:
    named = dict(zip(_MESSAGE, row[:-1], strict=True))
    named |= {
        "direction": _DIRECTIONS[named["direction"]],
        "number": named.pop("subscriber"),
        "state": MessageState(named["state"]),
        "lane": None if named["lane"] is None else Lane(named["lane"]),
        "partial": bool(named["partial"]),
        "claim": None if named["claim"] is None else Grounds(named["claim"]).word,
    }
    return MessageRow(line=row[-1], permits=permits, **named)


def _segments(source: Source, message_id: int) -> tuple[SegmentRow, ...]:
    """Return the last permit of each segment, in the order of the segments."""
    wanted = Permit.select(Permit.segment, *(getattr(Permit, name) for name in _PERMIT))
    rows = source.fetch(wanted.where(Permit.message_id == message_id).order_by(Permit.segment, Permit.id))
    last: dict[int, Row] = {}
    attempts: dict[int, int] = {}
    for segment, *rest in rows:
        last[segment] = tuple(rest)
        attempts[segment] = attempts.get(segment, 0) + 1
    return tuple(_segment(number, row, attempts[number]) for number, row in last.items())


def _segment(number: int, row: Row, attempts: int) -> SegmentRow:
    named = dict(zip(_PERMIT, row, strict=True))
    receipt = named["receipt_state"]
    named |= {
        "bind": named.pop("bind_name"),
        "grounds": Grounds(named["grounds"]).word,
        "fate": Fate(named["fate"]).name.lower(),
        "receipt_state": None if receipt is None else MessageState(receipt).word,
    }
    return SegmentRow(segment=number, attempts=attempts, **named)


def _lists(source: Source, line_id: int | None, number: str) -> tuple[ListRow, ...]:
    table = tables.Member
    wanted = table.select(table.list_name, table.status, table.since, table.suspended)
    rows = source.fetch(wanted.where(table.line_id == line_id, table.subscriber == number).order_by(table.list_name))
    return tuple(ListRow(name, ConsentStatus(status), since, bool(off)) for name, status, since, off in rows)


def _evidence(line: str, row: Row) -> EvidenceRow:
    named = dict(zip(_EVIDENCE, row, strict=True))
    before, after = ConsentStatus(named.pop("status_before")), ConsentStatus(named.pop("status_after"))
    named |= {"number": named.pop("subscriber"), "raw": named.pop("octets"), "hash": named["hash"].hex()}
    return EvidenceRow(line=line, before=before, after=after, **named)
