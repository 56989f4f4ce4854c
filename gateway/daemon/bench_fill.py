"""A store as it is after years, in a minute: consent rows by the million, and a broadcast that waits.

Owns the statements that make them. They run inside the database, so that ten million rows need no ten million tuples
here, in steps that each commit. Rows are those that the gateway's own jobs would have left, but for the evidence: who
is made up consented to nothing. It must never be given a store that somebody uses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from peewee import SqliteDatabase

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.permit import Grounds
from gateway.simulator.crowd import BASE, BLOCK, GAP, spread, stride
from gateway.simulator.load_plan import BROADCAST
from gateway.store.store import Store
from gateway.store.tx import Tx

STEP: Final = 250_000
TEXT: Final = BROADCAST.decode() + ": doors open at 8, show this text for a free drink. Reply STOP to end."

Say = Callable[[str], None]

_CONSENTS: Final = """
insert into consent (line_id, subscriber, account_id, status, since, source, opt_outs)
with recursive one (n) as (
    select cast(? as bigint) union all select n + 1 from one where n + 1 < ?
), place (p) as (select n * cast(? as bigint) from one)
select cast(? as integer), '+' || cast(cast(? as bigint) + p + (p / ?) * ? as text), 1, cast(? as integer),
    cast(? as double precision), 'text', 0
from place
"""
_MESSAGES: Final = """
insert into message (id, account_id, line_id, subscriber, direction, state, lane, claim, text, created_at, updated_at,
    opt_outs, segments, attempts, resends)
with recursive one (n) as (
    select cast(? as bigint) union all select n + 1 from one where n + 1 < ?
), place (n, p) as (select n, n * cast(? as bigint) % ? * ? from one)
select cast(? as bigint) + n, 1, cast(? as integer), '+' || cast(cast(? as bigint) + p + (p / ?) * ? as text),
    1, cast(? as integer), cast(? as integer), cast(? as integer), cast(? as text),
    cast(? as double precision), cast(? as double precision), 0, 1, 0, 0
from place order by n
"""


async def fill(store: Store, line_id: int, consents: int, broadcast: int, say: Say) -> None:
    """Make ``consents`` subscribers who have opted in, and a message of lane 4 for ``broadcast`` of them."""
    writer = store.writer
    for begin in range(0, consents, STEP):
        end = min(begin + STEP, consents)
        await writer.run(partial(_consents, line_id=line_id, size=consents, begin=begin, end=end), "fill")
        say(f"{end:,} of {consents:,} consent rows")
    if broadcast:
        first = await writer.run(lambda tx: tx.allocate("message", broadcast), "fill")
        for begin in range(0, broadcast, STEP):
            end = min(begin + STEP, broadcast)
            step = partial(_messages, line_id=line_id, size=consents, first=first, begin=begin, end=end)
            await writer.run(step, "fill")
            say(f"{end:,} of {broadcast:,} queued messages")
    if consents:
        await writer.run(_settle, "fill")


def _consents(tx: Tx, line_id: int, size: int, begin: int, end: int) -> None:
    status, place = int(ConsentStatus.OPTED_IN), (BASE, BLOCK, GAP)
    tx.execute(_CONSENTS, (begin, end, spread(size), line_id, *place, status, tx.now))


def _messages(tx: Tx, line_id: int, size: int, first: int, begin: int, end: int) -> None:
    place = (begin, end, stride(size), size, spread(size))
    facts = (int(MessageState.QUEUED), int(Lane.BULK), int(Grounds.CONSENT), TEXT, tx.now, tx.now)
    tx.execute(_MESSAGES, (*place, first, line_id, BASE, BLOCK, GAP, *facts))


def _settle(tx: Tx) -> None:
    """Let a server that plans by statistics have them now, as it would have them after years."""
    if not isinstance(tx.database, SqliteDatabase):
        tx.execute("analyze")
