"""What a suppression log tells a store that lacks it: opt-outs, leavings and holds are put in force, with evidence.

Owns the judgement of each record against what the store knows of the same pair, and what follows. Must never widen a
consent but where the subscriber's own text did so, after everything that the store knows of having narrowed it.

The records come in the order in which they happened. A record that the store has, or that was merged before, changes
nothing, so a merge may be repeated. Of two contrary events the later one counts: by their places where they are in one
chain, else by their times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Hold, Method, Standing
from gateway.model.effects import Scope
from gateway.model.refusal import Reason
from gateway.policy.transitions import Change, opted_in, opted_out, status_of
from gateway.store.chunks import chunks
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import Key, save_account_opt_outs, save_standings, standings
from gateway.store.hot_messages import refuse_older
from gateway.store.lines import ensure_line
from gateway.store.pairs import rows_of
from gateway.store.suppression import ACCOUNT, BEGIN, Place, Record
from gateway.store.tx import Tx

NARROWS: Final = frozenset(
    {EvidenceKind.OPT_OUT.value, EvidenceKind.LIST_LEAVE.value, EvidenceKind.HOLD.value},
)
_OF_A_LIST: Final = frozenset({EvidenceKind.LIST_LEAVE.value, EvidenceKind.LIST_JOIN.value})
_MOST_HISTORY: Final = 1000
_OUT: Final = ConsentStatus.OPTED_OUT


class Fate(Enum):
    """What becomes of a record. The words are the interface's."""

    APPLIED = "applied"  # it narrows
    LIFTED = "lifted"  # the subscriber's own text ended what was narrow
    KNOWN = "known"  # the store has it, or had it merged
    OUTDONE = "outdone"  # something later is known that says otherwise, or it has nothing to lift


@dataclass(frozen=True, slots=True)
class Event:
    """An event that the store has of a pair. ``at`` is when it happened, wherever that was recorded first."""

    kind: str
    method: str
    list_name: str | None
    place: Place
    at: float
    merged: str


@dataclass(slots=True)
class Merged:
    """What a step did: how many records of each fate, whose consent is narrower, and how many messages that refused."""

    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    narrowed: list[Key] = field(default_factory=list)
    refused: int = 0


def judge(record: Record, history: Iterable[Event]) -> Fate:
    """Say what a record, which the store does not have at its place, shall do, given the pair's ``history``."""
    narrows = record.kind in NARROWS
    fate = Fate.APPLIED if narrows else Fate.LIFTED
    if not narrows and record.method not in (Method.TEXT.value, Method.SUPPRESSION_LOG.value):
        return Fate.OUTDONE  # it was a person's word or a rule's, and those lift nothing twice
    for event in history:
        if event.merged == str(record.place):
            return Fate.KNOWN
        if (event.kind in _OF_A_LIST or record.kind in _OF_A_LIST) and event.list_name != record.list_name:
            continue
        contrary = _undoes(event, record) if narrows else event.kind in NARROWS
        if contrary and _later(event, record):
            fate = Fate.OUTDONE
    return fate


def _undoes(event: Event, record: Record) -> bool:
    """Say whether an event ends what a record narrows: the subscriber's own return, or whatever released a hold."""
    if event.kind == EvidenceKind.RELEASE.value:
        return record.kind == EvidenceKind.HOLD.value
    return event.kind in (EvidenceKind.OPT_IN.value, EvidenceKind.LIST_JOIN.value) and event.method in (
        Method.TEXT.value,
        Method.SUPPRESSION_LOG.value,
    )


def _later(event: Event, record: Record) -> bool:
    place = _place(event.merged) or event.place
    if (place.node, place.incarnation) == (record.place.node, record.place.incarnation):
        # At the very same place stands what was committed after the record's own transaction had failed.
        return place.seq >= record.place.seq
    return event.at > record.at


def _place(named: str) -> Place | None:
    node, _, rest = named.partition("/")
    incarnation, _, seq = rest.partition("/")
    return Place(node, int(incarnation), int(seq)) if seq else None


def merge(tx: Tx, records: Sequence[Record], config_hash: str) -> Merged:
    """Merge records, in order; whose consent got narrower is to be fenced after the commit."""
    return _Merge(tx, records, config_hash).run()


