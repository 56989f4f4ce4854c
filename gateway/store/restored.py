"""Does this store know all that it once knew? Whether it was restored, how that is noticed, and what is owed then.

Owns the facts in ``meta`` that a restore is known by, and the state that follows from it. Must never lift that state by
itself: only what was merged from the suppression logs, or a person, may.

A restored store lacks what came after its backup: opt-outs that were acked. So it sends nothing. How it is noticed:

* A backup made by ``gateway backup`` carries a mark, as does a store that ``gateway restore mark`` was run on.
* A database server says which database this is (``Engine.identity``); a dump that is read into another one differs.
* The witness beside the store, or the suppression log, knows of more than the store does, or of another store.

What is owed: for each node, its log from the point on at which the backup has the end of its evidence chain.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.model.views import BrakeRow, ChainRow, RestoredRow
from gateway.store.desk import lift_brake, put_brake
from gateway.store.evidence import chain_end
from gateway.store.suppression import Record
from gateway.store.tables import Message, Meta, Node
from gateway.store.tx import Source, Tx
from gateway.store.witness import Witness

BACKUP_MARK: Final = "backup_taken_at"
"""The key in ``meta`` that a backup carries in its copy, and that its first start as a store takes away."""
BACKUP_CHAINS: Final = "backup_chains"
"""Where a backup says how its evidence chains end: JSON, a list of [node, incarnation, seq, hash]."""
EPOCH: Final = "epoch"
STORE_ID: Final = "store_id"
IDENTITY: Final = "database"
WITNESSED: Final = "witnessed"
RESTORED: Final = "restored"

BRAKE: Final = ("store", "restored")
"""The brake of a restored store: kind and name. No resume lifts it."""


class Why(StrEnum):
    """How it was noticed. The words are shown by the interfaces."""

    BACKUP = "backup"  # it carries the mark
    COPY = "copy"  # it lies in another place than the one that it was written in
    OLDER = "older"  # its witness or its suppression log knows of more


SENTENCE: Final = {
    Why.BACKUP: "this store is a restored backup",
    Why.COPY: "this store is a copy, or was moved",
    Why.OLDER: "this store is older than what was known of it",
}


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known outside of the store. ``identity`` is the engine's, "" where it has none; ``witness`` None: there
    is no such file, which ``needs_witness`` makes a sign; ``logged`` is the last record of the suppression log."""

    identity: str = ""
    witness: Witness | None = None
    needs_witness: bool = False
    logged: Record | None = None


NOTHING: Final = Signs()


def facts(source: Source) -> dict[str, str]:
    """Return what ``meta`` says."""
    return {row[0]: row[1] for row in source.fetch(Meta.select(Meta.key, Meta.value))}


def set_fact(tx: Tx, key: str, value: str) -> None:
    """Write one fact into ``meta``."""
    tx.change(Meta.insert(key=key, value=value).on_conflict(conflict_target=[Meta.key], preserve=[Meta.value]))


def why_restored(source: Source, known: dict[str, str], signs: Signs) -> Why | None:
    """Say how it shows that this store was restored; None where nothing shows it. ``known`` are its facts."""
    if BACKUP_MARK in known:
        return Why.BACKUP
    if not source.fetch(Node.select(Node.name).limit(1)):
        return None  # nobody has written here yet: there is nothing that could be missing
    if (known.get(IDENTITY) or signs.identity) != signs.identity:  # one from an engine without names may move to one
        return Why.COPY
    if signs.witness is None:
        if signs.needs_witness and WITNESSED in known:
            return Why.COPY
    elif signs.witness.store != known.get(STORE_ID):
        return Why.COPY
    elif not _has(source, signs.witness):
        return Why.OLDER
    if signs.logged is not None and _end(source, signs.logged) < signs.logged.head:
        return Why.OLDER
    return None


def _has(source: Source, witness: Witness) -> bool:
    """Say whether the store has what its witness saw."""
    lives = source.fetch(Node.select(Node.life).where(Node.name == witness.node))
    if not lives or lives[0][0] < witness.life:
        return False
    row = source.rows(
        "select hash from evidence where node = ? and incarnation = ? and seq = ?",
        (witness.node, witness.incarnation, witness.seq),
    )
    return witness.seq == 0 or (bool(row) and bytes(row[0][0]).hex() == witness.hash)


def _end(source: Source, record: Record) -> int:
    return chain_end(source, record.place.node, record.place.incarnation).seq


