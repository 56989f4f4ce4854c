"""One TCP session of a bind, without its IO: what comes in, what must go out, and what became of each permit.

Joins the SMPP session machine to the outbox and the translation, and keeps the account of MOs that wait for their
answer. Octets and times in, a ``Harvest`` out; it touches neither socket nor clock nor traffic, so every cut of a
conversation can be tested by calling it. It must settle each permit exactly once and answer each MO at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from gateway.base import Clock
from gateway.carriers.compose import Composer
from gateway.carriers.encoder import LinkEncoder
from gateway.carriers.entries import Entry, Stage
from gateway.carriers.harvest import Flowing, Harvest, Stalled
from gateway.carriers.outbox import Outbox
from gateway.carriers.pause import SessionTime
from gateway.carriers.quick_text import QuickText
from gateway.carriers.refusals import explain
from gateway.carriers.shortcuts import LinkShortcuts, acceptance
from gateway.carriers.slots import Slots
from gateway.carriers.statuses import UNSENDABLE
from gateway.carriers.tenure import LOST
from gateway.carriers.translate import Origin, Translator
from gateway.carriers.unanswered import Unanswered
from gateway.model.address import Msisdn
from gateway.model.messages import Mo
from gateway.model.permit import Fate, Outcome, Permit
from gateway.smpp import events as ev
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.errors import LocalProtocolError
from gateway.smpp.pdu import DataSm, DataSmResp, DeliverSm, Frame, Pdu, SubmitSmResp
from gateway.smpp.session import Session
from gateway.smpp.shortcuts import Shortcuts

UNACKED_OCTETS: Final = 4_194_304
"""A bind reads no more while MOs of this many octets wait; a thousand ordinary ones have a tenth of it."""

_MESSAGES: Final = frozenset({int(CommandId.DELIVER_SM), int(CommandId.DATA_SM)})
_DELIVER_SM: Final = int(CommandId.DELIVER_SM)
_ANSWERS: Final = (SubmitSmResp, DataSmResp)
"""What settles a permit; which of the two is the composer's choice."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every session of a bind."""

    composer: Composer
    translator: Translator
    clock: Clock
    window: int
    max_unacked: int
    ahead: int = 0
    """How many permits may wait ahead of the window (``slots``)."""


