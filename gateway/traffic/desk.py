"""The desk: what people and applications may ask for, in the values of ``gateway.model``; HTTP and the CLI call it.

Whatever changes anything is one job of the writer, committed before the call returns, and audited with its actor where
a person's word decides. Questions are answered on reading connections. Roles are judged by the caller's face, once,
before it gets here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Literal

import trio

from gateway.base import Clock
from gateway.carriers.interface import CarrierPort
from gateway.model.address import Msisdn, is_number, read_line, read_msisdn
from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.requests import Accepted, Actor, Idempotency, KeyReused, MessageQuery, Replayed, SendRequest
from gateway.model.views import (
    BrakeRow,
    ConsentRow,
    EvidenceRow,
    MessageRow,
    NodeView,
    Page,
    QuarantineRow,
    Readiness,
    held_elsewhere,
)
from gateway.store import queries
from gateway.store.desk import add_audit, lift_brake, put_brake
from gateway.store.errors import StoreError
from gateway.store.hot_messages import Move, end_queued, move, mts
from gateway.store.store import Store
from gateway.store.tx import Tx
from gateway.traffic.backlog import Backlog
from gateway.traffic.brake import KINDS, Brakes
from gateway.traffic.reports import Reports
from gateway.traffic.routes import requeue
from gateway.traffic.rulebook import LaneOfLine, RuleBook
from gateway.traffic.sending import Sending, Step

CANCEL_STEP: Final = 1000


class Desk:
    """Answers requests. ``ring`` tells the dispatcher which places got messages; ``backlog`` knows how many wait.

    ``nodes`` says which nodes share the store, where several do.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        book: Callable[[], RuleBook],
        carriers: Callable[[], Sequence[CarrierPort]],
        brakes: Brakes,
        ring: Callable[[Collection[LaneOfLine]], None],
        reports: Reports,
        backlog: Backlog,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._carriers = carriers
        self._brakes = brakes
        self._ring = ring
        self._reports = reports
        self.nodes: Callable[[], tuple[NodeView, ...]] = lambda: ()
        self._backlog = backlog
        self._one_send = trio.Semaphore(1)

    async def send(
        self, requests: Sequence[SendRequest], actor: Actor, idempotency: Idempotency | None = None
    ) -> list[Accepted | Refusal] | Replayed | KeyReused:
        """Accept or refuse each request, in order; committed before it returns. See ``gateway.traffic.accept``.

        A batch goes in steps (``gateway.traffic.sending``). With ``idempotency`` each step reads and stores its answers
        in its own transaction (``gateway.traffic.kept``), so that two requests under one key, at once or one after the
        other, do each message once. When a step fails after something was accepted, the rest is refused as
        UNAVAILABLE; when nothing was, the error is raised.
        """
        book = self._book()
        await self._backlog.known()
        sending = Sending(requests, actor, idempotency, book, lambda: self._backlog.room(book))
        while sending.open:
            try:
                async with self._one_send:  # a step of each client at once would hold up a text that comes meanwhile
                    step = await self._store.writer.run(sending.step, "send", partial(self._took, sending))
            except Exception as error:
                if not sending.accepted:  # else what was accepted is under way, whatever this is
                    raise
                self._reports.send_cut_short(error, sending.cut_short(error))
            else:
                if isinstance(step, KeyReused):
                    return step
        return sending.results if sending.did_something or idempotency is None else Replayed(tuple(sending.results))

    def _took(self, sending: Sending, step: Step | KeyReused) -> None:
        """Follow a committed step: count, and ring for what was queued."""
        if isinstance(step, KeyReused):
            return
        sending.took(step)
        for result in step.acceptance.results:
            if isinstance(result, Refusal):
                self._reports.refused_request(result.reason.value)
        self._backlog.accepted(step.acceptance.queued)
        self._ring(step.acceptance.queued)

    async def message(self, message_id: int) -> MessageRow | None:
        """Return one message with its permits."""
        return await self._store.read(lambda source: queries.message(source, message_id))

    async def messages(self, query: MessageQuery) -> Page[MessageRow] | Refusal:
        """List messages, newest first."""
        spelt = self._spelt(query)
        if isinstance(spelt, Refusal):
            return spelt
        return await self._store.read(lambda source: queries.messages(source, spelt))

    async def consent(self, line: str, number: str) -> ConsentRow | Refusal:
        """Return the consent of a number on a line, with or without a stored row."""
        found = await self._pair(line, number)
        if isinstance(found, Refusal):
            return found
        return await self._store.read(lambda source: queries.consent(source, *found))

    async def evidence(self, line: str, number: str) -> list[EvidenceRow] | Refusal:
        """Return every consent event of a number on a line, oldest first."""
        found = await self._pair(line, number)
        if isinstance(found, Refusal):
            return found
        return await self._store.read(lambda source: queries.evidence(source, *found))

    async def brakes(self) -> list[BrakeRow]:
        """Return what is paused."""
        return self._brakes.rows

    async def pause(self, kind: str, name: str, actor: Actor, note: str = "") -> BrakeRow | Refusal:
        """Pause a line, a carrier or a lane; one that is paused keeps its earlier brake."""
        spelt = self._brakeable(kind, name)
        if isinstance(spelt, Refusal):
            return spelt

        def job(tx: Tx) -> BrakeRow:
            for row in queries.brakes(tx):
                if (row.kind, row.name) == (kind, spelt):
                    return row
            row = BrakeRow(kind, spelt, tx.now, actor.name, note)
            put_brake(tx, row)
            add_audit(tx, actor, "pause", f"{kind} {spelt}", {"note": note})
            return row

        return await self._store.writer.run(job, "pause", self._brakes.set)

    async def resume(self, kind: str, name: str, actor: Actor) -> bool | Refusal:
        """Release a brake; False where there was none."""
        if kind not in KINDS:
            return _unknown_kind(kind)
        spelt = read_line(name) if kind == "line" else name

        def job(tx: Tx) -> bool:
            lifted = lift_brake(tx, kind, spelt)
            if lifted:
                add_audit(tx, actor, "resume", f"{kind} {spelt}")
            return lifted

        def released(lifted: bool) -> None:
            self._brakes.release(kind, spelt)
            self._ring([(lane, line_id) for lane in Lane for line_id in self._book().by_id])

        return await self._store.writer.run(job, "resume", released)

    async def cancel(self, query: MessageQuery, actor: Actor) -> int | Refusal:
        """Cancel the queued messages that match, step by step; return how many.

        Messages that have a permit are under way and are not cancelled; neither is what arrives meanwhile above the
        newest id of the first step.
        """
        spelt = self._spelt(query)
        if isinstance(spelt, Refusal):
            return spelt
        if spelt.state not in (None, MessageState.QUEUED) or spelt.direction == "mo":
            return 0
        step = replace(spelt, state=MessageState.QUEUED, direction="mt", limit=CANCEL_STEP)
        total = 0
        while True:

            def job(tx: Tx, step: MessageQuery = step) -> list[int]:
                ids = queries.matching_ids(tx, step)
                end_queued(tx, ids, MessageState.CANCELLED, Reason.CANCELLED.value)
                if ids:
                    add_audit(tx, actor, "cancel", f"{len(ids)} messages", {"first": ids[-1], "last": ids[0]})
                return ids

            ids = await self._store.writer.run(job, "cancel")
            total += len(ids)
            if len(ids) < CANCEL_STEP:
                return total
            step = replace(step, before_id=ids[-1])

    async def resolve_uncertain(
        self, ids: Sequence[int], action: Literal["resend", "fail"], actor: Actor
    ) -> Mapping[int, MessageState | Refusal]:
        """Resend or fail uncertain messages. What is resent passes the gate like anything else."""
        state = MessageState.QUEUED if action == "resend" else MessageState.FAILED
        book = self._book()
        places: set[LaneOfLine] = set()

        def job(tx: Tx) -> dict[int, MessageState | Refusal]:
            found = mts(tx, ids)
            results: dict[int, MessageState | Refusal] = {}
            moves: list[Move] = []
            places.clear()
            for id_ in ids:
                mt = found.get(id_)
                if mt is None:
                    results[id_] = Refusal(Reason.UNKNOWN_MESSAGE, f"There is no message {id_} that was to be sent.")
                elif mt.state is not MessageState.UNCERTAIN:
                    detail = f"Message {id_} is {mt.state.word}; only an uncertain one can be resent or failed."
                    results[id_] = Refusal(Reason.NOT_UNCERTAIN, detail)
                else:
                    results[id_] = state
                    reason = "uncertain" if action == "fail" else None
                    moves.append(Move(id_, state, reason, None, mt.resends + (action == "resend")))
                    places.add((mt.lane, mt.line_id))
            if action == "resend":
                requeue(tx, [found[step.id] for step in moves], book)
            move(tx, moves)
            if moves:
                add_audit(tx, actor, action, f"{len(moves)} uncertain messages", {"ids": [m.id for m in moves]})
            return results

        return await self._store.writer.run(job, "resolve_uncertain", lambda _: self._ring(places))

    async def quarantine(self, before_id: int | None, limit: int) -> Page[QuarantineRow]:
        """List the PDUs that could not become messages, newest first."""
        return await self._store.read(lambda source: queries.quarantine(source, before_id, limit))

    async def readiness(self) -> Readiness:
        """Try a write on the store, and report binds and queue."""
        node, nodes = self._store.identity.node, self.nodes()
        binds = held_elsewhere([row for carrier in self._carriers() for row in carrier.rows()], node, nodes)
        try:
            await self._store.writer.run(_touch, "readiness")
            await self._backlog.known()
            queue, waits = await self._store.read(
                lambda source: (self._backlog.rows(source), queries.waits_for_a_person(source))
            )
        except StoreError as error:
            return Readiness(False, str(error), binds, node=node, nodes=nodes)
        return Readiness(True, "the store takes writes", binds, queue, node, *waits, nodes)

    async def _pair(self, line: str, number: str) -> tuple[str, Msisdn] | Refusal:
        """Return line and number in their one spelling. A line that was removed can still be asked for."""
        address = read_line(line)
        entry = self._book().by_address.get(address)
        if entry is None:
            stored = await self._store.read(lambda source: queries.line_id_of(source, address))
            if stored is None:
                return Refusal(Reason.UNKNOWN_LINE, f"{line!r} is no line of this gateway.")
        return self._number(number, entry.region if entry else "US", address)

    def _number(self, number: str, region: str, address: str) -> tuple[str, Msisdn] | Refusal:
        subscriber = read_msisdn(number, region)
        if not is_number(subscriber):
            return Refusal(
                Reason.NOT_A_NUMBER, f"{number!r} is no telephone number; write it as +12125550101 or as dialled."
            )
        return address, subscriber

    def _spelt(self, query: MessageQuery) -> MessageQuery | Refusal:
        """Return the query with line and number in their one spelling."""
        address = None if query.line is None else read_line(query.line)
        entry = self._book().by_address.get(address) if address else None
        if query.number is None:
            return replace(query, line=address)
        found = self._number(query.number, entry.region if entry else "US", address or "")
        return found if isinstance(found, Refusal) else replace(query, line=address, number=found[1])

    def _brakeable(self, kind: str, name: str) -> str | Refusal:
        """Return the name in its one spelling, if there is such a thing to pause."""
        known: dict[str, tuple[Reason, Collection[str]]] = {
            "line": (Reason.UNKNOWN_LINE, self._book().by_address),
            "carrier": (Reason.UNKNOWN_CARRIER, [carrier.name for carrier in self._carriers()]),
            "lane": (Reason.UNKNOWN_LANE, [lane.word for lane in Lane]),
        }
        if kind not in known:
            return _unknown_kind(kind)
        reason, names = known[kind]
        spelt = read_line(name) if kind == "line" else name
        if spelt in names:
            return spelt
        return Refusal(reason, f"There is no {kind} {name!r}; there are: {', '.join(sorted(names)) or 'none'}.")


def _unknown_kind(kind: str) -> Refusal:
    return Refusal(Reason.UNKNOWN_LANE, f"{kind!r} cannot be paused; what can is: {', '.join(KINDS)}.")


def _touch(tx: Tx) -> None:
    """Write something harmless: readiness is whether that can be made durable."""
    tx.execute(
        "insert into meta (key, value) values ('touched', ?) on conflict (key) do update set value = excluded.value",
        (str(tx.now),),
    )
