"""What the desk writes: the audit trail, the brakes, the remembered answers.

Cold statements inside a job. Must never decide: whether an actor may do a thing is judged before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from gateway.model.requests import Actor, Idempotency
from gateway.model.views import BrakeRow
from gateway.store import tables
from gateway.store.tx import Tx


def add_audit(tx: Tx, actor: Actor, verb: str, target: str, detail: Mapping[str, object] | None = None) -> int:
    """Record that ``actor`` did ``verb`` to ``target``; ``detail`` is anything JSON can say. Returns the row's id."""
    audit_id = tx.allocate("audit")
    tx.change(
        tables.Audit.insert(
            id=audit_id,
            at=tx.now,
            actor=actor.name,
            role=actor.role.word,
            verb=verb,
            object=target,
            detail=json.dumps(detail or {}, ensure_ascii=False, sort_keys=True),
        )
    )
    return audit_id


def put_brake(tx: Tx, brake: BrakeRow) -> None:
    """Pause a line, carrier or lane; one that is paused already keeps its time, actor and note."""
    tx.change(
        tables.Brake.insert(
            kind=brake.kind, name=brake.name, paused_at=brake.paused_at, actor=brake.actor, note=brake.note
        ).on_conflict_ignore()
    )


def lift_brake(tx: Tx, kind: str, name: str) -> bool:
    """Resume a line, carrier or lane; return whether it was paused."""
    return tx.change(tables.Brake.delete().where(tables.Brake.kind == kind, tables.Brake.name == name)) > 0


def lock_answers(tx: Tx, request: Idempotency) -> None:
    """Have the same request wait that another node takes at once, until this transaction ends."""
    if tx.dialect.several:
        tx.rows("select pg_advisory_xact_lock(hashtextextended(?, 0))", (f"{request.token} {request.key}",))


def keep_answer(tx: Tx, request: Idempotency, status: int, body: str) -> None:
    """Remember the answer to a request that carried an idempotency key, in place of an earlier part of it."""
    tx.change(
        tables.Idempotency.insert(
            token=request.token,
            key=request.key,
            fingerprint=request.fingerprint,
            status=status,
            body=body,
            created_at=tx.now,
        ).on_conflict(
            conflict_target=[tables.Idempotency.token, tables.Idempotency.key],
            preserve=[tables.Idempotency.status, tables.Idempotency.body],
        )
    )


def forget_answers(tx: Tx, before: float, limit: int) -> int:
    """Forget at most ``limit`` answers given before ``before`` (unix seconds), oldest first; return how many."""
    table = tables.Idempotency
    old = tx.fetch(
        table.select(table.token, table.key).where(table.created_at < before).order_by(table.created_at).limit(limit)
    )
    tx.executemany("delete from idempotency where token = ? and key = ?", old)
    return len(old)
