"""Statements on nodes and leases: heartbeats, who owns which bind, and what other nodes hold for a subscriber.

Owns the SQL by which several nodes agree (docs/decisions/0017): all of it compares times on the database's clock, which
is one for all. Must never decide who should own what; ``gateway.traffic.spread`` does. PostgreSQL only: where one
node has the store to itself, none of this is called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.messages import Lane
from gateway.model.nodes import LeaseKey, LeaseRow, NodeRow, Pulse
from gateway.store.dialects.postgresql import integers, texts
from gateway.store.hot_consent import Key
from gateway.store.jobs import Identity
from gateway.store.tx import Answered, Statements, Tx

CHANNEL: Final = "gateway"
"""Where nodes of one store say things to one another (LISTEN and NOTIFY)."""
OVER_S: Final = 2.5
"""How long after a node's end its permits may have been written: their life of 2 s, and a margin."""

_NOW: Final = "cast(extract(epoch from clock_timestamp()) as double precision)"
_BEAT: Final = f"""
update node set joined_at = case when joined_at = 0 or expires_at < {_NOW} then {_NOW} else joined_at end,
    expires_at = {_NOW} + ?, backend = (
        select pid || '/' || extract(epoch from backend_start) from pg_stat_activity where pid = pg_backend_pid())
where name = ? and life = ?
"""
_NODES: Final = f"""
select name, life, expires_at > {_NOW}, {_NOW} - joined_at, {_NOW} - expires_at from node where expires_at > 0
order by name
"""
_LEASES: Final = (
    f"select carrier, number, node, life, fence, sessions, {_NOW} - since from lease order by carrier, number"
)
_TAKE: Final = f"""
update lease set node = ?, life = ?, fence = fence + 1, sessions = '', since = {_NOW}
where carrier = ? and number = ? and fence = ? and (
    node = '' or not exists (
        select 1 from node where name = lease.node and node.life = lease.life and expires_at > {_NOW}))
returning fence
"""
_OWNED: Final = f"""
select carrier, number, node, life, fence, {_NOW} - since from lease where carrier <> '' and node <> ''
order by carrier, number for share
"""
ALONE_S: Final = 20.0
"""How long a node has had all leases before it is sure that nothing of another's is under way."""
_PAIRS: Final = "unnest(?::integer[], ?::text[]) as pair (line_id, subscriber)"
# The connection of a heartbeat ends with its process; the heartbeat itself holds for seconds after it.
_CONNECTED: Final = """
exists (select 1 from pg_stat_activity where node.backend = pid || '/' || extract(epoch from backend_start))
"""
_OVER: Final = f"""
not exists (select 1 from node where name = permit.node and node.life = permit.life and expires_at > {_NOW} - {OVER_S})
and not exists (select 1 from node where name = permit.node and node.life <> permit.life
    and joined_at > {_NOW} - {OVER_S})
"""


def beat(tx: Statements, me: Identity, lease_s: float) -> Pulse | None:
    """Renew this node's heartbeat, for ``lease_s`` seconds; return who there is and who owns what, by then.

    None if this life is over: another process has begun the next one. Locks the node's row, so that whoever would take
    a lease over waits, and sees it renewed; what was taken before is seen here.
    """
    if not tx.execute(_BEAT, (lease_s, me.node, me.life)):
        return None
    nodes = [NodeRow(*row) for row in tx.rows(_NODES)]
    leases = [
        LeaseRow((carrier, number), node, life, fence, tuple(sessions.split()), age)
        for carrier, number, node, life, fence, sessions, age in tx.rows(_LEASES)
    ]
    return Pulse(nodes, leases)


def take(tx: Statements, me: Identity, key: LeaseKey, seen: LeaseRow | None) -> int | None:
    """Take a lease that was nobody's when it was ``seen`` (None: it had no row); return its fencing number.

    None where somebody else was faster, or its owner lives after all.
    """
    if seen is None:
        tx.execute("insert into lease (carrier, number) values (?, ?) on conflict do nothing", key)
    elif seen.node:
        tx.rows("select 1 from node where name = ? for update", (seen.node,))  # a renewal under way is waited for
    rows = tx.rows(_TAKE, (me.node, me.life, *key, seen.fence if seen else 0))
    return int(rows[0][0]) if rows else None


def release(tx: Statements, me: Identity, key: LeaseKey) -> None:
    """Give a lease back, if it is still ours."""
    tx.execute(
        f"update lease set node = '', sessions = '', since = {_NOW}"
        " where carrier = ? and number = ? and node = ? and life = ?",
        (*key, me.node, me.life),
    )


def leave(tx: Statements, me: Identity) -> None:
    """Give everything back and end the heartbeat: this node stops."""
    tx.execute(
        f"update lease set node = '', sessions = '', since = {_NOW} where node = ? and life = ?", (me.node, me.life)
    )
    tx.execute(f"update node set expires_at = {_NOW} where name = ? and life = ?", (me.node, me.life))


def note_sessions(tx: Statements, me: Identity, sessions: Mapping[LeaseKey, Collection[str]]) -> None:
    """Note which sessions are live on leases of ours."""
    for key, live in sorted(sessions.items()):
        tx.execute(
            "update lease set sessions = ? where carrier = ? and number = ? and node = ? and life = ?",
            (" ".join(sorted(live)), *key, me.node, me.life),
        )