class Link:
    """One session. ``id`` is unique over nodes and restarts."""

    def __init__(self, link_id: str, bind: str, session: Session, terms: Terms) -> None:
        self.id = link_id
        self.session = session
        self._time = SessionTime(terms.clock)
        self._terms = terms
        self._origin = Origin(bind, link_id)
        self._slots = Slots(terms.window, terms.ahead)
        self._encoder = LinkEncoder(session, terms.composer, self._slots)
        self._outbox = Outbox(self._encoder)
        self._unanswered = Unanswered()
        self._texts = QuickText(terms.translator, self._origin)
        self._shortcuts: Shortcuts[Mo | Outcome] = LinkShortcuts(self._texts, self._outbox)
        self.peer_unbound = False
        self._stalled = False

    # What the bind asks.

    @property
    def unacked(self) -> int:
        """How many MOs wait for their answer."""
        return self._unanswered.count

    @property
    def sated(self) -> bool:
        """Whether as many MOs wait for their answer as may: nothing more is to be read now."""
        return self._unanswered.count >= self._terms.max_unacked or self._unanswered.octets >= UNACKED_OCTETS

    @property
    def live(self) -> int:
        """How many permits are unsettled."""
        return self._outbox.live

    @property
    def window(self) -> int:
        """How many permits may be unsettled."""
        return self._terms.window

    @property
    def done(self) -> bool:
        """Whether the peer has unbound, and all that was under way is answered and written."""
        return self.peer_unbound and not (self.live or self._unanswered.count or self._outbox.wants_to_send())

    @property
    def wants_to_send(self) -> bool:
        """Whether the next ``pump`` may have something to do: something waits to be written, or has stopped waiting."""
        return self._stalled or self._outbox.wants_to_send(self._has_slot)

    @property
    def answer_octets(self) -> int:
        """How many octets of answers wait for the kernel."""
        return self._outbox.plain_octets

    def free_slots(self) -> int:
        """Return how many more ordinary permits fit.

        None fit while the peer does not read: they would only die here, be minted again, and die again.
        """
        outbox = self._outbox
        return 0 if self._stalled else self._slots.free(outbox.live, outbox.urgent_live, self._terms.clock.monotonic())

    def free_urgent(self) -> int:
        """Return how many more permits of any kind fit."""
        return 0 if self._stalled else self._slots.free_urgent(self._outbox.live, self._terms.clock.monotonic())

    def _has_slot(self) -> bool:
        """Say whether an ordinary permit that waits may be written."""
        return self.session.free >= self._slots.least(self._outbox.urgent_live)

    def next_deadline(self) -> float:
        """Return the seconds until time alone changes something; may be negative."""
        at = self.session.next_deadline()
        wait = float("inf") if at is None or not self._time.runs else at - self._time.now()
        death = self._outbox.next_death()
        return wait if death is None else min(wait, death - self._terms.clock.boot())

    # What goes out.

    def bind(self, pdu: Pdu) -> None:
        """Ask to be bound."""
        self._outbox.put(self.session.request(pdu, self._time.now()))

    def unbind(self) -> list[Outcome]:
        """Ask to end. What was not begun is returned."""
        returned = self.withdraw("the bind is closing")
        self._outbox.put(self.session.unbind(self._time.now()))
        return returned

    def offer(self, permits: Sequence[Permit]) -> None:
        """Take permits in."""
        self._outbox.offer(permits)

    def revoke(
        self, line_id: int, subscriber: Msisdn, spare: Container[int], tell: Callable[[], None]
    ) -> tuple[list[Permit], bool]:
        """See ``Outbox.revoke``."""
        return self._outbox.revoke(line_id, subscriber, spare, tell)

    def withdraw(self, detail: str) -> list[Outcome]:
        """Take back all that was not begun."""
        return [Outcome(permit, Fate.RETURNED, detail=detail) for permit in self._outbox.withdraw_waiting()]

    def acknowledge(self, answers: Sequence[tuple[int, int]]) -> None:
        """Queue the answers to MOs; those to unknown or already answered ones are ignored."""
        sequences = [sequence for sequence, _ in answers]
        commands = self._unanswered.answer_all(sequences)
        if commands.count(_DELIVER_SM) == len(answers) > 0:  # nearly always
            self._respond_plainly(_DELIVER_SM, answers, sequences)
            return
        for command_id, run in groupby(zip(commands, answers, strict=True), key=itemgetter(0)):
            if command_id is not None:
                some = [answer for _, answer in run]
                self._respond_plainly(command_id, some, [sequence for sequence, _ in some])

    def _respond_plainly(self, command_id: int, answers: Sequence[tuple[int, int]], sequences: Sequence[int]) -> None:
        # If the session has ended between question and answer, the carrier will ask again on the next one.
        with suppress(LocalProtocolError):
            self._outbox.put_answers(self.session.respond_plainly(command_id, answers), sequences)

    def _respond(self, command_id: int, sequence: int, now: float, status: int) -> None:
        with suppress(LocalProtocolError):  # the state of the session has no place for an answer
            self._outbox.put(self.session.respond(command_id, sequence, now, status))

    def pump(self, send: Callable[[bytes], int]) -> Harvest:
        """Write one chunk through ``send`` (see ``Outbox.pump``)."""
        clock = self._terms.clock
        self._encoder.now, self._encoder.wall = self._time.now(), clock.wall()
        pumped = self._outbox.pump(send, clock.boot())
        harvest = Harvest()
        harvest.acks_written, harvest.octets, harvest.blocked = pumped.answers, pumped.octets, pumped.blocked
        if pumped.returned:
            self._outlived(pumped.returned, harvest)
        if pumped.unencodable:
            harvest.outcomes += [
                Outcome(permit, Fate.REJECTED, UNSENDABLE, detail=f"cannot be sent: {reason}")
                for permit, reason in pumped.unencodable
            ]
        if self._stalled and not pumped.blocked:
            self._stalled = False
            harvest.turns.append(Flowing())
        return harvest

    def silenced(self, until: float) -> str:
        """Say why nothing may be written, not even the rest of what was begun; empty where it may.

        ``until`` is how long the session may be written to (boot seconds). With several nodes, nobody waits for
        another's permit longer than its life: one that is half-way by then ends the session.
        """
        boot = self._terms.clock.boot()
        if boot >= until:
            return LOST
        return "a submit was half-way when its permit's life was over" if self._outbox.begun_until() <= boot else ""

    def _outlived(self, permits: Iterable[Permit], harvest: Harvest) -> None:
        """Return permits whose life was over before their first octet was taken."""
        for permit in permits:
            harvest.outcomes.append(Outcome(permit, Fate.RETURNED, detail="its life was over"))
            if not self._stalled and self._has_slot():  # so it waited for the peer to read, not to answer
                self._stalled = True
                harvest.turns.append(Stalled())

    def end(self) -> list[Outcome]:
        """Settle all: the session is over."""
        never, begun = self._outbox.end()
        outcomes = [Outcome(permit, Fate.RETURNED, detail="the session ended") for permit in never]
        return outcomes + [Outcome(permit, Fate.UNCERTAIN, detail="the session ended") for permit in begun]

    def farewell(self) -> bytes:
        """Return what may still be said as the session ends, no octet of a permit among it."""
        return self._outbox.farewell()

    # What comes in.

    def may_read(self) -> bool:
        """Say whether to read on, or to wait for answers first; the session's time stands still meanwhile."""
        sated = self.sated
        if sated:
            self._time.pause()
        else:
            self._time.resume()
        return not sated

    def received(self, data: bytes) -> Harvest:
        """Take octets of the peer's; ``b""`` means that it has ended its side."""
        now = self._time.now()
        if not data:
            return self._reap(self.session.eof(now), now)
        self._texts.wall = self._terms.clock.wall()
        harvest = self._reap(self.session.receive_by(data, now, self._shortcuts), now)
        if harvest.outcomes:
            self._slots.answered(len(harvest.outcomes), self._terms.clock.monotonic())
        return harvest

    def tick(self) -> Harvest:
        """Let the time act."""
        now = self._time.now()
        harvest = self._reap(self.session.tick(now) if self._time.runs else (), now)
        self._outlived(self._outbox.reap(self._terms.clock.boot()), harvest)
        return harvest

    def _reap(self, happened: Sequence[ev.Event | Mo | Outcome], now: float) -> Harvest:
        harvest = Harvest()
        arrivals, outcomes, ask = harvest.arrivals, harvest.outcomes, self._unanswered.ask
        for event in happened:
            # What a shortcut told is what it tells, and needs no more; with a busy session that is nearly all.
            if type(event) is Mo:
                arrivals.append(event)
                ask(_DELIVER_SM, event.sequence, len(event.pdu))
            elif type(event) is Outcome:
                outcomes.append(event)
            else:
                self._follow(event, harvest, now)
        self._outbox.put(self.session.outgoing())
        return harvest

    def _follow(self, event: object, harvest: Harvest, now: float) -> None:
        match event:
            case ev.Request():
                self._request(event, harvest, now)
            case ev.Response(frame=frame, token=Entry() as entry):
                self._answered(entry, frame, harvest)
            case ev.LateResponse(frame=frame, token=Entry() as entry):
                harvest.outcomes.append(_outcome(entry.permit, frame, late=True))
            case ev.Nacked(frame=frame, token=Entry() as entry):
                self._answered(entry, frame, harvest)
            case ev.Expired(token=Entry() as entry):
                self._expired(entry, harvest)
            case ev.Malformed():
                self._malformed(event, harvest)
            case ev.PeerUnbind():
                self.peer_unbound = True
                harvest.outcomes += self.withdraw("the carrier unbound")
                harvest.turns.append(event)
            case ev.Rejected():
                self._rejected(event, harvest)
            case ev.Bound() | ev.BindRefused() | ev.Unbound() | ev.Closed() | ev.UnexpectedResponse():
                harvest.turns.append(event)
            case _:
                # Answers to requests that carry no permit, and a bind asked of us, which the session refuses.
                return

    def _request(self, event: ev.Request, harvest: Harvest, now: float) -> None:
        frame = event.frame
        pdu = frame.pdu
        if isinstance(pdu, DeliverSm | DataSm):
            self._unanswered.ask(frame.command_id, frame.sequence, len(event.raw))
            translator = self._terms.translator
            harvest.arrivals.append(translator.read(pdu, frame.sequence, event.raw, self._origin, self._texts.wall))
        elif frame.command_id == CommandId.OUTBIND:
            harvest.turns.append(event)  # no response is defined, and what it asks for is under way
        elif frame.command_id != CommandId.ALERT_NOTIFICATION:
            self._respond(frame.command_id, frame.sequence, now, Status.ESME_RINVCMDID)

    def _malformed(self, event: ev.Malformed, harvest: Harvest) -> None:
        # Of the commands that are left to us, a carrier may send these two; all others the session has answered.
        if event.command_id in _MESSAGES:
            self._unanswered.ask(event.command_id, event.sequence, len(event.raw))
            harvest.arrivals.append(
                self._terms.translator.malformed(
                    event.salvage,
                    event.sequence,
                    event.status,
                    event.reason,
                    event.raw,
                    self._origin,
                    self._texts.wall,
                )
            )

    def _rejected(self, event: ev.Rejected, harvest: Harvest) -> None:
        harvest.turns.append(event)
        pdu = event.frame.pdu
        if isinstance(pdu, DeliverSm | DataSm):
            read = self._terms.translator.read(pdu, event.frame.sequence, event.raw, self._origin, self._texts.wall)
            text = read if isinstance(read, Mo) else read.perhaps
            if text is not None:
                harvest.put_off.append(text)

    def _answered(self, entry: Entry, frame: Frame, harvest: Harvest) -> None:
        never_asked = entry.stage is Stage.WAITING
        if never_asked:
            self._outbox.drop(entry)
        if not self._outbox.settle(entry):
            return
        if never_asked:
            detail = "the carrier answered before it was asked"
            harvest.outcomes.append(Outcome(entry.permit, Fate.RETURNED, detail=detail))
        else:
            harvest.outcomes.append(_outcome(entry.permit, frame, late=False))

    def _expired(self, entry: Entry, harvest: Harvest) -> None:
        if entry.stage is Stage.WAITING:
            self._outbox.drop(entry)
        if self._outbox.settle(entry):
            fate = Fate.RETURNED if entry.stage is Stage.WAITING else Fate.UNCERTAIN
            harvest.outcomes.append(Outcome(entry.permit, fate, detail="no response in time"))


def _outcome(permit: Permit, frame: Frame, *, late: bool) -> Outcome:
    """Return what a response, or a generic_nack, says of a permit."""
    accepted = frame.status == Status.ESME_ROK and frame.command_id != CommandId.GENERIC_NACK
    if accepted:
        message_id = frame.pdu.message_id if isinstance(frame.pdu, _ANSWERS) else ""
        return acceptance(permit, message_id, late=late)
    # A generic_nack with status 0 is no acceptance.
    status = frame.status or Status.ESME_RUNKNOWNERR
    detail = explain(status, frame.pdu if isinstance(frame.pdu, _ANSWERS) else None)
    return Outcome(permit, Fate.REJECTED, status, "", detail, late)
