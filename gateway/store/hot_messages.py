"""The hot statements on messages and permits: queue, claim, mint, settle.

Plain SQL, batched. What a text writes beside is in ``hot_texts``. States change here and nowhere else; which state
follows is decided by ``gateway.traffic``. A message row is never deleted by these statements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from gateway.base.value import value
from gateway.model.address import Msisdn
from gateway.model.messages import Draft, Lane, MessageState, Mo, Mt
from gateway.model.permit import Fate, Grounds, Outcome, Permit
from gateway.store.bulk import Insert, Update
from gateway.store.chunks import chunks
from gateway.store.hot_permits import accept_permits, add_permits
from gateway.store.lookup import Lookup
from gateway.store.pairs import rows_of
from gateway.store.tx import Answered, Tx

MT: Final = 1
"""The ``direction`` of what goes to a subscriber."""

# Looking a member up in a dictionary costs a tenth of calling its enumeration, for each message that is read.
_LANES: Final = {int(lane): lane for lane in Lane}
_GROUNDS: Final = {int(grounds): grounds for grounds in Grounds}
_STATES: Final = {int(state): state for state in MessageState}

_MT_COLUMNS: Final = (
    "id, line_id, subscriber, text, lane, claim, state, opt_outs, created_at, expires_at, in_reply_to, list_name,"
    " segments, attempts, resends, carrier"
)
_QUEUE: Final = Insert(
    "message",
    (
        *("id", "line_id", "subscriber", "state", "lane", "claim", "text", "expires_at"),
        *("in_reply_to", "list_name", "ref", "opt_outs", "segments", "attempts", "carrier", "reason", "actor", "route"),
    ),
    (("account_id", "1"), ("direction", f"{MT}"), ("resends", "0")),
    common=("created_at", "updated_at"),
)
_PARTLY_SENT: Final = f"""
(attempts > 1 and segments > 1
    and exists (select 1 from permit where message_id = message.id and fate = {Fate.ACCEPTED:d}))
"""
"""Whether a queued message has a segment that a carrier accepted: it then ends as PARTIAL, whatever ends it."""

_QUEUED_ROUTES: Final = Lookup(
    "subscriber, route", "message", ("line_id",), "subscriber", "state = 0", "message_routed", distinct=True
)
_WAITING: Final = """
select id, subscriber from message
where state = 0 and lane = ? and line_id = ? and route = ? and id > ? order by id limit ?
"""
# From subscriber to subscriber by the index message_waiting, one look-up each: what else waits for them is not read.
_FIRSTS: Final = """
with recursive next (subscriber) as (
    select min(subscriber) from message where state = 0 and lane = ? and line_id = ? and route = ? and subscriber > ?
    union all
    select (select min(subscriber) from message
            where state = 0 and lane = ? and line_id = ? and route = ? and message.subscriber > next.subscriber)
    from next where next.subscriber is not null
)
select (select min(id) from message
        where state = 0 and lane = ? and line_id = ? and route = ? and message.subscriber = next.subscriber), subscriber
from next where subscriber is not null limit ?
"""
_SENDING: Final = Update(
    "message",
    ("id", "added", "segments", "carrier"),
    f"state = {MessageState.SENDING:d}, attempts = message.attempts + {{added}}, segments = {{segments}},"
    " carrier = {carrier}, updated_at = {updated_at}",
    common=("updated_at",),
)
_OLDER: Final = (
    f"line_id = ? and subscriber = ? and direction = {MT} and state = {MessageState.QUEUED} and opt_outs < ?"
)
_REFUSE: Final = f"""
update message{{by_index}}
set state = case when {_PARTLY_SENT} then {MessageState.PARTIAL} else {MessageState.REFUSED} end,
    reason = ?, updated_at = ?