def holders(tx: Statements, me: Identity, keys: Collection[Key]) -> list[tuple[str, int]]:
    """Return the other nodes (with their lives) that hold a live permit of one of these pairs."""
    if not keys:
        return []
    rows = tx.rows(
        f"select distinct live.node, live.life from {_PAIRS} cross join lateral (select node, life from permit"
        " where fate = 0 and line_id = pair.line_id and subscriber = pair.subscriber and not (node = ? and life = ?)"
        " offset 0) as live",
        (*_arrays(sorted(keys)), me.node, me.life),
    )
    return [(row[0], row[1]) for row in rows]


def say(tx: Statements, message: str) -> None:
    """Say something to all nodes that listen, this one included, when this transaction is committed."""
    tx.rows("select pg_notify(?, ?)", (CHANNEL, message))


def ask_owned(tx: Tx) -> Answered:
    """Ask what ``owned`` needs to know. It stays so until this transaction ends."""
    return tx.ask_rows(_OWNED)


def owned(tx: Tx, fences: Mapping[LeaseKey, int], asked: Answered | None = None) -> tuple[set[LeaseKey], bool]:
    """Return those leases that are still ours under these fencing numbers, and whether no other node has any.

    Both stay so until this transaction ends. Whoever has a lease has had it for longer than permits of another live.
    ``asked`` is what ``ask_owned`` gave in this transaction.
    """
    rows = (asked or ask_owned(tx))()
    mine = {(carrier, number) for carrier, number, node, life, fence, _ in rows if (node, life) == (tx.node, tx.life)
            and fences.get((carrier, number)) == fence}  # fmt: skip
    alone = all((node, life) == (tx.node, tx.life) and age > ALONE_S for _, _, node, life, _, age in rows)
    return mine, alone


def busy_elsewhere(tx: Tx, keys: Collection[Key]) -> set[Key]:
    """Return those pairs of which another node has a message of lanes 2 to 4 under way. Their consent is locked."""
    if not keys:
        return set()
    rows = tx.rows(
        f"select live.line_id, live.subscriber from {_PAIRS} cross join lateral ("
        " select line_id, subscriber, message_id from permit where fate = 0 and line_id = pair.line_id"
        " and subscriber = pair.subscriber and not (node = ? and life = ?) offset 0) as live"
        f" join message on message.id = live.message_id where message.lane <> {Lane.URGENT:d}",
        (*_arrays(sorted(keys)), tx.node, tx.life),
    )
    return {(row[0], Msisdn(row[1])) for row in rows}


def not_first(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Return those queued messages that have an older one of their pair before them in their place."""
    if not ids:
        return set()
    rows = tx.rows(
        "select id from message where id = any (?::bigint[]) and exists ("
        " select 1 from message as older where older.state = 0 and older.lane = message.lane"
        " and older.line_id = message.line_id and older.route = message.route"
        " and older.subscriber = message.subscriber and older.id < message.id)",
        (integers(ids),),
    )
    return {row[0] for row in rows}


def _arrays(keys: Sequence[Key]) -> tuple[str, str]:
    """Return pairs as ``_PAIRS`` wants them."""
    return integers([line_id for line_id, _ in keys]), texts([subscriber for _, subscriber in keys])


def ask_latest(tx: Tx, keys: Collection[Key]) -> Answered:
    """Ask for the latest message of these pairs, for ``stand_behind``. Their consent is locked."""
    return tx.ask_rows(
        f"select max(latest.id) from {_PAIRS} cross join lateral ("
        " (select id from message where line_id = pair.line_id and subscriber = pair.subscriber"
        " and previous is null order by id desc limit 1)"
        " union all select last_message from consent where line_id = pair.line_id"
        " and subscriber = pair.subscriber) as latest (id)",
        _arrays(sorted(keys)),
    )


def keep_order(tx: Tx, keys: Collection[Key]) -> None:
    """Have messages that get their id from now on stand behind all that there are of these pairs.

    Their consent is locked. Each node hands out ids of its own block, so another's message may be older and yet have a
    higher one.
    """
    if keys and tx.dialect.several:
        stand_behind(tx, ask_latest(tx, keys))


def stand_behind(tx: Tx, asked: Answered) -> None:
    """Do what ``keep_order`` does, with what ``ask_latest`` gave in this transaction."""
    ((latest,),) = asked()
    ids = tx.memory.ids.get("message")
    if ids is not None and latest is not None and latest >= ids.first:
        tx.memory.ids.pop("message", None)  # the next block is above every one that was ever taken


def lives_elsewhere(tx: Tx, session: str) -> bool:
    """Say whether a session is live on another node: its lease names it, and its owner is there."""
    return bool(
        tx.rows(
            "select 1 from lease join node on node.name = lease.node and node.life = lease.life"
            f" where strpos(' ' || sessions || ' ', ?) > 0 and expires_at > {_NOW} and {_CONNECTED}",
            (f" {session} ",),
        )
    )


def permits_of_the_dead(tx: Statements, me: Identity, limit: int) -> list[tuple[int, int]]:
    """Return live permits (id, message id) of nodes that are over, for so long that none of them can be written."""
    rows = tx.rows(
        f"select id, message_id from permit where fate = 0 and not (node = ? and life = ?) and {_OVER} limit ?",
        (me.node, me.life, limit),
    )
    return [(row[0], row[1]) for row in rows]