class _Merge:
    """One step of a merge, in its transaction."""

    def __init__(self, tx: Tx, records: Sequence[Record], config_hash: str) -> None:
        self.tx = tx
        # A source that is no number is in evidence; there is nobody whose consent could be kept.
        self.records = [record for record in records if record.kind != BEGIN and record.subscriber]
        self.config_hash = config_hash
        self.done = Merged()
        self.accounts: dict[Msisdn, float] = {}
        addresses = {record.line for record in self.records if record.line}
        self.lines = {address: ensure_line(tx, address) for address in sorted(addresses)}
        self.stored = _at_places(tx, [record.place for record in self.records])
        self.standings = standings(tx, {self.key(record) for record in self.records if record.line})

    def key(self, record: Record) -> Key:
        return (self.lines[record.line], record.subscriber)

    def run(self) -> Merged:
        for record in self.records:
            fate = self.account(record) if record.kind == ACCOUNT else self.one(record)
            self.done.fates[fate] += 1
        return self.done

    def account(self, record: Record) -> Fate:
        """Put a STOP ALL on record: the lines that there were have records of their own."""
        self.accounts[record.subscriber] = record.at
        known = self.tx.rows(
            "select 1 from account_opt_out where account_id = 1 and subscriber = ?", (record.subscriber,)
        )
        if known:
            return Fate.KNOWN
        save_account_opt_outs(self.tx, [(record.subscriber, Method.SUPPRESSION_LOG.value, None)])
        return Fate.APPLIED

    def one(self, record: Record) -> Fate:
        key = self.key(record)
        at_place = self.stored.get(record.place)
        if at_place == (*key, record.kind):
            return Fate.KNOWN
        fate = judge(record, _history(self.tx, key))
        if fate in (Fate.KNOWN, Fate.OUTDONE):
            return fate
        before = self.standings[key]
        after = self.changed(record, before)
        if after is None:
            return Fate.OUTDONE
        status = (_list_status(before, record), _list_status(after, record))
        if record.kind not in _OF_A_LIST:
            status = (status_of(before), status_of(after))
        save_standings(self.tx, [(before, after)])
        self.standings[key] = after
        add_evidence(self.tx, [self.evidence(record, key, *status)])
        if fate is Fate.APPLIED:
            self.done.narrowed.append(key)
        if status_of(after) is _OUT:
            self.done.refused += refuse_older(self.tx, *key, after.opt_outs, Reason.OPTED_OUT.value)
        return fate

    def changed(self, record: Record, before: Standing) -> Standing | None:
        """Return the standing that a record leads to; None where it has nothing to do."""
        match record.kind:
            case EvidenceKind.OPT_OUT.value:
                scope = Scope.ACCOUNT if self.accounts.get(record.subscriber) == record.at else Scope.LINE
                return opted_out(before, Method.SUPPRESSION_LOG, self.tx.now, scope, since=record.at).standing
            case EvidenceKind.HOLD.value:
                held = before.hold is not None or status_of(before) is _OUT
                return None if held else before.but(hold=Hold(record.at, _NO_MESSAGE))
            case EvidenceKind.LIST_LEAVE.value if record.list_name is not None:
                return before.but(lists={**before.lists, record.list_name: _OUT})
            case EvidenceKind.OPT_IN.value if status_of(before) is _OUT:
                change = opted_in(before, Method.TEXT, record.at)
                return change.standing if isinstance(change, Change) else None
            case EvidenceKind.LIST_JOIN.value if record.list_name and before.lists.get(record.list_name) is _OUT:
                return before.but(lists={**before.lists, record.list_name: ConsentStatus.OPTED_IN})
            case EvidenceKind.RELEASE.value if before.hold is not None and before.hold.since <= record.at:
                return before.but(hold=None)
            case _:
                return None

    def evidence(self, record: Record, key: Key, before: ConsentStatus, after: ConsentStatus) -> Evidence:
        return Evidence(
            kind=EvidenceKind(record.kind),
            line_id=key[0],
            subscriber=key[1],
            before=before,
            after=after,
            method=Method.SUPPRESSION_LOG,
            occurred_at=record.at,
            list_name=record.list_name,
            rule=str(record.place),
            config_hash=self.config_hash,
            note=f"by {record.method}, as the suppression log has it",
        )


_NO_MESSAGE: Final = 0
"""No message has this id: the text that led to the hold is not in this store."""


def _list_status(standing: Standing, record: Record) -> ConsentStatus:
    return standing.lists.get(record.list_name or "", ConsentStatus.NOT_DEFINED)


_AT: Final = "select seq, line_id, subscriber, kind from evidence where node = ? and incarnation = ? and seq in "


def _at_places(tx: Tx, places: Collection[Place]) -> Mapping[Place, tuple[int, Msisdn, str]]:
    """Return what the store's evidence has at these places: (line_id, subscriber, kind)."""
    found: dict[Place, tuple[int, Msisdn, str]] = {}
    for node, incarnation in sorted({(place.node, place.incarnation) for place in places}):
        seqs = sorted({p.seq for p in places if (p.node, p.incarnation) == (node, incarnation)})
        for marks, chunk in chunks(seqs):
            for seq, *rest in tx.rows(f"{_AT}({marks})", (node, incarnation, *chunk)):
                found[Place(node, incarnation, seq)] = (rest[0], Msisdn(rest[1]), rest[2])
    return found


def _history(tx: Tx, key: Key) -> list[Event]:
    """Return what the store has of a pair, the latest first; of very much, the latest thousand."""
    columns = "kind, method, list_name, node, incarnation, seq, rule, occurred_at, recorded_at"
    rows = islice(rows_of(tx, "evidence", key, columns), _MOST_HISTORY)
    merged = Method.SUPPRESSION_LOG.value
    return [
        Event(
            kind=row[0],
            method=row[1],
            list_name=row[2],
            place=Place(row[3], row[4], row[5]),
            at=row[7] if row[1] == merged else row[8],
            merged=row[6] if row[1] == merged else "",
        )
        for row in rows
    ]