where """
_END: Final = f"""
update message set state = case when {_PARTLY_SENT} then {MessageState.PARTIAL} else ? end, reason = ?, updated_at = ?
where id = ? and state = {MessageState.QUEUED}
"""
_MOVE: Final = Update(
    "message",
    ("id", "state", "reason", "status", "resends"),
    "state = {state}, reason = {reason}, status = coalesce({status}, message.status), resends = {resends},"
    " updated_at = {updated_at}",
    common=("updated_at",),
)
_SENT: Final = Update(
    "message",
    ("id",),
    f"state = {MessageState.SENT:d}, reason = null, status = 0, updated_at = {{updated_at}}",
    f"message.state = {MessageState.SENDING:d} and message.segments = 1",
    ("updated_at",),
)


@value
class NewMt:
    """A draft with its id and the state that it is stored in: QUEUED, or REFUSED with the reason, or SENDING.

    ``route`` is the carrier that it shall go over; empty where its line has one carrier alone. ``attempts`` permits
    were minted for it already, for ``carrier``.
    """

    id: int
    draft: Draft
    segments: int
    state: MessageState = MessageState.QUEUED
    reason: str | None = None
    actor: str | None = None
    route: str = ""
    attempts: int = 0
    carrier: str | None = None


@value
class Move:
    """One message's next state. ``status`` is the last command_status, None to leave it."""

    id: int
    state: MessageState
    reason: str | None
    status: int | None
    resends: int


def earlier_sessions(tx: Tx, key: tuple[int, Msisdn], mo: Mo, since: float) -> list[str]:
    """Return the sessions in which the same octets came from this subscriber after that time (unix seconds)."""
    same = "direction = 0 and carrier = ? and raw = ? and data_coding = ? and created_at > ?"
    rows = rows_of(tx, "message", key, "session", same, (mo.carrier, mo.raw, mo.data_coding, since))
    return [row[0] for row in rows]


def add_mts(tx: Tx, messages: Sequence[NewMt]) -> None:
    """Store drafts, in the state that each says."""
    tx.put(
        _QUEUE,
        [
            (
                m.id,
                m.draft.line_id,
                m.draft.subscriber,
                int(m.state),
                int(m.draft.lane),
                int(m.draft.claim),
                m.draft.text,
                m.draft.expires_at,
                m.draft.in_reply_to,
                m.draft.list_name,
                m.draft.ref,
                m.draft.opt_outs,
                m.segments,
                m.attempts,
                m.carrier,
                m.reason,
                m.actor,
                m.route,
            )
            for m in messages
        ],
        (tx.now, tx.now),
    )


def waiting(tx: Tx, lane: Lane, line_id: int, route: str, after_id: int, limit: int) -> list[tuple[int, Msisdn]]:
    """Return the ids above ``after_id`` that are queued in a lane of a line's route, oldest first, with subscribers.

    ``limit`` is how many are read and returned at most.
    """
    return [(row[0], Msisdn(row[1])) for row in tx.rows(_WAITING, (int(lane), line_id, route, after_id, limit))]


def firsts(tx: Tx, lane: Lane, line_id: int, route: str, after: str, limit: int) -> list[tuple[int, Msisdn]]:
    """Return the oldest queued id of each subscriber whose number sorts above ``after``, in the order of numbers.

    ``limit`` is how many subscribers are looked at and returned at most, however much waits for each.
    """
    place = (int(lane), line_id, route)
    return [(row[0], Msisdn(row[1])) for row in tx.rows(_FIRSTS, (*place, after, *place, *place, limit))]


def first_of(
    tx: Tx, lane: Lane, line_id: int, route: str, subscriber: Msisdn, claims: Collection[Grounds]
) -> int | None:
    """Return a subscriber's oldest queued id in a lane of a line's route that claims one of these grounds."""
    marks = ", ".join(str(int(claim)) for claim in sorted(claims))
    rows = tx.rows(
        "select id from message where state = 0 and lane = ? and line_id = ? and route = ? and subscriber = ?"
        f" and claim in ({marks}) order by id limit 1",
        (int(lane), line_id, route, subscriber),
    )
    return rows[0][0] if rows else None


def ask_queued(tx: Tx, line_id: int, subscribers: Collection[Msisdn]) -> Answered:
    """Ask for the subscribers for whom something is queued, and its routes: ``queued_routes`` in rows."""
    return tx.ask(_QUEUED_ROUTES, (line_id,), sorted(subscribers))


def queued_routes(tx: Tx, line_id: int, subscribers: Collection[Msisdn]) -> dict[Msisdn, set[str]]:
    """Return the routes of what is queued for each of these subscribers; those for whom nothing is are left out."""
    found: dict[Msisdn, set[str]] = {}
    for subscriber, route in tx.look_up(_QUEUED_ROUTES, (line_id,), sorted(subscribers)):
        found.setdefault(Msisdn(subscriber), set()).add(route)
    return found


