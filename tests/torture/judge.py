"""What must be true after a run, whatever failed in it: asked of the carrier's record and of the store, side by side.

Two kinds of questions. *Laws* hold of every run by itself: what was acked is stored, nothing went to anyone after the
ack of their STOP, no submit_sm without a permit, every message at an end, the chain of evidence whole. And the
*effects* of a run (consent, lists, evidence, texts, replies) must be exactly those of the same conversation without any
fault: that is what "not lost" and "not twice" mean.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from gateway.model.messages import MessageState
from gateway.model.permit import Fate
from gateway.store.evidence import COLUMNS, verify
from tests.kit.daemon import HELP, STOPPED
from tests.torture.carrier import Event
from tests.torture.conversation import ENOUGH
from tests.torture.play import Run

ENDS: Final = frozenset(
    {
        MessageState.SENT,
        MessageState.DELIVERED,
        MessageState.REFUSED,
        MessageState.EXPIRED,
        MessageState.UNCERTAIN,
    }
)
WRITTEN: Final = (Fate.ACCEPTED, Fate.REJECTED, Fate.UNCERTAIN)
OUT: Final = frozenset({"STOP", "Stop all", "UNSUBSCRIBE", ENOUGH, "please stop texting me"})
IN: Final = frozenset({"START"})
TO_ANYBODY: Final = frozenset({STOPPED, HELP})
"""What may go to someone who has opted out."""

Effects = dict[str, Counter[tuple[Any, ...]]]

_EFFECTS: Final = {
    "consents": "select subscriber, status, opt_outs, held_since, account_out from consent",
    "members": "select subscriber, list_name, status, suspended from member",
    "account": "select subscriber, opt_outs from account_opt_out",
    "evidence": "select subscriber, kind, list_name, status_before, status_after, method, rule, text from evidence",
    "texts": "select subscriber, text, outcome, keyword, segments, partial from message where direction = 0",
    "replies": "select subscriber, text, lane, claim, ref, opt_outs from message where direction = 1",
    "put aside": "select line, subscriber, reason from quarantine",
}


def effects(run: Run) -> Effects:
    """Return all that a run led to in the store, without times and ids."""
    with closing(sqlite3.connect(run.store)) as store:
        return {name: Counter(store.execute(query)) for name, query in _EFFECTS.items()}


def judge(run: Run, reference: Effects | None = None) -> None:
    """Fail with everything that is wrong with a run."""
    wrong = list(_laws(run))
    if reference is not None:
        for name, found in effects(run).items():
            wrong += [f"{name}: {item} {count} times too often" for item, count in (found - reference[name]).items()]
            wrong += [f"{name}: {item} is missing {count} times" for item, count in (reference[name] - found).items()]
    assert not wrong, "\n".join([*wrong, "", *(str(fault) for fault in run.supervisor.faults), str(run.world.folder)])


def _laws(run: Run) -> Iterator[str]:
    with closing(sqlite3.connect(run.store)) as store:
        if (sound := store.execute("pragma integrity_check").fetchall()) != [("ok",)]:
            yield f"the database is damaged: {sound}"
            return
        rows = store.execute(f"select {', '.join(COLUMNS)} from evidence order by node, incarnation, seq")  # noqa: S608
        yield from (f"the chain of evidence is broken: {breach}" for breach in verify(rows))
        yield from _acked(run, store)
        yield from _ended(store)
        yield from _permitted(run, store)
        yield from _answered(run, store)
    yield from _silence(run.world.carrier.record)


def _acked(run: Run, store: sqlite3.Connection) -> Iterator[str]:
    """No text that was acked is lost."""
    stored = Counter(store.execute("select subscriber, text from message where direction = 0"))
    told = {(f"+{item.source}", item.text) for item in run.world.carrier.texts if item.acked and item.kind != "receipt"}
    yield from (f"acked and lost: {who}: {said[:60]!r}" for who, said in told if not stored[who, said])
    refused = {status for item in run.world.carrier.texts for status in item.statuses} - {0, 0x64}
    if refused:
        yield f"texts were answered with {sorted(refused)}"


def _ended(store: sqlite3.Connection) -> Iterator[str]:
    """Every message has come to an end."""
    for id_, state in store.execute("select id, state from message where direction = 1"):
        if MessageState(state) not in ENDS:
            yield f"message {id_} is {MessageState(state).word}"


def _permitted(run: Run, store: sqlite3.Connection) -> Iterator[str]:
    """Every submit_sm has a permit of its own, and every acceptance was one; more than one only after *uncertain*."""
    submits = list(run.world.carrier.submits())
    ids = {submit.id: f"+{submit.subscriber}" for submit in submits}
    for carrier_id, subscriber in store.execute("select carrier_id, subscriber from permit where carrier_id <> ''"):
        if ids.get(carrier_id) != subscriber:
            yield f"a permit to {subscriber} has the carrier's id {carrier_id}, which is {ids.get(carrier_id)}'s"
    seen = Counter((f"+{submit.subscriber}", submit.number) for submit in submits)
    written = Counter(
        store.execute(f"select subscriber, segment from permit where fate in {tuple(map(int, WRITTEN))}")  # noqa: S608
    )
    yield from (f"{count} submit_sm without a permit: {item}" for item, count in (seen - written).items())
    again = dict(store.execute("select id, resends from message where direction = 1"))
    tries = Counter(
        store.execute(f"select message_id, segment from permit where fate in {tuple(map(int, WRITTEN))}")  # noqa: S608
    )
    for (message, segment), count in tries.items():
        if count > 1 + again[message]:
            yield f"message {message}, segment {segment}: written {count} times with {again[message]} resends"
        if again[message] > run.supervisor.kills + _cuts(run):
            yield f"message {message} was sent again {again[message]} times"


def _cuts(run: Run) -> int:
    return sum(event.what == "ended" for event in run.world.carrier.record)


def _answered(run: Run, store: sqlite3.Connection) -> Iterator[str]:
    """What the application was told is so: there is one message, under the id that it was told, or refused."""
    stored: dict[str, list[tuple[int, int]]] = {}
    for ref, id_, state in store.execute("select ref, id, state from message where ref is not null"):
        stored.setdefault(ref, []).append((id_, state))
    for ref, said in run.world.answers.items():
        found = stored.get(ref, [])
        if len(found) != 1 or (str(found[0][0]) != said and found[0][1] != MessageState.REFUSED):
            yield f"{ref} was answered with {said}, and stored as {found}"


def _silence(record: list[Event]) -> Iterator[str]:
    """After the ack of a STOP nothing goes to that subscriber but what may, until they have said START."""
    out: set[str] = set()
    parts: dict[str, set[int]] = {}
    for event in record:
        if event.text is not None and event.text.kind != "receipt":
            who = event.text.source
            if event.what == "sent" and event.text.text in IN:
                out.discard(who)
            elif event.what == "answered" and event.status == 0 and event.text.text in OUT:
                parts.setdefault(event.text.text, set()).add(id(event.text))
                if event.text.kind == "text" or len(parts[event.text.text]) == _parts_of(event):
                    out.add(who)
        elif event.submit is not None and event.submit.subscriber in out and event.submit.text not in TO_ANYBODY:
            yield f"to {event.submit.subscriber} after the ack of a STOP: {event.submit.text[:60]!r}"


def _parts_of(event: Event) -> int:
    assert event.text is not None
    return -(-len(event.text.text) // 153)