def is_same(source: Source, epoch: int) -> bool:
    """Say whether a store that is opened again is the one that it was, in the same epoch."""
    known = facts(source)
    return BACKUP_MARK not in known and int(known.get(EPOCH, "0")) == epoch


def enter(tx: Tx, known: dict[str, str], signs: Signs) -> int:
    """Recognise the store, and note what it is by now; return its epoch. To be called once a start.

    A store that was restored gets the next epoch, its brake, and the state that tells what is owed.
    """
    why = why_restored(tx, known, signs)
    epoch = int(known.get(EPOCH, "0"))
    if why is not None:
        epoch = max(epoch + 1, int(tx.now))
        _begin(tx, why, known.get(BACKUP_MARK, ""))
        tx.change(Meta.delete().where(Meta.key.in_([BACKUP_MARK, BACKUP_CHAINS])))
    set_fact(tx, EPOCH, str(epoch))
    if STORE_ID not in known:
        set_fact(tx, STORE_ID, secrets.token_hex(16))
    set_fact(tx, IDENTITY, signs.identity)
    if signs.witness is not None:
        set_fact(tx, WITNESSED, "1")
    return epoch


def _begin(tx: Tx, why: Why, taken_at: str) -> None:
    """Brake, and note what is owed: of each node, what it wrote behind the chain's end that we have."""
    ends = {
        (name, incarnation): chain_end(tx, name, incarnation).seq
        for name, incarnation in tx.fetch(Node.select(Node.name, Node.incarnation).order_by(Node.name))
    }
    earlier = state(tx)  # a restore that was not settled when this backup was taken: its debt goes on
    for chain in earlier.chains if earlier else ():
        if not chain.covered:
            ends.setdefault((chain.node, chain.incarnation), chain.seq)
    chains = tuple(ChainRow(*key, seq, covered=False) for key, seq in ends.items())
    newest = tx.fetch(Message.select(Message.id).order_by(Message.id.desc()).limit(1))
    row = RestoredRow(why.value, _number(taken_at), tx.now, chains, newest[0][0] if newest else 0)
    _save(tx, row)
    lift_brake(tx, *BRAKE)  # an earlier one may say something else
    put_brake(tx, BrakeRow(*BRAKE, tx.now, "gateway", sentence(row)))


def sentence(row: RestoredRow) -> str:
    """Say what is the matter and what to do, for whoever looks at what is paused."""
    return (
        f"{SENTENCE[Why(row.why)]}; nothing is sent until the opt-outs since then are merged (gateway restore merge) "
        "or their loss is accepted (gateway restore accept-loss)"
    )


def state(source: Source) -> RestoredRow | None:
    """Return what is owed; None where nothing is."""
    rows = source.fetch(Meta.select(Meta.value).where(Meta.key == RESTORED))
    if not rows:
        return None
    said = json.loads(rows[0][0])
    chains = tuple(ChainRow(**chain) for chain in said["chains"])
    return RestoredRow(said["why"], said["taken_at"], said["noticed_at"], chains, said["last_message"])


def cover(tx: Tx, row: RestoredRow, covered: frozenset[tuple[str, int]]) -> RestoredRow:
    """Note that the logs of these (node, incarnation) were merged; return what is owed by now."""
    chains = tuple(
        ChainRow(c.node, c.incarnation, c.seq, covered=c.covered or (c.node, c.incarnation) in covered)
        for c in row.chains
    )
    later = RestoredRow(row.why, row.taken_at, row.noticed_at, chains, row.last_message)
    _save(tx, later)
    return later


def lift(tx: Tx) -> None:
    """Let the store send again."""
    tx.change(Meta.delete().where(Meta.key == RESTORED))
    lift_brake(tx, *BRAKE)


def mark(tx: Tx, taken_at: float) -> BrakeRow:
    """Mark the store as a backup of that time (unix seconds), for the next start to find; it is braked from now on."""
    set_fact(tx, BACKUP_MARK, repr(taken_at))
    note = "this store was marked as restored; restart the gateway, which then tells what to do"
    brake = BrakeRow(*BRAKE, tx.now, "gateway", note)
    put_brake(tx, brake)
    return brake


def _save(tx: Tx, row: RestoredRow) -> None:
    said = {
        "why": row.why,
        "taken_at": row.taken_at,
        "noticed_at": row.noticed_at,
        "last_message": row.last_message,
        "chains": [
            {"node": c.node, "incarnation": c.incarnation, "seq": c.seq, "covered": c.covered} for c in row.chains
        ],
    }
    set_fact(tx, RESTORED, json.dumps(said))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