def reroute(tx: Tx, moved: Sequence[tuple[str, int, Msisdn]]) -> None:
    """Send all that is queued for these subscribers over one carrier: (route, line_id, subscriber) each."""
    tx.executemany(
        f"update message{tx.dialect.by_index('message_routed')} set route = ?"
        " where state = 0 and line_id = ? and subscriber = ?",
        moved,
    )


def set_routes(tx: Tx, routes: Sequence[tuple[str, int]]) -> None:
    """Give messages a route: (route, id) each."""
    tx.executemany("update message set route = ? where id = ?", routes)


def free_routes(tx: Tx, lane: Lane, line_id: int, known: Collection[str], limit: int) -> int:
    """Let what is queued for carriers that this line does not have any more go over any; return how many, at most."""
    route, freed = "", 0
    while freed < limit:
        ((after,),) = tx.rows(
            "select min(route) from message where state = 0 and lane = ? and line_id = ? and route > ?",
            (int(lane), line_id, route),
        )
        if after is None:
            return freed
        route = after
        if route not in known:
            freed += tx.execute(
                "update message set route = '' where id in (select id from message"
                " where state = 0 and lane = ? and line_id = ? and route = ? order by id limit ?)",
                (int(lane), line_id, route, limit - freed),
            )
    return freed


def mts(tx: Tx, ids: Collection[int], *, claiming: bool = False) -> dict[int, Mt]:
    """Return the MTs of these ids; ids that are no MT are left out.

    Where several nodes write, they are locked until this transaction ends; ``claiming``, those that another node has
    locked, or that are not queued any more, are left out.
    """
    how = ""
    if tx.dialect.several:
        how = " and state = 0 for update skip locked" if claiming else " order by id for update"
    return {
        row[0]: _mt(row)
        for marks, chunk in chunks(sorted(ids))
        for row in tx.rows(
            f"select {_MT_COLUMNS} from message where direction = {MT} and id in ({marks}){how}",
            chunk,
        )
    }


def mint(tx: Tx, permits: Sequence[Permit], opt_outs: Mapping[int, int]) -> None:
    """Write permits, and mark their messages as being sent, in as many segments as their permits say.

    ``opt_outs`` as for ``add_permits``.
    """
    add_permits(tx, permits, opt_outs)
    counts = Counter(p.message_id for p in permits)
    last = {p.message_id: p for p in permits}
    tx.put(_SENDING, [(id_, counts[id_], p.segments, p.carrier) for id_, p in last.items()], (tx.now,))


def settle_whole(tx: Tx, outcomes: Sequence[Outcome]) -> bool:
    """Write answers that accepted live permits of whole messages: each has one segment, and is sent with that.

    Returns whether that was so of all of them. Otherwise what was written is right, but some messages have not moved:
    their states must be worked out from all of their permits.
    """
    if accept_permits(tx, outcomes) < len(outcomes):
        return False
    return tx.bulk(_SENT, [(o.permit.message_id,) for o in outcomes], (tx.now,)) == len(outcomes)


def move(tx: Tx, moves: Sequence[Move]) -> None:
    """Write the next states of messages."""
    tx.put(_MOVE, [(m.id, int(m.state), m.reason, m.status, m.resends) for m in moves], (tx.now,))


def end_queued(tx: Tx, ids: Collection[int], state: MessageState, reason: str) -> None:
    """End queued messages in ``state``; those of which a segment was sent already are PARTIAL."""
    tx.executemany(_END, [(int(state), reason, tx.now, id_) for id_ in ids])


def refuse_older(tx: Tx, line_id: int, subscriber: Msisdn, opt_outs: int, reason: str) -> int:
    """Refuse every queued message of the subscriber on the line that was accepted before this opt-out; return how many.

    The gate would refuse them one by one (their count is behind); done at once, they need not wait for a slot.
    """
    # What another node claims right now is left to the gate: it would wait for us, too.
    those = f"id in (select id from message where {_OLDER} for update skip locked)" if tx.dialect.several else _OLDER
    by_index = tx.dialect.by_index("message_routed")
    return tx.execute(_REFUSE.format(by_index=by_index) + those, (reason, tx.now, line_id, subscriber, opt_outs))


def _mt(row: tuple[Any, ...]) -> Mt:
    return Mt(row[0], row[1], Msisdn(row[2]), row[3], _LANES[row[4]], _GROUNDS[row[5]], _STATES[row[6]], *row[7:])
